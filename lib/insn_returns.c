// SPDX-License-Identifier: BSD-3-Clause
/*
 * The instructions by which a function returns, all of them or none: one that is missed would be a call
 * that never ends. So everything must be understood: the bytes are instructions throughout, every jump
 * leads to one of them, and none leaves the function, for then something else returns in its place.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/insn.h"
#include "lib/insn_body.h"
#include "lib/object.h"
#include "lib/util.h"

#define TABLES_MAX  256 /* jump tables of one function */
#define RETURNS_MAX 4096
#define BACK_MAX    16 /* instructions before a jump that may compute where it goes */

struct part {
	const uint8_t *code;
	uint64_t addr;
	size_t len;
	bool *is_start; /* by byte: an instruction begins there */
};

struct search {
	const struct object *object;
	struct part part[INSN_PARTS_MAX];
	size_t parts_cnt;
	uint64_t tables[TABLES_MAX];
	size_t tables_cnt;
	size_t table_jumps; /* jumps through a register that a table's entry was put into */
	uint64_t *returns;
	size_t cnt;
};

static void release(struct search *s)
{
	for (size_t i = 0; i < s->parts_cnt; i++)
		free(s->part[i].is_start);
	free(s->returns);
}

static const struct part *part_of(const struct search *s, uint64_t addr)
{
	for (size_t i = 0; i < s->parts_cnt; i++)
		if (addr - s->part[i].addr < s->part[i].len)
			return &s->part[i];
	return NULL;
}

static int refuse_leaving(const struct insn *insn, struct err *err)
{
	err_set(err, -ENOTSUP,
		"it may leave by the jump at 0x%lx to other code, which then returns in its place",
		(unsigned long)insn->addr);
	err_hint(err, "build it with -fno-optimize-sibling-calls, or say \"nothrow\": true when no exception "
		      "can pass through it");
	return -ENOTSUP;
}

static int refuse_unclear(uint64_t addr, struct err *err)
{
	err_set(err, -ENOTSUP,
		"its code at 0x%lx is not understood, so that not all of its returns are known",
		(unsigned long)addr);
	err_hint(err, "say \"nothrow\": true when no exception can pass through it");
	return -ENOTSUP;
}

/* --- jump tables --- */

static void add_table(struct search *s, uint64_t table, size_t width)
{
	size_t len = width;
	const uint8_t *bytes = object_bytes(s->object, table, &len);
	uint64_t target = 0;
	int32_t distance;

	if (!bytes || len < width || s->tables_cnt == TABLES_MAX)
		return;
	memcpy(width == 4 ? (void *)&distance : (void *)&target, bytes, width);
	if (width == 4)
		target = table + (uint64_t)(int64_t)distance;
	if (!part_of(s, target))
		return;
	for (size_t i = 0; i < s->tables_cnt; i++)
		if (s->tables[i] == table)
			return;
	s->tables[s->tables_cnt++] = table;
}

/* [table + reg * 8] with nothing else in it. */
static bool is_table_operand(const ZydisDecodedInstruction *i)
{
	return i->attributes & ZYDIS_ATTRIB_HAS_SIB && i->raw.modrm.mod == 0 && i->raw.sib.base == 5 &&
	       i->raw.sib.scale == 3;
}

static void look_for_table(struct search *s, const struct insn *insn)
{
	const ZydisDecodedInstruction *i = &insn->i;

	if (i->mnemonic == ZYDIS_MNEMONIC_LEA && insn_is_rip_relative(i))
		add_table(s, insn->addr + i->length + (uint64_t)i->raw.disp.value, 4);
	else if (is_table_operand(i))
		add_table(s, (uint64_t)i->raw.disp.value, 8);
}

static bool writes(const struct insn *insn, ZydisRegister reg)
{
	for (size_t i = 0; i < insn->i.operand_count; i++) {
		const ZydisDecodedOperand *op = &insn->operand[i];

		if (op->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
		    ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, op->reg.value) == reg)
			return true;
	}
	return false;
}

/* What last wrote the register through which it is jumped: a table's entry on top of the table's address, or
 * an entry that is an address. A virtual function's address comes from memory otherwise. */
static bool is_table_jump(const struct part *part, size_t pos, ZydisRegister reg)
{
	size_t starts[BACK_MAX], cnt = 0;
	struct insn insn;

	for (size_t at = pos; at-- > 0 && cnt < BACK_MAX;)
		if (part->is_start[at])
			starts[cnt++] = at;
	for (size_t i = 0; i < cnt; i++) {
		if (!insn_decode(&insn, part->code + starts[i], part->len - starts[i],
				 part->addr + starts[i]))
			return false;
		if (!writes(&insn, reg))
			continue;
		if (insn.i.mnemonic == ZYDIS_MNEMONIC_ADD)
			return insn.operand[1].type == ZYDIS_OPERAND_TYPE_REGISTER;
		return insn.i.mnemonic == ZYDIS_MNEMONIC_MOV && is_table_operand(&insn.i);
	}
	return false;
}

static int check_indirect(struct search *s, const struct part *part, const struct insn *insn, struct err *err)
{
	const ZydisDecodedOperand *op = &insn->operand[0];
	bool is_inside = op->type == ZYDIS_OPERAND_TYPE_REGISTER
				 ? is_table_jump(part, insn->addr - part->addr, op->reg.value)
				 : is_table_operand(&insn->i);

	if (!is_inside)
		return refuse_leaving(insn, err);
	s->table_jumps++;
	return 0;
}

/* --- the sweep --- */

static int add_return(struct search *s, uint64_t addr, struct err *err)
{
	uint64_t *grown;

	if (s->cnt == RETURNS_MAX)
		return err_set(err, -E2BIG, "it returns at more than %d places", RETURNS_MAX);
	grown = reallocarray(s->returns, s->cnt + 1, sizeof(*grown));
	if (!grown)
		return err_nomem(err);
	s->returns = grown;
	s->returns[s->cnt++] = addr;
	return 0;
}

/* Whether what follows runs, too. */
static bool falls_through(const struct insn *insn)
{
	switch (insn->i.mnemonic) {
	case ZYDIS_MNEMONIC_RET:
	case ZYDIS_MNEMONIC_JMP:
	case ZYDIS_MNEMONIC_CALL: /* of what never returns */
	case ZYDIS_MNEMONIC_UD0:
	case ZYDIS_MNEMONIC_UD1:
	case ZYDIS_MNEMONIC_UD2:
	case ZYDIS_MNEMONIC_HLT:
	case ZYDIS_MNEMONIC_INT3:
	case ZYDIS_MNEMONIC_NOP:
		return false;
	default:
		return true;
	}
}

static int sweep(struct search *s, struct part *part, struct err *err)
{
	struct insn insn = {};
	int r = 0;

	for (size_t pos = 0; pos < part->len && !r; pos += insn.i.length) {
		if (!insn_decode(&insn, part->code + pos, part->len - pos, part->addr + pos))
			return refuse_unclear(part->addr + pos, err);
		part->is_start[pos] = true;
		look_for_table(s, &insn);
		if (insn.i.mnemonic == ZYDIS_MNEMONIC_RET)
			r = add_return(s, insn.addr, err);
	}
	if (!r && falls_through(&insn))
		return refuse_unclear(part->addr + part->len, err);
	return r;
}

static int check_jump(struct search *s, const struct part *part, const struct insn *insn, struct err *err)
{
	const struct part *to;
	uint64_t target;

	if (insn->i.meta.category == ZYDIS_CATEGORY_CALL)
		return 0;
	if (!insn_target(&insn->i, insn->addr, &target))
		return insn->i.mnemonic == ZYDIS_MNEMONIC_JMP ? check_indirect(s, part, insn, err) : 0;
	to = part_of(s, target);
	/* At its own entry it is called anew. */
	if (!to || target == s->part[0].addr)
		return refuse_leaving(insn, err);
	return to->is_start[target - to->addr] ? 0 : refuse_unclear(target, err);
}

static int check_jumps(struct search *s, const struct part *part, struct err *err)
{
	struct insn insn;
	int r = 0;

	for (size_t pos = 0; pos < part->len && !r; pos += insn.i.length) {
		if (!insn_decode(&insn, part->code + pos, part->len - pos, part->addr + pos))
			return refuse_unclear(part->addr + pos, err);
		r = check_jump(s, part, &insn, err);
	}
	return r;
}

static int add_part(struct search *s, const struct code_range *range, struct err *err)
{
	struct part *part = &s->part[s->parts_cnt];

	*part = (struct part){.addr = range->addr, .len = range->size};
	part->code = object_bytes(s->object, range->addr, &part->len);
	if (!range->size || range->size > BODY_BYTES_MAX || !part->code || part->len < range->size)
		return refuse_unclear(range->addr, err);
	part->is_start = calloc(part->len, sizeof(*part->is_start));
	if (!part->is_start)
		return err_nomem(err);
	s->parts_cnt++;
	return 0;
}

static int find(struct search *s, const struct code_range *parts, size_t parts_cnt, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < parts_cnt && !r; i++)
		r = add_part(s, &parts[i], err);
	for (size_t i = 0; i < parts_cnt && !r; i++)
		r = sweep(s, &s->part[i], err);
	for (size_t i = 0; i < parts_cnt && !r; i++)
		r = check_jumps(s, &s->part[i], err);
	/* One that goes by no table leads anywhere. */
	if (!r && s->table_jumps > s->tables_cnt)
		r = refuse_unclear(s->part[0].addr, err);
	return r;
}

int insn_returns(uint64_t **out, size_t *cnt, const struct object *object, const struct code_range *parts,
		 size_t parts_cnt, struct err *err)
{
	struct search s = {.object = object};
	int r = 0;

	if (parts_cnt > INSN_PARTS_MAX)
		return err_set(err, -E2BIG, "its code lies in more than %d places", INSN_PARTS_MAX);
	r = find(&s, parts, parts_cnt, err);
	if (!r) {
		*out = TAKE_PTR(s.returns);
		*cnt = s.cnt;
	}
	release(&s);
	return r;
}
