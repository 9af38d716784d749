// SPDX-License-Identifier: BSD-3-Clause
/*
 * What the compiler may call, and we do, without libc: there it may use vector registers, and in the program
 * be a function that is configured.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SMALL 128 /* a string instruction takes as long to start as some dozen moves */

/* The last word overlaps the one before. */
static void copy_small(uint8_t *to, const uint8_t *from, size_t len)
{
	uint64_t word, last;

	if (len < sizeof(last)) {
		for (size_t i = 0; i < len; i++)
			to[i] = from[i];
		return;
	}
	__builtin_memcpy(&last, from + len - sizeof(last), sizeof(last));
	for (size_t i = 0; i < len - sizeof(last); i += sizeof(word)) {
		__builtin_memcpy(&word, from + i, sizeof(word));
		__builtin_memcpy(to + i, &word, sizeof(word));
	}
	__builtin_memcpy(to + len - sizeof(last), &last, sizeof(last));
}

void *memcpy(void *to, const void *from, size_t len)
{
	void *at = to;

	if (len <= SMALL) {
		copy_small(to, from, len);
		return to;
	}
	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(len) : : "memory");
	return to;
}

void *memmove(void *to, const void *from, size_t len)
{
	uint8_t *at = to;
	const uint8_t *source = from;

	if (at <= source || at >= source + len)
		return memcpy(to, from, len);
	while (len--)
		at[len] = source[len];
	return to;
}

void *memset(void *to, int byte, size_t len)
{
	void *at = to;

	__asm__ volatile("rep stosb" : "+D"(at), "+c"(len) : "a"(byte) : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t len)
{
	const uint8_t *x = a, *y = b;

	for (; len >= sizeof(uint64_t); len -= sizeof(uint64_t)) {
		uint64_t v, w;

		__builtin_memcpy(&v, x, sizeof(v));
		__builtin_memcpy(&w, y, sizeof(w));
		if (v != w)
			break;
		x += sizeof(v);
		y += sizeof(w);
	}
	for (; len; len--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}
