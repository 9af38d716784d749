// SPDX-License-Identifier: BSD-3-Clause
#include "replay/uncaptured.h"

#include <stdbool.h>
#include <stdio.h>

#include "lib/err.h"
#include "lib/util.h"
#include "lib/value.h"

#define SMALLEST_ADDRESS 0x10000 /* below lie NULL and numbers that pose as pointers */

static bool is_followed(const struct value *value)
{
	return value->kind == VALUE_HANDLE || (value->kind == VALUE_UNAVAILABLE && !value->is_elsewhere);
}

void uncaptured_look(struct uncaptured *nearest, const struct value *root, unsigned place, uint64_t addr)
{
	if (!root)
		return;
	if (is_followed(root) && root->bits >= SMALLEST_ADDRESS && addr >= root->bits &&
	    addr - root->bits < UNCAPTURED_REACH &&
	    (!nearest->value || addr - root->bits < nearest->distance))
		*nearest = (struct uncaptured){root, addr - root->bits, place};
	for (size_t i = 0; i < root->child_cnt; i++)
		uncaptured_look(nearest, root->child[i], place, addr);
}

int uncaptured_text(char *out, size_t len, const struct uncaptured *found, const char *place, struct err *err)
{
	autofree char *path = value_path(found->value);

	if (!path)
		return err_nomem(err);
	snprintf(out, len, "; it followed '%s%s', and nothing was captured there: %s", place, path,
		 found->value->kind == VALUE_HANDLE ? "it is opaque" : found->value->text);
	return 0;
}
