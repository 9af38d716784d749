// SPDX-License-Identifier: BSD-3-Clause
// Structs of INTEGER eightbytes in registers: one, two, with padding, with a pointer, as the result.
#include <string.h>

#include "case.h"

struct small {
	char tag;
	short n;
};
struct pair {
	long id;
	const char *name;
};

FUNC struct small find(struct small key, struct pair *near)
{
	near->id = key.n * 2;
	near->name = "near";
	return (struct small){key.tag == 'x' ? 'X' : 'o', key.n};
}

FUNC struct pair handle(struct pair req, struct small limit)
{
	struct pair near = {0, 0};
	struct small got = find((struct small){req.name ? req.name[0] : 'n', req.id}, &near);

	return (struct pair){got.n + near.id + limit.n, got.tag == 'X' ? "ex" : NULL};
}

int main(void)
{
	struct pair a = handle((struct pair){7, "xyz"}, (struct small){'l', 100});
	struct pair b = handle((struct pair){-3, NULL}, (struct small){'m', -1});

	return a.id == 121 && !strcmp(a.name, "ex") && b.id == -10 && !b.name ? 0 : 1;
}
