/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One change of JSON that people wrote: everything else stays where and as it is, comments included.
 */
#pragma once

#include <stddef.h>

struct buf;
struct err;

/*
 * Write to @out @text with what @way (keys from the root, @cnt of them) leads to being @value, itself JSON.
 * Objects on the way that are not there are made; a new member is laid out as its neighbours are. Where there
 * is a member @instead (NULL: none) and none of that key yet, the new one takes its place. @text must have
 * passed json_parse(). -EINVAL, a usage error, when something on the way is no object.
 */
int json_edit_set(struct buf *out, const char *text, size_t len, const char *const *way, size_t cnt,
		  const char *instead, const char *value, struct err *err);
