// SPDX-License-Identifier: BSD-3-Clause
// A vector by value is in a whole register that no piece of ours names.
// @refused: parameter 'v' of 'scale' is passed by value and holds a vector, which cannot be placed
// @check: a vector
#include "case.h"

typedef float v4 __attribute__((vector_size(16)));

FUNC float scale(v4 v, float by)
{
	return v[0] * by;
}

FUNC int handle(int n)
{
	return (int)scale((v4){n, 2, 3, 4}, 2);
}

int main(void)
{
	return handle(4) == 8 ? 0 : 1;
}
