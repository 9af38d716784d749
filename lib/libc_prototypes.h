/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The functions of libc that programs are recorded at: their declarations, with the parameter names of the
 * manual, and what types cannot say of them, so that "libc.so.6:read": {} says enough. Data.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/rule.h"

#define LIBC_RULES_MAX 6

struct libc_rule {
	const char *path;
	enum direction direction;
	const char *bytes, *count; /* expressions; at most one of them */
	bool is_string, is_opaque, is_terminated, is_format;
	int depth; /* 0: not said */
};

struct libc_function {
	const char *name;
	const char *prototype; /* C */
	/* What _FORTIFY_SOURCE calls in its place: the same parameters, and perhaps more behind them. NULL: none,
	 * or its parameters are others, and it has a row of its own. */
	const char *checked;
	struct libc_rule rules[LIBC_RULES_MAX]; /* ended by a path of NULL */
	const char *type;			/* a struct that libc_type() says more of; or NULL */
};

/* Rules of a struct, as of a configuration's "types". */
struct libc_type {
	const char *name; /* "struct addrinfo" */
	struct libc_rule rules[LIBC_RULES_MAX];
};

/* NULL: it is none of them. */
const struct libc_function *libc_function(const char *name);
/* The @idx-th of all, or NULL past the end. */
const struct libc_function *libc_function_at(size_t idx);
const struct libc_type *libc_type(const char *name);
/* The rule @from as one of a configuration; the caller's to release. -ENOMEM. */
int libc_rule(struct rule *out, const struct libc_rule *from);
/* "struct NAME { ... }" of the type @name where a program's debug information lacks it; NULL: not known. */
const char *libc_struct(const char *name);
