/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Typed values, decoded from the registers and fragments of one call by its shape.
 *
 * A value says what it is without the schema, and keeps names, so two values of different layouts can be
 * compared, keyed, converted and printed. Everything belongs to a pool and goes with it.
 *
 * A reader follows a pointer by looking its address up among the fragments of the same instant (entry or
 * return). What is not there is `unavailable` with the reason; nothing is ever guessed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/pool.h"
#include "lib/shape.h"

struct call;
struct cJSON;
struct err;
struct expr;
struct named_address;
struct path;

enum value_kind {
	VALUE_INT,     /* bits, bits_high for 16 bytes; size, is_signed */
	VALUE_BOOL,    /* bits; a byte that is neither 0 nor 1 keeps its number */
	VALUE_ENUM,    /* bits; text: its name, or NULL */
	VALUE_FLOAT,   /* bytes: the object representation; size 4, 8 or 16 */
	VALUE_TEXT,    /* bytes: without the NUL */
	VALUE_BYTES,   /* bytes */
	VALUE_STRUCT,  /* children: members, anonymous structs flattened, anonymous unions named "union". Of a
			* container one child, its content: a POINTER to TEXT, BYTES or ARRAY */
	VALUE_ARRAY,   /* children: elements */
	VALUE_POINTER, /* bits: the recorded address; one child: TEXT of a string, BYTES of a buffer, ARRAY
			* of a counted pointer, else the object; none for NULL (of an opaque pointer too) */
	VALUE_REF,     /* bits: an address shown before; target: the STRUCT or ARRAY there */
	VALUE_HANDLE,  /* bits: an opaque address, not NULL */
	VALUE_SYMBOL,  /* bits: an opaque address in an image; symbol, text: its label */
	VALUE_UNAVAILABLE, /* text: the reason. Of a pointer whose address is known: bits */
	VALUE_KIND_CNT,
};

struct value {
	enum value_kind kind;
	const char *name; /* of the parameter or member, else NULL */
	uint16_t node;	  /* of the shape; of TEXT, BYTES and ARRAY behind a pointer the pointer's */
	uint8_t size;
	bool is_signed, is_truncated;
	bool is_explicit;  /* a parameter whose direction was written in the configuration */
	bool is_const;	   /* a pointer parameter whose pointee is const */
	bool is_limited;   /* UNAVAILABLE because of a limit of a call: it was there */
	bool is_elsewhere; /* UNAVAILABLE by its direction: the call's other instant has it */
	bool is_unpassed;  /* UNAVAILABLE, and nobody misses it: its function does not use it */
	bool is_wide;	   /* UNAVAILABLE text of wide characters */
	bool is_content;   /* what a container of C++ holds: shown in the container's place */
	bool is_unread; /* UNAVAILABLE because a register could not be read: another time it may be there */
	uint64_t bits, bits_high;
	uint64_t extent;   /* STRUCT, ARRAY: bytes that it took where it lay. TEXT in a char array: how many
			    * `bytes` there are, what lies behind the NUL too; it is neither shown nor compared
			    */
	uint64_t full_len; /* is_truncated: elements or bytes that there were; 0: nobody knows (a string) */
	const char *text;
	const uint8_t *bytes; /* borrowed from the call's fragments, or the pool's */
	size_t len;
	const struct value *parent; /* NULL: a parameter or the result */
	struct value **child;
	size_t child_cnt;
	const struct value *target;
	const struct named_address *symbol;
	char *path; /* REF: the path where the target was shown: "args.head" */
};

#define VALUE_DEPTH_MAX                                                                                      \
	(4 * 1000 + 64)	     /* values within values: a list of RULE_DEPTH_MAX objects in arrays of structs */
#define VALUE_CNT_MAX 200000 /* values of one call: past it the rest is unavailable */

/* A call, decoded. Arguments by parameter order; absent ones are NULL. */
struct values {
	struct value *args[ABI_PARAMS_MAX]; /* what flowed in, as at entry; NULL for pure out-parameters */
	struct value
		*out[ABI_PARAMS_MAX]; /* what flowed out through pointers, as at return; NULL otherwise */
	size_t params_cnt;
	const char *names[ABI_PARAMS_MAX];
	struct value *result; /* NULL: void, or it did not return */
	bool has_errno;
	int32_t error_number;
};

/* Decode @call; its fragments, @shape and the schema must outlive @out. -ENOMEM is the only failure: what is
 * missing is in the values. */
int values_decode(struct values *out, const struct shape *shape, const struct call *call, struct pool *pool);

/* A container's content in its place: the POINTER to it, or what is there instead; else @value itself. */
const struct value *value_content(const struct value *value);
/* What a VALUE_FLOAT holds, which says it exactly. */
long double value_float(const struct value *value);
#define VALUE_LONG_DOUBLE_BYTES 10	       /* of its 16 that mean something */
bool value_is_null(const struct value *value); /* a pointer, and NULL */
/* Whether @a's recorded bytes are @b's: of text in an array what lies behind its NUL counts, too. */
bool value_same_bytes(const struct value *a, const struct value *b);
/* What a POINTER or REF points to; NULL for the rest. */
const struct value *value_pointee(const struct value *value);
/* Where @value stands, as the configuration would say it: "reply->lines[2].sku", "return", "*count". What a
 * pointer to a struct, text, bytes or an array reaches stands where the pointer does. The caller's to free;
 * NULL: no memory. */
char *value_path(const struct value *value);

/* One value as JSON, by the table in docs/FORMAT.md; handles are numbered through @handles, shared by a whole
 * recording. Print it by json_print(): cJSON alone loses digits. */
struct handles;
struct handles *handles_new(void);
unsigned handles_number(struct handles *handles, uint64_t addr); /* from 1, equal for equal addresses */
void handles_free(struct handles *handles);
struct cJSON *value_json(const struct value *value, struct handles *handles);

/* --- expressions and paths over values --- */

/* At entry and return: `entry(x)` and a name that does not flow out see args, everything else sees out. */
enum value_when { VALUE_AT_ENTRY, VALUE_AT_RETURN };

/* The value at @path, borrowed, or NULL: nothing there. `[]` gives the first element. */
const struct value *values_at(const struct values *values, const struct path *path, enum value_when when);
/* The same below @from, a struct or a pointer to one: the path begins with a member of it. */
const struct value *value_below(const struct value *from, const struct path *path);
/* Evaluate an integer expression (strings beside == and !=). -ENODATA when something it needs is unavailable.
 */
int values_eval(const struct values *values, const struct expr *expr, enum value_when when, int64_t *out,
		struct err *err);
