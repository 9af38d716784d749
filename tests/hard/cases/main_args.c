// SPDX-License-Identifier: BSD-3-Clause
// The program's own arguments reach main, the first as well as the last, when it is recorded and when it is
// replayed.
// @args: --rate 3 "" last
#include <stdlib.h>
#include <string.h>

#include "case.h"

static int rate;

FUNC int convert(int amount)
{
	return amount * rate;
}

int main(int argc, char **argv)
{
	if (argc != 5 || strcmp(argv[1], "--rate") || argv[3][0] || strcmp(argv[4], "last") || argv[5])
		return 1;
	rate = atoi(argv[2]);
	return convert(14) == 42 ? 0 : 2;
}
