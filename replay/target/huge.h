/* SPDX-License-Identifier: BSD-3-Clause */
/* Large heaps as huge pages: a fork copies a page table of each, and nothing else of a program grows with its
 * memory. */
#pragma once

/* Below it a mapping stays as it is: bytes. */
#define HUGE_MIN (16ull << 20)

/* Collapse what is private, anonymous and large, where the kernel can (6.1); takes about a second for a
 * gigabyte. */
void huge_collapse(void);
