// SPDX-License-Identifier: BSD-3-Clause
// A library with two versions of each function, of which the program was linked to the default ones.
// @library: versions_lib.inc
// @flags: -Wl,--version-script=$(printf 'V1 { };\nV2 { } V1;\n' >v.map; echo v.map)
// @check: in_rate: input in libversions.so
#include "case.h"

long in_rate(long day), in_fee(long day);

FUNC long op_price(long day)
{
	return in_rate(day) + in_fee(day);
}

int main(void)
{
	return op_price(3) != 310 || op_price(4) != 411;
}
