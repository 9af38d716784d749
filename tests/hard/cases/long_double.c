// SPDX-License-Identifier: BSD-3-Clause
// long double arguments lie on the stack, 16 bytes each; in structs and behind pointers they are memory too.
#include "case.h"

struct measure {
	int id;
	long double value;
};

FUNC int weigh(int a, long double w, long b, const long double *more, struct measure m)
{
	return a + (int)w + b + (int)*more + (int)m.value + m.id;
}

FUNC int handle(long double x, struct measure *out)
{
	long double more = x / 3;

	out->value = 0.1L;
	out->id = weigh(1, x * 2, 3, &more, (struct measure){7, -0.0L});
	return out->id;
}

int main(void)
{
	struct measure out = {0};

	return handle(1234.5L, &out) == 1 + 2469 + 3 + 411 + 7 ? 0 : 1;
}
