// SPDX-License-Identifier: BSD-3-Clause
// One function asked through two connections: each is answered by its own calls, whichever is asked first.
// Its default key is the same.
#include <string.h>

#include "case.h"

struct connection {
	const char *name;
	int number, asked;
};

FUNC int get(struct connection *c, const char *key)
{
	c->asked++;
	return c->number * 100 + c->asked * 10 + strlen(key);
}

FUNC void log_get(const struct connection *c, int value)
{
	USE(c);
	USE(value);
}

FUNC int handle(int first)
{
	struct connection main = {"main", 1, 0}, spare = {"spare", 2, 0};
	struct connection *one = first ? &main : &spare, *other = first ? &spare : &main;
	int a = get(one, "k"), b = get(other, "k"), c = get(one, "k");

	log_get(one, a);
	log_get(other, b);
	return a * 1000000 + b * 1000 + c;
}

int main(void)
{
	return handle(1) == 111211121 && handle(0) == 211111221 ? 0 : 1;
}
