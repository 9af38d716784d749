/* SPDX-License-Identifier: BSD-3-Clause */
/* What a C declaration does not say, guessed from names: which argument is the length of which, what is only
 * written. For a starter configuration, to be read by people. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/schema.h"

#define GUESSES_MAX	  64
#define GUESS_STRUCTS_MAX 64

struct guess {
	char path[128];
	char rule[160];	 /* JSON */
	char note[160];	 /* "" when there is none */
	bool is_comment; /* not sure enough to stand in the configuration */
};

struct guesses {
	struct guess row[GUESSES_MAX];
	size_t cnt;
};

/* Of the arguments of the BTF_KIND_FUNC @func. */
void guess_args(struct guesses *out, const struct schema *schema, uint32_t func, enum role role);
/* Of the members of the struct or union @type. */
void guess_members(struct guesses *out, const struct schema *schema, uint32_t type);

struct guess_structs {
	uint32_t id[GUESS_STRUCTS_MAX];
	size_t cnt;
};
/* Add the named structs and unions that @func's arguments lead to. */
void guess_structs(struct guess_structs *out, const struct schema *schema, uint32_t func);
