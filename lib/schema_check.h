/* SPDX-License-Identifier: BSD-3-Clause */
/* Is this BTF that the rest may walk without a thought? Only schema.c asks. */
#pragma once

#include <stddef.h>

struct err;

/* @data is BTF as schema.c writes it, and every promise of schema_load() holds. -EBADMSG with what is wrong;
 * @data is aligned to 4 bytes. */
int schema_check(const void *data, size_t len, struct err *err);
