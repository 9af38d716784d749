/* SPDX-License-Identifier: BSD-3-Clause */
/* Large heaps, and large cases, as huge pages: a fork copies a page table of each, and nothing else of a
 * program grows with its memory; and a child that reads one has it at once. */
#pragma once

#include <stddef.h>

/* Below it a mapping stays as it is: bytes. */
#define HUGE_MIN (16ull << 20)

/* Collapse what is private, anonymous and large, where the kernel can (6.1); takes about a second for a
 * gigabyte. */
void huge_collapse(void);

/* Before the first case: addresses for the copies, so that which cases came before changes nobody's. */
void huge_prepare(void);
/* @len bytes at @from, or where they were copied for a child that will read them all. The copy is overwritten
 * by the next. */
#define HUGE_COPY_MIN (64u << 10)
#define HUGE_COPY_MAX (32u << 20)
const void *huge_copy(const void *from, size_t len);
/* A child may still live that has the copy: the next one is made of other pages. */
void huge_leave_copy(void);
