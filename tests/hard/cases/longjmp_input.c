// SPDX-License-Identifier: BSD-3-Clause
// An input that left by longjmp cannot be served, and says so.
// @replay: equalizer_failure 'look_up' cannot be served: when it was recorded it did not return (unwound): a longjmp or an exception cannot be repeated; say with
#include <setjmp.h>

#include "case.h"

static jmp_buf home;

FUNC int look_up(int key)
{
	if (key % 2)
		longjmp(home, 4);
	return key + 100;
}

FUNC int ask(int key)
{
	int code = setjmp(home);

	return code ? code : look_up(key);
}

int main(void)
{
	return ask(3) == 4 ? 0 : 1;
}
