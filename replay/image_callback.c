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
#include "lib/util.h"
#include "lib/value.h"

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
		if (!open->back || !is_inside(&calls[idx], &calls[open->back - 1]))
			*open = (struct open){.outer = idx + 1};
	} else if (open->back) {
		image->callbacks[open->back - 1].next = idx + 1;
		open->back = idx + 1;
	} else if (open->outer) {
		image->callbacks[open->outer - 1].first = idx + 1;
		open->back = idx + 1;
	}
}

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
	return 0;
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
		return err_set(image->err, -EUNATCH, "it called '%s' back, which is not configured any more",
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
