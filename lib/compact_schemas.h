/* SPDX-License-Identifier: BSD-3-Clause */
/* Schemas that no recording names; included by lib/compact*.c only. */
#pragma once

#include <stdint.h>

struct cassette;
struct err;

/* @objects: where the schemas lie. Refused when that cannot be told: with a document that cannot be read, or
 * when there are recordings of another prefix, which share the schemas. */
int compact_schemas(struct cassette *cassette, struct cassette *objects, uint64_t *removed, struct err *err);
