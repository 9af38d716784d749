/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of the addresses in a recording that lie in the program's images: functions, tables, other objects.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SYMBOLS_CNT_MAX	 65536 /* of one recording */
#define SYMBOL_NAME_MAX	 1024  /* bytes, of a symbol or a module */
#define SYMBOL_LABEL_MAX (2 * SYMBOL_NAME_MAX + 32)

struct named_address {
	uint64_t addr;
	const char *module; /* "": the executable; else the library as its users know it */
	const char *name;
	uint64_t off; /* from the symbol's start */
};

struct symbols {
	struct named_address *row; /* by addr, each once */
	size_t cnt;
};

/* NULL: no symbol is known there. */
const struct named_address *symbols_find(const struct symbols *symbols, uint64_t addr);
/* "visit", "table+16", "libshop.so:price". */
void symbol_label(const struct named_address *symbol, char text[SYMBOL_LABEL_MAX]);
/* The length of @name without what compilers put behind the names of local copies: "buffer.12" counts as
 * "buffer", for the number is another one in another build. */
size_t symbol_stem(const char *name);
