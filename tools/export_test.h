/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A recording as a stand-alone cmocka test in C: its types, its values as initialisers, a stub for each input
 * and output that answers as it was recorded, and the operation called and compared.
 */
#pragma once

struct buf;
struct err;
struct recording;
struct recording_key;
struct schema;
struct store;

/* -ENOTSUP for what C cannot say, by name: a C++ function, a mark, an operation that did not return. */
int export_test(struct buf *out, const struct recording_key *key, const struct recording *recording,
		const struct schema *schema, struct store *store, struct err *err);
