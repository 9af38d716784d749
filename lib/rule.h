/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A rule: what C types cannot say about one argument, or one path under it.
 *
 * It is written as JSON in the configuration ("args": { PATH: RULE }) and, in the same words, in a
 * declaration tag of the schema, so that a recording explains itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cJSON;
struct err;
struct expr;

enum direction { DIRECTION_DEFAULT, DIRECTION_IN, DIRECTION_OUT, DIRECTION_INOUT, DIRECTION_CNT };

/* What is stored of a value in its place: see redact.h. */
enum redact { REDACT_NONE, REDACT_DROP, REDACT_MASK, REDACT_HMAC, REDACT_CNT };

#define RULE_DEPTH_DEFAULT    3
#define RULE_BYTES_DEFAULT    4096 /* a value */
#define RULE_ELEMENTS_DEFAULT 256  /* a value */
#define RULE_FILE_DEFAULT     (64 * 1024)
#define RULE_DEPTH_TREE	      16 /* beyond, what leads to a type that is met again is followed as a list is */
#define RULE_DEPTH_MAX	      1000
#define RULE_MAX_MAX	      (1024 * 1024)
#define RULE_CASES_MAX	      256

struct rule {
	char *path; /* canonical */
	enum direction direction;
	bool is_string, is_opaque, has_terminator;
	bool is_file;	/* a string that names a file; direction and max are of its content */
	bool is_format; /* a string that tells what the variable arguments are */
	int64_t terminator;
	struct expr *bytes, *count; /* lengths; at most one of them */
	char *bytes_text, *count_text;
	char *type;   /* "struct foo": what a void * really is */
	int depth;    /* 0: not said */
	uint32_t max; /* 0: not said; bytes, or elements beside "count" */
	char *tag;    /* of a union: the path whose value tells the live member; canonical */
	struct rule_case {
		char *value, *member; /* an enumerator's name, or a number */
	} * cases;
	size_t cases_cnt; /* 0: enumerators end in the names of their members */
	enum redact redact;
	bool is_callback; /* a pointer to a function that the input calls; see program_add_callbacks */
};

/*
 * @path is the key in "args"; after a failure *@at is the offending item. -ENOENT: an unknown key, with the
 * nearest as the hint; -ENOTSUP: a key that this version cannot honour; -EINVAL: a wrong value. All are usage
 * errors.
 */
int rule_parse(struct rule *out, const char *path, const struct cJSON *json, const struct cJSON **at,
	       struct err *err);
/* The rule as JSON with "path", keys in a fixed order. The caller's to free. */
char *rule_text(const struct rule *rule);
/* The reverse of rule_text. */
int rule_from_text(struct rule *out, const char *text, struct err *err);
void rule_release(struct rule *rule);
int rule_copy(struct rule *out, const struct rule *rule);
