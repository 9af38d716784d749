// SPDX-License-Identifier: BSD-3-Clause
/* The bytes of key.h from recorded values. lib/planner_key.c makes the same from memory, in the same order.
 */
#include "lib/key.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/expr.h"
#include "lib/key_parts.h"
#include "lib/plan.h"
#include "lib/program.h"
#include "lib/schema.h"
#include "lib/util.h"
#include "lib/value.h"

#define X87_BYTES 10 /* of a long double; the rest of its 16 is padding */

/* --- what takes part --- */

bool key_takes(const struct shape_node *n, enum key_why why)
{
	switch (n->kind) {
	case SHAPE_POINTER:
	case SHAPE_STRING:
	case SHAPE_BYTES:
		if (why == KEY_DEFAULT && !n->is_inline && !n->is_const && !n->is_explicit && !n->is_content)
			return false;
		return n->flows & FLOW_IN;
	case SHAPE_ARRAY:
		return (!n->length && !n->has_terminator) || n->flows & FLOW_IN;
	case SHAPE_HANDLE:
		return why != KEY_DEFAULT;
	case SHAPE_FILE:
		return false;
	default:
		return !n->is_hidden;
	}
}

static const struct btf_type *type_of(const struct shape *shape, const struct shape_node *n)
{
	return btf__type_by_id(schema_btf(shape->schema), schema_strip(shape->schema, n->type));
}

uint32_t key_float_len(const struct shape *shape, const struct shape_node *n)
{
	const char *name = btf__name_by_offset(schema_btf(shape->schema), type_of(shape, n)->name_off);

	return name && !strcmp(name, "long double") ? MIN(n->size, X87_BYTES) : n->size;
}

bool key_is_pointer(const struct shape *shape, const struct shape_node *n)
{
	return btf_is_ptr(type_of(shape, n));
}

static int check_step(const struct shape *shape, uint16_t from, const struct path_step *step,
		      const char *text, struct err *err)
{
	const struct shape_node *n = &shape->nodes[from];

	if (n->kind == SHAPE_AGAIN)
		return err_usage(err, -EINVAL, "key '%s' names one of a varying number of objects", text);
	if (step->kind == STEP_EACH)
		return err_usage(err, -EINVAL, "key '%s' names each element: name the whole array", text);
	if (step->kind == STEP_INDEX && (n->length || n->has_terminator || n->kind == SHAPE_VARARGS))
		return err_usage(err, -EINVAL, "key '%s' names one of a varying number of elements", text);
	return 0;
}

int key_path(struct path *path, uint16_t *node, const struct shape *shape, const char *text, struct err *err)
{
	uint16_t at = 0;
	int r = path_parse(path, text, err);

	if (!r && (!strcmp(path->root, "return") || !strcmp(path->root, "errno")))
		r = err_usage(err, -EINVAL, "key '%s' is not known at entry", text);
	if (!r)
		r = shape_root(shape, SHAPE_NONE, path->root, &at, err);
	for (size_t i = 0; !r && i < path->cnt; i++) {
		r = check_step(shape, at, &path->steps[i], text, err);
		if (!r)
			r = shape_step(shape, at, &path->steps[i], &at, err);
	}
	if (!r && shape->nodes[at].kind == SHAPE_CUT)
		r = err_usage(err, -EINVAL, "key '%s' is not captured: %s", text, shape->nodes[at].reason);
	if (!r && !key_takes(&shape->nodes[at], KEY_NAMED))
		r = err_usage(err, -EINVAL, "key '%s' flows out only: it is not known at entry", text);
	if (!r)
		*node = at;
	return r;
}

/* --- values --- */

/* A value that is not there at all, because the other layout does not have it, counts as zero: NULL here. */
struct maker {
	struct buf *out;
	const struct shape *shape;
	const struct values *values;
	const struct program *program; /* NULL: none */
	const struct value *unread;    /* a part that could not be recorded, though the program had it */
};

static void put_value(struct maker *m, uint16_t node, const struct value *v, enum key_why why);

static void put_fault(struct maker *m)
{
	buf_put_u8(m->out, KEY_FAULT);
}

static void put_unavailable(struct maker *m, const struct value *v)
{
	put_fault(m);
	if (v->is_unread)
		m->unread = v;
}

/* The number that an enumerator of this name has here. */
static uint64_t enum_number(const struct maker *m, const struct shape_node *n, const struct value *v)
{
	const struct btf *btf = schema_btf(m->shape->schema);
	const struct btf_type *t = type_of(m->shape, n);

	for (int i = 0; v->text && btf_is_enum(t) && i < btf_vlen(t); i++) {
		const struct btf_enum *e = &btf_enum(t)[i];

		if (!strcmp(btf__name_by_offset(btf, e->name_off), v->text))
			return n->is_signed ? (uint64_t)e->val : (uint32_t)e->val;
	}
	for (int i = 0; v->text && btf_is_enum64(t) && i < btf_vlen(t); i++) {
		const struct btf_enum64 *e = &btf_enum64(t)[i];

		if (!strcmp(btf__name_by_offset(btf, e->name_off), v->text))
			return btf_enum64_value(e);
	}
	return v->bits;
}

static uint64_t extend(uint64_t v, unsigned bits, bool is_signed)
{
	unsigned unused = 64 - bits;

	return is_signed ? (uint64_t)((int64_t)(v << unused) >> unused) : v << unused >> unused;
}

static void put_number(struct maker *m, const struct shape_node *n, const struct value *v)
{
	unsigned bits = n->bit_size ? n->bit_size : MIN(n->size, 8) * 8;
	uint64_t number;

	if (v && v->kind != VALUE_INT && v->kind != VALUE_BOOL && v->kind != VALUE_ENUM) {
		put_fault(m);
		return;
	}
	number = !v ? 0 : n->kind == SHAPE_ENUM && v->kind == VALUE_ENUM ? enum_number(m, n, v) : v->bits;
	if (n->size == 16 && !n->bit_size) {
		buf_put_u64(m->out, number);
		buf_put_u64(m->out, !v					   ? 0
				    : v->size == 16			   ? v->bits_high
				    : v->is_signed && (int64_t)v->bits < 0 ? UINT64_MAX
									   : 0);
		return;
	}
	/* What does not fit here was never passed here. */
	if (number != extend(number, bits, true) && number != extend(number, bits, false))
		put_fault(m);
	else
		buf_put_u64(m->out, extend(number, bits, n->is_signed));
}

/* @len bytes of a value that is shown as bytes of its own @size. */
static void put_raw(struct maker *m, const struct value *v, uint32_t size, uint32_t len)
{
	if (!v)
		buf_grow(m->out, len);
	else if ((v->kind == VALUE_FLOAT || v->kind == VALUE_BYTES) && v->bytes &&
		 (v->kind == VALUE_FLOAT ? v->size : v->len) == size)
		buf_put(m->out, v->bytes, len);
	else
		put_fault(m);
}

static void put_text(struct maker *m, const struct value *v)
{
	if (v && v->kind != VALUE_TEXT) {
		put_fault(m);
		return;
	}
	if (v)
		buf_put(m->out, v->bytes, v->len);
	buf_put_u8(m->out, 0);
}

static void put_bytes(struct maker *m, const struct value *v)
{
	if (v && v->kind != VALUE_BYTES && v->kind != VALUE_TEXT) {
		put_fault(m);
		return;
	}
	buf_put_u64(m->out, v ? v->len : 0);
	if (v)
		buf_put(m->out, v->bytes, v->len);
}

/* --- aggregates --- */

static const struct value *child_named(const struct value *v, const char *name)
{
	for (size_t i = 0; i < v->child_cnt; i++)
		if (v->child[i]->name && !strcmp(v->child[i]->name, name))
			return v->child[i];
	return NULL;
}

static enum key_why inside(enum key_why why)
{
	return why == KEY_DEFAULT ? KEY_DEFAULT : KEY_WITHIN;
}

/* Members, those of anonymous structs too; @unions counts anonymous unions. */
static void put_members(struct maker *m, uint16_t node, const struct value *v, enum key_why why, uint32_t off,
			unsigned *unions)
{
	for (uint16_t i = m->shape->nodes[node].first_child; i != SHAPE_NONE; i = m->shape->nodes[i].next) {
		const struct shape_node *n = &m->shape->nodes[i];
		char name[SHAPE_UNION_NAME];

		if (!n->name && n->kind == SHAPE_STRUCT) {
			put_members(m, i, v, why, off + n->offset, unions);
			continue;
		}
		if (!n->name)
			shape_union_name(name, (*unions)++, off + n->offset);
		put_value(m, i, v ? child_named(v, n->name ? n->name : name) : NULL, inside(why));
	}
}

static void put_struct(struct maker *m, uint16_t node, const struct value *v, enum key_why why)
{
	unsigned unions = 0;

	if (v && v->kind != VALUE_STRUCT)
		put_fault(m);
	else
		put_members(m, node, v, why, 0, &unions);
}

/* A member that is live, or nobody knows which. */
static void put_union(struct maker *m, const struct shape_node *n, const struct value *v, enum key_why why)
{
	const struct value *live = v && v->kind == VALUE_STRUCT && v->child_cnt ? v->child[0] : NULL;
	uint64_t idx = 0;

	for (uint16_t i = n->first_child; live && i != SHAPE_NONE; i = m->shape->nodes[i].next, idx++) {
		if (!m->shape->nodes[i].name || strcmp(m->shape->nodes[i].name, live->name))
			continue;
		buf_put_u64(m->out, idx);
		put_value(m, i, live, inside(why));
		return;
	}
	if (live) {
		put_fault(m);
		return;
	}
	buf_put_u64(m->out, UINT64_MAX);
	put_raw(m, v, n->size, n->size);
}

static void put_array(struct maker *m, const struct shape_node *n, const struct value *v, enum key_why why)
{
	if (v && v->kind != VALUE_ARRAY) {
		put_fault(m);
		return;
	}
	for (size_t i = 0; i < n->count && m->shape->nodes[n->first_child].size && !m->out->failed; i++)
		put_value(m, n->first_child, v && i < v->child_cnt ? v->child[i] : NULL, inside(why));
}

static void put_elements(struct maker *m, const struct shape_node *n, const struct value *v)
{
	if (v && v->kind != VALUE_ARRAY) {
		put_fault(m);
		return;
	}
	buf_put_u64(m->out, v ? v->child_cnt : 0);
	for (size_t i = 0; v && i < v->child_cnt && !m->out->failed; i++)
		put_value(m, n->first_child, v->child[i], KEY_WITHIN);
}

/* --- pointers --- */

static void put_content(struct maker *m, const struct shape_node *n, const struct value *to)
{
	if (!to)
		put_fault(m);
	else if (n->kind == SHAPE_STRING)
		put_text(m, to);
	else if (n->kind == SHAPE_BYTES)
		put_bytes(m, to);
	else if (n->length || n->has_terminator)
		put_elements(m, n, to);
	else
		put_value(m, n->first_child, to, KEY_WITHIN);
}

static bool has_address(const struct value *v)
{
	return v->kind == VALUE_POINTER || v->kind == VALUE_REF || v->kind == VALUE_HANDLE ||
	       v->kind == VALUE_SYMBOL || (v->kind == VALUE_UNAVAILABLE && v->bits);
}

static uint64_t address_of(const struct maker *m, const struct value *v)
{
	uint64_t addr;
	size_t module;

	if (v->kind == VALUE_SYMBOL && m->program && program_locate(m->program, v->symbol, &module, &addr))
		return PLAN_IMAGE(module, addr);
	return v->bits;
}

/* That a container holds nothing is a length of 0. */
static void put_held(struct maker *m, const struct shape_node *n, const struct value *v)
{
	if (!v || (v->kind == VALUE_POINTER && !v->child_cnt))
		buf_put_u64(m->out, 0);
	else
		put_content(m, n, value_pointee(v));
}

static void put_pointer(struct maker *m, const struct shape_node *n, const struct value *v, enum key_why why)
{
	if (v && !has_address(v)) {
		put_fault(m);
	} else if (n->is_content && n->kind != SHAPE_CUT) {
		put_held(m, n, v);
	} else if (n->kind == SHAPE_HANDLE && why == KEY_NAMED) {
		buf_put_u64(m->out, v ? address_of(m, v) : 0);
	} else if (!v || !v->bits) {
		buf_put_u8(m->out, 0);
	} else if (n->kind == SHAPE_CUT || n->kind == SHAPE_AGAIN) {
		buf_put_u8(m->out, KEY_CUT);
	} else {
		buf_put_u8(m->out, 1);
		if (n->kind != SHAPE_HANDLE)
			put_content(m, n, value_pointee(v));
	}
}

/* --- variable arguments: each says itself what it is --- */

static void put_vararg(struct maker *m, const struct value *v)
{
	switch (v->kind) {
	case VALUE_INT:
		buf_put_u64(m->out, v->bits);
		break;
	case VALUE_FLOAT:
		buf_put(m->out, v->bytes, MIN(v->len, X87_BYTES));
		break;
	case VALUE_POINTER:
		buf_put_u8(m->out, v->bits != 0);
		if (v->child_cnt)
			put_text(m, v->child[0]);
		break;
	case VALUE_HANDLE:
	case VALUE_SYMBOL:
		buf_put_u8(m->out, 1);
		break;
	default:
		if (v->is_elsewhere)
			break;
		if (v->is_unread)
			m->unread = v;
		/* Text that could not be read is there, too. */
		if (v->bits && !v->is_wide)
			buf_put_u8(m->out, 1);
		buf_put_u8(m->out, v->bits && !v->is_wide ? KEY_FAULT : KEY_CUT);
	}
}

static void put_varargs(struct maker *m, const struct value *v)
{
	if (!v || v->kind != VALUE_ARRAY) {
		buf_put_u8(m->out, v ? KEY_CUT : 0);
		return;
	}
	for (size_t i = 0; i < v->child_cnt; i++)
		put_vararg(m, v->child[i]);
}

/* --- any value --- */

static bool is_pointer(const struct maker *m, const struct shape_node *n)
{
	switch (n->kind) {
	case SHAPE_POINTER:
	case SHAPE_STRING:
	case SHAPE_HANDLE:
	case SHAPE_AGAIN:
		return true;
	case SHAPE_BYTES:
		return !n->is_inline;
	case SHAPE_CUT:
		return key_is_pointer(m->shape, n);
	default:
		return false;
	}
}

static void put_value(struct maker *m, uint16_t node, const struct value *v, enum key_why why)
{
	const struct shape_node *n = &m->shape->nodes[node];

	if (!key_takes(n, why) || m->out->failed)
		return;
	if (n->kind == SHAPE_VARARGS)
		put_varargs(m, v);
	else if (is_pointer(m, n))
		put_pointer(m, n, v, why);
	else if (n->kind == SHAPE_CUT)
		buf_put_u8(m->out, KEY_CUT);
	else if (v && v->kind == VALUE_UNAVAILABLE)
		put_unavailable(m, v);
	else if (n->kind == SHAPE_STRUCT)
		put_struct(m, node, v, why);
	else if (n->kind == SHAPE_ARRAY && (n->length || n->has_terminator))
		put_elements(m, n, v);
	else if (n->kind == SHAPE_ARRAY)
		put_array(m, n, v, why);
	else if (n->kind == SHAPE_BYTES)
		put_bytes(m, v);
	else if (n->kind == SHAPE_CHARS)
		put_text(m, v);
	else if (n->kind == SHAPE_FLOAT)
		put_raw(m, v, n->size, key_float_len(m->shape, n));
	else if (n->kind == SHAPE_UNION && n->tag)
		put_union(m, n, v, why);
	else if (n->kind == SHAPE_UNION)
		put_raw(m, v, n->size, n->size);
	else
		put_number(m, n, v);
}

/* --- finding values --- */

static bool is_param(const struct shape *shape, const char *name)
{
	for (size_t i = 0; i < shape->params_cnt; i++)
		if (!strcmp(shape->nodes[shape->params[i].node].name, name))
			return true;
	return false;
}

/* The recorded argument for parameter @idx: by its name, or in its place when its name is gone. NULL: none.
 */
static const struct value *argument(const struct maker *m, size_t idx)
{
	const char *name = m->shape->nodes[m->shape->params[idx].node].name;
	const struct values *values = m->values;

	for (size_t i = 0; i < values->params_cnt; i++)
		if (values->names[i] && !strcmp(values->names[i], name))
			return values->args[i];
	if (idx < values->params_cnt && values->names[idx] && !is_param(m->shape, values->names[idx]))
		return values->args[idx];
	return NULL;
}

/* One node further down. False: a pointer on the way is NULL, or something could not be captured. *@v NULL:
 * the recorded layout does not have it. */
static bool down(const struct maker *m, uint16_t node, int64_t index, const struct value **v)
{
	const struct shape_node *n = &m->shape->nodes[node], *parent = &m->shape->nodes[n->parent];

	if (!*v)
		return parent->kind != SHAPE_POINTER;
	if (parent->kind == SHAPE_POINTER) {
		*v = value_pointee(*v);
		if (*v && (parent->length || parent->has_terminator))
			*v = (*v)->kind == VALUE_ARRAY && (*v)->child_cnt ? (*v)->child[0] : NULL;
		return *v;
	}
	if (parent->kind == SHAPE_ARRAY) {
		if ((*v)->kind != VALUE_ARRAY || (size_t)index >= (*v)->child_cnt)
			return false;
		*v = (*v)->child[index];
		return true;
	}
	if ((*v)->kind != VALUE_STRUCT)
		return false;
	if (n->name)
		*v = child_named(*v, n->name);
	return true;
}

/* All nodes from @from down to @to, which one step of a path passes. */
static bool way(const struct maker *m, uint16_t from, uint16_t to, int64_t index, const struct value **v)
{
	if (to == from)
		return true;
	return way(m, from, m->shape->nodes[to].parent, index, v) && down(m, to, index, v);
}

static int put_named(struct maker *m, const char *text, struct err *err)
{
	auto_path struct path path = {};
	const struct value *v = NULL;
	bool is_there = true;
	uint16_t node, at, to;
	int r = key_path(&path, &node, m->shape, text, err);

	if (r)
		return r;
	r = shape_root(m->shape, SHAPE_NONE, path.root, &at, err);
	for (size_t i = 0; !r && i < m->shape->params_cnt; i++)
		if (m->shape->params[i].node == at)
			v = argument(m, i);
	for (size_t i = 0; !r && i < path.cnt; i++) {
		r = shape_step(m->shape, at, &path.steps[i], &to, err);
		if (r)
			break;
		is_there = is_there && way(m, at, to, path.steps[i].index, &v);
		at = to;
	}
	if (r)
		return r;
	if (is_there)
		put_value(m, node, v, KEY_NAMED);
	else
		put_fault(m);
	return 0;
}

static int say_unread(const struct value *v, struct err *err)
{
	autofree char *path = value_path(v);

	return err_set(err, -ENODATA, "'%s' is part of its key, and was not captured: %s", path ? path : "?",
		       v->text);
}

/* As the target's end_key. */
static void hash_long(struct buf *out, size_t start)
{
	uint64_t hash[2] = {0, PLAN_KEY_SEED}, len = out->len - start;

	if (len <= KEY_BYTES_MAX)
		return;
	for (size_t i = 0; i < len; i += sizeof(uint64_t)) {
		uint64_t word = 0;

		memcpy(&word, out->data + start + i, MIN(sizeof(word), len - i));
		hash[0] = plan_hash(hash[0], word);
		hash[1] = plan_hash(hash[1], word);
	}
	out->len = start;
	buf_put_u64(out, hash[0]);
	buf_put_u64(out, hash[1]);
	buf_put_u64(out, len);
}

static void put_default(struct maker *m)
{
	for (size_t i = 0; i < m->shape->params_cnt; i++)
		if (!shape_is_unpassed(&m->shape->params[i]))
			put_value(m, m->shape->params[i].node, argument(m, i), KEY_DEFAULT);
}

int key_put(struct buf *out, const struct shape *shape, const struct values *values, const char *const *key,
	    unsigned key_cnt, const struct program *program, struct err *err)
{
	struct maker m = {.out = out, .shape = shape, .values = values, .program = program};
	size_t start = out->len;
	int r = 0;

	if (!key)
		put_default(&m);
	for (unsigned i = 0; key && i < key_cnt && !r; i++)
		if (!strcmp(key[i], KEY_DEFAULT_PATH))
			put_default(&m);
		else
			r = put_named(&m, key[i], err);
	if (r)
		return r;
	if (m.unread)
		return say_unread(m.unread, err);
	if (out->failed == -ENOMEM)
		return err_nomem(err);
	if (out->failed)
		return err_set(err, -EFBIG, "the key is longer than %zu bytes", out->max);
	hash_long(out, start);
	return 0;
}
