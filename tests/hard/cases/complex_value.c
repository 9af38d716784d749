// SPDX-License-Identifier: BSD-3-Clause
// _Complex is in floating-point registers; behind a pointer it is memory.
#include <complex.h>

#include "case.h"

FUNC int rotate(double complex z, const float complex *p, double complex *out)
{
	*out = z * I;
	return (int)crealf(*p);
}

FUNC int handle(const double complex *z)
{
	float complex p = 3 + 4 * I;
	double complex out = 0;
	int n = rotate(*z, &p, &out);

	return n + (int)creal(out);
}

int main(void)
{
	double complex z = 1 - 2 * I;

	return handle(&z) == 5 ? 0 : 1;
}
