/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * C functions whose results differ from run to run whatever the program is given: clocks, random numbers,
 * numbers of processes, names of hosts. Data: what the configuration's "serve" stands for, and what a replay
 * looks out for.
 */
#pragma once

#include <stddef.h>

#include "lib/libc_prototypes.h"

enum serve_group {
	SERVE_TIME,
	SERVE_RANDOM,
	SERVE_PID,
	SERVE_UUID,
	SERVE_HOST,
	SERVE_GROUP_CNT,
};

struct serve_function {
	enum serve_group group;
	const char *name;
	const char *library;   /* how its file's name begins; NULL: libc, which has its declaration */
	const char *prototype; /* C; with @library */
	struct libc_rule rule; /* the only one; a path of NULL: none */
};

#define SERVE_FUNCTIONS_MAX 64

const char *serve_group_name(enum serve_group group); /* "time", "random", "pid", "uuid", "host" */
/* The @idx-th of all, or NULL past the end. */
const struct serve_function *serve_function_at(size_t idx);
/* NULL: it is none of them. */
const struct serve_function *serve_function(const char *name);
