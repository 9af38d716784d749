/* SPDX-License-Identifier: BSD-3-Clause */
/* What a comparison found, path by path. */
#pragma once

#include <stddef.h>

struct cJSON;
struct err;

#define DIFFERENCES_MAX 1000 /* of one comparison; the rest is counted */

struct difference {
	char *path;			   /* "return", "reply->total", "calls[orders.notify#2].text" */
	struct cJSON *recorded, *replayed; /* NULL: not there */
};

struct differences {
	struct difference *row;
	size_t cnt, more;
	size_t unavailable; /* values that neither side captured: not compared */
	char *unread;	    /* the path of a recorded value whose register could not be read; NULL: none */
};
void differences_release(struct differences *differences);
/* Takes @recorded and @replayed over, always. */
int differences_add(struct differences *differences, const char *path, struct cJSON *recorded,
		    struct cJSON *replayed, struct err *err);
