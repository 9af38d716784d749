/* SPDX-License-Identifier: BSD-3-Clause */
/* Differences by where they are: elements of an array and calls of an alias are one place, so that a thousand
 * recordings that differ for one reason have one cause. */
#pragma once

#include <stddef.h>

struct comparison;
struct err;

#define CAUSES_MAX 64 /* of one comparison; the rest is left out */

struct causes {
	char **text; /* "reply->lines[].total differs", "calls[orders.notify] not made"; each once, what came
			first in the order of the recording first */
	size_t cnt;
};

/* None when the comparison is equal; of what was not compared its reason, without its numbers. */
int causes_find(struct causes *out, const struct comparison *comparison, struct err *err);
void causes_release(struct causes *causes);
#define auto_causes __attribute__((cleanup(causes_release)))
