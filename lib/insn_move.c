// SPDX-License-Identifier: BSD-3-Clause
/*
 * Moving a function's first instructions elsewhere, to make room for a jump.
 *
 * Usually the instructions under the jump are copied and the copy jumps back behind it. When something jumps
 * into the bytes under the jump (a loop near the entry), the whole function is copied instead, jumps inside
 * it staying inside the copy. When neither works the function can be replaced, but not called any more.
 */
#include "lib/insn.h"

#include <errno.h>
#include <string.h>

#include "lib/err.h"
#include "lib/insn_body.h"
#include "lib/object.h"
#include "lib/util.h"

#define FUNCTION_ALIGN 16 /* compilers' default; padding does not reach past it */

_Static_assert(PROLOGUE_MAX < BODY_WINDOW - 16, "targets are known for all that may be copied whole");

#define NOWHERE 0xff

struct move {
	const struct body *body;
	size_t from, to; /* of the body: what is copied */
	bool is_whole;
	uint8_t place[BODY_WINDOW]; /* in the copy, of the instruction at a place in the body; NOWHERE */
	struct prologue *out;
};

static bool is_padding(const struct insn *insn)
{
	return insn->i.mnemonic == ZYDIS_MNEMONIC_NOP || insn->i.mnemonic == ZYDIS_MNEMONIC_INT3 ||
	       insn_is(insn, "\x66\x90", 2);
}

/* Nothing but padding in the @len bytes behind the function, and no symbol. */
static bool has_padding(const struct object *object, uint64_t end, size_t len)
{
	size_t got = 64;
	const uint8_t *code = object_bytes(object, end, &got);
	struct insn insn;

	if (!code || end + len > ALIGN_UP(end, FUNCTION_ALIGN))
		return false;
	for (size_t pos = 0; pos < len; pos += insn.i.length)
		if (!insn_decode(&insn, code + pos, got - pos, end + pos) || !is_padding(&insn))
			return false;
	for (size_t i = 0; i < object_symbols_cnt(object); i++)
		if (object_symbol(object, i)->addr - end < len)
			return false;
	return true;
}

/* Control does not go on behind it. */
static bool is_last(const ZydisDecodedInstruction *i)
{
	return i->mnemonic == ZYDIS_MNEMONIC_JMP || i->mnemonic == ZYDIS_MNEMONIC_RET ||
	       i->mnemonic == ZYDIS_MNEMONIC_UD2 || i->mnemonic == ZYDIS_MNEMONIC_HLT;
}

/* jmp rel8 and jcc rel8 become rel32: 5 and 6 bytes. */
static size_t moved_len(const struct insn *insn)
{
	if (insn->i.raw.imm[0].is_relative && insn->i.raw.imm[0].size == 8)
		return insn->i.mnemonic == ZYDIS_MNEMONIC_JMP ? 5 : 6;
	return insn->i.length;
}

/* rel32 jumps and calls, jmp rel8, jcc rel8; not loop, jrcxz and xbegin, nor branches cut to 16 bits. */
static bool is_movable_branch(const struct insn *insn)
{
	const ZydisDecodedInstruction *i = &insn->i;
	const uint8_t *op = insn->bytes + i->raw.imm[0].offset;

	if (i->raw.imm[0].size == 8)
		return op[-1] == 0xeb || (op[-1] & 0xf0) == 0x70;
	if (i->raw.imm[0].size != 32 || i->operand_width == 16)
		return false;
	return op[-1] == 0xe8 || op[-1] == 0xe9 || (i->raw.imm[0].offset >= 2 && op[-2] == 0x0f);
}

static bool add_fixup(struct prologue *out, size_t at, size_t end, uint64_t target)
{
	if (out->fixups_cnt == PROLOGUE_FIXUPS)
		return false;
	out->fixups[out->fixups_cnt++] = (struct insn_fixup){.at = at, .end = end, .target = target};
	return true;
}

/* Of a whole copy, jumps inside it stay inside; a jump to an entry in front of the copy (the endbr64) is a
 * tail call. */
static bool is_internal(const struct move *move, const struct insn *insn, uint64_t target)
{
	uint64_t offset = target - move->body->addr;

	return move->is_whole && insn->i.meta.category != ZYDIS_CATEGORY_CALL && offset >= move->from &&
	       offset < move->to;
}

/* The branch that ends at @end of the copy goes to @place of the copy. */
static bool put_distance(struct move *move, size_t end, uint8_t place)
{
	int32_t distance = (int32_t)place - (int32_t)end;

	if (place == NOWHERE)
		return false;
	memcpy(move->out->copy + end - sizeof(distance), &distance, sizeof(distance));
	return true;
}

static bool put_branch(struct move *move, const struct insn *insn, uint64_t target)
{
	struct prologue *out = move->out;
	uint8_t *copy = out->copy + out->copy_len;
	size_t len = moved_len(insn), end = out->copy_len + len;

	if (!is_movable_branch(insn))
		return false;
	if (insn->i.raw.imm[0].size == 32) {
		memcpy(copy, insn->bytes, len);
	} else if (len == 5) {
		copy[0] = 0xe9;
	} else {
		copy[0] = 0x0f;
		copy[1] = 0x80 | (insn->bytes[insn->i.raw.imm[0].offset - 1] & 0x0f);
	}
	if (is_internal(move, insn, target))
		return put_distance(move, end, move->place[target - move->body->addr]);
	/* A call into the middle of what is copied wants to come back there. */
	if (target - move->body->addr - move->from < move->to - move->from && target != move->body->addr)
		return false;
	return add_fixup(out, end - 4, end, target);
}

static bool put(struct move *move, const struct insn *insn)
{
	struct prologue *out = move->out;
	const ZydisDecodedInstruction *i = &insn->i;
	uint64_t target;

	if (insn_target(i, insn->addr, &target)) {
		if (!put_branch(move, insn, target))
			return false;
	} else {
		memcpy(out->copy + out->copy_len, insn->bytes, i->length);
		if (insn_is_rip_relative(i)) {
			target = insn->addr + i->length + (uint64_t)i->raw.disp.value;
			if (i->address_width != 64 || !add_fixup(out, out->copy_len + i->raw.disp.offset,
								 out->copy_len + i->length, target))
				return false;
		}
	}
	out->copy_len += moved_len(insn);
	return true;
}

/* Fill @out's copy; false when it cannot be copied. */
static bool copy(struct prologue *out, const struct body *body, size_t from, size_t to, bool is_whole)
{
	struct move move = {.body = body, .from = from, .to = to, .is_whole = is_whole, .out = out};
	struct insn insn;
	size_t place = 0;

	memset(move.place, NOWHERE, sizeof(move.place));
	out->copy_len = 0;
	out->fixups_cnt = 0;
	if (to > BODY_WINDOW)
		return false;
	for (size_t pos = from; pos < to; pos += insn.i.length) {
		if (!insn_decode(&insn, body->code + pos, to - pos, body->addr + pos))
			return false;
		move.place[pos] = (uint8_t)place;
		place += moved_len(&insn);
		if (place > PROLOGUE_MAX)
			return false;
	}
	for (size_t pos = from; pos < to; pos += insn.i.length)
		if (!insn_decode(&insn, body->code + pos, to - pos, body->addr + pos) || !put(&move, &insn))
			return false;
	return true;
}

/* The function from behind its endbr64 on, and the instructions of it that the jump covers. */
struct extent {
	size_t start, end;
	bool is_loop;	 /* a loop begins where the jump will be */
	bool ends_body;	 /* the jump covers the function to its end */
	bool is_closed;	 /* the last of the covered instructions ends the control flow */
	bool in_padding; /* the jump reaches behind the function */
};

static int measure(struct extent *out, const struct body *body, size_t patch_len, struct err *err)
{
	struct extent extent = {};
	struct insn insn;

	if (insn_decode(&insn, body->code, body->len, body->addr) && insn_is_endbr64(&insn))
		extent.start = insn.i.length;
	for (extent.end = extent.start; extent.end < body->len && extent.end - extent.start < patch_len;
	     extent.end += insn.i.length) {
		if (!insn_decode(&insn, body->code + extent.end, body->len - extent.end,
				 body->addr + extent.end))
			return err_set(err, -EILSEQ, "what lies at 0x%lx of '%s' is no instruction",
				       (unsigned long)(body->addr + extent.end), object_path(body->object));
		if (extent.end == extent.start)
			extent.is_loop = body_is_loop(body, extent.start, &insn);
		extent.is_closed = is_last(&insn.i);
	}
	extent.ends_body = extent.end == body->len;
	extent.in_padding = extent.end - extent.start < patch_len;
	*out = extent;
	return 0;
}

/* Control never falls out of the function's end. */
static bool ends_closed(const struct body *body)
{
	struct insn insn = {};

	for (size_t pos = 0; pos < body->len; pos += insn.i.length)
		if (!insn_decode(&insn, body->code + pos, body->len - pos, body->addr + pos))
			return false;
	return is_last(&insn.i);
}

/* Fill the copy the best way that is right; leave none when there is no such way. */
static void fill(struct prologue *out, const struct body *body, const struct extent *extent)
{
	bool is_far = body_has_target(body, extent->start + 1, extent->end, TARGET_FAR) ||
		      (extent->is_loop && body->target[extent->start] & TARGET_FAR);
	/* A whole copy's own jumps stay in it; those of a table or a cold part would not. */
	bool is_near =
		body_has_target(body, extent->start + 1, extent->end, TARGET_DIRECT) || extent->is_loop;

	if (!body->is_scanned || is_far)
		return;
	if (!is_near && (!extent->in_padding || extent->is_closed)) {
		out->is_whole = extent->ends_body && extent->is_closed;
		out->is_callable = copy(out, body, extent->start, extent->end, out->is_whole);
	} else if (is_near && !body->has_indirect && body->len <= BODY_WINDOW && ends_closed(body)) {
		out->is_whole = true;
		out->is_callable = copy(out, body, extent->start, body->len, true);
	}
	if (!out->is_callable) {
		out->is_whole = false;
		out->copy_len = 0;
		out->fixups_cnt = 0;
	}
}

/* A function that begins under the jump: its callers would run into the middle of it. */
static const struct symbol *entry_inside(const struct object *object, uint64_t addr, size_t len)
{
	for (size_t i = 0; i < object_symbols_cnt(object); i++) {
		const struct symbol *symbol = object_symbol(object, i);

		if (symbol->is_func && symbol->addr > addr && symbol->addr - addr < len)
			return symbol;
	}
	return NULL;
}

int prologue_move(struct prologue *out, const struct object *object, uint64_t addr, uint64_t size,
		  struct err *err)
{
	struct prologue prologue = {};
	struct extent extent = {};
	const struct symbol *inside;
	struct body body;
	int r;

	r = body_read(&body, object, addr, size, err);
	if (r)
		return r;
	r = measure(&extent, &body, PATCH_LEN, err);
	if (r)
		return r;
	if (extent.in_padding &&
	    !has_padding(object, addr + extent.end, extent.start + PATCH_LEN - extent.end)) {
		r = err_set(err, -ENOSPC, "the function at 0x%lx of '%s' has %zu bytes, too few for a jump",
			    (unsigned long)addr, object_path(object), body.len - extent.start);
		err_hint(err, "build it with -falign-functions=16");
		return r;
	}
	prologue.addr = addr + extent.start;
	prologue.patched_len = (uint8_t)MAX(extent.end - extent.start, PATCH_LEN);
	inside = entry_inside(object, prologue.addr, prologue.patched_len);
	if (inside)
		return err_set(err, -ENOSPC, "no room for a jump at 0x%lx of '%s': '%s' begins right behind",
			       (unsigned long)addr, object_path(object), inside->name);
	fill(&prologue, &body, &extent);
	*out = prologue;
	return 0;
}

int prologue_trap(struct prologue *out, const struct object *object, uint64_t addr, uint64_t size,
		  struct err *err)
{
	struct prologue prologue = {};
	struct extent extent = {};
	struct body body;
	int r;

	r = body_read(&body, object, addr, size, err);
	if (r)
		return r;
	r = measure(&extent, &body, 1, err);
	if (r)
		return r;
	prologue.addr = addr + extent.start;
	prologue.patched_len = (uint8_t)(extent.end - extent.start);
	fill(&prologue, &body, &extent);
	*out = prologue;
	return 0;
}
