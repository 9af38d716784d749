/* SPDX-License-Identifier: BSD-3-Clause */
/* A function that compilers treat as if it were in another file, and a value that is not optimised away. */
#pragma once

#ifdef __clang__
#define FUNC __attribute__((noinline))
#else
#define FUNC __attribute__((noipa))
#endif
#define USE(x) __asm__ volatile("" : : "g"(x) : "memory")
