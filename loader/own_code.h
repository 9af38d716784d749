/* SPDX-License-Identifier: BSD-3-Clause */
/* Where our own code lies, to probe ourselves. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct own_code {
	const char *path; /* of the file; borrowed from the loader */
	uint64_t offset;  /* in it */
};

/* False: the code at @addr is in no file. */
bool own_code_find(struct own_code *out, const void *addr);
