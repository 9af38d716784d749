/* SPDX-License-Identifier: BSD-3-Clause */
/* What the victim passes and returns, so that a test can tell every bit of it from an operation's number. */
#pragma once

#include <complex.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

struct mixed {
	double d;
	int n;
};

struct pair {
	float x, y;
};

struct text {
	const char *s;
	double d;
};

/* Any bits, well mixed (splitmix64). */
static inline uint64_t bits_of(uint64_t id, unsigned which)
{
	uint64_t z = (id * 64 + which + 1) * 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* Any number but NaN and infinity, denormal and negative ones too. */
static inline double double_of(uint64_t id, unsigned which)
{
	uint64_t bits = bits_of(id, which);
	double d;

	if ((bits >> 52 & 0x7ff) == 0x7ff)
		bits ^= 1ull << 52;
	memcpy(&d, &bits, sizeof(d));
	return d;
}

static inline float float_of(uint64_t id, unsigned which)
{
	uint32_t bits = (uint32_t)bits_of(id, which);
	float f;

	if ((bits >> 23 & 0xff) == 0xff)
		bits ^= 1u << 23;
	memcpy(&f, &bits, sizeof(f));
	return f;
}

/* More digits than a double has. */
static inline long double wide_of(uint64_t id, unsigned which)
{
	return (long double)bits_of(id, which) + 0.5L * (bits_of(id, which + 32) & 1);
}

static inline struct mixed mixed_of(uint64_t id, unsigned which)
{
	return (struct mixed){double_of(id, which), (int)bits_of(id, which + 32)};
}

static inline struct pair pair_of(uint64_t id, unsigned which)
{
	return (struct pair){float_of(id, which), float_of(id, which + 32)};
}
