/* SPDX-License-Identifier: BSD-3-Clause */
/* /proc/self/maps, line by line, with no memory but the stack. */
#pragma once

struct maps_line {
	unsigned long long from, to;
	char permissions[4]; /* "rw-p" */
	unsigned long long offset, device, inode;
};

/* Call @fn for each mapping, in order. */
void maps_each(void (*fn)(const struct maps_line *line, void *ctx), void *ctx);
