// SPDX-License-Identifier: BSD-3-Clause
#include "replay/image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/pool.h"
#include "lib/program.h"
#include "lib/recording.h"
#include "lib/store.h"
#include "lib/util.h"
#include "lib/value.h"
#include "replay/displaced.h"
#include "replay/image_impl.h"
#include "replay/notes.h"

int image_decode(struct image *image, struct values *out, const struct shape **shape, const struct call *call)
{
	int r = store_shape(image->store, image->schema, call->func, shape, image->err);

	if (r < 0)
		return r;
	return values_decode(out, *shape, call, image->pool) < 0 ? err_nomem(image->err) : 0;
}

ssize_t image_param_named(const struct shape *shape, const char *name, size_t at)
{
	for (size_t i = 0; name && i < shape->params_cnt; i++) {
		const char *own = shape->nodes[shape->params[i].node].name;

		if (own && !strcmp(own, name))
			return i;
	}
	return !name && at < shape->params_cnt ? (ssize_t)at : -1;
}

/* --- the operation's arguments --- */

static unsigned long long *place(struct image *image, const struct abi_piece *piece)
{
	if (piece->place == ABI_GPR)
		return &image->args[piece->number];
	if (piece->place == ABI_XMM)
		return &image->xmm[piece->number];
	if (piece->place == ABI_STACK && piece->number / 8u < PATCH_STACK_WORDS)
		return &image->stack[piece->number / 8];
	return NULL;
}

static unsigned arg_number(const struct abi_piece *piece)
{
	return piece->place == ABI_GPR ? piece->number : ABI_GPRS + piece->number / 8;
}

static int put_slots(struct image *image, const struct rebuild_value *value, const struct abi_loc *loc)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < value->slots_cnt; i++) {
		uint32_t off = value->slots[i].off;
		struct abi_piece piece = loc->piece[0];

		if (piece.place == ABI_STACK)
			piece.number += off;
		else if (off / 8 < loc->pieces_cnt)
			piece = loc->piece[off / 8];
		r = rebuild_op(&image->rebuild, SERVE_ARG, 0, value->slots[i].reg, arg_number(&piece), 0, 0);
	}
	return r;
}

static int put_words(struct image *image, const struct rebuild_value *value, const struct abi_loc *loc)
{
	for (size_t off = 0; off < value->len; off += 8) {
		struct abi_piece piece = loc->piece[0];
		unsigned long long *word;

		if (piece.place == ABI_STACK)
			piece.number += off;
		else if (off / 8 < loc->pieces_cnt)
			piece = loc->piece[off / 8];
		if (piece.place == ABI_NONE || piece.place == ABI_UNPASSED)
			continue; /* padding, or unused */
		word = place(image, &piece);
		if (!word)
			return err_set(image->err, -EUNATCH, "an argument lies where it cannot be put");
		memcpy(word, value->bytes + off, MIN(8u, value->len - off));
	}
	return 0;
}

static int put_argument(struct image *image, const struct shape_param *param, const struct value *value)
{
	struct rebuild_value rebuilt = {};
	int r;

	if (shape_is_unpassed(param))
		return 0;
	r = rebuild_value(&image->rebuild, &rebuilt, value, param->node);
	if (r == 0)
		r = put_words(image, &rebuilt, &param->loc);
	return r < 0 ? r : put_slots(image, &rebuilt, &param->loc);
}

/* --- files that arguments name --- */

/* The recorded name of the file that FILE node @node of the build holds; NULL: not known. */
static const struct value *file_name(const struct shape *shape, uint16_t node, const struct values *values)
{
	const char *param = shape->nodes[shape->nodes[node].format].name;

	for (size_t i = 0; i < values->params_cnt; i++)
		if (values->args[i] && values->names[i] && !strcmp(values->names[i], param))
			return value_pointee(values->args[i]);
	return NULL;
}

/* The register that has the name, while a call is served. */
static uint8_t live_name(const struct shape *shape, uint16_t node)
{
	for (size_t i = 0; i < shape->params_cnt; i++)
		if (shape->params[i].node == shape->nodes[node].format &&
		    shape->params[i].loc.piece[0].place == ABI_GPR)
			return shape->params[i].loc.piece[0].number;
	return SERVE_NO_LIVE;
}

static bool is_content(const struct value *v)
{
	return v->kind == VALUE_TEXT || v->kind == VALUE_BYTES;
}

int image_put_file(struct image *image, const struct shape *shape, uint16_t node, const struct values *values,
		   const struct value *content, bool is_live)
{
	const struct value *name = file_name(shape, node, values);
	struct buf *data = &image->rebuild.data;
	uint8_t live = is_live ? live_name(shape, node) : SERVE_NO_LIVE;
	size_t at = data->len;

	if (!name || name->kind != VALUE_TEXT || name->is_truncated)
		return 0; /* NULL, or a name that nobody knows */
	if (!is_content(content))
		return err_set(image->err, -EUNATCH, "'%s' was not captured: %s", content->name,
			       content->text);
	if (content->is_truncated)
		return err_set(image->err, -EUNATCH,
			       "'%s' was cut by a limit when it was recorded: raise its \"max\"",
			       content->name);
	buf_put(data, name->bytes, name->len);
	buf_put_u8(data, 0);
	buf_put(data, content->bytes, content->len);
	return rebuild_op(&image->rebuild, SERVE_FILE, 0, live, name->len + 1, content->len, at);
}

/* What only flows out needs room, unless it was NULL. */
static int put_room(struct image *image, const struct shape_param *param, const struct value *out)
{
	struct rebuild_value rebuilt = {.slots = {{0, REBUILD_FIRST}}, .slots_cnt = 1};
	int r;

	if (!out || (out->kind == VALUE_POINTER && !out->bits) || shape_is_unpassed(param))
		return 0;
	r = rebuild_room(&image->rebuild, REBUILD_FIRST, param->node,
			 out->child_cnt ? out->child[0]->len : 0);
	return r < 0 ? r : put_slots(image, &rebuilt, &param->loc);
}

bool image_is_in_memory(const struct shape *shape)
{
	return shape->result.node != SHAPE_NONE && shape->result.loc.piece[0].place == ABI_SRET;
}

/* A large struct is returned in memory whose address comes as the first argument. */
static int put_result_room(struct image *image, const struct shape *shape)
{
	int r = rebuild_op(&image->rebuild, SERVE_ALLOC, REBUILD_FIRST, 0, 0, shape->result.loc.size, 0);

	return r < 0 ? r : rebuild_op(&image->rebuild, SERVE_ARG, 0, REBUILD_FIRST, 0, 0, 0);
}

int image_know(struct image *image, const struct shape *shape, const char *name, size_t i,
	       const struct value *value)
{
	ssize_t at = image_param_named(shape, name, i);

	return at < 0 ? 0 : rebuild_know(&image->rebuild, value, shape->params[at].node);
}

static bool is_address(const struct value *value)
{
	return value->kind == VALUE_POINTER || value->kind == VALUE_REF || value->kind == VALUE_HANDLE ||
	       value->kind == VALUE_SYMBOL || value->kind == VALUE_UNAVAILABLE;
}

/* What the program gave to the input, or to a call before, is handed on to a callback: -ENOENT when it is
 * none of that. */
static int put_live(struct image *image, const struct shape_param *param, const struct value *value)
{
	const struct values *caller = image->caller;
	const unsigned arg = arg_number(&param->loc.piece[0]);

	if (!caller || !value->bits || !is_address(value) || shape_is_unpassed(param))
		return -ENOENT;
	for (size_t i = 0; i < caller->params_cnt; i++) {
		const struct value *given = caller->args[i] ? caller->args[i] : caller->out[i];
		ssize_t at = image_param_named(image->caller_shape, caller->names[i], i);
		const struct abi_piece *piece;

		if (at < 0 || !given || given->bits != value->bits || !is_address(given))
			continue;
		piece = &image->caller_shape->params[at].loc.piece[0];
		if (piece->place == ABI_GPR)
			return rebuild_op(&image->rebuild, SERVE_ARG, 0, piece->number, arg, 0, 0);
	}
	return image_put_given(image, value->bits, arg);
}

/* One parameter; what points into another parameter's memory comes after that. */
static int put_param(struct image *image, const struct program_func *func, const struct values *values,
		     size_t i, bool inside)
{
	const struct shape *shape = func->shape;
	const struct value *value = values->args[i];
	ssize_t at = image_param_named(shape, values->names[i], i);
	int r = -ENOENT;

	if (inside != (value && rebuild_is_inside(&image->rebuild, value)))
		return 0;
	if (at >= 0 && value)
		r = put_live(image, &shape->params[at], value);
	if (r != -ENOENT)
		return r;
	if (at < 0)
		notes_add(image->notes, "%s: parameter '%s' was recorded and is not in this build",
			  func->config->name, values->names[i]);
	else if (shape->nodes[shape->params[at].node].kind == SHAPE_FILE)
		return value ? image_put_file(image, shape, shape->params[at].node, values, value, false) : 0;
	else if (value)
		return put_argument(image, &shape->params[at], value);
	else
		return put_room(image, &shape->params[at], values->out[i]);
	return 0;
}

static int put_params(struct image *image, const struct program_func *func, const struct values *values)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < values->params_cnt; i++)
		r = image_know(image, func->shape, values->names[i], i, values->args[i]);
	for (size_t i = 0; r == 0 && i < values->params_cnt; i++)
		r = put_param(image, func, values, i, false);
	for (size_t i = 0; r == 0 && i < values->params_cnt; i++)
		r = put_param(image, func, values, i, true);
	return r < 0 ? r : rebuild_settle(&image->rebuild);
}

int image_put_arguments(struct image *image, const struct program_func *func, const struct values *values)
{
	int r = 0;

	if (func->shape->stack_bytes / 8 > PATCH_STACK_WORDS)
		return err_set(image->err, -EUNATCH, "its stack arguments are larger than can be passed");
	if (image_is_in_memory(func->shape))
		r = put_result_room(image, func->shape);
	return r < 0 ? r : put_params(image, func, values);
}

static int put_operation(struct image *image, size_t operation)
{
	const struct program_func *func = &image->program->funcs[operation];
	const struct shape *recorded;
	struct values values = {};
	int r = image_decode(image, &values, &recorded, &image->recording->operation);

	if (r < 0)
		return r;
	rebuild_begin(&image->rebuild, func->shape, recorded, NULL, NULL);
	image->header.stack_words = func->shape->stack_bytes / 8;
	image->args = image->header.args;
	image->xmm = image->header.xmm;
	image->stack = image->header.stack;
	r = image_put_arguments(image, func, &values);
	rebuild_keep(&image->rebuild);
	image->header.ops_cnt = image->rebuild.ops.len / sizeof(struct serve_op);
	return r;
}

/* --- the case: header, calls, ops, data --- */

static void move_offsets(struct image *image, size_t ops_at, size_t data_at)
{
	struct serve_op *ops = (void *)image->rebuild.ops.data;
	size_t cnt = image->rebuild.ops.len / sizeof(*ops);

	for (size_t i = 0; i < cnt; i++)
		if (ops[i].kind == SERVE_WRITE || ops[i].kind == SERVE_FILE || ops[i].kind == SERVE_ARGS)
			ops[i].data += data_at;
	for (size_t i = 0; i < image->recording->calls_cnt; i++) {
		struct case_call *call = &image->calls[i];

		call->ops = ops_at + call->ops * sizeof(*ops);
		call->key = call->key == IMAGE_UNSET ? 0 : call->key + data_at;
		call->unserved = call->unserved == IMAGE_UNSET ? 0 : call->unserved + data_at;
	}
}

static int lay_out(struct buf *out, struct image *image)
{
	const size_t calls_len = image->recording->calls_cnt * sizeof(struct case_call);
	const size_t calls_at = ALIGN_UP(sizeof(image->header), 8);
	const size_t ops_at = ALIGN_UP(calls_at + calls_len, 8);
	const size_t data_at = ALIGN_UP(ops_at + image->rebuild.ops.len, 8);

	move_offsets(image, ops_at, data_at);
	sscanf(image->recording->id, "%16llx%16llx", &image->header.name[0], &image->header.name[1]);
	image->header.calls = calls_at;
	image->header.calls_cnt = image->recording->calls_cnt;
	image->header.ops = ops_at;
	image->header.bytes = ALIGN_UP(data_at + image->rebuild.data.len, 8);
	if (image->header.bytes > PATCH_CASE_BYTES)
		return err_set(image->err, -EUNATCH, "the recording is larger than a replay can take in");
	buf_put(out, &image->header, sizeof(image->header));
	buf_align(out, 8);
	buf_put(out, image->calls, calls_len);
	buf_align(out, 8);
	buf_put(out, image->rebuild.ops.data, image->rebuild.ops.len);
	buf_align(out, 8);
	buf_put(out, image->rebuild.data.data, image->rebuild.data.len);
	buf_align(out, 8);
	return out->failed ? err_nomem(image->err) : 0;
}

static int fill(struct buf *out, struct image *image, size_t operation)
{
	int r = operation == IMAGE_NO_OPERATION ? 0 : put_operation(image, operation);

	if (r == -EUNATCH)
		return err_wrap(image->err, r, "the operation's arguments cannot be rebuilt");
	for (size_t i = 0; r == 0 && i < image->recording->calls_cnt; i++)
		r = image_put_call(image, i);
	return r < 0 ? r : lay_out(out, image);
}

int image_write(struct buf *out, const struct recording *recording, const struct schema *schema,
		struct store *store, const struct config *config, const struct program *program,
		size_t operation, struct displaced *displaced, struct notes *notes, struct err *err)
{
	autofree struct case_call *calls = calloc(recording->calls_cnt + 1, sizeof(*calls));
	autofree struct image_callbacks *callbacks = calloc(recording->calls_cnt + 1, sizeof(*callbacks));
	auto_pool struct pool *pool = pool_new();
	struct err own = {};
	struct image image = {
		.recording = recording,
		.schema = schema,
		.store = store,
		.config = config,
		.program = program,
		.notes = notes,
		.err = err ? err : &own,
		.calls = calls,
		.callbacks = callbacks,
		.pool = pool,
	};
	int r;

	if (!calls || !callbacks || !pool)
		return err_nomem(err);
	rebuild_init(&image.rebuild, program, PATCH_CASE_BYTES, notes, image.err);
	image.rebuild.displaced = displaced;
	r = image_find_callbacks(&image);
	if (r == 0)
		r = fill(out, &image, operation);
	rebuild_release(&image.rebuild);
	return r;
}
