// SPDX-License-Identifier: BSD-3-Clause
#include "lib/insn_body.h"

#include <errno.h>
#include <string.h>

#include "lib/err.h"
#include "lib/object.h"
#include "lib/util.h"

/* --- one instruction --- */

static void decoder_init(ZydisDecoder *decoder)
{
	ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
}

bool insn_decode(struct insn *insn, const uint8_t *code, size_t len, uint64_t addr)
{
	ZydisDecoder decoder;

	decoder_init(&decoder);
	insn->bytes = code;
	insn->addr = addr;
	return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, len, &insn->i, insn->operand));
}

bool insn_target(const ZydisDecodedInstruction *i, uint64_t addr, uint64_t *target)
{
	if (!i->raw.imm[0].is_relative)
		return false;
	*target = addr + i->length + (uint64_t)i->raw.imm[0].value.s;
	return true;
}

bool insn_is(const struct insn *insn, const void *bytes, size_t len)
{
	return insn->i.length == len && !memcmp(insn->bytes, bytes, len);
}

bool insn_is_endbr64(const struct insn *insn)
{
	return insn_is(insn, "\xf3\x0f\x1e\xfa", 4);
}

bool insn_is_nop5(const struct insn *insn)
{
	return insn_is(insn, "\x0f\x1f\x44\x00\x00", 5);
}

bool insn_is_push(const struct insn *insn)
{
	size_t rex = insn->bytes[0] == 0x41;

	return insn->i.length == 1 + rex && (insn->bytes[rex] & 0xf8) == 0x50;
}

bool insn_is_rip_relative(const ZydisDecodedInstruction *i)
{
	return i->attributes & ZYDIS_ATTRIB_HAS_MODRM && i->raw.modrm.mod == 0 && i->raw.modrm.rm == 5 &&
	       i->raw.disp.size == 32;
}

/* --- what jumps to the start --- */

static void mark(struct body *body, uint64_t target, enum target kind)
{
	if (target - body->addr < MIN(BODY_WINDOW, body->len))
		body->target[target - body->addr] |= kind;
}

static bool is_inside(const struct body *body, uint64_t addr)
{
	return addr - body->addr < body->len;
}

/* A switch's table of 32-bit distances from its own start, or of 64-bit addresses, as far as its entries lead
 * into the function. False when not even the first does. */
static bool mark_table(struct body *body, uint64_t table, size_t width)
{
	size_t len = TABLE_MAX * width, idx = 0;
	const uint8_t *bytes = object_bytes(body->object, table, &len);

	for (; bytes && (idx + 1) * width <= len; idx++) {
		uint64_t target = 0;
		int32_t distance;

		memcpy(width == 4 ? (void *)&distance : (void *)&target, bytes + idx * width, width);
		if (width == 4)
			target = table + (uint64_t)(int64_t)distance;
		if (!is_inside(body, target))
			break;
		mark(body, target, TARGET_FAR);
	}
	return idx;
}

struct tally {
	size_t jumps, tables;
};

/* jmp reg, jmp [table + reg * 8]: not jmp [rip + x], which leaves through the GOT. */
static bool is_indirect_jump(const ZydisDecodedInstruction *i)
{
	return i->mnemonic == ZYDIS_MNEMONIC_JMP && i->opcode == 0xff && !insn_is_rip_relative(i);
}

static void look_for_table(struct body *body, const ZydisDecodedInstruction *i, uint64_t addr,
			   struct tally *tally)
{
	bool has_sib = i->attributes & ZYDIS_ATTRIB_HAS_SIB;

	if (i->mnemonic == ZYDIS_MNEMONIC_LEA && insn_is_rip_relative(i))
		tally->tables += mark_table(body, addr + i->length + (uint64_t)i->raw.disp.value, 4);
	else if (has_sib && i->raw.modrm.mod == 0 && i->raw.sib.base == 5 && i->raw.sib.scale == 3)
		tally->tables += mark_table(body, (uint64_t)i->raw.disp.value, 8);
}

/* Sweep @len bytes at @addr for what leads to the start of @body. False when they are not all code. */
static bool sweep(struct body *body, const uint8_t *code, size_t len, uint64_t addr, enum target kind,
		  struct tally *tally)
{
	ZydisDecodedInstruction i;
	ZydisDecoder decoder;

	decoder_init(&decoder);
	for (size_t pos = 0; pos < len; pos += i.length) {
		uint64_t target;

		if (ZYAN_FAILED(ZydisDecoderDecodeInstruction(&decoder, NULL, code + pos, len - pos, &i)))
			return false;
		/* A call of the entry is a call, whoever makes it. */
		if (insn_target(&i, addr + pos, &target) &&
		    !(i.meta.category == ZYDIS_CATEGORY_CALL && target == body->addr))
			mark(body, target, kind);
		tally->jumps += is_indirect_jump(&i);
		look_for_table(body, &i, addr + pos, tally);
	}
	return true;
}

/* gcc and clang move unlikely code to NAME.cold, which jumps back; and another symbol inside the start is
 * another way in. */
static bool mark_far(struct body *body, struct tally *tally)
{
	const struct symbol *self = object_func_at(body->object, body->addr);
	size_t name_len = self ? strlen(self->name) : 0;
	bool is_scanned = true;

	for (size_t i = 0; i < object_symbols_cnt(body->object); i++) {
		const struct symbol *symbol = object_symbol(body->object, i);
		size_t len = MIN(symbol->size, BODY_BYTES_MAX);
		const uint8_t *code;

		if (symbol->addr != body->addr)
			mark(body, symbol->addr, TARGET_FAR);
		if (!symbol->is_func || !self || strncmp(symbol->name, self->name, name_len) ||
		    strncmp(symbol->name + name_len, ".cold", 5))
			continue;
		code = object_bytes(body->object, symbol->addr, &len);
		if (code)
			is_scanned &= sweep(body, code, len, symbol->addr, TARGET_FAR, tally);
	}
	return is_scanned;
}

int body_read(struct body *body, const struct object *object, uint64_t addr, uint64_t size, struct err *err)
{
	size_t len = MIN(size, (uint64_t)BODY_BYTES_MAX);
	struct tally tally = {};
	const uint8_t *code;

	if (!size)
		return err_set(err, -ENODATA, "the function at 0x%lx of '%s' has no size",
			       (unsigned long)addr, object_path(object));
	code = object_bytes(object, addr, &len);
	if (!code)
		return err_set(err, -ERANGE, "'%s' has no code at 0x%lx", object_path(object),
			       (unsigned long)addr);
	*body = (struct body){.object = object, .code = code, .addr = addr, .len = len};
	body->is_scanned = len == size && sweep(body, code, len, addr, TARGET_DIRECT, &tally);
	body->is_scanned &= mark_far(body, &tally);
	body->has_indirect = tally.jumps;
	body->has_unknown_jumps = tally.jumps > tally.tables;
	return 0;
}

bool body_has_target(const struct body *body, size_t from, size_t to, uint8_t kinds)
{
	for (size_t i = from; i < to && i < BODY_WINDOW; i++)
		if (body->target[i] & kinds)
			return true;
	return false;
}

bool body_is_loop(const struct body *body, size_t start, const struct insn *insn)
{
	const struct insn *i = insn;
	bool is_frame = i->i.mnemonic == ZYDIS_MNEMONIC_SUB &&
			i->operand[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
			i->operand[0].reg.value == ZYDIS_REGISTER_RSP;

	return body->target[start] && !insn_is_push(i) && !insn_is_endbr64(i) && !insn_is_nop5(i) &&
	       !is_frame;
}
