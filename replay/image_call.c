// SPDX-License-Identifier: BSD-3-Clause
/* A recorded call in the case: by what it is found, and the program that answers it. */
#include "replay/image_impl.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/key.h"
#include "lib/program.h"
#include "lib/recording.h"
#include "lib/schema.h"
#include "lib/value.h"
#include "replay/displaced.h"
#include "replay/notes.h"
#include "replay/patchfile.h"

const struct program_func *image_func(const struct image *image, const char *alias)
{
	for (size_t i = 0; i < image->program->funcs_cnt; i++)
		if (!strcmp(image->program->funcs[i].config->alias, alias))
			return &image->program->funcs[i];
	for (size_t i = 0; i < image->program->funcs_cnt; i++)
		for (size_t k = 0; k < image->program->funcs[i].config->fallbacks_cnt; k++)
			if (!strcmp(image->program->funcs[i].config->fallbacks[k], alias))
				return &image->program->funcs[i];
	return NULL;
}

static void put_piece(struct patch_registers *out, const struct abi_piece *piece, const uint8_t *bytes)
{
	switch (piece->place) {
	case ABI_GPR:
		memcpy(piece->number ? &out->rdx : &out->rax, bytes, 8);
		break;
	case ABI_XMM:
		memcpy(&out->xmm[piece->number], bytes, 8);
		break;
	case ABI_X87:
		memcpy(out->st, bytes, (piece->number + 1) * sizeof(out->st[0]));
		break;
	}
}

/* Where the caller wants it: at the address in rdi, which becomes the result. */
static int put_result_in_memory(struct image *image, const struct value *result, uint16_t node)
{
	int r = rebuild_op(&image->rebuild, SERVE_RESULT, 0, 0, 0, 0, 0);

	if (r == 0)
		r = rebuild_op(&image->rebuild, SERVE_ADD, REBUILD_FIRST, 0, 0, 0, 0);
	return r < 0 ? r : rebuild_at(&image->rebuild, REBUILD_FIRST, result, node);
}

static int put_result(struct image *image, struct case_call *out, const struct shape *shape,
		      const struct values *values)
{
	const struct abi_loc *loc = &shape->result.loc;
	struct rebuild_value rebuilt = {};
	int r;

	if (shape->result.node == SHAPE_NONE)
		return 0;
	if (!values->result)
		return err_set(image->err, -EUNATCH, "its result was not recorded");
	if (image_is_in_memory(shape))
		return put_result_in_memory(image, values->result, shape->result.node);
	r = rebuild_value(&image->rebuild, &rebuilt, values->result, shape->result.node);
	for (int i = 0; r == 0 && i < loc->pieces_cnt; i++)
		put_piece(&out->result, &loc->piece[i], rebuilt.bytes + 8 * i);
	for (size_t i = 0; r == 0 && i < rebuilt.slots_cnt; i++)
		r = rebuild_op(&image->rebuild, SERVE_RESULT, 0, rebuilt.slots[i].reg,
			       loc->piece[rebuilt.slots[i].off / 8].number, 0, 0);
	return r;
}

/* What flowed out through the live pointers of a parameter. */
static int put_out(struct image *image, const struct shape_param *param, const struct value *out,
		   const struct value *before)
{
	/* What is not passed to the build's function it cannot have written through. */
	if (out->kind == VALUE_UNAVAILABLE || shape_is_unpassed(param))
		return 0;
	return rebuild_passed(&image->rebuild, &param->loc, out, before, param->node);
}

/* The values of the recording in the order of the build's parameters: where a VALUE_REF may lead. */
static void order_live(const struct value *live[ABI_PARAMS_MAX], const struct shape *shape,
		       const struct values *values, struct value *const recorded[ABI_PARAMS_MAX])
{
	for (size_t i = 0; i < values->params_cnt; i++) {
		ssize_t at = image_param_named(shape, values->names[i], i);

		if (at >= 0)
			live[at] = recorded[i];
	}
}

/* Arguments that are const, or that are not. */
static int know_args(struct image *image, const struct shape *shape, const struct values *values,
		     bool is_const)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < values->params_cnt; i++)
		if (values->args[i] && values->args[i]->is_const == is_const)
			r = image_know(image, shape, values->names[i], i, values->args[i]);
	return r;
}

/*
 * Of one place in memory the first one counts. What the caller has comes before the result, which may be just
 * that: a buffer that was filled and is returned, one of the constants that were given. Then what the call
 * left behind: where something else lay there at its entry, that is gone.
 */
static int know_all(struct image *image, const struct shape *shape, const struct values *values)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < values->params_cnt; i++)
		r = image_know(image, shape, values->names[i], i, values->out[i]);
	if (r == 0)
		r = know_args(image, shape, values, true);
	if (r == 0)
		r = rebuild_know(&image->rebuild, values->result, shape->result.node);
	return r < 0 ? r : know_args(image, shape, values, false);
}

/* What %n stores is not captured. */
static bool stores_count(const struct values *values)
{
	for (size_t i = 0; i < values->params_cnt; i++) {
		const struct value *v = values->args[i];

		for (size_t k = 0; v && v->kind == VALUE_ARRAY && k < v->child_cnt; k++)
			if (!v->child[k]->name && v->child[k]->is_elsewhere && v->child[k]->bits)
				return true;
	}
	return false;
}

bool image_is_function(const struct shape *shape, uint16_t node)
{
	const struct btf *btf = schema_btf(shape->schema);
	const struct btf_type *t = btf__type_by_id(btf, schema_strip(shape->schema, shape->nodes[node].type));

	if (!t || !btf_is_ptr(t))
		return false;
	t = btf__type_by_id(btf, schema_strip(shape->schema, t->type));
	return t && btf_is_func_proto(t);
}

/* One that is configured was called back as often as it is recorded. */
static bool is_callback(const struct image *image, const struct value *value)
{
	size_t module;
	uint64_t addr;

	if (value->kind != VALUE_SYMBOL || !program_locate(image->program, value->symbol, &module, &addr))
		return false;
	for (size_t i = 0; i < image->program->funcs_cnt; i++) {
		const struct program_func *func = &image->program->funcs[i];

		if (func->config->role == ROLE_CALLBACK && func->module == module && func->addr == addr)
			return true;
	}
	return false;
}

/* What the real function did by calling back into the program is not done while it is served, where it was
 * not recorded. */
static void note_callbacks(struct image *image, size_t idx, const struct program_func *func,
			   const struct values *values)
{
	bool is_seen = func->config->role == ROLE_INPUT && !image->callbacks[idx].is_inside;

	for (size_t i = 0; i < values->params_cnt; i++) {
		const struct value *value = values->args[i];
		ssize_t at = image_param_named(func->shape, values->names[i], i);

		if (at < 0 || !value || !value->bits ||
		    !image_is_function(func->shape, func->shape->params[at].node) ||
		    (is_seen && is_callback(image, value)))
			continue;
		notes_add(
			image->notes,
			"'%s' was given a function ('%s'%s%s): it is not called again while '%s' is served%s",
			func->config->alias, values->names[i] ?: "?", value->text ? ", " : "",
			value->text ?: "", func->config->alias,
			is_seen ? ", unless it is one of the \"callbacks\"" : "");
	}
}

static int put_served(struct image *image, struct case_call *out, const struct shape *shape,
		      const struct shape *recorded, const struct values *values)
{
	const struct value *live[ABI_PARAMS_MAX] = {}, *live_out[ABI_PARAMS_MAX] = {};
	int r;

	if (stores_count(values))
		return err_set(image->err, -EUNATCH, "what '%%n' stored was not captured");
	order_live(live, shape, values, values->args);
	order_live(live_out, shape, values, values->out);
	rebuild_begin(&image->rebuild, shape, recorded, live, live_out);
	r = know_all(image, shape, values);
	for (size_t i = 0; r == 0 && i < values->params_cnt; i++) {
		ssize_t at = image_param_named(shape, values->names[i], i);

		if (!values->out[i])
			continue;
		if (at < 0)
			return err_set(image->err, -EUNATCH, "its parameter '%s' is not in this build",
				       values->names[i]);
		if (shape->nodes[shape->params[at].node].kind == SHAPE_FILE)
			r = image_put_file(image, shape, shape->params[at].node, values, values->out[i],
					   true);
		else
			r = put_out(image, &shape->params[at], values->out[i], values->args[i]);
	}
	if (r == 0)
		r = rebuild_settle(&image->rebuild);
	if (r == 0)
		r = put_result(image, out, shape, values);
	return r < 0 ? r : rebuild_settle(&image->rebuild);
}

/* The key may name a handle: its number is then the one that the program will hold. */
static void displace(struct image *image, struct value *value)
{
	if (!value)
		return;
	if (value->kind == VALUE_HANDLE)
		value->bits = displaced_to(image->rebuild.displaced, value->bits);
	for (size_t i = 0; i < value->child_cnt; i++)
		displace(image, value->child[i]);
}

static int put_key(struct image *image, struct case_call *out, const struct program_func *func,
		   const struct call *call)
{
	struct buf *data = &image->rebuild.data;
	const size_t at = data->len;
	const struct shape *shape;
	struct values values = {};
	int r;

	if (func->config->role != ROLE_INPUT)
		return 0;
	r = image_decode(image, &values, &shape, call);
	if (r < 0)
		return r;
	for (size_t i = 0; image->rebuild.displaced && i < values.params_cnt; i++)
		displace(image, values.args[i]);
	r = key_put(data, func->shape, &values, (const char *const *)func->config->key, func->config->key_cnt,
		    image->program, image->err);
	if (r == -ENODATA)
		return err_wrap(image->err, -EUNATCH, "a call of '%s' cannot be found again",
				func->config->alias);
	out->key = at;
	out->key_len = data->len - at;
	return r;
}

/* A call that cannot be served does not stop the others: it says so when it is asked for. */
static int put_unserved(struct image *image, struct case_call *out, const char *why)
{
	out->unserved = image->rebuild.data.len;
	buf_put(&image->rebuild.data, why, strlen(why) + 1);
	out->ops_cnt = 0;
	return 0;
}

static const unsigned roles[ROLE_CNT] = {
	[ROLE_OPERATION] = PATCH_OPERATION,
	[ROLE_INPUT] = PATCH_INPUT,
	[ROLE_OUTPUT] = PATCH_OUTPUT,
	[ROLE_CALLBACK] = PATCH_CALLBACK,
};

int image_put_call(struct image *image, size_t idx)
{
	const struct call *call = &image->recording->calls[idx];
	const struct schema_func *recorded = schema_func(image->schema, call->func);
	const struct program_func *func = image_func(image, recorded->alias);
	struct case_call *out = &image->calls[idx];
	struct rebuild *rebuild = &image->rebuild;
	const struct shape *shape;
	struct values values = {};
	char why[256];
	int r = image_decode(image, &values, &shape, call);

	if (r < 0)
		return r;
	*out = (struct case_call){.alias = patchfile_alias(image->config, recorded->alias),
				  .role = roles[recorded->role],
				  .key = IMAGE_UNSET,
				  .unserved = IMAGE_UNSET,
				  .has_errno = call->has_errno,
				  .error_number = call->error_number};
	if (recorded->role == ROLE_CALLBACK)
		return 0;
	if (!func)
		return put_unserved(image, out, "nothing in the configuration has its alias any more");
	r = put_key(image, out, func, call);
	if (r < 0)
		return r;
	note_callbacks(image, idx, func, &values);
	out->ops = rebuild->ops.len / sizeof(struct serve_op);
	r = image_hand_on(image, idx, func->shape, shape);
	if (r == 0)
		r = image_put_callbacks(image, idx, func, &values);
	if (r < 0)
		return r == -EUNATCH ? put_unserved(image, out, image->err->msg) : r;
	if (call->left != LEFT_RETURN) {
		snprintf(
			why, sizeof(why), "when it was recorded it did not return (%s)%s",
			left_name(call->left),
			call->left == LEFT_UNWOUND
				? ": a longjmp or an exception cannot be repeated; say with \"when_missing\" "
				  "whether to run it, or what to return"
				: "");
		out->did_not_return = 1;
		put_unserved(image, out, why);
		out->ops_cnt = rebuild->ops.len / sizeof(struct serve_op) - out->ops;
		return 0;
	}
	r = put_served(image, out, func->shape, shape, &values);
	out->ops_cnt = rebuild->ops.len / sizeof(struct serve_op) - out->ops;
	return r == -EUNATCH ? put_unserved(image, out, image->err->msg) : r;
}
