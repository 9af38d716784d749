/* SPDX-License-Identifier: BSD-3-Clause */
/* The text of a JSON document, before it is a tree: json.c's first half. */
#pragma once

#include <stddef.h>

struct err;
struct place;

/*
 * Put spaces over the comments of @text, check that the rest is JSON, and note where each item stands, in the
 * order of the text. What passes here means the same to every parser.
 */
int json_check(struct place **places, size_t *cnt, const char *name, char *text, size_t len, struct err *err);
