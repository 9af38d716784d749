/* SPDX-License-Identifier: BSD-3-Clause */
/* Percent-encoding, and the query of a URL. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* As AWS signs it: A-Z a-z 0-9 - . _ ~ stay, and '/' in a path; all else is %XX, upper-case. */
void uri_encode(struct buf *out, const char *text, bool is_path);
/* Undo it in place; @plus_is_space as in forms. Returns the new length, or -EINVAL for a '%' without two
 * hex digits, or one that stands for NUL. */
int uri_decode(char *text, bool plus_is_space);

/* Take the next "name=value" off *@query, which is written to, both decoded. False at the end. A name without
 * '=' has the value "". -EINVAL encodings make *@bad true and end it. */
bool uri_param(char **query, char **name, char **value, bool *bad);
