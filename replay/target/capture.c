// SPDX-License-Identifier: BSD-3-Clause
/*
 * Runs inside a replayed program: nothing is allocated, nothing of libc is called but memcpy, and target
 * memory is read through capture->read alone.
 */
#include "replay/target/capture_impl.h"

/* --- output --- */

void capture_full(struct run *r)
{
	r->c->flags |= CAPTURE_BUDGET;
	/* What follows may keep values for OUT. */
	r->is_full = !r->c->more;
}

/* What there is of a key becomes part of its hash. */
static void fold_key(struct run *r)
{
	uint8_t *at = r->c->out;
	uint64_t word;

	for (size_t i = 0; i < r->c->len; i += sizeof(word)) {
		size_t len = smaller(sizeof(word), r->c->len - i);

		word = 0;
		__builtin_memcpy(&word, at + i, len);
		r->hash[0] = plan_hash(r->hash[0], word);
		r->hash[1] = plan_hash(r->hash[1], word);
	}
	r->folded += r->c->len;
	r->c->len = 0;
}

void capture_put_key(struct run *r, const void *bytes, size_t len)
{
	const uint8_t *from = bytes;

	while (len) {
		size_t n;

		if (r->c->len == r->end)
			fold_key(r);
		n = smaller(len, r->end - r->c->len);
		__builtin_memcpy(r->c->out + r->c->len, from, n);
		r->c->len += n;
		from += n;
		len -= n;
	}
}

static void end_key(struct run *r)
{
	uint64_t whole[3];

	if (!r->folded)
		return;
	fold_key(r);
	whole[0] = r->hash[0];
	whole[1] = r->hash[1];
	whole[2] = r->folded;
	__builtin_memcpy(r->c->out, whole, sizeof(whole));
	r->c->len = sizeof(whole);
}

static void put_fault(struct run *r)
{
	const uint8_t fault = KEY_FAULT_BYTE;

	if (r->section == CAPTURE_KEY)
		capture_put_key(r, &fault, 1);
}

uint8_t *capture_room(struct run *r, size_t *room)
{
	const size_t full = sizeof(struct plan_fragment) + PLAN_FRAGMENT_MAX;
	size_t left = r->end - r->c->len;

	if (left < full && r->c->more && r->c->more(r->c))
		left = r->end - r->c->len;
	if (left < sizeof(struct plan_fragment)) {
		capture_full(r);
		return 0;
	}
	*room = (left - sizeof(struct plan_fragment)) / 8 * 8;
	return r->c->out + r->c->len + sizeof(struct plan_fragment);
}

void capture_put_fragment(struct run *r, struct plan_fragment *f)
{
	uint8_t *at = r->c->out + r->c->len;
	size_t len = sizeof(*f) + f->captured;

	__builtin_memcpy(at, f, sizeof(*f));
	while (len % 8)
		at[len++] = 0;
	r->c->len += len;
}

/* --- copying --- */

static uint32_t to_u32(uint64_t n)
{
	return n > UINT32_MAX ? UINT32_MAX : n;
}

/* One fragment of what is left: @wanted bytes, of which @most may be captured. Returns how many were, 0 when
 * that was the last. */
static size_t copy_piece(struct run *r, const struct plan_op *op, uint64_t addr, uint64_t wanted,
			 uint64_t most)
{
	struct plan_fragment f = {.addr = addr, .len = to_u32(wanted), .node = op->node};
	size_t room, want = smaller(most, PLAN_FRAGMENT_MAX), take;
	uint8_t *at = capture_room(r, &room);

	if (!at)
		return 0;
	take = smaller(want, room);
	f.captured = take ? r->c->read(at, addr, take) : 0;
	if (f.captured < take)
		f.status = PLAN_FRAGMENT_FAULT;
	else if (take < want)
		f.status = PLAN_FRAGMENT_BUDGET;
	capture_put_fragment(r, &f);
	if (f.status == PLAN_FRAGMENT_BUDGET)
		capture_full(r);
	return f.status == PLAN_FRAGMENT_OK ? f.captured : 0;
}

static void copy_fragments(struct run *r, const struct plan_op *op, uint64_t addr, uint64_t wanted)
{
	uint64_t most = smaller(wanted, op->max);
	size_t got;

	do {
		got = copy_piece(r, op, addr, wanted, most);
		addr += got;
		wanted -= got;
		most -= got;
	} while (got && most);
}

/* All, or one KEY_FAULT. */
static void copy_key(struct run *r, uint64_t addr, size_t len)
{
	size_t before = r->c->len;
	uint64_t folded = r->folded;

	while (len) {
		size_t n;

		if (r->c->len == r->end)
			fold_key(r);
		n = smaller(len, r->end - r->c->len);
		if (r->c->read(r->c->out + r->c->len, addr, n) != n)
			break;
		r->c->len += n;
		addr += n;
		len -= n;
	}
	if (!len)
		return;
	if (r->folded == folded)
		r->c->len = before;
	put_fault(r);
}

static void run_copy(struct run *r, const struct plan_op *op)
{
	uint64_t base = r->c->v[op->a];
	int64_t len = op->b == PLAN_V_ZERO ? op->max : (int64_t)r->c->v[op->b];

	if (!base)
		return;
	if (len < 0)
		len = 0;
	if (r->section == CAPTURE_KEY)
		copy_key(r, base + op->imm, smaller(len, op->max));
	else
		copy_fragments(r, op, base + op->imm, len);
}

/* --- text --- */

#define TEXT_STEP 64 /* bytes read at once: never more than a cache line past the NUL */

/* Bytes up to and with a NUL, at most @most; a step never crosses a page before the text does. */
static size_t read_text(struct run *r, uint8_t *at, uint64_t addr, size_t most, int *has_nul, int *has_fault)
{
	size_t got = 0;

	*has_nul = *has_fault = 0;
	while (got < most && !*has_nul && !*has_fault) {
		size_t step = smaller(TEXT_STEP - (addr + got) % TEXT_STEP, most - got);
		size_t n = r->c->read(at + got, addr + got, step);

		for (size_t i = 0; i < n && !*has_nul; i++) {
			*has_nul = !at[got + i];
			n = *has_nul ? i + 1 : n;
		}
		*has_fault = n < step && !*has_nul;
		got += n;
	}
	return got;
}

void capture_string(struct run *r, const struct plan_op *op, uint64_t addr, int is_all)
{
	struct plan_fragment f = {.addr = addr, .node = op->node};
	size_t room, take;
	uint8_t *at = capture_room(r, &room);
	int has_nul, has_fault;

	if (!at)
		return;
	take = smaller(op->max, room);
	f.captured = read_text(r, at, addr, take, &has_nul, &has_fault);
	f.len = f.captured + (!has_nul && (!is_all || f.captured < op->max));
	if (has_fault)
		f.status = PLAN_FRAGMENT_FAULT;
	else if (!has_nul && take < op->max)
		f.status = PLAN_FRAGMENT_BUDGET;
	capture_put_fragment(r, &f);
	if (f.status == PLAN_FRAGMENT_BUDGET)
		capture_full(r);
}

void capture_string_key(struct run *r, uint64_t addr, size_t most)
{
	size_t before = r->c->len;
	uint64_t folded = r->folded;
	int has_nul = 0, has_fault = 0;

	while (most && !has_nul && !has_fault) {
		uint8_t text[TEXT_STEP];
		size_t n = read_text(r, text, addr, smaller(most, TEXT_STEP), &has_nul, &has_fault);

		capture_put_key(r, text, n);
		addr += n;
		most -= n;
	}
	if (has_fault && r->folded == folded)
		r->c->len = before;
	if (has_fault)
		put_fault(r);
	else if (!has_nul)
		capture_put_key(r, "", 1);
}

static void run_string(struct run *r, const struct plan_op *op)
{
	uint64_t base = r->c->v[op->a];

	if (!base)
		return;
	if (r->section == CAPTURE_KEY)
		capture_string_key(r, base + op->imm, op->max);
	else
		capture_string(r, op, base + op->imm, 0);
}

/* --- values --- */

uint64_t capture_extend(uint64_t v, unsigned bits, int is_signed)
{
	unsigned unused = bits && bits < 64 ? 64 - bits : 0;

	return is_signed ? (uint64_t)((int64_t)(v << unused) >> unused) : v << unused >> unused;
}

static uint64_t extend_bytes(uint64_t v, int size)
{
	return size < 0 ? capture_extend(v, -size * 8, 1) : capture_extend(v, size * 8, 0);
}

/* Returns whether it could be read. */
static int run_load(struct run *r, const struct plan_op *op)
{
	int size = op->max, bytes = size < 0 ? -size : size;
	uint64_t word = 0;

	if (bytes < 1 || bytes > 8)
		bytes = 8;
	if (r->c->read(&word, r->c->v[op->a] + op->imm, bytes) != (size_t)bytes) {
		r->c->v[op->dst] = 0;
		put_fault(r);
		return 0;
	}
	r->c->v[op->dst] = extend_bytes(word, size);
	return 1;
}

static uint64_t bits_of(uint64_t v, const struct plan_op *op)
{
	unsigned shift = op->max & 255;

	return shift < 64 ? capture_extend(v >> shift, op->max >> 8, op->imm < 0) : 0;
}

static int64_t divide(int64_t a, int64_t b, int is_rest)
{
	if (!b)
		return 0;
	if (b == -1) /* INT64_MIN / -1 traps */
		return is_rest ? 0 : (int64_t) - (uint64_t)a;
	return is_rest ? a % b : a / b;
}

static uint64_t compute(unsigned kind, uint64_t a, uint64_t b)
{
	int64_t x = a, y = b;

	switch (kind) {
	case PLAN_ADD:
		return a + b;
	case PLAN_SUB:
		return a - b;
	case PLAN_MUL:
		return a * b;
	case PLAN_DIV:
		return divide(x, y, 0);
	case PLAN_MOD:
		return divide(x, y, 1);
	case PLAN_LT:
		return x < y;
	case PLAN_LE:
		return x <= y;
	case PLAN_EQ:
		return a == b;
	case PLAN_NE:
		return a != b;
	case PLAN_MIN:
		return x < y ? a : b;
	case PLAN_MAX:
		return x > y ? a : b;
	default:
		return 0;
	}
}

static int run_next(struct capture *c, const struct plan_op *op)
{
	c->v[op->dst]++;
	c->v[op->a] += op->max;
	return (int64_t)c->v[op->dst] < (int64_t)c->v[op->b];
}

/* --- the list of work --- */

/* Whether the object at @addr is new to the ops at @pc. */
static int mark(struct capture_work *work, uint64_t addr, int pc)
{
	unsigned at = plan_mix(addr + pc);

	for (;; at++) {
		unsigned k = at & (2 * PLAN_WORK_MAX - 1);

		if (work->seen[k].number != work->number) {
			work->seen[k].number = work->number;
			work->seen[k].addr = addr;
			work->seen[k].pc = pc;
			return 1;
		}
		if (work->seen[k].addr == addr && work->seen[k].pc == pc)
			return 0;
	}
}

static void run_push(struct run *r, const struct plan_op *op, int pc)
{
	struct capture_work *work = r->c->work;
	uint64_t addr = r->c->v[op->a];
	unsigned level = r->level + op->imm;

	if (!addr || level > op->max || r->section == CAPTURE_KEY)
		return;
	if (!work || r->cnt == PLAN_WORK_MAX) {
		r->c->flags |= CAPTURE_STEPS;
		return;
	}
	if (!r->cnt)
		work->number++;
	pc += 1 + op->jmp;
	if (!mark(work, addr, pc))
		return;
	work->row[r->cnt].addr = addr;
	work->row[r->cnt].pc = pc;
	work->row[r->cnt++].level = level;
}

/* Where to go on; -1: nowhere. */
static int run_pop(struct run *r, const struct plan_op *op)
{
	const struct capture_work *work = r->c->work;

	if (!work || r->at == r->cnt)
		return -1;
	r->c->v[op->dst] = work->row[r->at].addr;
	r->level = work->row[r->at].level;
	return work->row[r->at++].pc;
}

/* Returns whether the op jumps. */
static int run_op(struct run *r, const struct plan_op *op)
{
	struct capture *c = r->c;
	uint64_t a = c->v[op->a];

	switch (op->kind) {
	case PLAN_CONST:
		c->v[op->dst] = (uint32_t)op->imm | (uint64_t)op->max << 32;
		return 0;
	case PLAN_MOVE:
		c->v[op->dst] = a + op->imm;
		return 0;
	case PLAN_EXTEND:
		c->v[op->dst] = extend_bytes(a, op->imm);
		return 0;
	case PLAN_LOAD:
		return !run_load(r, op);
	case PLAN_COPY:
		run_copy(r, op);
		return 0;
	case PLAN_STRING:
		run_string(r, op);
		return 0;
	case PLAN_JZ:
		return !a;
	case PLAN_JUMP:
		return 1;
	case PLAN_NEXT:
		return run_next(c, op);
	case PLAN_KEEP:
		c->keep[op->imm % PLAN_KEEP_MAX] = a;
		return 0;
	case PLAN_KEPT:
		c->v[op->dst] = c->keep[op->imm % PLAN_KEEP_MAX];
		return 0;
	case PLAN_NOT:
		c->v[op->dst] = !a;
		return 0;
	case PLAN_BITS:
		c->v[op->dst] = bits_of(a, op);
		return 0;
	case PLAN_EMIT:
		if (op->max && c->address)
			a = c->address(a);
		if (r->section == CAPTURE_KEY)
			capture_put_key(r, &a, smaller((unsigned)op->imm, sizeof(a)));
		return 0;
	case PLAN_FORMAT:
		capture_format(r, op);
		return 0;
	case PLAN_FILE:
		capture_file(r, op);
		return 0;
	case PLAN_XMM:
		c->v[op->dst] = c->xmm ? c->xmm[op->imm % PLAN_FP_ST0][0] : 0;
		return 0;
	default:
		c->v[op->dst] = compute(op->kind, a, c->v[op->b]);
		return 0;
	}
}

static void run_ops(struct run *r, const struct plan_op *ops, int cnt, unsigned steps)
{
	for (int pc = 0; pc >= 0 && pc < cnt && ops[pc].kind != PLAN_END && !r->is_full; pc++) {
		if (!steps--) {
			r->c->flags |= CAPTURE_STEPS;
			return;
		}
		if (ops[pc].kind == PLAN_PUSH)
			run_push(r, &ops[pc], pc);
		else if (ops[pc].kind == PLAN_POP)
			pc = run_pop(r, &ops[pc]) - 1;
		else if (run_op(r, &ops[pc]))
			pc += ops[pc].jmp;
	}
}

void capture_run(struct capture *capture, const struct plan *plan, enum capture_section section)
{
	const unsigned short first[] = {plan->in, plan->out, plan->key};
	const unsigned short cnt[] = {plan->in_cnt, plan->out_cnt, plan->key_cnt};
	const struct plan_op *ops = &plan->ops[first[section]];
	struct run run = {.c = capture, .section = section, .end = capture->room};
	unsigned steps = section == CAPTURE_KEY	     ? PLAN_KEY_STEPS
			 : plan->flags & PLAN_F_DEEP ? PLAN_DEEP_STEPS
						     : PLAN_STEPS_MAX;

	if (section == CAPTURE_KEY)
		run.end = smaller(run.end, PLAN_KEY_MAX) / 8 * 8;
	else if (capture->more)
		run.end = smaller(run.end, PLAN_BYTES_MAX);
	else
		run.end = smaller(run.end, capture->len + PLAN_BYTES_MAX +
						   (section == CAPTURE_IN ? plan->more_in : plan->more_out));
	capture->v[PLAN_V_ZERO] = 0;
	run.hash[1] = PLAN_KEY_SEED;
	run_ops(&run, ops, cnt[section], steps);
	if (section == CAPTURE_KEY)
		end_key(&run);
}

/* --- gates --- */

/* The hash of the text at @addr, of at most @max bytes; 0 when it cannot be read. */
static int hash_text(struct run *r, uint64_t addr, size_t max, uint64_t *hash)
{
	uint64_t words[PLAN_HASH_MAX / 8 + 1] = {0};
	size_t most = smaller(max, PLAN_HASH_MAX), len;
	int has_nul, has_fault;

	len = read_text(r, (uint8_t *)words, addr, most, &has_nul, &has_fault) - has_nul;
	if (has_fault)
		return 0;
	/* What was read behind the text. */
	for (size_t i = len; i < sizeof(words); i++)
		((uint8_t *)words)[i] = 0;
	*hash = 0;
	for (size_t i = 0; i * 8 <= len; i++)
		*hash = plan_hash(*hash, words[i]);
	return 1;
}

/* Returns whether the op jumps. */
static int run_hash(struct run *r, const struct plan_op *op)
{
	uint64_t base = r->c->v[op->a], hash = 0;
	int is_there = !base || hash_text(r, base + op->imm, op->max, &hash);

	r->c->v[op->dst] = hash;
	return !is_there;
}

void capture_gate(struct capture *capture, const struct plan_gate *gate)
{
	struct run run = {.c = capture, .section = CAPTURE_IN};
	int cnt = smaller(gate->cnt, PLAN_GATE_OPS), left = PLAN_GATE_OPS;

	for (int pc = 0; pc >= 0 && pc < cnt && left; pc++, left--) {
		const struct plan_op *op = &gate->ops[pc];

		if (op->kind == PLAN_HASH ? run_hash(&run, op) : run_op(&run, op))
			pc += op->jmp;
	}
}
