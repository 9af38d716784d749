// SPDX-License-Identifier: BSD-3-Clause
/* Variable arguments: the recorded format is walked again, and says what each recorded word is. */
#include "lib/decode.h"

#include <string.h>

#include "lib/plan.h"
#include "lib/pool.h"
#include "lib/recording.h"
#include "lib/util.h"

#define LONG_DOUBLE 16

struct format {
	struct decoder *d;
	struct value *v; /* the ARRAY */
	struct found text, words;
	struct plan_format walk;
	size_t at;	   /* words taken */
	unsigned xmm;	   /* as a va_list counts */
	size_t conversion; /* where the last one begins in the text */
	struct value *child[PLAN_FORMAT_WORDS + 1];
};

static struct value *add(struct format *f)
{
	struct value *child = decode_new(f->d, f->v->node, f->v);

	if (!child)
		return NULL;
	child->name = NULL;
	f->child[f->v->child_cnt++] = child;
	return child;
}

static uint64_t word(struct format *f)
{
	return decode_load(f->words.bytes + 8 * f->at++, 8);
}

/* --- what a conversion takes --- */

static void take_number(struct format *f, struct value *v, enum plan_takes takes)
{
	v->kind = VALUE_INT;
	v->size = takes == PLAN_TAKES_STAR ? 4 : f->walk.size;
	v->is_signed = takes != PLAN_TAKES_UNSIGNED;
	v->bits = decode_extend(word(f), v->size * 8, v->is_signed);
	v->bits_high = v->is_signed && (int64_t)v->bits < 0 ? UINT64_MAX : 0;
	if (takes == PLAN_TAKES_STAR)
		plan_format_star(&f->walk, (int)v->bits);
}

static void take_double(struct format *f, struct value *v)
{
	const bool is_in_register = !f->d->shape->varargs.is_list && f->xmm < PLAN_VA_XMMS;
	const uint8_t *bytes = f->words.bytes + 8 * f->at++;
	unsigned number = (f->xmm - PLAN_VA_GPRS) / PLAN_FP_BYTES;

	if (is_in_register) {
		bytes = decode_xmm(f->d, number);
		f->xmm += PLAN_FP_BYTES;
	}
	if (!bytes) {
		decode_unavailable(v, decode_no_xmm(f->d));
		v->is_unread = true;
		return;
	}
	v->kind = VALUE_FLOAT;
	v->bytes = bytes;
	v->size = v->len = 8;
}

static void take_long_double(struct format *f, struct value *v)
{
	v->kind = VALUE_FLOAT;
	v->bytes = f->words.bytes + 8 * f->at;
	v->size = v->len = LONG_DOUBLE;
	f->at += 2;
}

/* Text that ends at its NUL, at the conversion's precision, or where a limit cut it. */
static void set_text(struct format *f, struct value *v, const struct found *found)
{
	const uint64_t precision = f->walk.precision < 0 ? UINT64_MAX : (uint64_t)f->walk.precision;
	const size_t most = MIN(found->captured, precision);
	const uint8_t *nul = most ? memchr(found->bytes, '\0', most) : NULL;
	struct value *text;

	if (!nul && most < precision && (found->status == PLAN_FRAGMENT_FAULT || !most)) {
		decode_unavailable(v, extent_why(f->d, &(struct extent){.addr = v->bits,
									.captured = found->captured,
									.status = found->status}));
		return;
	}
	text = decode_pointee(f->d, v, v->node);
	if (!text)
		return;
	text->kind = VALUE_TEXT;
	text->bytes = found->bytes;
	text->len = nul ? (size_t)(nul - found->bytes) : most;
	text->is_truncated = !nul && most < precision;
}

static void take_text(struct format *f, struct value *v)
{
	struct found found = {};

	v->kind = VALUE_POINTER;
	v->size = 8;
	v->bits = word(f);
	if (!v->bits)
		return;
	if (memory_find(f->d->memory, v->bits, v->node, &found))
		set_text(f, v, &found);
	else
		decode_unavailable(v, extent_why_absent(f->d, v->bits));
}

static void take_pointer(struct format *f, struct value *v, enum plan_takes takes)
{
	v->kind = VALUE_POINTER;
	v->size = 8;
	v->bits = word(f);
	if (!v->bits && takes != PLAN_TAKES_COUNT)
		return;
	if (takes == PLAN_TAKES_POINTER) {
		decode_handle(f->d, v);
		return;
	}
	decode_unavailable(v, takes == PLAN_TAKES_WIDE ? "text of wide characters"
						       : "what the function stores there is not captured");
	v->is_elsewhere = takes == PLAN_TAKES_COUNT;
	v->is_wide = takes == PLAN_TAKES_WIDE;
}

/* --- the walk --- */

/* The rest is not known: one value more says so. */
static void give_up(struct format *f, const char *why)
{
	struct value *v = add(f);

	if (v)
		decode_unavailable(v, why);
}

static const char *why_unknown(struct format *f, size_t at)
{
	const char *why = pool_printf(f->d->pool, "what '%.*s' of the format takes is not known",
				      (int)MIN(at + 1 - f->conversion, 32u),
				      (const char *)f->text.bytes + f->conversion);

	f->d->failed |= !why;
	return why;
}

/* Whether the words that @takes wants were captured. */
static bool has_words(const struct format *f, enum plan_takes takes)
{
	size_t cnt = takes == PLAN_TAKES_LONG_DOUBLE ? 2 : 1;

	return (f->at + cnt) * 8 <= f->words.captured && f->v->child_cnt < PLAN_FORMAT_WORDS;
}

static const char *why_no_words(struct format *f)
{
	if (f->words.status == PLAN_FRAGMENT_FAULT)
		return "its arguments could not be read";
	return "more arguments than are captured";
}

static void take(struct format *f, enum plan_takes takes)
{
	struct value *v = add(f);

	if (!v)
		return;
	switch (takes) {
	case PLAN_TAKES_DOUBLE:
		take_double(f, v);
		break;
	case PLAN_TAKES_LONG_DOUBLE:
		take_long_double(f, v);
		break;
	case PLAN_TAKES_TEXT:
		take_text(f, v);
		break;
	case PLAN_TAKES_WIDE:
	case PLAN_TAKES_POINTER:
	case PLAN_TAKES_COUNT:
		take_pointer(f, v, takes);
		break;
	default:
		take_number(f, v, takes);
	}
}

static void walk(struct format *f)
{
	for (size_t i = 0; i < f->text.captured && i < PLAN_FORMAT_MAX && !f->d->failed; i++) {
		bool is_text = f->walk.state == PLAN_FORMAT_TEXT;
		enum plan_takes takes = plan_format_char(&f->walk, f->text.bytes[i]);

		if (is_text)
			f->conversion = i;
		if (takes == PLAN_TAKES_END)
			return;
		if (takes == PLAN_TAKES_UNKNOWN) {
			give_up(f, why_unknown(f, i));
			return;
		}
		if (takes == PLAN_TAKES_NOTHING)
			continue;
		if (!has_words(f, takes)) {
			give_up(f, why_no_words(f));
			return;
		}
		take(f, takes);
	}
	if (!f->d->failed)
		give_up(f, "its format was not captured to its end");
}

/* The format's address, or 0. */
static uint64_t format_address(struct decoder *d, uint16_t node)
{
	struct extent extent;

	for (size_t i = 0; i < d->shape->params_cnt; i++) {
		if (d->shape->params[i].node != node)
			continue;
		if (!decode_param_extent(d, &extent, &d->shape->params[i]) || !extent_has(&extent, 0, 8))
			return 0;
		return decode_load(extent.bytes, 8);
	}
	return 0;
}

void decode_varargs(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off)
{
	const struct shape_node *n = &d->shape->nodes[v->node];
	struct format f = {.d = d, .v = v, .xmm = PLAN_VA_GPRS + d->shape->varargs.xmms * PLAN_FP_BYTES};
	uint64_t addr = format_address(d, n->format);

	(void)extent;
	(void)off;
	if (addr && !memory_find(d->memory, addr, n->format, &f.text)) {
		decode_unavailable(v, extent_why_absent(d, addr));
		return;
	}
	if (addr && !memory_find(d->memory, PLAN_FORMAT_ADDR, v->node, &f.words)) {
		decode_unavailable(v, d->side->budget_cut || d->side->steps_cut
					      ? extent_why_absent(d, addr)
					      : "its arguments were not captured");
		return;
	}
	v->kind = VALUE_ARRAY;
	if (addr)
		walk(&f);
	v->child = pool_array(d->pool, v->child_cnt, sizeof(*v->child));
	d->failed |= !v->child;
	if (v->child)
		memcpy(v->child, f.child, v->child_cnt * sizeof(*v->child));
}

/* --- files --- */

void decode_file(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off)
{
	static const char *const why[PLAN_FILE_CNT] = {
		[PLAN_FILE_ABSENT] = "there was no such file when it was read",
		[PLAN_FILE_UNREAD] = "the file could not be read",
		[PLAN_FILE_NO_FILE] = "it is no plain file",
		[PLAN_FILE_CHANGED] = "the file was changed before it could be read",
	};
	struct found found;

	(void)extent;
	(void)off;
	for (int i = PLAN_FILE_ABSENT; i < PLAN_FILE_CNT; i++)
		if (memory_find(d->memory, PLAN_FILE_ADDR + i, v->node, &found)) {
			decode_unavailable(v, why[i]);
			v->is_elsewhere = false;
			return;
		}
	if (!memory_find(d->memory, PLAN_FILE_ADDR, v->node, &found)) {
		decode_unavailable(v,
				   d->side->budget_cut ? extent_why_absent(d, 0) : "the file was not read");
		return;
	}
	v->kind = found.captured && memchr(found.bytes, '\0', found.captured) ? VALUE_BYTES : VALUE_TEXT;
	v->bytes = found.bytes;
	v->len = found.captured;
	v->is_truncated = found.captured < found.wanted;
	v->full_len = v->is_truncated && found.wanted != UINT64_MAX ? found.wanted : 0;
}
