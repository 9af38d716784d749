// SPDX-License-Identifier: BSD-3-Clause
#include "replay/coverage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/object.h"
#include "lib/program.h"
#include "lib/util.h"
#include "replay/target/patch.h"

static const char *const prefixes[] = {"__gcov0.", "__llvm_gcov_ctr"};
#define REGIONS "__llvm_prf_cnts"

static bool is_counter(const struct symbol *symbol)
{
	if (symbol->is_func || !symbol->name)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (!strncmp(symbol->name, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

struct counters {
	struct buf *out;
	size_t cnt; /* of all */
};

static void add(struct counters *counters, unsigned module, uint64_t addr, uint64_t bytes)
{
	const struct patch_counters range = {.module = module, .cnt = bytes / 8, .addr = addr};

	if (!range.cnt || bytes / 8 > PATCH_COUNTERS_MAX - counters->cnt)
		return;
	counters->cnt += range.cnt;
	buf_put(counters->out, &range, sizeof(range));
}

static void add_object(struct counters *counters, unsigned module, const struct object *object)
{
	uint64_t addr, bytes;

	for (size_t i = 0; i < object_symbols_cnt(object); i++) {
		const struct symbol *symbol = object_symbol(object, i);

		if (is_counter(symbol))
			add(counters, module, symbol->addr, symbol->size);
	}
	if (object_section_range(object, REGIONS, &addr, &bytes))
		add(counters, module, addr, bytes);
}

int coverage_write(struct buf *out, const struct program *program, struct err *err)
{
	struct counters counters = {.out = out};

	for (size_t i = 0; i < program->files_cnt; i++)
		add_object(&counters, i, program->objects[i]);
	if (counters.cnt)
		return 0;
	err_set(err, -ENOENT, "'%s' does not count what is reached of its code", program->files[0].path);
	err_hint(err,
		 "build it with --coverage, or with clang's -fprofile-instr-generate; and do not strip it");
	return -ENOENT;
}

int coverage_read(unsigned char **bits, size_t *cnt, const struct outcome_header *outcome, struct err *err)
{
	const size_t at = outcome->reached, counters = outcome->reached_cnt, len = (counters + 7) / 8;

	if (!at || !counters || at > PATCH_OUTCOME_BYTES || len > PATCH_OUTCOME_BYTES - at)
		return 0;
	*bits = malloc(len);
	if (!*bits)
		return err_nomem(err);
	memcpy(*bits, (const unsigned char *)outcome + at, len);
	*cnt = counters;
	return 0;
}
