// SPDX-License-Identifier: BSD-3-Clause
/*
 * Where the debug information says that parameters are when their function is entered.
 *
 * LLVM looks through the calls that it can see: what a function does not use its callers in the same file do
 * not pass, and the register holds something else. It then has no place for the parameter, or for a part of
 * it, anywhere in the function. (Its dead argument elimination replaces such arguments, and what debug
 * information says of them, by poison.) Of a function that nobody else can call it removes the parameter, so
 * that the next ones move up.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "lib/debuginfo.h"
#include "lib/debuginfo_impl.h"
#include "lib/debuginfo_members.h"
#include "lib/util.h"

#define EIGHTBYTES 2 /* of a value in registers */
#define DWARF_XMM0 17

/* Of one parameter. */
struct entry_place {
	bool is_known[EIGHTBYTES]; /* some byte of it is somewhere, at some time */
	int reg;		   /* DWARF's register that holds all of it at the entry; -1: none says so */
};

static const char *producer_of(Dwarf_Die *func)
{
	Dwarf_Attribute attr;
	Dwarf_Die unit;

	return dwarf_diecu(func, &unit, NULL, NULL)
		       ? dwarf_formstring(dwarf_attr(&unit, DW_AT_producer, &attr))
		       : NULL;
}

/* gcc passes what a prototype says wherever a function can be called from outside. */
static bool is_by_gcc(Dwarf_Die *func)
{
	const char *producer = producer_of(func);

	return producer && !strncmp(producer, "GNU ", 4);
}

static void cover(struct entry_place *place, uint64_t from, uint64_t len)
{
	for (uint64_t i = 0; i < EIGHTBYTES; i++)
		if (from < 8 * (i + 1) && from + len > 8 * i)
			place->is_known[i] = true;
}

/* The parts of one location; what has no operation has no place. */
static void add_location(struct entry_place *place, const Dwarf_Op *ops, size_t cnt)
{
	uint64_t at = 0;
	size_t since = 0; /* operations of this part */

	for (size_t i = 0; i < cnt; i++) {
		uint64_t bits = ops[i].atom == DW_OP_piece ? 8 * ops[i].number : ops[i].number;

		if (ops[i].atom != DW_OP_piece && ops[i].atom != DW_OP_bit_piece) {
			since++;
			continue;
		}
		if (since)
			cover(place, at / 8, (bits + 7) / 8);
		at += bits;
		since = 0;
	}
	if (since && !at)
		cover(place, 0, 8 * EIGHTBYTES);
}

static int register_of(const Dwarf_Op *ops, size_t cnt)
{
	if (cnt != 1)
		return -1;
	if (ops[0].atom == DW_OP_regx)
		return ops[0].number;
	return ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31 ? ops[0].atom - DW_OP_reg0 : -1;
}

/* False: it cannot be told. */
static bool find_place(struct entry_place *place, Dwarf_Die *param, uint64_t entry)
{
	Dwarf_Addr base, start, end;
	Dwarf_Attribute attr;
	ptrdiff_t at = 0;
	Dwarf_Op *ops;
	size_t cnt;

	*place = (struct entry_place){.reg = -1};
	if (!dwarf_attr_integrate(param, DW_AT_location, &attr))
		return true;
	while ((at = dwarf_getlocations(&attr, at, &base, &start, &end, &ops, &cnt)) > 0) {
		add_location(place, ops, cnt);
		if (entry >= start && entry < end)
			place->reg = register_of(ops, cnt);
	}
	return at == 0;
}

/* The copy's own DIE of @param, a parameter of the function as it was written. */
static bool own_param(Dwarf_Die *func, Dwarf_Die *param, Dwarf_Die *out)
{
	Dwarf_Die child, origin;

	if (dwarf_child(func, &child))
		return false;
	do {
		Dwarf_Attribute attr;

		if (dwarf_tag(&child) != DW_TAG_formal_parameter)
			continue;
		origin = child;
		if (child.addr != param->addr)
			dwarf_formref_die(dwarf_attr(&child, DW_AT_abstract_origin, &attr), &origin);
		if (origin.addr != param->addr)
			continue;
		*out = child;
		return true;
	} while (!dwarf_siblingof(&child, &child));
	return false;
}

/* As lib/abi.h numbers them: 0..5 rdi rsi rdx rcx r8 r9, 16.. xmm0..; -1 another one. */
static int8_t abi_register(int reg)
{
	static const int8_t gprs[] = {[5] = 0, [4] = 1, [1] = 2, [2] = 3, [8] = 4, [9] = 5};

	if (reg >= DWARF_XMM0 && reg < DWARF_XMM0 + 8)
		return DEBUG_REG_XMM + reg - DWARF_XMM0;
	if (reg < 0 || (size_t)reg >= ARRAY_SIZE(gprs) || (!gprs[reg] && reg != 5))
		return DEBUG_REG_NONE;
	return gprs[reg];
}

static uint64_t eightbytes(const struct debuginfo *info, Dwarf_Die *param)
{
	Dwarf_Die type, full;
	uint64_t size;

	if (!debug_ref(param, DW_AT_type, &type) || !debug_peel(&type))
		return 1;
	size = type_size(complete_type(info, &type, &full) ? &full : &type);
	return size ? (size + 7) / 8 : 1;
}

static void add_param(const struct debuginfo *info, Dwarf_Die *func, Dwarf_Die *param, unsigned idx,
		      struct debug_func *out)
{
	uint64_t cnt = eightbytes(info, param);
	struct entry_place place = {.reg = -1};
	Dwarf_Die own;

	if (own_param(func, param, &own) && !find_place(&place, &own, out->addr))
		return;
	out->entry_reg[idx] = abi_register(place.reg);
	/* Larger ones lie in memory, which is copied whole. */
	if (cnt > EIGHTBYTES || is_by_gcc(func))
		return;
	for (unsigned i = 0; i < cnt; i++)
		if (!place.is_known[i])
			out->unpassed[i] |= 1ull << idx;
}

/* Half in the last register and half on the stack, there with the alignment of 64 bits.
 */
static bool is_old_clang(Dwarf_Die *func)
{
	const char *producer = producer_of(func),
		   *version = producer ? strstr(producer, "clang version ") : NULL;

	return version && atoi(version + strlen("clang version ")) < 18;
}

void debug_find_entry(const struct debuginfo *info, Dwarf_Die *func, struct debug_func *out)
{
	Dwarf_Die written = prototype_of(*func), child;
	unsigned idx = 0;

	memset(out->entry_reg, DEBUG_REG_NONE, sizeof(out->entry_reg));
	out->is_old_clang = is_old_clang(func);
	if (dwarf_child(&written, &child))
		return;
	do {
		if (dwarf_tag(&child) != DW_TAG_formal_parameter)
			continue;
		if (idx == DEBUG_PARAMS_MAX)
			return;
		add_param(info, func, &child, idx++, out);
	} while (!dwarf_siblingof(&child, &child));
}
