// SPDX-License-Identifier: BSD-3-Clause
/* The callbacks of an input, which are made again while it is served. */
#include "replay/image_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/program.h"
#include "lib/recording.h"
#include "lib/schema.h"
#include "lib/store.h"
#include "lib/util.h"
#include "lib/value.h"

#define GIVEN_MIN 4096 /* what is less is no address */

/* As SERVE_ARGS has them. */
struct registers {
	unsigned long long args[ABI_GPRS], xmm[8], stack[PATCH_STACK_WORDS];
};

static enum role role_of(const struct image *image, const struct call *call)
{
	return schema_func(image->schema, call->func)->role;
}

/* What is open in a thread of the recording: numbers of calls, from 1; 0: none. */
struct open {
	uint32_t outer, back; /* an input or output; the last callback that it made */
};

/* Calls come in the order of their entries. */
static bool is_inside(const struct call *call, const struct call *back)
{
	return back->left == LEFT_RETURN && call->entered_ns <= back->left_ns;
}

static void find_caller(struct image *image, struct open *open, size_t idx)
{
	const struct call *calls = image->recording->calls;

	if (role_of(image, &calls[idx]) != ROLE_CALLBACK) {
		image->callbacks[idx].is_inside =
			open->back && is_inside(&calls[idx], &calls[open->back - 1]);
		if (!image->callbacks[idx].is_inside)
			*open = (struct open){.outer = idx + 1};
	} else if (open->back) {
		image->callbacks[open->back - 1].next = idx + 1;
		open->back = idx + 1;
	} else if (open->outer) {
		image->callbacks[open->outer - 1].first = idx + 1;
		open->back = idx + 1;
	}
}

/* --- pointers that were given to one call and handed to a callback by another --- */

static bool has_param_in(const struct shape *shape, unsigned reg, size_t *param)
{
	for (*param = 0; *param < shape->params_cnt; (*param)++) {
		const struct abi_piece *piece = &shape->params[*param].loc.piece[0];

		if (piece->place == ABI_GPR && piece->number == reg)
			return true;
	}
	return false;
}

/* The last call before number @before that was given @bits: @out's call stays unset when there is none. */
static int find_giver(struct image *image, struct image_given *out, size_t before)
{
	for (size_t i = before; i > 0; i--) {
		const struct call *call = &image->recording->calls[i - 1];
		const struct shape *shape;
		int r;

		if (role_of(image, call) == ROLE_CALLBACK)
			continue;
		for (unsigned reg = 0; reg < ABI_GPRS; reg++) {
			size_t param;

			if (call->args[reg] != out->bits)
				continue;
			r = store_shape(image->store, image->schema, call->func, &shape, image->err);
			if (r < 0)
				return r;
			if (!has_param_in(shape, reg, &param) && !shape->is_variadic)
				continue;
			out->call = i - 1;
			out->reg = reg;
			return 0;
		}
	}
	return 0;
}

static struct image_given *given_of(struct image *image, uint64_t bits)
{
	for (size_t i = 0; i < image->given_cnt; i++)
		if (image->given[i].bits == bits)
			return &image->given[i];
	return NULL;
}

static int find_given(struct image *image)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < image->recording->calls_cnt; i++) {
		const struct call *call = &image->recording->calls[i];

		for (unsigned reg = 0; r == 0 && role_of(image, call) == ROLE_CALLBACK && reg < ABI_GPRS;
		     reg++) {
			if (call->args[reg] < GIVEN_MIN || given_of(image, call->args[reg]) ||
			    image->given_cnt == IMAGE_GIVEN_MAX)
				continue;
			image->given[image->given_cnt] = (struct image_given){
				.bits = call->args[reg], .call = IMAGE_UNSET, .number = IMAGE_UNSET};
			r = find_giver(image, &image->given[image->given_cnt++], i);
		}
	}
	return r;
}

int image_hand_on(struct image *image, size_t idx, const struct shape *shape, const struct shape *recorded)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < image->given_cnt; i++) {
		struct image_given *given = &image->given[i];
		unsigned reg = given->reg;
		size_t param;

		if (given->call != idx || image->rebuild.shared_cnt == PATCH_SHARED_MAX)
			continue;
		if (has_param_in(recorded, reg, &param)) {
			ssize_t at = image_param_named(
				shape, recorded->nodes[recorded->params[param].node].name, param);

			if (at < 0 || shape->params[at].loc.piece[0].place != ABI_GPR)
				continue;
			reg = shape->params[at].loc.piece[0].number;
		}
		given->number = image->rebuild.shared_cnt++;
		r = rebuild_op(&image->rebuild, SERVE_SHARE, reg, 0, 0, 0, given->number);
	}
	return r;
}

int image_put_given(struct image *image, uint64_t bits, unsigned arg)
{
	const struct image_given *given = given_of(image, bits);
	int r;

	if (!given || given->number == IMAGE_UNSET)
		return -ENOENT;
	r = rebuild_op(&image->rebuild, SERVE_SHARED, REBUILD_FIRST, 0, 0, SERVE_MUST_BE_SHARED,
		       given->number);
	return r < 0 ? r : rebuild_op(&image->rebuild, SERVE_ARG, 0, REBUILD_FIRST, arg, 0, 0);
}

/* --- who called back --- */

int image_find_callbacks(struct image *image)
{
	const struct recording *recording = image->recording;
	autofree struct open *threads = NULL;
	size_t cnt = 1;

	for (size_t i = 0; i < recording->calls_cnt; i++)
		cnt = MAX(cnt, MIN(recording->calls[i].thread, recording->calls_cnt) + (size_t)1);
	threads = calloc(cnt, sizeof(*threads));
	if (!threads)
		return err_nomem(image->err);
	for (size_t i = 0; i < recording->calls_cnt; i++)
		if (recording->calls[i].thread < cnt)
			find_caller(image, &threads[recording->calls[i].thread], i);
	return find_given(image);
}

/* The register in which the input was given the function that it called; SERVE_NO_LIVE: none. One that has
 * another name in this build is known by being the only one. */
static uint8_t live_function(const struct image *image, const struct program_func *func)
{
	const struct values *caller = image->caller;
	uint8_t only = SERVE_NO_LIVE;
	unsigned cnt = 0;

	for (size_t i = 0; i < caller->params_cnt; i++) {
		ssize_t at = image_param_named(image->caller_shape, caller->names[i], i);
		const struct value *given = caller->args[i];
		const struct shape_param *param;
		size_t module;
		uint64_t addr;

		if (at < 0 || !given || !given->bits)
			continue;
		param = &image->caller_shape->params[at];
		if (param->loc.piece[0].place != ABI_GPR ||
		    !image_is_function(image->caller_shape, param->node))
			continue;
		cnt++;
		only = param->loc.piece[0].number;
		if (given->kind == VALUE_SYMBOL &&
		    program_locate(image->program, given->symbol, &module, &addr) && module == func->module &&
		    addr == func->addr)
			return only;
	}
	return cnt == 1 ? only : SERVE_NO_LIVE;
}

static int put_callback(struct image *image, size_t idx, const struct program_func *func,
			const struct shape *recorded, const struct values *values)
{
	struct rebuild *rebuild = &image->rebuild;
	const size_t words = func->shape->stack_bytes / 8, at = rebuild->data.len;
	const size_t len = offsetof(struct registers, stack) + words * 8;
	struct registers registers = {};
	int r;

	image->args = registers.args;
	image->xmm = registers.xmm;
	image->stack = registers.stack;
	rebuild_begin(rebuild, func->shape, recorded, NULL, NULL);
	if (words <= PATCH_STACK_WORDS)
		buf_put(&rebuild->data, &registers, len);
	r = rebuild_op(rebuild, SERVE_ARGS, 0, 0, 0, len, at);
	if (r == 0)
		r = image_put_arguments(image, func, values);
	if (r == 0 && !rebuild->data.failed)
		memcpy(rebuild->data.data + at, &registers, len);
	return r < 0 ? r
		     : rebuild_op(rebuild, SERVE_CALL, 0, live_function(image, func),
				  func - image->program->funcs, words, idx);
}

static int put_recorded(struct image *image, size_t idx)
{
	const struct call *call = &image->recording->calls[idx];
	const char *alias = schema_func(image->schema, call->func)->alias;
	const struct program_func *func = image_func(image, alias);
	const struct shape *shape;
	struct values values = {};
	int r;

	if (!func)
		return err_set(
			image->err, -EUNATCH,
			"it called '%s' back, which this build or the configuration has no more: name what "
			"stands for it under \"callbacks\", with this \"alias\"",
			alias);
	r = image_decode(image, &values, &shape, call);
	return r < 0 ? r : put_callback(image, idx, func, shape, &values);
}

int image_put_callbacks(struct image *image, size_t idx, const struct program_func *func,
			const struct values *values)
{
	int r = 0;

	image->caller = values;
	image->caller_shape = func->shape;
	for (uint32_t i = image->callbacks[idx].first; r == 0 && i; i = image->callbacks[i - 1].next)
		r = put_recorded(image, i - 1);
	image->caller = NULL;
	return r;
}
