// SPDX-License-Identifier: BSD-3-Clause
/*
 * Which of its arguments a function's code looks at: every way from the entry is followed as long as some
 * argument still lies where it was passed. What is only handed on to another function is not looked at.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/insn.h"
#include "lib/insn_body.h"
#include "lib/util.h"

#define STEPS_MAX	65536
#define WAYS_MAX	1024
#define READS_BYTES_MAX (64 * 1024) /* a longer function is looked at up to here */
#define UNKNOWN		INT32_MIN

/* At one instruction. */
struct way {
	uint32_t pos;
	uint32_t alive;	  /* INSN_READS_*: registers that hold what they held at the entry */
	int32_t rsp, rbp; /* their distance from the entry's rsp, or UNKNOWN */
};

struct reader {
	const struct body *body;
	struct insn_reads *out;
	uint32_t *seen; /* by position: what was alive there */
	struct way ways[WAYS_MAX];
	size_t ways_cnt;
};

static int gpr_number(ZydisRegister reg)
{
	switch (reg) {
	case ZYDIS_REGISTER_RDI:
		return 0;
	case ZYDIS_REGISTER_RSI:
		return 1;
	case ZYDIS_REGISTER_RDX:
		return 2;
	case ZYDIS_REGISTER_RCX:
		return 3;
	case ZYDIS_REGISTER_R8:
		return 4;
	case ZYDIS_REGISTER_R9:
		return 5;
	default:
		return -1;
	}
}

/* The bit of the argument register that @reg is or lies in; 0: none. */
static uint32_t bit_of(ZydisRegister reg)
{
	int number;

	if (reg >= ZYDIS_REGISTER_XMM0 && reg <= ZYDIS_REGISTER_XMM7)
		return INSN_READS_XMM0 << (reg - ZYDIS_REGISTER_XMM0);
	if (reg >= ZYDIS_REGISTER_YMM0 && reg <= ZYDIS_REGISTER_YMM7)
		return INSN_READS_XMM0 << (reg - ZYDIS_REGISTER_YMM0);
	number = gpr_number(ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg));
	return number < 0 ? 0 : 1u << number;
}

/* xor r, r and its kin do not care what was there. */
static bool is_zeroing(const struct insn *insn)
{
	bool is_same = insn->operand[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		       insn->operand[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		       insn->operand[0].reg.value == insn->operand[1].reg.value;

	return is_same &&
	       (insn->i.mnemonic == ZYDIS_MNEMONIC_XOR || insn->i.mnemonic == ZYDIS_MNEMONIC_SUB ||
		insn->i.mnemonic == ZYDIS_MNEMONIC_XORPS || insn->i.mnemonic == ZYDIS_MNEMONIC_XORPD ||
		insn->i.mnemonic == ZYDIS_MNEMONIC_PXOR);
}

static void read_stack(struct reader *r, const struct way *way, const ZydisDecodedOperand *operand)
{
	int32_t base = operand->mem.base == ZYDIS_REGISTER_RSP	 ? way->rsp
		       : operand->mem.base == ZYDIS_REGISTER_RBP ? way->rbp
								 : UNKNOWN;
	int64_t from, to;

	if (base == UNKNOWN || operand->mem.type != ZYDIS_MEMOP_TYPE_MEM ||
	    !(operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ))
		return;
	from = base + operand->mem.disp.value - 8;
	to = from + operand->size / 8;
	for (int i = 0; i < 64; i++)
		if (from < 8 * (i + 1) && to > 8 * i)
			r->out->stack |= 1ull << i;
}

static void note_reads(struct reader *r, const struct way *way, const struct insn *insn)
{
	bool is_zero = is_zeroing(insn);

	for (int i = 0; i < insn->i.operand_count; i++) {
		const ZydisDecodedOperand *operand = &insn->operand[i];

		if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY) {
			r->out->registers |=
				(bit_of(operand->mem.base) | bit_of(operand->mem.index)) & way->alive;
			read_stack(r, way, operand);
		}
		if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER && !is_zero &&
		    operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ)
			r->out->registers |= bit_of(operand->reg.value) & way->alive;
	}
}

/* What is left alive, and where the stack pointer is, behind @insn. */
static void note_writes(struct way *way, const struct insn *insn)
{
	const ZydisDecodedOperand *to = &insn->operand[0], *from = &insn->operand[1];
	bool moves_rsp = to->type == ZYDIS_OPERAND_TYPE_REGISTER && to->reg.value == ZYDIS_REGISTER_RSP;
	bool has_imm = from->type == ZYDIS_OPERAND_TYPE_IMMEDIATE;

	for (int i = 0; i < insn->i.operand_count; i++) {
		const ZydisDecodedOperand *operand = &insn->operand[i];
		bool is_write = operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;

		if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER || !is_write)
			continue;
		way->alive &= ~bit_of(operand->reg.value);
		if (operand->reg.value == ZYDIS_REGISTER_RBP)
			way->rbp = UNKNOWN;
	}
	if (insn_is_push(insn))
		way->rsp -= way->rsp == UNKNOWN ? 0 : 8;
	else if (moves_rsp && has_imm && insn->i.mnemonic == ZYDIS_MNEMONIC_SUB && way->rsp != UNKNOWN)
		way->rsp -= from->imm.value.s;
	else if (moves_rsp && has_imm && insn->i.mnemonic == ZYDIS_MNEMONIC_ADD && way->rsp != UNKNOWN)
		way->rsp += from->imm.value.s;
	else if (insn->i.mnemonic == ZYDIS_MNEMONIC_POP && way->rsp != UNKNOWN)
		way->rsp += 8;
	else if (moves_rsp)
		way->rsp = UNKNOWN;
	if (insn->i.mnemonic == ZYDIS_MNEMONIC_MOV && to->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    to->reg.value == ZYDIS_REGISTER_RBP && from->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    from->reg.value == ZYDIS_REGISTER_RSP)
		way->rbp = way->rsp;
}

static void push_way(struct reader *r, const struct way *way, uint64_t addr)
{
	uint64_t pos = addr - r->body->addr;

	if (pos >= MIN(r->body->len, (size_t)READS_BYTES_MAX) || r->ways_cnt == WAYS_MAX)
		return;
	r->ways[r->ways_cnt] = *way;
	r->ways[r->ways_cnt++].pos = pos;
}

/* One instruction; false: the way ends. */
static bool step(struct reader *r, struct way *way)
{
	struct insn insn;
	uint64_t target;
	bool has_target;

	if (way->pos >= MIN(r->body->len, (size_t)READS_BYTES_MAX) ||
	    !insn_decode(&insn, r->body->code + way->pos, r->body->len - way->pos, r->body->addr + way->pos))
		return false;
	/* Bit 31: the stack arguments are alive wherever we are. */
	if (!((way->alive | 1u << 31) & ~r->seen[way->pos]))
		return false;
	r->seen[way->pos] |= way->alive | 1u << 31;
	note_reads(r, way, &insn);
	way->pos += insn.i.length;
	has_target = insn_target(&insn.i, insn.addr, &target);
	switch (insn.i.meta.category) {
	case ZYDIS_CATEGORY_CALL:
		way->alive = 0;
		return true;
	case ZYDIS_CATEGORY_COND_BR:
		if (has_target)
			push_way(r, way, target);
		return true;
	case ZYDIS_CATEGORY_UNCOND_BR:
		if (has_target)
			push_way(r, way, target);
		return false;
	case ZYDIS_CATEGORY_RET:
		return false;
	default:
		note_writes(way, &insn);
		return true;
	}
}

int insn_reads(struct insn_reads *out, const struct object *object, uint64_t addr, uint64_t size,
	       struct err *err)
{
	autofree struct reader *reader = calloc(1, sizeof(*reader));
	autofree uint32_t *seen = calloc(READS_BYTES_MAX, sizeof(*seen));
	struct insn_reads reads = {};
	struct body body;
	int r = reader && seen ? body_read(&body, object, addr, size, err) : -ENOMEM;
	size_t steps = 0;

	if (r)
		return r;
	reader->body = &body;
	reader->out = &reads;
	reader->seen = seen;
	push_way(reader, &(struct way){.alive = INSN_READS_ALL, .rbp = UNKNOWN}, addr);
	while (reader->ways_cnt) {
		struct way way = reader->ways[--reader->ways_cnt];

		while (steps++ < STEPS_MAX && step(reader, &way))
			;
	}
	*out = reads;
	return 0;
}
