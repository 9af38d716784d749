/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the `file:` cassette share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct cassette;
struct cassette_object;
struct err;

#define OBJECT_MODE 0600
#define TEMP_PREFIX ".tmp-" /* of an object on its way; and 32 hex digits */
#define TEMP_MAX    (sizeof(TEMP_PREFIX) + 32)

/* A descriptor of the directory that @key lies in, or -errno; *@leaf is the name in it. */
int cassette_file_parent(struct cassette *cassette, const char *key, bool create, const char **leaf);
/* What errno @code says of @key, behind the action in @verb. */
int cassette_file_fault(const char *verb, struct cassette *cassette, const char *key, int code,
			struct err *err);
/* The driver's put_many. */
int cassette_file_put_many(struct cassette *cassette, struct cassette_object *objects, size_t cnt,
			   struct err *err);
