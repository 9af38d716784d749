/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The schema: the types of a program's configured functions, as BTF, with what C cannot say as declaration
 * tags. It is content-addressed: its name is the SHA-256 of its bytes.
 *
 * A function is a BTF_KIND_FUNC with one tag (component -1) "tapedeck.func " + JSON: its index, role, name,
 * alias, rules. A type's rules are tags "tapedeck.type " + JSON on the type. `bpftool btf dump file` reads
 * it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rule.h"

struct btf;
struct buf;
struct err;
struct schema;

#define SCHEMA_BYTES_MAX (16 * 1024 * 1024)
#define SCHEMA_TYPES_MAX 200000
#define SCHEMA_FUNCS_MAX 256
#define SCHEMA_RULES_MAX 1024 /* of one function or type */
#define SCHEMA_DEPTH_MAX 128  /* types nested by value, or pointers in a row, without a struct between */
#define SCHEMA_SIZE_MAX	 (256 * 1024 * 1024) /* bytes of one type */
#define SCHEMA_ID_LEN	 64		     /* hex digits */
#define SCHEMA_UNPASSED	 64		     /* parameters of which is known whether they are passed */

/* Tags on types that BTF cannot express. */
#define SCHEMA_TAG_COMPLEX "tapedeck.complex" /* a struct { T real, imag; } that stands for a C _Complex */
#define SCHEMA_TAG_OPAQUE  "tapedeck.opaque " /* + its name: the bytes of something else */
#define SCHEMA_TAG_MEMORY  "tapedeck.memory"  /* a class that is returned in memory, however small it is */
#define SCHEMA_TAG_CONTAINER                                                                                 \
	"tapedeck.container " /* + a word: a class of libstdc++ whose value is what it holds */

/* A typedef that stands for a virtual base class: nothing of it is where the member is. */
#define SCHEMA_VIRTUAL_BASE "virtual base"

/* How a class holds its content; the words of SCHEMA_TAG_CONTAINER. */
enum container {
	CONTAINER_NONE,
	CONTAINER_STRING, /* "string": std::string as of GCC 5 */
	CONTAINER_VECTOR, /* "vector": std::vector<T>, but for bool */
	CONTAINER_VIEW,	  /* "view": std::string_view */
	CONTAINER_CNT,
};
extern const char *const container_words[CONTAINER_CNT];

enum role { ROLE_OPERATION, ROLE_INPUT, ROLE_OUTPUT, ROLE_CALLBACK, ROLE_CNT };
const char *role_name(enum role role); /* "operation", "input", "output", "callback" */

struct schema_func {
	enum role role;
	char *name; /* as configured */
	char *alias;
	uint32_t id; /* its BTF_KIND_FUNC; 0 in a function without a prototype */
	struct rule *rules;
	size_t rules_cnt;
	/* By eightbyte, a bit for each parameter: the function does not use it, and its callers, which the
	 * compiler saw, need not have passed it. */
	uint64_t unpassed[2];
};

struct schema_type_rules {
	uint32_t id; /* a struct, union or typedef */
	struct rule *rules;
	size_t rules_cnt;
};

int schema_new(struct schema **out, struct err *err);
/* From bytes that someone else may have written: everything is checked (ids, names, sizes, members inside
 * their struct, no endless chain), so that later walks need not. -EBADMSG with what is wrong. */
int schema_load(struct schema **out, const void *data, size_t len, struct err *err);
void schema_free(struct schema *schema);
void schema_freep(struct schema **schema);
#define auto_schema __attribute__((cleanup(schema_freep)))

/* Add function @func (copied); functions are numbered in the order of adding. Also writes its tag. */
int schema_add_func(struct schema *schema, const struct schema_func *func, struct err *err);
int schema_add_type_rules(struct schema *schema, const struct schema_type_rules *rules, struct err *err);

struct btf *schema_btf(const struct schema *schema); /* borrowed; written by debuginfo.c only */
size_t schema_funcs_cnt(const struct schema *schema);
const struct schema_func *schema_func(const struct schema *schema, size_t idx);
size_t schema_type_rules_cnt(const struct schema *schema);
const struct schema_type_rules *schema_type_rules(const struct schema *schema, size_t idx);

/* The bytes, borrowed until the schema changes; and their name in hex. */
int schema_bytes(struct schema *schema, const void **data, size_t *len, struct err *err);
int schema_id(struct schema *schema, char id[SCHEMA_ID_LEN + 1], struct err *err);

/* --- walking; ids are those of schema_btf() --- */
/* Skip typedefs and const, volatile, restrict. */
uint32_t schema_strip(const struct schema *schema, uint32_t id);
/* Bytes; 0 for void, functions and incomplete types. */
uint32_t schema_size(const struct schema *schema, uint32_t id);
uint32_t schema_align(const struct schema *schema, uint32_t id);
/* A C _Complex: passed as its struct would be, but _Complex long double returns in st0 and st1. */
bool schema_is_complex(const struct schema *schema, uint32_t id);
bool schema_is_in_memory(const struct schema *schema, uint32_t id);
enum container schema_container(const struct schema *schema, uint32_t id);
/* C text: "const struct order *", "char [16]"; of a function its declaration, with names. Bounded by @len. */
void schema_type_text(const struct schema *schema, uint32_t id, char *text, size_t len);
/* Every type as C. */
int schema_c_types(struct buf *out, const struct schema *schema, struct err *err);
/* All of it as C: types, rules, and the functions' declarations. */
int schema_c(struct buf *out, const struct schema *schema, struct err *err);
