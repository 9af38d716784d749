// SPDX-License-Identifier: BSD-3-Clause
// What a function does not use, callers in the same file need not pass (clang does not): it is never a wrong value.
// Here functions are not told to be alone in their file, and parameters are not used on purpose.
#include <string.h>

struct pair {
	long id;
	const char *name;
};

__attribute__((noinline)) long lookup(struct pair key, int flags, const char *note, long last)
{
	__asm__ volatile("");
	return key.id + last;
}

__attribute__((noinline)) long handle(int mode, struct pair req)
{
	return lookup(req, 7, "note", 3) + lookup((struct pair){5, "five"}, 8, req.name, 4);
}

int main(void)
{
	return handle(1, (struct pair){100, "hundred"}) == 112 ? 0 : 1;
}
