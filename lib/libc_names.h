/* SPDX-License-Identifier: BSD-3-Clause */
/* What people call the parameters of libc's functions: the manual, the man pages, the headers and the debug
 * information of libc do not agree, and a declaration's debug information has no names at all. */
#pragma once

/* The parameters of @func in order, by spaces, each with all its names, by '|', the best first; "" when they
 * are not known: "fd|sockfd buf n|len flags". */
const char *libc_params(const char *func);
