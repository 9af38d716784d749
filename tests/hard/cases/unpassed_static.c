// SPDX-License-Identifier: BSD-3-Clause
// A static function whose parameters an optimiser took out, in whole or in part: what follows them has moved.
// @builds: *-O2-*
// @refused: 'lookup' no longer takes its parameters as written
struct pair {
	long id;
	const char *name;
};

__attribute__((noinline)) static long lookup(struct pair key, long last)
{
	__asm__ volatile("" : : "r"(last));
	return key.id + last;
}

__attribute__((noinline)) long handle(struct pair req)
{
	return lookup(req, 3) + lookup((struct pair){5, "five"}, 4);
}

int main(void)
{
	return handle((struct pair){100, "hundred"}) == 112 ? 0 : 1;
}
