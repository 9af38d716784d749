/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Objects that people write, read by tables: a row per key, says how its value is read and where it goes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct cJSON;
struct err;
struct json_doc;

struct json_reading {
	const struct json_doc *doc; /* NULL: the places do not matter */
	const struct cJSON *at;	    /* after a failure: what it is about */
};

/* Read @item into what @field points to. A failure that is not about @item itself sets reading->at. */
typedef int (*json_read_fn)(void *field, const struct cJSON *item, struct json_reading *reading,
			    struct err *err);

struct json_key {
	const char *name;
	json_read_fn read; /* NULL: a key that is known, and refused in this version */
	size_t offset;	   /* of the field */
};

/*
 * Read the object @item into the structure at @out. -ENOENT: an unknown key, with the nearest as the hint;
 * -ENOTSUP: "'redact' is not supported by this version"; -EINVAL: a wrong value. All are usage errors.
 */
int json_read_keys(void *out, const struct cJSON *item, const struct json_key *keys, size_t cnt,
		   struct json_reading *reading, struct err *err);

/* Readers of one value; the field is a char * (the owner's to free), a bool, a double. */
int json_read_string(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err);
int json_read_true(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err);
int json_read_number(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err);
int json_read_integer(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err);

/* "expected @what, found a string". Returns -EINVAL. */
int json_expected(const struct cJSON *item, const char *what, struct err *err);
