/* SPDX-License-Identifier: BSD-3-Clause */
/* What a user should know and nothing stopped for: each text once, from any thread. */
#pragma once

#include <pthread.h>
#include <stddef.h>

#define NOTES_MAX 1000

struct notes {
	pthread_mutex_t lock;
	char **text;
	size_t cnt;
};

void notes_init(struct notes *notes);
void notes_add(struct notes *notes, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void notes_release(struct notes *notes);
