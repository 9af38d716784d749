/* SPDX-License-Identifier: BSD-3-Clause */
/* What the victim computes, so that a test can tell every recorded byte from its operation's number. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct item {
	uint64_t id;
	uint32_t size;	  /* of data */
	char name[20];	  /* "item <id>" */
	const char *note; /* "note <id>" */
	const uint8_t *data;
};

struct answer {
	uint64_t id, sum;
};

#define KEY_MAX	  32 /* "key <id>" */
#define DATA_MAX  256
#define BIG_BYTES 40000

static inline uint8_t byte_of(uint64_t id, size_t i)
{
	return id * 31 + i * 7 + (id >> 8);
}

static inline size_t len_of(uint64_t id)
{
	return id % 200 + 1;
}

static inline int errno_of(uint64_t id)
{
	return id % 97 + 1;
}

/* The worker's number is in the high half. */
static inline uint64_t id_of(unsigned worker, uint32_t i)
{
	return (uint64_t)(worker + 1) << 32 | i;
}
