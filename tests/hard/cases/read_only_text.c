// SPDX-License-Identifier: BSD-3-Clause
// Constants handed to functions that could change what they are given, and do not.
#include <string.h>

struct level {
	int n;
	char *name;
};

static const struct level levels[] = {{1, "debug"}, {2, "warning"}};

__attribute__((noinline)) int count(char *text, struct level *level)
{
	return strlen(text) + level->n;
}

__attribute__((noinline)) void say(struct level *level, char *text)
{
	__asm__ volatile("" : : "r"(level), "r"(text) : "memory");
}

__attribute__((noinline)) int handle(int n)
{
	int sum = count("literal", (struct level *)&levels[n]);

	say((struct level *)&levels[1], "another literal");
	return sum;
}

int main(void)
{
	return handle(1) == 9 ? 0 : 1;
}
