/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * C++ functions as people write them: `ns::Shop::price(int)`, `Shop::price`, `price`, `operator+`.
 *
 * Two spellings of one name are taken for each other: spaces, where `const` stands, `std::string` and what it
 * is short for, arguments of templates that have defaults in the standard library, `size_t` and what it is
 * here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define CXX_TOKENS_MAX 512 /* of one name; a longer one is only known by its mangled one */

/* A name that is looked for. */
struct cxx_want {
	char *text;	 /* in one spelling */
	char *word;	 /* what every mangled name of it contains; NULL: nothing is known */
	bool has_params; /* its parameters are written */
};

/* Whether @symbol is the mangled name of a C++ function itself, not of a copy that a compiler made of it. */
bool cxx_is_mangled(const char *symbol);
/* "ns::Shop::price(int) const"; the caller's to free. NULL: not mangled, or no memory. */
char *cxx_text(const char *mangled);
/* The same without the parameters: "ns::Shop::price". */
char *cxx_text_short(const char *mangled);

/* -EINVAL: @name can be no C++ function's. -ENOMEM. */
int cxx_want_init(struct cxx_want *out, const char *name);
void cxx_want_release(struct cxx_want *want);
#define auto_cxx_want __attribute__((cleanup(cxx_want_release)))
/* How well @mangled answers: 0 not at all; greater is nearer, CXX_FIT_EXACT what was written. Outer scopes,
 * the parameters, `const` behind them and a template's arguments may be left out of what is wanted. */
#define CXX_FIT_EXACT 6
unsigned cxx_fit(const struct cxx_want *want, const char *mangled);
