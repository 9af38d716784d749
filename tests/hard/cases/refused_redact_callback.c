// SPDX-License-Identifier: BSD-3-Clause
// What a callback is given cannot be redacted: a replay gives it to it again.
// @check: 'redact' on 'pan' of 'on_card': it flows into the callback, and a replay gives it to it
// @refused: 'redact' on 'pan' of 'on_card': it flows into the callback, and a replay gives it to it
#include <string.h>

#include "case.h"

FUNC int on_card(const char *pan)
{
	return strlen(pan);
}

FUNC int each_card(int (*visit)(const char *))
{
	return visit("4111");
}

FUNC int handle(int n)
{
	return each_card(on_card) + n;
}

int main(void)
{
	return handle(1) == 5 ? 0 : 1;
}
