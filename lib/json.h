/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON that people write: // and block comments, and the place of every item.
 *
 * cJSON parses; it keeps no positions, so the text is walked a second time beside the tree.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct cJSON;
struct err;

/* 1-based; 0 when unknown. */
struct place {
	int line, column;
};

#define JSON_TEXT_MAX  (16 * 1024 * 1024)
#define JSON_DEPTH_MAX 64

struct json_doc;

/* @name stands for the text in messages: "orders.json:12:7: expected ',' or '}', found 'x'". -EINVAL, a usage
 * error. Strictly JSON but for comments: a key stands once in its object, strings are UTF-8 without NUL. */
int json_parse(struct json_doc **out, const char *name, const char *text, size_t len, struct err *err);
const struct cJSON *json_root(const struct json_doc *doc);
/* Where @item's key stands (its value, in arrays). */
struct place json_place(const struct json_doc *doc, const struct cJSON *item);
/* The way to @item: "inputs.db_get.key[2]"; "" for the root. Cut at @len. */
void json_where(const struct json_doc *doc, const struct cJSON *item, char *text, size_t len);
void json_free(struct json_doc *doc);
void json_freep(struct json_doc **doc);
#define auto_json __attribute__((cleanup(json_freep)))

/* cJSON keeps and prints numbers as doubles, large ones rounded even before that. So integers beyond 2^53 are
 * decimal strings, and the others are printed digit by digit. NULL: no memory. */
struct cJSON *json_new_integer(int64_t n);
/* The reverse. -EINVAL where @item is neither, or is rounded; *@out is untouched then. */
int json_integer(int64_t *out, const struct cJSON *item);

/* @json on one line, numbers with every digit they have: cJSON alone rounds what needs more than 15. The
 * caller's to free; NULL: no memory. */
char *json_print(const struct cJSON *json);
/* Whether both say the same, members in any order. cJSON_Compare takes numbers that are nearly the same for
 * the same. The nesting is bounded by who parsed or built it. */
bool json_is_same(const struct cJSON *a, const struct cJSON *b);

/* @text as a JSON string. */
void json_put_string(struct buf *out, const char *text);

/* Owned cJSON locals, for whoever writes JSON. */
void cjson_freep(struct cJSON **json);
#define auto_cjson __attribute__((cleanup(cjson_freep)))
