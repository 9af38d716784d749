/* SPDX-License-Identifier: BSD-3-Clause */
/* XML that servers answer, as paths and texts; parsed by expat. */
#pragma once

#include <stddef.h>

struct err;

#define XML_DEPTH_MAX 16
#define XML_PATH_MAX  256	  /* bytes */
#define XML_TEXT_MAX  (64 * 1024) /* bytes, of one element */

/*
 * Call @fn at the end of each element: "ListBucketResult/Contents/Key", names without their namespace, and
 * the text right in it, "" when there is none. Ends early, with its value, when @fn returns non-zero.
 * -EBADMSG with the place when it is not XML to the end, declares a document type, or is larger than the
 * limits.
 */
int xml_each(const void *data, size_t len, int (*fn)(const char *path, const char *text, void *ctx),
	     void *ctx, struct err *err);
