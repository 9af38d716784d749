// SPDX-License-Identifier: BSD-3-Clause
// Structs by value on the stack, between arguments in registers, and past the sixth; at return they are as at
// entry.
#include "case.h"

struct big {
	long a, b;
	const char *name;
	int *counter;
};
struct pair {
	long x, y;
};

FUNC int put(int first, struct big big, struct pair pair, int c, int d, int e, struct pair last)
{
	*big.counter += 1;
	return first + big.a + big.b + big.name[0] + pair.x + pair.y + c + d + e + last.x + last.y;
}

FUNC int handle(struct big req, char tail)
{
	int n = put(1, req, (struct pair){2, 3}, 4, 5, 6, (struct pair){7, 8});

	return n + *req.counter + tail;
}

int main(void)
{
	int counter = 40;

	return handle((struct big){10, 20, "A", &counter}, 'B') == 36 + 30 + 65 + 41 + 66 ? 0 : 1;
}
