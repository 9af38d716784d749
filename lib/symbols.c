// SPDX-License-Identifier: BSD-3-Clause
#include "lib/symbols.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct named_address *symbols_find(const struct symbols *symbols, uint64_t addr)
{
	size_t low = 0, high = symbols ? symbols->cnt : 0;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (symbols->row[mid].addr == addr)
			return &symbols->row[mid];
		if (symbols->row[mid].addr < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

void symbol_label(const struct named_address *symbol, char text[SYMBOL_LABEL_MAX])
{
	int at = snprintf(text, SYMBOL_LABEL_MAX, "%s%s%s", symbol->module, symbol->module[0] ? ":" : "",
			  symbol->name);

	if (symbol->off && at < SYMBOL_LABEL_MAX)
		snprintf(text + at, SYMBOL_LABEL_MAX - at, "+%" PRIu64, symbol->off);
}

size_t symbol_stem(const char *name)
{
	size_t len = strlen(name), end = len;

	while (end && isdigit((unsigned char)name[end - 1]))
		end--;
	return end > 1 && end < len && name[end - 1] == '.' ? end - 1 : len;
}
