/* SPDX-License-Identifier: BSD-3-Clause */
/* Parameter names of libc's functions: a declaration's debug information has types, but no names. */
#pragma once

#include <stddef.h>

/* The name of parameter @idx of @func as POSIX or the manual has it, or NULL. @buf is where it is put. */
const char *libc_param_name(const char *func, unsigned idx, char *buf, size_t len);
