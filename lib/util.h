/* SPDX-License-Identifier: BSD-3-Clause */
/* Small things every file may use; no logic lives here. */
#pragma once

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a)			(sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define MIN(a, b)			((a) < (b) ? (a) : (b))
#define MAX(a, b)			((a) > (b) ? (a) : (b))
#define ALIGN_UP(n, to)			(((n) + (to)-1) / (to) * (to))

/* Hand an owned pointer or descriptor on: the local is left empty, so its cleanup does nothing. */
#define TAKE_PTR(p)                                                                                          \
	({                                                                                                   \
		__typeof__(p) *take_ = &(p);                                                                 \
		__typeof__(p) taken_ = *take_;                                                               \
		*take_ = NULL;                                                                               \
		taken_;                                                                                      \
	})
#define TAKE_FD(fd)                                                                                          \
	({                                                                                                   \
		int *take_ = &(fd);                                                                          \
		int taken_ = *take_;                                                                         \
		*take_ = -1;                                                                                 \
		taken_;                                                                                      \
	})

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* Owning locals: freed or closed when they leave scope. Initialise them on their line. */
#define autofree  __attribute__((cleanup(freep)))
#define autoclose __attribute__((cleanup(closep)))
