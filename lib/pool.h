/* SPDX-License-Identifier: BSD-3-Clause */
/* An arena: what is allocated from it is freed with it. */
#pragma once

#include <stddef.h>

struct pool;

struct pool *pool_new(void); /* NULL: no memory */
/* Zeroed, aligned for any type; of 0 bytes a pointer that must not be used. NULL: no memory. */
void *pool_alloc(struct pool *pool, size_t len);
/* NULL: no memory, or a count that cannot be. */
void *pool_array(struct pool *pool, size_t cnt, size_t size);
char *pool_printf(struct pool *pool, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
size_t pool_bytes(const struct pool *pool); /* what it takes up, all in all */
void pool_free(struct pool *pool);
void pool_freep(struct pool **pool);
#define auto_pool __attribute__((cleanup(pool_freep)))
