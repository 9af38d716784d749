// SPDX-License-Identifier: BSD-3-Clause
// A handle that must lie elsewhere at replay is still the same handle: in a key, and to an output.
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>

#include "case.h"

static void *volatile stack_page = (void *)(0x7ffffffff000 - 2 * 4096);

FUNC void *lease(int n)
{
	char *page = stack_page;

	if (n)
		return page + 16 * n;
	page = mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		    0);
	if (page != stack_page)
		abort();
	return page;
}

FUNC int price(void *of)
{
	return (int)((long)of >> 4 & 15) + 1;
}

FUNC void tell(void *what)
{
	USE(what);
}

FUNC long handle(int n)
{
	char *first = lease(0), *second = lease(n);

	tell(second);
	return (second - first) * 100 + price(second) * 10 + price(first);
}

int main(void)
{
	return handle(3) == 4841 ? 0 : 1;
}
