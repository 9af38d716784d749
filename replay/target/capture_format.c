// SPDX-License-Identifier: BSD-3-Clause
/* The FORMAT op: a printf format and the arguments that it takes. */
#include "replay/target/capture_impl.h"

struct formatting {
	struct plan_format walk;
	uint64_t stack, saved, words[PLAN_FORMAT_WORDS];
	uint32_t gpr, xmm;	/* as a va_list counts */
	unsigned cnt, xmm_word; /* words; the last of them is vector register xmm_word - 1 */
	int is_list, status;
};

static int format_start(struct run *r, const struct plan_op *op, struct formatting *f)
{
	uint32_t list[2] = {PLAN_FORMAT_GPRS(op->jmp) * 8, PLAN_VA_GPRS + PLAN_FORMAT_XMMS(op->jmp) * 16};
	uint64_t areas[2] = {r->c->v[PLAN_V_RSP] + 8 + PLAN_FORMAT_STACK(op->jmp) * 8}, at = r->c->v[op->dst];

	f->is_list = op->dst != PLAN_V_ZERO;
	if (f->is_list && (r->c->read(list, at, sizeof(list)) != sizeof(list) ||
			   r->c->read(areas, at + 8, sizeof(areas)) != sizeof(areas))) {
		f->status = PLAN_FRAGMENT_FAULT;
		return 0;
	}
	f->stack = areas[0];
	f->saved = areas[1];
	f->gpr = list[0];
	f->xmm = list[1];
	return 1;
}

/* One more word, from @addr unless that is 0; false: that was too much, or it cannot be read. */
static int format_word(struct run *r, struct formatting *f, uint64_t word, uint64_t addr)
{
	if (f->cnt == PLAN_FORMAT_WORDS)
		return 0;
	f->words[f->cnt] = word;
	if (addr && r->c->read(&f->words[f->cnt], addr, 8) != 8) {
		f->status = PLAN_FRAGMENT_FAULT;
		return 0;
	}
	f->cnt++;
	return 1;
}

static int format_take(struct run *r, struct formatting *f, enum plan_takes takes)
{
	uint64_t at;

	f->xmm_word = 0;
	if (takes == PLAN_TAKES_LONG_DOUBLE) {
		at = (f->stack + 15) & ~15ull;
		f->stack = at + 16;
		return format_word(r, f, 0, at) && format_word(r, f, 0, at + 8);
	}
	if (takes == PLAN_TAKES_DOUBLE && f->xmm < PLAN_VA_XMMS) {
		at = f->is_list ? f->saved + f->xmm : 0;
		f->xmm_word = f->is_list ? 0 : (f->xmm - PLAN_VA_GPRS) / 16 + 1;
		f->xmm += 16;
		return format_word(r, f, 0, at);
	}
	if (takes != PLAN_TAKES_DOUBLE && f->gpr < PLAN_VA_GPRS) {
		at = f->gpr;
		f->gpr += 8;
		return format_word(r, f, r->c->v[PLAN_V_ARG0 + at / 8], f->is_list ? f->saved + at : 0);
	}
	f->stack += 8;
	return format_word(r, f, 0, f->stack - 8);
}

/* What a conversion took, as a part of the key: see key.h. */
static void format_key(struct run *r, const struct plan_op *op, const struct formatting *f,
		       enum plan_takes takes)
{
	uint64_t word = f->words[f->cnt - 1];
	const uint8_t is_set = word != 0, cut = KEY_CUT_BYTE;
	size_t most = op->max;

	switch (takes) {
	case PLAN_TAKES_SIGNED:
	case PLAN_TAKES_UNSIGNED:
	case PLAN_TAKES_STAR:
		word = capture_extend(word, takes == PLAN_TAKES_STAR ? 32 : f->walk.size * 8u,
				      takes != PLAN_TAKES_UNSIGNED);
		capture_put_key(r, &word, sizeof(word));
		break;
	case PLAN_TAKES_DOUBLE:
		if (f->xmm_word && r->c->xmm)
			word = r->c->xmm[f->xmm_word - 1][0];
		capture_put_key(r, &word, sizeof(word));
		break;
	case PLAN_TAKES_LONG_DOUBLE:
		capture_put_key(r, &f->words[f->cnt - 2], 10);
		break;
	case PLAN_TAKES_TEXT:
		capture_put_key(r, &is_set, 1);
		if (f->walk.precision >= 0)
			most = smaller(most, f->walk.precision);
		if (word)
			capture_string_key(r, word, most);
		break;
	case PLAN_TAKES_WIDE:
		capture_put_key(r, word ? &cut : &is_set, 1);
		break;
	case PLAN_TAKES_POINTER:
		capture_put_key(r, &is_set, 1);
		break;
	default:
		break;
	}
}

static void format_argument(struct run *r, const struct plan_op *op, struct formatting *f,
			    enum plan_takes takes)
{
	struct plan_op text = *op;

	if (takes == PLAN_TAKES_STAR)
		plan_format_star(&f->walk, f->words[f->cnt - 1]);
	if (r->section == CAPTURE_KEY) {
		format_key(r, op, f, takes);
		return;
	}
	if (takes != PLAN_TAKES_TEXT || !f->words[f->cnt - 1])
		return;
	if (f->walk.precision >= 0)
		text.max = smaller(text.max, f->walk.precision);
	capture_string(r, &text, f->words[f->cnt - 1], (unsigned)f->walk.precision == text.max);
}

/* Walk the format; how it ended. */
static enum plan_takes format_walk(struct run *r, const struct plan_op *op, struct formatting *f)
{
	uint64_t at = r->c->v[op->b];

	for (unsigned i = 0; i < PLAN_FORMAT_MAX && !r->is_full; i++) {
		enum plan_takes takes;
		unsigned char c;

		if (r->c->read(&c, at + i, 1) != 1)
			break;
		takes = plan_format_char(&f->walk, c);
		if (takes == PLAN_TAKES_END || takes == PLAN_TAKES_UNKNOWN)
			return takes;
		if (takes == PLAN_TAKES_NOTHING)
			continue;
		if (!format_take(r, f, takes))
			break;
		format_argument(r, op, f, takes);
	}
	return PLAN_TAKES_UNKNOWN;
}

static void format_words(struct run *r, const struct plan_op *op, const struct formatting *f)
{
	struct plan_fragment fragment = {.addr = PLAN_FORMAT_ADDR,
					 .len = f->cnt * 8 + (f->status != PLAN_FRAGMENT_OK),
					 .captured = f->cnt * 8,
					 .node = op->node,
					 .status = f->status};
	size_t room;
	uint8_t *at = capture_room(r, &room);

	if (!at)
		return;
	if (room < fragment.captured) {
		capture_full(r);
		return;
	}
	__builtin_memcpy(at, f->words, fragment.captured);
	capture_put_fragment(r, &fragment);
}

void capture_format(struct run *r, const struct plan_op *op)
{
	struct formatting f = {};
	enum plan_takes end = PLAN_TAKES_UNKNOWN;
	const uint8_t cut = KEY_CUT_BYTE;

	if (!r->c->v[op->b])
		return;
	if (format_start(r, op, &f))
		end = format_walk(r, op, &f);
	if (r->section != CAPTURE_KEY)
		format_words(r, op, &f);
	else if (end != PLAN_TAKES_END)
		capture_put_key(r, &cut, 1);
}

/* --- files --- */

/* The fragment from @off on; returns how much of the file is in it, 0 when that was the last. */
static size_t put_piece(struct run *r, const struct plan_op *op, const char *name, uint64_t off)
{
	struct plan_fragment f = {.addr = PLAN_FILE_ADDR + off, .node = op->node};
	uint64_t size = 0;
	size_t room, len = 0;
	uint8_t *at = capture_room(r, &room);
	int why;

	if (!at)
		return 0;
	room = smaller(room, PLAN_FRAGMENT_MAX);
	why = r->c->file(name, off, at, smaller(room, op->max - off), &len, &size);
	if (why == PLAN_FILE_READ) {
		f.len = size - off > UINT32_MAX ? UINT32_MAX : size - off;
		f.captured = len;
	} else {
		f.addr = PLAN_FILE_ADDR + why;
		f.len = 1;
		f.status = PLAN_FRAGMENT_FAULT;
	}
	if (len < room && off + len < op->max && off + len < size)
		f.status = PLAN_FRAGMENT_FAULT;
	capture_put_fragment(r, &f);
	return f.status == PLAN_FRAGMENT_OK && len == PLAN_FRAGMENT_MAX && off + len < size ? len : 0;
}

static void put_content(struct run *r, const struct plan_op *op, const char *name)
{
	uint64_t off = 0;
	size_t n;

	do {
		n = put_piece(r, op, name, off);
		off += n;
	} while (n && off < op->max);
}

void capture_file(struct run *r, const struct plan_op *op)
{
	char name[PLAN_FILE_NAME_MAX];
	uint64_t addr = r->c->v[op->a];
	size_t len = 0;

	if (!addr || !r->c->file || r->section == CAPTURE_KEY)
		return;
	while (len < sizeof(name) && r->c->read(&name[len], addr + len, 1) == 1)
		if (!name[len++]) {
			put_content(r, op, name);
			return;
		}
}
