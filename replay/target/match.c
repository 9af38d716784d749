// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/match.h"

#include <string.h>
#include <sys/mman.h>

#include "replay/target/engine.h"

#define ALIASES_MAX 5 /* a function's own and its fallbacks */
#define CALLS_MAX   (PATCH_CASE_BYTES / sizeof(struct case_call))

/* By function and alias: all calls before this one are used, or of another alias. */
static ENGINE_WRITTEN unsigned (*first_open)[ALIASES_MAX];
/* Which calls of the case are. Directly behind, for each page that a case writes to is copied for it; those
 * that none reaches are never touched. */
static ENGINE_WRITTEN unsigned char *used;

void match_prepare(void)
{
	size_t open_bytes = engine.patch->funcs_cnt * sizeof(first_open[0]);

	first_open = mmap(NULL, open_bytes + CALLS_MAX / 8 + 1, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (first_open == MAP_FAILED)
		engine_fail("out of memory");
	used = (unsigned char *)first_open + open_bytes;
}

static int is_used(unsigned idx)
{
	return used[idx / 8] >> idx % 8 & 1;
}

const struct case_call *match_call(unsigned idx)
{
	return (const struct case_call *)((char *)engine.played + engine.played->calls) + idx;
}

static int has_key(const struct case_call *call, const void *key, size_t len)
{
	return call->key_len == len && call->key <= engine.played->bytes &&
	       len <= engine.played->bytes - call->key &&
	       (!len || !memcmp((char *)engine.played + call->key, key, len));
}

static unsigned take(unsigned *first, unsigned alias, unsigned role, const void *key, size_t key_len)
{
	int is_open = 0;

	for (unsigned i = *first; i < engine.played->calls_cnt; i++) {
		const struct case_call *call = match_call(i);
		int is_candidate = call->alias == alias && call->role == role && !is_used(i);

		if (is_candidate && (role != PATCH_INPUT || has_key(call, key, key_len))) {
			used[i / 8] |= 1 << i % 8;
			return i;
		}
		is_open |= is_candidate;
		if (!is_open)
			*first = i + 1;
	}
	return PATCH_NONE;
}

unsigned match_take(const struct func *func, unsigned role, const void *key, size_t key_len)
{
	unsigned *first = first_open[func - engine.funcs];
	unsigned idx = take(&first[0], func->patch->alias, role, key, key_len);

	for (unsigned i = 0; idx == PATCH_NONE && i < func->patch->fallbacks_cnt; i++)
		idx = take(&first[i + 1], func->patch->fallbacks[i], role, key, key_len);
	return idx;
}

void match_reset(void)
{
	memset(used, 0, engine.played->calls_cnt / 8 + 1);
	memset(first_open, 0, engine.patch->funcs_cnt * sizeof(first_open[0]));
}
