// SPDX-License-Identifier: BSD-3-Clause
// A program without libraries: recorded and unharmed; replaying it needs the engine linked into it.
// @flags: -static
// @builds: *-nopie-*
// @replay: refused is statically linked
// @inside: is a static program: nothing can be loaded into it
#include <stdlib.h>

#include "case.h"

FUNC const char *in_name(int key)
{
	static const char *const names[] = {"zero", "one", "two"};

	return names[key % 3];
}

FUNC int op_greet(int key, char *reply)
{
	const char *name = in_name(key);
	int len = 0;

	while ((reply[len] = name[len]))
		len++;
	return len;
}

int main(void)
{
	char *reply = malloc(16);

	for (int i = 0; i < 1000; i++)
		if (op_greet(i, reply) != (i % 3 ? 3 : 4))
			return 1;
	return 0;
}
