/* SPDX-License-Identifier: BSD-3-Clause */
/* Cassettes whose names hold another's: "cached:DIR+URL", "spool:DIR?size=4G+URL". */
#pragma once

#include <stdint.h>

#include "lib/cassette.h"

#define COMPOUND_IDENTITY_MAX 2048

struct compound {
	char dir[2048], query[64]; /* without the '?' */
	const char *url;	   /* in what was parsed */
};

/* @scheme is for messages. -EINVAL, a usage error, when there is no directory or no other URL. */
int compound_parse(struct compound *out, const char *scheme, const char *rest, struct err *err);
/* Of a URL, what says whose objects they are: not how many connections to use. As hex digits. @prefix: of
 * cassette_opts; NULL: the URL's. */
void compound_folder(const char *url, const char *prefix, char hex[17]);
