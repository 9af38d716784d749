// SPDX-License-Identifier: BSD-3-Clause
#include "replay/uncaptured.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/util.h"
#include "lib/value.h"

#define SMALLEST_ADDRESS 0x10000 /* below lie NULL and numbers that pose as pointers */

static bool is_followed(const struct value *value)
{
	return value->kind == VALUE_HANDLE || (value->kind == VALUE_UNAVAILABLE && !value->is_elsewhere);
}

static void consider(struct uncaptured *nearest, const struct value *value, unsigned place, uint64_t pointer,
		     uint64_t addr)
{
	if (pointer < SMALLEST_ADDRESS || addr < pointer || addr - pointer >= UNCAPTURED_REACH)
		return;
	if (!nearest->value || addr - pointer < nearest->distance)
		*nearest = (struct uncaptured){value, addr - pointer, place};
}

/* The words of a union, or of a buffer, may be pointers. */
static void look_at_words(struct uncaptured *nearest, const struct value *value, unsigned place,
			  uint64_t addr)
{
	uint64_t word;

	for (size_t at = 0; at + sizeof(word) <= value->len; at += sizeof(word)) {
		memcpy(&word, value->bytes + at, sizeof(word));
		consider(nearest, value, place, word, addr);
	}
}

void uncaptured_look(struct uncaptured *nearest, const struct value *root, unsigned place, uint64_t addr)
{
	if (!root)
		return;
	if (is_followed(root))
		consider(nearest, root, place, root->bits, addr);
	if (root->kind == VALUE_BYTES)
		look_at_words(nearest, root, place, addr);
	for (size_t i = 0; i < root->child_cnt; i++)
		uncaptured_look(nearest, root->child[i], place, addr);
}

int uncaptured_text(char *out, size_t len, const struct uncaptured *found, const char *place, struct err *err)
{
	autofree char *path = value_path(found->value);
	const char *why = found->value->text;

	if (!path)
		return err_nomem(err);
	if (found->value->kind == VALUE_HANDLE)
		why = "it is opaque";
	else if (found->value->kind == VALUE_BYTES)
		why = "pointers in a union or a buffer are not followed";
	snprintf(out, len, "; it followed '%s%s', and nothing was captured there: %s", place, path, why);
	return 0;
}
