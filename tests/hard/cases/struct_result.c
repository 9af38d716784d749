// SPDX-License-Identifier: BSD-3-Clause
// Results in memory: the hidden pointer comes first and shifts the arguments; and results of two registers.
#include <string.h>

#include "case.h"

struct report {
	int lines;
	char title[20];
	const char *owner;
	long sums[3];
};
struct pair {
	const char *text;
	const char *more;
};

FUNC struct report load(int id, const char *owner)
{
	struct report r = {id, "", owner, {id, 2 * id, -id}};

	strcpy(r.title, "report");
	return r;
}

FUNC struct pair split(const char *text)
{
	const char *at = strchr(text, ' ');

	return (struct pair){text, at ? at + 1 : (const char *)0};
}

FUNC struct report handle(int id, const char *who)
{
	struct report r = load(id + 1, who);
	struct pair words = split(who);

	r.lines += strlen(r.owner) + r.sums[1] + (words.more ? strlen(words.more) : 100);
	r.owner = words.more;
	return r;
}

int main(void)
{
	struct report a = handle(1, "jo doe"), b = handle(5, "ann");

	return a.lines == 2 + 6 + 4 + 3 && b.lines == 6 + 3 + 12 + 100 && !strcmp(a.title, "report") ? 0 : 1;
}
