// SPDX-License-Identifier: BSD-3-Clause
/*
 * Where a probe sits best. The price of a hit depends on the probed instruction: what the kernel emulates
 * costs a fraction of what it must single-step out of line. The kernel's own list is branch_setup_xol_ops()
 * and push_setup_xol_ops() in arch/x86/kernel/uprobes.c.
 */
#include "lib/insn.h"

#include <errno.h>
#include <string.h>

#include "lib/err.h"
#include "lib/insn_body.h"
#include "lib/object.h"
#include "lib/util.h"

#define WALK_MAX  64 /* bytes from the entry; less than BODY_WINDOW */
#define PAGE_SIZE 4096

_Static_assert(WALK_MAX + ZYDIS_MAX_INSTRUCTION_LENGTH < BODY_WINDOW, "targets are known as far as we walk");

static const struct {
	const char *name;
	uint32_t entry_ns, pair_ns;
} kinds[] = {
	[SITE_NOP5] = {"nop5", 201, 425},
	[SITE_EMULATED] = {"emulated", 436, 699},
	[SITE_STEPPED] = {"single-stepped", 16000, 16700},
};
_Static_assert(ARRAY_SIZE(kinds) == SITE_CNT, "a price for every kind");

uint32_t site_cost_ns(enum site_kind kind, bool has_return)
{
	return has_return ? kinds[kind].pair_ns : kinds[kind].entry_ns;
}

const char *site_kind_name(enum site_kind kind)
{
	return kinds[kind].name;
}

static bool is_emulated(const struct insn *insn)
{
	static const struct {
		const char *bytes;
		size_t len;
	} nops[] = {
		{"\x90", 1},
		{"\x66\x90", 2},
		{"\x0f\x1f\x00", 3},
		{"\x0f\x1f\x40\x00", 4},
	};

	static const struct {
		uint8_t opcode, mask;
		size_t len;
	} branches[] = {
		{0xe8, 0xff, 5}, /* call rel32 */
		{0xe9, 0xff, 5}, /* jmp rel32 */
		{0xeb, 0xff, 2}, /* jmp rel8 */
		{0x70, 0xf0, 2}, /* jcc rel8 */
		{0x0f, 0xff, 6}, /* jcc rel32 */
	};
	const uint8_t *b = insn->bytes;

	for (size_t i = 0; i < ARRAY_SIZE(nops); i++)
		if (insn_is(insn, nops[i].bytes, nops[i].len))
			return true;
	if (insn_is_push(insn))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(branches); i++)
		if (insn->i.length == branches[i].len && (b[0] & branches[i].mask) == branches[i].opcode &&
		    (b[0] != 0x0f || (b[1] & 0xf0) == 0x80))
			return true;
	return false;
}

static bool is_page_crossing(const struct insn *insn)
{
	return insn->addr / PAGE_SIZE != (insn->addr + insn->i.length - 1) / PAGE_SIZE;
}

static bool is_harmless_kind(const struct insn *insn)
{
	static const ZydisInstructionCategory passed[] = {
		ZYDIS_CATEGORY_DATAXFER, ZYDIS_CATEGORY_BINARY,	 ZYDIS_CATEGORY_LOGICAL,
		ZYDIS_CATEGORY_SHIFT,	 ZYDIS_CATEGORY_ROTATE,	 ZYDIS_CATEGORY_CMOV,
		ZYDIS_CATEGORY_CONVERT,	 ZYDIS_CATEGORY_BITBYTE, ZYDIS_CATEGORY_SETCC,
		ZYDIS_CATEGORY_NOP,	 ZYDIS_CATEGORY_WIDENOP, ZYDIS_CATEGORY_CET,
	};

	if (insn->i.mnemonic == ZYDIS_MNEMONIC_LEA)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
		if (insn->i.meta.category == passed[i])
			return insn->i.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY;
	return false;
}

/* What a probe reads: the arguments (vector registers too), and the stack. */
static bool is_read_by_probe(ZydisRegister reg, bool is_variadic)
{
	if (ZydisRegisterGetClass(reg) == ZYDIS_REGCLASS_FLAGS)
		return false;
	switch (ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg)) {
	case ZYDIS_REGISTER_RAX: /* al: how many vector registers a variadic call uses */
		return is_variadic;
	case ZYDIS_REGISTER_RBX:
	case ZYDIS_REGISTER_RBP:
	case ZYDIS_REGISTER_R10:
	case ZYDIS_REGISTER_R11:
	case ZYDIS_REGISTER_R12:
	case ZYDIS_REGISTER_R13:
	case ZYDIS_REGISTER_R14:
	case ZYDIS_REGISTER_R15:
		return false;
	default:
		return true;
	}
}

/* A probe behind @insn sees what one before it would have seen. */
static bool is_harmless(const struct insn *insn, bool is_variadic)
{
	if (!is_harmless_kind(insn))
		return false;
	for (size_t i = 0; i < insn->i.operand_count; i++) {
		const ZydisDecodedOperand *op = &insn->operand[i];

		if (!(op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		if (op->type != ZYDIS_OPERAND_TYPE_REGISTER || is_read_by_probe(op->reg.value, is_variadic))
			return false;
	}
	return true;
}

/* What a probe at @insn would be; SITE_STEPPED when it had better move on. @is_first: at the entry, or right
 * behind its endbr64. */
static enum site_kind kind_at(const struct body *body, const struct insn *insn, bool is_first)
{
	if (insn_is_nop5(insn)) {
		if (!is_first)
			return SITE_STEPPED;
		return is_page_crossing(insn) ? SITE_EMULATED : SITE_NOP5;
	}
	if (!is_emulated(insn))
		return SITE_STEPPED;
	/* A push that ran twice would unbalance the stack, so no jump leads to it. */
	if (body->has_unknown_jumps && !is_first && !insn_is_push(insn))
		return SITE_STEPPED;
	return SITE_EMULATED;
}

static void site_set(struct site *out, enum site_kind kind, const struct insn *insn, uint64_t entry)
{
	ZydisFormatter formatter;

	*out = (struct site){.kind = kind, .addr = insn->addr, .skipped = (uint32_t)(insn->addr - entry)};
	if (ZYAN_FAILED(ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL)) ||
	    ZYAN_FAILED(ZydisFormatterFormatInstruction(&formatter, &insn->i, insn->operand,
							insn->i.operand_count_visible, out->text,
							sizeof(out->text), insn->addr, NULL)))
		memcpy(out->text, "?", 2);
}

/* The first good instruction that is reached only through the entry; false when there is none. */
static bool walk(struct site *out, const struct body *body, bool is_variadic)
{
	bool is_first = true;
	struct insn insn;

	for (size_t pos = 0; pos < MIN(body->len, WALK_MAX); pos += insn.i.length) {
		enum site_kind kind;

		if (!insn_decode(&insn, body->code + pos, body->len - pos, body->addr + pos))
			return false;
		if (pos && (!body->is_scanned || body->target[pos]))
			return false;
		kind = kind_at(body, &insn, is_first);
		if (kind != SITE_STEPPED) {
			site_set(out, kind, &insn, body->addr);
			return true;
		}
		if (!is_harmless(&insn, is_variadic))
			return false;
		is_first = pos == 0 && insn_is_endbr64(&insn);
	}
	return false;
}

int site_choose(struct site *out, const struct object *object, uint64_t addr, uint64_t size, bool is_variadic,
		struct err *err)
{
	struct site site = {};
	struct insn first;
	struct body body;
	int r;

	/* Of a function without a size only its first instruction is known. */
	r = body_read(&body, object, addr, size ? size : ZYDIS_MAX_INSTRUCTION_LENGTH, err);
	if (r)
		return r;
	body.is_scanned &= size > 0;
	if (!insn_decode(&first, body.code, body.len, addr))
		return err_set(err, -EILSEQ, "what lies at 0x%lx of '%s' is no instruction",
			       (unsigned long)addr, object_path(object));
	if (!walk(&site, &body, is_variadic))
		site_set(&site, SITE_STEPPED, &first, addr);
	if (body_is_loop(&body, 0, &first) &&
	    !(site.kind == SITE_EMULATED && !strncmp(site.text, "push", 4))) {
		r = err_set(err, -ENOTSUP,
			    "a loop of the function begins at its first instruction (0x%lx of '%s'), so that "
			    "each turn would count as a call",
			    (unsigned long)addr, object_path(object));
		err_hint(err, "record a function that calls it, or build it with -fcf-protection");
		return r;
	}
	*out = site;
	return 0;
}
