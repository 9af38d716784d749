// SPDX-License-Identifier: BSD-3-Clause
// Opaque pointers that lead into memory which something else leads to: a cursor in a buffer, its end, an object's
// address as a void *, and what a function like strtol hands back.
#include <stdlib.h>
#include <string.h>

struct parser {
	void *self;
	char *at, *end;
	char *buf;
	int len;
	long last;
};

__attribute__((noinline)) long number(const char *text, char **end)
{
	return strtol(text, end, 10);
}

__attribute__((noinline)) const char *find(const char *text, int c)
{
	return strchr(text, c);
}

/* Its result is text of its own, and lies in that of the argument. */
__attribute__((noinline)) const char *after(const char *text, int c)
{
	return strchr(text, c) + 1;
}

/* Reads the parser's buffer, and moves its cursor. */
__attribute__((noinline)) int skip(struct parser *p)
{
	while (p->at < p->end && *p->at == ' ')
		p->at++;
	return p->at < p->end;
}

__attribute__((noinline)) long parse(struct parser *p, const char *options, const char *default_option)
{
	const char *comma = find(options, ',');
	const char *rest = after(options, ',');
	char *end = p->buf;
	long sum = 0;

	if (p->self != p || p->end != p->buf + p->len || default_option != options + 3)
		return -1;
	while (skip(p)) {
		p->last = number(p->at, &end);
		if (end == p->at)
			return -2;
		sum += p->last;
		p->at = end;
	}
	return p->at == p->end && comma == options + 2 && rest == comma + 1 ? sum * 10 + (end - p->buf) : -3;
}

int main(void)
{
	char text[] = "12  7 123";
	static const char options[] = "ab,cd";
	struct parser p = {&p, text, text + 9, text, 9, 0};

	return parse(&p, options, options + 3) == 1429 ? 0 : 1;
}
