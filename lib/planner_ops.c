// SPDX-License-Identifier: BSD-3-Clause
#include "lib/planner_build.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/err.h"
#include "lib/util.h"

#define EIGHTBYTE 8

int planner_fail(struct planner *p, int code, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list args;

	if (p->failed)
		return p->failed;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	p->failed = err_set(p->err, code, "'%s' %s", p->param, text);
	return code;
}

unsigned put_op(struct planner *p, struct plan_op op)
{
	if (p->cnt == PLAN_OPS_MAX) {
		planner_fail(p, -E2BIG, "needs more than %d steps to capture", PLAN_OPS_MAX);
		err_hint(p->err, "lower its \"depth\", or make parts of it \"opaque\"");
		return 0;
	}
	p->ops[p->cnt] = op;
	return p->cnt++;
}

void put_jump(struct planner *p, struct plan_op op, struct label *to)
{
	op.jmp = to->last;
	to->last = put_op(p, op);
}

void put_label(struct planner *p, struct label *label)
{
	for (int i = label->last, next; i >= 0 && !p->failed; i = next) {
		next = p->ops[i].jmp;
		p->ops[i].jmp = p->cnt - (i + 1);
	}
	label->last = -1;
}

uint8_t new_value(struct planner *p)
{
	if (p->next == PLAN_VALUES) {
		planner_fail(p, -E2BIG, "is nested too deeply to capture");
		err_hint(p->err, "lower its \"depth\", or make parts of it \"opaque\"");
		return PLAN_V_TEMP;
	}
	return p->next++;
}

uint8_t put_const(struct planner *p, int64_t number)
{
	uint8_t v;

	if (!number)
		return PLAN_V_ZERO;
	v = new_value(p);
	put_op(p,
	       (struct plan_op){
		       .kind = PLAN_CONST, .dst = v, .imm = (int32_t)number, .max = (uint64_t)number >> 32});
	return v;
}

uint8_t put_binary(struct planner *p, uint8_t kind, uint8_t a, uint8_t b)
{
	uint8_t v = new_value(p);

	put_op(p, (struct plan_op){.kind = kind, .dst = v, .a = a, .b = b});
	return v;
}

/* --- places --- */

struct place place_of_param(const struct planner *p, const struct shape_param *param)
{
	const struct abi_piece *piece = &param->loc.piece[0];

	if (!param->loc.pieces_cnt || piece->place == ABI_NONE)
		return (struct place){};
	if (piece->place == ABI_SRET)
		return (struct place){.kind = PLACE_MEMORY, .base = PLAN_V_RAX};
	if (piece->place != ABI_STACK)
		return (struct place){.kind = PLACE_REGS, .loc = &param->loc};
	if (p->section == SECTION_OUT)
		return (struct place){.kind = PLACE_KEPT, .off = piece->number};
	return (struct place){.kind = PLACE_MEMORY, .base = PLAN_V_RSP, .off = EIGHTBYTE + piece->number};
}

struct place place_inside(struct place place, int64_t off)
{
	place.off += off;
	return place;
}

bool place_is_known(const struct planner *p, const struct place *place, uint32_t len)
{
	if (place->kind != PLACE_REGS)
		return place->kind != PLACE_NOWHERE;
	for (uint32_t i = place->off / EIGHTBYTE; len && i <= (place->off + len - 1) / EIGHTBYTE; i++) {
		unsigned in = i < place->loc->pieces_cnt ? place->loc->piece[i].place : ABI_NONE;

		if (in != ABI_GPR && !(in == ABI_XMM && p->section == SECTION_KEY))
			return false;
	}
	return true;
}

/* KEY runs where registers lie in memory. */
static uint8_t put_xmm(struct planner *p, unsigned number)
{
	uint8_t v = new_value(p);

	put_op(p, (struct plan_op){.kind = PLAN_XMM, .dst = v, .imm = (int)number});
	return v;
}

static uint8_t put_register(struct planner *p, const struct place *place)
{
	const struct abi_piece *piece = &place->loc->piece[place->off / EIGHTBYTE];

	if (piece->place == ABI_XMM)
		return put_xmm(p, piece->number);
	if (place->loc == &p->shape->result.loc)
		return piece->number ? PLAN_V_RDX : PLAN_V_RAX;
	return PLAN_V_ARG0 + piece->number;
}

/* The eight bytes of stack arguments at @off, as entry kept them. */
static uint8_t put_kept_word(struct planner *p, int32_t off)
{
	uint8_t v = new_value(p);
	unsigned slot = 0;

	while (slot < p->keeps_cnt && (p->keeps[slot].expr || p->keeps[slot].off != off))
		slot++;
	if (slot == PLAN_KEEP_MAX) {
		planner_fail(p, -E2BIG, "needs more than %d values of its entry at return", PLAN_KEEP_MAX);
		return v;
	}
	if (slot == p->keeps_cnt)
		p->keeps[p->keeps_cnt++] = (struct keep){.off = off};
	put_op(p, (struct plan_op){.kind = PLAN_KEPT, .dst = v, .imm = slot});
	return v;
}

/* @bits from bit @shift of v[@word] on. */
static uint8_t put_bits(struct planner *p, uint8_t word, unsigned shift, unsigned bits, bool is_signed)
{
	uint8_t v;

	if (!shift && bits == 64)
		return word;
	v = new_value(p);
	put_op(p, (struct plan_op){.kind = PLAN_BITS,
				   .dst = v,
				   .a = word,
				   .imm = is_signed ? -1 : 0,
				   .max = shift | bits << 8});
	return v;
}

static uint8_t put_load_memory(struct planner *p, struct place place, unsigned size, bool is_signed,
			       struct label *fault)
{
	uint8_t v = new_value(p);

	put_jump(p,
		 (struct plan_op){.kind = PLAN_LOAD,
				  .dst = v,
				  .a = place.base,
				  .imm = place.off,
				  .max = is_signed ? -size : size},
		 fault);
	return v;
}

/* The storage unit of bit-field @n is what the compiler reads; a packed one may need more. */
static uint8_t put_load_bit_field(struct planner *p, struct place place, const struct shape_node *n,
				  struct label *fault)
{
	unsigned before = n->size ? n->offset % n->size : 0;
	unsigned shift = before * 8 + n->bit_offset, size = n->size;
	uint8_t word;

	if (shift + n->bit_size > size * 8) {
		before = 0;
		shift = n->bit_offset;
		for (size = 1; size * 8 < shift + n->bit_size;)
			size *= 2;
	}
	word = put_load_memory(p, place_inside(place, -(int64_t)before), size, false, fault);
	return put_bits(p, word, shift, n->bit_size, n->is_signed);
}

/* The register or kept word that holds the byte at @place. */
static uint8_t put_word(struct planner *p, const struct place *place)
{
	if (place->kind == PLACE_REGS)
		return put_register(p, place);
	return put_kept_word(p, place->off / EIGHTBYTE * EIGHTBYTE);
}

static uint8_t put_load_word(struct planner *p, const struct place *place, unsigned bit, unsigned bits,
			     bool is_signed, struct label *fault)
{
	unsigned shift = place->off % EIGHTBYTE * 8 + bit;

	if (!place_is_known(p, place, (bit + bits + 7) / 8) || shift + bits > 64) {
		put_jump(p, (struct plan_op){.kind = PLAN_JUMP}, fault);
		return PLAN_V_ZERO;
	}
	return put_bits(p, put_word(p, place), shift, bits, is_signed);
}

uint8_t put_load(struct planner *p, struct place place, const struct shape_node *n, struct label *fault)
{
	unsigned size = MIN(n->size, EIGHTBYTE);

	if (place.kind != PLACE_MEMORY)
		return put_load_word(p, &place, n->bit_offset, n->bit_size ? n->bit_size : size * 8,
				     n->is_signed, fault);
	if (n->bit_size)
		return put_load_bit_field(p, place, n, fault);
	return put_load_memory(p, place, size, n->is_signed && size < EIGHTBYTE, fault);
}

uint8_t put_load_bytes(struct planner *p, struct place place, unsigned size, struct label *fault)
{
	if (place.kind != PLACE_MEMORY)
		return put_load_word(p, &place, 0, size * 8, false, fault);
	return put_load_memory(p, place, size, false, fault);
}

/* --- variable arguments --- */

static uint8_t put_param(struct planner *p, uint16_t node, struct label *fault)
{
	for (size_t i = 0; i < p->shape->params_cnt; i++)
		if (p->shape->params[i].node == node)
			return put_load_bytes(p, place_of_param(p, &p->shape->params[i]), EIGHTBYTE, fault);
	return PLAN_V_ZERO;
}

void put_format(struct planner *p, uint16_t node)
{
	const struct shape_varargs *args = &p->shape->varargs;
	const struct shape_node *n = &p->shape->nodes[node];
	struct label fault = LABEL_NEW;
	unsigned mark = p->next;
	uint8_t text = put_param(p, n->format, &fault), list = PLAN_V_ZERO;

	if (args->is_list)
		list = put_param(p, node, &fault);
	put_op(p, (struct plan_op){.kind = PLAN_FORMAT,
				   .dst = list,
				   .a = new_value(p),
				   .b = text,
				   .max = n->max,
				   .jmp = PLAN_FORMAT_FROM(args->gprs, args->xmms, args->words),
				   .node = node});
	put_label(p, &fault);
	p->next = mark;
}

void put_file(struct planner *p, uint16_t node)
{
	const struct shape_node *n = &p->shape->nodes[node];
	struct label fault = LABEL_NEW;
	unsigned mark = p->next;
	uint8_t name = put_param(p, n->format, &fault);

	put_op(p, (struct plan_op){.kind = PLAN_FILE, .a = name, .max = n->max, .node = node});
	put_label(p, &fault);
	p->next = mark;
}
