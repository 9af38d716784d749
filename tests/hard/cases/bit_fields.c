// SPDX-License-Identifier: BSD-3-Clause
// Bit-fields: signed, across bytes, of width zero, in registers by value and behind a pointer.
#include <stdint.h>

#include "case.h"

struct flags {
	unsigned ready : 1, mode : 3;
	int level : 5;
	unsigned : 0;
	uint64_t wide : 40;
	int last : 20;
};
struct small {
	int a : 7, b : 9, c : 16;
};

FUNC struct small update(struct flags *flags, struct small by)
{
	flags->level = -7;
	flags->wide += by.c;
	return (struct small){by.b, by.a, -by.c};
}

FUNC int handle(struct small req)
{
	struct flags flags = {1, 5, -16, 0xfedcba9876, -1};
	struct small got = update(&flags, req);

	return got.a + got.b + got.c + flags.level + (int)(flags.wide & 0xff) + flags.last;
}

int main(void)
{
	return handle((struct small){-60, -3, 1000}) == -3 - 60 - 1000 - 7 + ((0x76 + 1000) & 0xff) - 1 ? 0
													: 1;
}
