/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON that people write: // and block comments, and the place of every item.
 *
 * cJSON parses; it keeps no positions, so the text is walked a second time beside the tree.
 */
#pragma once

#include <stddef.h>

struct cJSON;
struct err;

/* 1-based; 0 when unknown. */
struct place {
	int line, column;
};

#define JSON_TEXT_MAX  (16 * 1024 * 1024)
#define JSON_DEPTH_MAX 64

struct json_doc;

/* @name stands for the text in messages: "orders.json:12:7: expected ','". -EINVAL, a usage error. */
int json_parse(struct json_doc **out, const char *name, const char *text, size_t len, struct err *err);
const struct cJSON *json_root(const struct json_doc *doc);
/* Where @item's key stands (its value, in arrays). */
struct place json_place(const struct json_doc *doc, const struct cJSON *item);
void json_free(struct json_doc *doc);
void json_freep(struct json_doc **doc);
#define auto_json __attribute__((cleanup(json_freep)))

/* Owned cJSON locals, for whoever writes JSON. */
void cjson_freep(struct cJSON **json);
#define auto_cjson __attribute__((cleanup(cjson_freep)))
