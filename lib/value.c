// SPDX-License-Identifier: BSD-3-Clause
#include "lib/value.h"

#include <errno.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/decode.h"
#include "lib/memory.h"
#include "lib/plan.h"
#include "lib/pool.h"
#include "lib/recording.h"
#include "lib/util.h"

#define EIGHTBYTE      8
#define PATH_BYTES_MAX (64 * 1024)

/* Of recordings made before such registers were read, and of those that could not be read. */
static const char no_register[] = "in a floating-point register";
static const char unread_register[] = "the floating-point registers could not be read";

/* --- parameters and the result --- */

#define VALUE_BYTES_MAX (2 * PLAN_FP_BYTES) /* of a value in registers: a _Complex long double */
#define X87_BYTES	10		    /* of the 16 of a long double */

/* What a call's registers held at one instant. */
struct registers {
	const uint64_t *gprs;	   /* by number */
	const struct fragment *fp; /* enum plan_fpreg; NULL: not recorded */
};

static const struct fragment *fp_of(const struct side *side)
{
	for (size_t i = 0; i < side->cnt; i++)
		if (side->fragments[i].node == PLAN_NODE_FPREGS)
			return &side->fragments[i];
	return NULL;
}

/* Register @number's first @len bytes. */
static bool copy_fp(void *to, const struct registers *regs, unsigned number, size_t len)
{
	size_t at = (size_t)number * PLAN_FP_BYTES;

	if (!regs->fp || regs->fp->captured < at + PLAN_FP_BYTES)
		return false;
	memcpy(to, regs->fp->bytes + at, len);
	return true;
}

/* A long double, or the two of a _Complex one. */
static bool copy_x87(uint8_t *to, const struct registers *regs, unsigned last)
{
	for (unsigned i = 0; i <= last; i++)
		if (!copy_fp(to + i * PLAN_FP_BYTES, regs, PLAN_FP_ST0 + i, X87_BYTES))
			return false;
	return true;
}

static bool copy_piece(uint8_t *to, const struct registers *regs, const struct abi_piece *piece)
{
	switch (piece->place) {
	case ABI_GPR:
		memcpy(to, &regs->gprs[piece->number], EIGHTBYTE);
		return true;
	case ABI_XMM:
		return copy_fp(to, regs, PLAN_FP_XMM0 + piece->number, EIGHTBYTE);
	case ABI_X87:
		return copy_x87(to, regs, piece->number);
	default:
		return false;
	}
}

/* Registers as the bytes of a value. */
static bool extent_of_registers(struct decoder *d, struct extent *out, const struct abi_loc *loc,
				const struct registers *regs)
{
	uint8_t *bytes = pool_alloc(d->pool, VALUE_BYTES_MAX);

	if (!bytes) {
		d->failed = true;
		return false;
	}
	*out = (struct extent){.bytes = bytes,
			       .captured = MIN(loc->size, VALUE_BYTES_MAX),
			       .reason = regs->fp ? unread_register : no_register};
	for (unsigned i = 0; i < loc->pieces_cnt && i < ABI_PIECES_MAX; i++) {
		if (copy_piece(bytes + i * EIGHTBYTE, regs, &loc->piece[i]))
			continue;
		if (loc->piece[i].place == ABI_UNPASSED)
			out->reason = shape_unpassed;
		if (i + 1 < loc->pieces_cnt)
			out->missing |= 1 << i;
		else /* the last one may be wider than eight bytes: x87 */
			out->missing |= 0xff << i;
	}
	return true;
}

const uint8_t *decode_xmm(const struct decoder *d, unsigned number)
{
	const struct fragment *fp = fp_of(&d->call->in);
	size_t at = (size_t)number * PLAN_FP_BYTES;

	return fp && fp->captured >= at + PLAN_FP_BYTES ? fp->bytes + at : NULL;
}

const char *decode_no_xmm(const struct decoder *d)
{
	return fp_of(&d->call->in) ? unread_register : no_register;
}

/* A parameter's own bytes, as they were at entry. */
bool decode_param_extent(struct decoder *d, struct extent *out, const struct shape_param *param)
{
	const struct call *call = d->call;
	uint64_t addr = call->rsp + 8 + param->loc.piece[0].number;
	struct found found = {.captured = param->loc.size};

	if (!param->loc.pieces_cnt || param->loc.piece[0].place != ABI_STACK)
		return extent_of_registers(d, out, &param->loc,
					   &(struct registers){call->args, fp_of(&call->in)});
	found.bytes = memory_read(d->entry, addr, param->loc.size);
	*out = extent_of(addr, &found);
	out->has_addr = d->flow == FLOW_IN;
	if (!found.bytes) {
		out->captured = 0;
		out->reason = extent_why_absent(d, addr);
	}
	return true;
}

static struct value *decode_param(struct decoder *d, const struct shape_param *param)
{
	struct extent extent;
	struct value *v;

	if (!decode_param_extent(d, &extent, param))
		return NULL;
	v = decode_new(d, param->node, NULL);
	if (v)
		decode(d, v, &extent, 0);
	return v;
}

static struct value *decode_result(struct decoder *d, const struct call *call)
{
	const struct shape_param *result = &d->shape->result;
	const uint64_t gprs[ABI_GPRS] = {call->rax, call->rdx};
	const struct registers regs = {gprs, fp_of(&call->out)};
	struct extent extent;
	struct value *v;

	if (result->loc.pieces_cnt && result->loc.piece[0].place == ABI_SRET) {
		if (!extent_locate(d, &extent, call->rax, result->node, result->loc.size))
			extent = (struct extent){.reason = extent_why_absent(d, call->rax)};
	} else if (!extent_of_registers(d, &extent, &result->loc, &regs)) {
		return NULL;
	}
	v = decode_new(d, result->node, NULL);
	if (v)
		decode(d, v, &extent, 0);
	return v;
}

/* Whether anything that @node's value reaches is captured at return. */
static bool flows_out(const struct shape *shape, uint16_t node)
{
	const struct shape_node *n = &shape->nodes[node];

	if (n->kind == SHAPE_HANDLE || n->kind == SHAPE_CUT)
		return false;
	if (n->flows & FLOW_OUT)
		return true;
	if (n->kind != SHAPE_STRUCT && n->kind != SHAPE_ARRAY)
		return false;
	for (uint16_t i = n->first_child; i != SHAPE_NONE; i = shape->nodes[i].next)
		if (flows_out(shape, i))
			return true;
	return false;
}

/* Captured at return for its file's sake alone. */
static bool is_const_text(const struct shape *shape, uint16_t node)
{
	return shape->nodes[node].kind == SHAPE_STRING && shape->nodes[node].is_const;
}

int values_decode(struct values *out, const struct shape *shape, const struct call *call, struct pool *pool)
{
	struct values values = {.params_cnt = MIN(shape->params_cnt, ABI_PARAMS_MAX),
				.has_errno = call->has_errno,
				.error_number = call->error_number};
	bool has_returned = call->left == LEFT_RETURN;
	struct decoder in, ret;
	size_t cnt = 0;

	if (decoder_init(&in, shape, &call->in, FLOW_IN, &cnt, pool) ||
	    decoder_init(&ret, shape, &call->out, FLOW_OUT, &cnt, pool))
		return -ENOMEM;
	in.symbols = ret.symbols = call->symbols;
	in.call = ret.call = call;
	in.entry = ret.entry = in.memory;
	in.other = ret.memory;
	ret.other = in.memory;
	for (size_t i = 0; i < values.params_cnt; i++) {
		const struct shape_param *param = &shape->params[i];

		values.names[i] = shape->nodes[param->node].name;
		if (!shape->nodes[param->node].is_out_only)
			values.args[i] = decode_param(&in, param);
		if (has_returned && flows_out(shape, param->node) && !is_const_text(shape, param->node))
			values.out[i] = decode_param(&ret, param);
	}
	if (has_returned && shape->result.node != SHAPE_NONE)
		values.result = decode_result(&ret, call);
	if (decoder_failed(&in) || decoder_failed(&ret))
		return -ENOMEM;
	*out = values;
	return 0;
}

/* --- places --- */

const struct value *value_content(const struct value *value)
{
	bool is_container =
		value->kind == VALUE_STRUCT && value->child_cnt == 1 && value->child[0]->is_content;

	return is_container ? value->child[0] : value;
}

long double value_float(const struct value *v)
{
	long double ld = 0;
	double d = 0;
	float f = 0;

	if (v->size == sizeof(f)) {
		memcpy(&f, v->bytes, sizeof(f));
		return f;
	}
	if (v->size == sizeof(d)) {
		memcpy(&d, v->bytes, sizeof(d));
		return d;
	}
	memcpy(&ld, v->bytes, VALUE_LONG_DOUBLE_BYTES);
	return ld;
}

bool value_is_null(const struct value *v)
{
	return v->kind == VALUE_POINTER && !v->bits;
}

bool value_same_bytes(const struct value *a, const struct value *b)
{
	size_t len = a->kind == VALUE_TEXT ? MAX(a->len, a->extent) : a->len;
	size_t other = b->kind == VALUE_TEXT ? MAX(b->len, b->extent) : b->len;

	return a->len == b->len && len == other &&
	       (!len || (a->bytes && b->bytes && !memcmp(a->bytes, b->bytes, len)));
}

const struct value *value_pointee(const struct value *value)
{
	if (value->kind == VALUE_REF)
		return value->target;
	return value->kind == VALUE_POINTER && value->child_cnt ? value->child[0] : NULL;
}

static size_t index_of(const struct value *array, const struct value *element)
{
	size_t i = 0;

	while (i < array->child_cnt && array->child[i] != element)
		i++;
	return i;
}

static bool is_pointee(const struct value *v)
{
	return v->parent && (v->parent->kind == VALUE_POINTER || v->parent->kind == VALUE_UNAVAILABLE);
}

/* What needs its star written: an object behind a pointer that has no other spelling. */
static bool is_starred(const struct value *v)
{
	return is_pointee(v) && v->kind != VALUE_STRUCT && v->kind != VALUE_ARRAY && v->kind != VALUE_TEXT &&
	       v->kind != VALUE_BYTES;
}

static void put_path(struct buf *buf, const struct value *v, bool goes_on)
{
	const struct value *parent = v->parent;

	if (is_starred(v)) {
		buf_printf(buf, goes_on ? "(*" : "*");
		put_path(buf, parent, true);
		buf_printf(buf, goes_on ? ")" : "");
	} else if (is_pointee(v) || v->is_content) {
		put_path(buf, parent, goes_on);
	} else if (!parent) {
		buf_printf(buf, "%s", v->name ? v->name : "");
	} else if (parent->kind == VALUE_ARRAY) {
		put_path(buf, parent, true);
		buf_printf(buf, "[%zu]", index_of(parent, v));
	} else {
		put_path(buf, parent, true);
		buf_printf(buf, "%s%s", is_pointee(parent) ? "->" : ".", v->name ? v->name : "");
	}
}

char *value_path(const struct value *value)
{
	auto_buf struct buf buf;

	buf_init(&buf, PATH_BYTES_MAX);
	put_path(&buf, value, false);
	buf_put_u8(&buf, 0);
	return buf.failed ? NULL : (char *)TAKE_PTR(buf.data);
}
