// SPDX-License-Identifier: BSD-3-Clause
// Small integers fill a part of their register only: what the caller left above must not be seen.
#include <stdbool.h>

#include "case.h"

enum mode { OFF = -1, SLOW, FAST = 200 };

FUNC unsigned char narrow(signed char a, unsigned short b, bool c, enum mode d, short e, unsigned char f,
			  unsigned char on_stack, bool also)
{
	return a + b + c + d + e + f + on_stack + also;
}

FUNC short handle(long dirt)
{
	return narrow(dirt, dirt >> 4, dirt & 1, FAST, -dirt, dirt + 1, dirt * 3, dirt & 2) - 300;
}

int main(void)
{
	return handle(0x7fff0123456789abl) ==
			       (unsigned char)(-0x55 + 0x789a + 1 + 200 - (short)0x89ab + 0xac + 0x01 + 1) -
				       300
		       ? 0
		       : 1;
}
