/* SPDX-License-Identifier: BSD-3-Clause */
/* Recordings and schemas, to and from a cassette; keeps the schemas it has seen. */
#pragma once

#include <stddef.h>

#include "lib/cassette.h"
#include "lib/recording.h"

struct shape;
struct store;

/* @cassette is borrowed. */
int store_new(struct store **out, struct cassette *cassette, struct err *err);
void store_free(struct store *store);
void store_freep(struct store **store);
#define auto_store __attribute__((cleanup(store_freep)))
/* The category comes from the metadata's "category", the day from "recorded_at"; -EINVAL without them. A
 * recording without id gets one. The schema's name is stored with it, whatever recording->schema says. *@key
 * is what it can be got by. */
int store_put(struct store *store, const struct recording *recording, struct schema *schema,
	      struct recording_key *key, struct err *err);
/* What store_put does first: worth doing early, for it tells whether the cassette can be written. */
int store_put_schema(struct store *store, struct schema *schema, struct err *err);
/* Many at once, by what the cassette can do together. @results: 0 or -errno of each; the return value and
 * @err are those of the first that failed. */
int store_put_many(struct store *store, struct recording *const *recordings, size_t cnt,
		   struct schema *schema, int *results, struct err *err);
/* *@out is the caller's, *@schema borrowed from the store. Both checked against each other and the key:
 * -EBADMSG with what is wrong; -ENOENT. */
int store_get(struct store *store, const struct recording_key *key, struct recording **out,
	      const struct schema **schema, struct err *err);
/* As store_get, of bytes that were got already. */
int store_read(struct store *store, const struct recording_key *key, const struct blob *full,
	       struct recording **out, const struct schema **schema, struct err *err);
/* The shape of function @func of @schema, built once; borrowed. @schema comes from store_get, or outlives the
 * store. */
int store_shape(struct store *store, const struct schema *schema, size_t func, const struct shape **out,
		struct err *err);
