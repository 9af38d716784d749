// SPDX-License-Identifier: BSD-3-Clause
// 128-bit integers: in two registers, on the stack with its alignment, in structs, behind pointers, as the
// result.
#include "case.h"

typedef __int128 i128;
typedef unsigned __int128 u128;

struct wide {
	char tag;
	u128 value;
};

FUNC i128 get(u128 a, int gap, i128 b, long c, struct wide on_stack, struct wide *out)
{
	out->tag = 'w';
	out->value = on_stack.value + a;
	return b - gap - c;
}

FUNC i128 handle(i128 x, const struct wide *in)
{
	struct wide out = {0};
	i128 y = get(in->value, 3, x, 4, (struct wide){'s', (u128)1 << 100}, &out);

	return y + out.value + out.tag;
}

int main(void)
{
	struct wide in = {'t', ((u128)1 << 127) + 5};
	i128 want = (i128)-5 - 7 + (i128)(((u128)1 << 127) + 5 + ((u128)1 << 100)) + 'w';

	return handle(-5, &in) == want ? 0 : 1;
}
