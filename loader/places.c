// SPDX-License-Identifier: BSD-3-Clause
#include "loader/places.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/program.h"

static int add(struct places *places, uint64_t offset, uint64_t cookie, struct err *err)
{
	uint64_t *offsets = reallocarray(places->offsets, places->cnt + 1, sizeof(*offsets)), *cookies;

	if (offsets)
		places->offsets = offsets;
	cookies = reallocarray(places->cookies, places->cnt + 1, sizeof(*cookies));
	if (cookies)
		places->cookies = cookies;
	if (!offsets || !cookies)
		return err_nomem(err);
	if (places->cnt == PLACES_MAX)
		return err_set(err, -E2BIG, "more than %d places to probe in one file", PLACES_MAX);
	places->offsets[places->cnt] = offset;
	places->cookies[places->cnt++] = cookie;
	return 0;
}

static int add_at_rets(struct file_places *places, const struct program_func *func, size_t idx,
		       struct err *err)
{
	uint64_t cookie = idx;
	int r = 0;

	for (size_t i = 0; i < func->rets_cnt && !r; i++) {
		if (func->rets[i] == func->offset)
			cookie |= COOKIE_IS_RET;
		else
			r = add(&places->rets, func->rets[i], idx, err);
	}
	return r ? r : add(&places->entries, func->offset, cookie, err);
}

static struct places *stubs_of(struct file_places *places, const struct program_func *func)
{
	switch (func->config->mark) {
	case PLAN_MARK_NONE:
		return &places->hooked;
	case PLAN_MARK_ASK:
		return &places->asks;
	default:
		return &places->marks;
	}
}

static int add_func(struct file_places *places, const struct program_func *func, size_t idx, size_t module,
		    struct err *err)
{
	int r = 0;

	if (func->module == module && func->is_at_rets)
		return add_at_rets(places, func, idx, err);
	if (func->module == module && !func->is_ifunc)
		r = add(&places->hooked, func->offset, idx, err);
	for (size_t k = 0; k < func->stubs_cnt && !r; k++)
		if (func->stubs[k].module == module)
			r = add(stubs_of(places, func), func->stubs[k].offset, idx, err);
	return r;
}

bool places_any_rets(const struct program *program)
{
	for (size_t i = 0; i < program->funcs_cnt; i++)
		if (program->funcs[i].is_at_rets)
			return true;
	return false;
}

int places_find(struct file_places *out, const struct program *program, size_t module,
		const bool *is_unprobed, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < program->funcs_cnt && !r; i++)
		r = is_unprobed[i] ? 0 : add_func(out, &program->funcs[i], i, module, err);
	if (!r && places_any_rets(program) && program->catches[module])
		r = add(&out->catches, program->catches[module], 0, err);
	return r;
}

static void release(struct places *places)
{
	free(places->offsets);
	free(places->cookies);
}

void places_release(struct file_places *places)
{
	release(&places->hooked);
	release(&places->entries);
	release(&places->rets);
	release(&places->marks);
	release(&places->asks);
	release(&places->catches);
}

bool places_has(const struct program_func *func, size_t module)
{
	if (func->module == module && !func->is_ifunc)
		return true;
	for (size_t i = 0; i < func->stubs_cnt; i++)
		if (func->stubs[i].module == module)
			return true;
	return false;
}
