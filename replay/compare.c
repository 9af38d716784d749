// SPDX-License-Identifier: BSD-3-Clause
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/symbols.h"
#include "lib/util.h"
#include "lib/value.h"
#include "replay/compare_impl.h"

#define NESTING_MAX VALUE_DEPTH_MAX /* values within values, REFs followed */

/* Data reached twice, by its pointer and by a REF, differs once. */
static bool is_reported(const struct differences *differences, const char *path)
{
	for (size_t i = 0; i < differences->cnt; i++)
		if (!strcmp(differences->row[i].path, path))
			return true;
	return false;
}

int comparer_report(struct comparer *c, const struct value *a, const struct value *b)
{
	autofree char *place = NULL, *path = NULL;
	cJSON *recorded, *replayed;

	if (c->is_dry) {
		c->dry_found++;
		return 0;
	}
	if (c->out->cnt == DIFFERENCES_MAX) {
		c->out->more++;
		return 0;
	}
	place = value_path(a ? a : b);
	if (!place || asprintf(&path, "%s%s", c->prefix, place) < 0) {
		path = NULL;
		return err_nomem(c->err);
	}
	if (is_reported(c->out, path))
		return 0;
	recorded = a ? value_json(a, handle_map_numbers(c->handles, false)) : NULL;
	replayed = b ? value_json(b, handle_map_numbers(c->handles, true)) : NULL;
	if ((a && !recorded) || (b && !replayed)) {
		cJSON_Delete(recorded);
		cJSON_Delete(replayed);
		return err_nomem(c->err);
	}
	return differences_add(c->out, path, recorded, replayed, c->err);
}

/* Neither side can say. */
int comparer_pass_over(struct comparer *c)
{
	if (!c->is_dry)
		c->out->unavailable++;
	return 0;
}

static bool is_ignored(const struct comparer *c, const struct value *v)
{
	return patterns_find(&c->patterns, COMPARE_IGNORE, v);
}

/* --- numbers --- */

static bool is_number(const struct value *v)
{
	return v->kind == VALUE_INT || v->kind == VALUE_BOOL || v->kind == VALUE_ENUM;
}

/* As 128 bits: everything but an unsigned 16-byte number beyond 2^127 keeps its value. */
static __int128 number_of(const struct value *v)
{
	if (v->size == 16)
		return (__int128)((unsigned __int128)v->bits_high << 64 | v->bits);
	return v->is_signed ? (__int128)(int64_t)v->bits : (__int128)v->bits;
}

static bool is_huge(const struct value *v)
{
	return v->size == 16 && !v->is_signed && v->bits_high >> 63;
}

/* From @x to the next larger number of @size bytes. */
static long double step_at(long double x, size_t size)
{
	if (size == sizeof(float))
		return nextafterf(fabsl(x), INFINITY) - (float)fabsl(x);
	if (size == sizeof(double))
		return nextafter(fabsl(x), INFINITY) - (double)fabsl(x);
	return nextafterl(fabsl(x), INFINITY) - fabsl(x);
}

static bool is_near(const struct comparer *c, const struct value *v, long double a, long double b)
{
	const struct pattern *pattern = patterns_find(&c->patterns, COMPARE_TOLERANCE, v);
	const struct compare_rule *rule = pattern ? pattern->rule : NULL;
	long double distance = fabsl(a - b), step;

	if (!rule || !isfinite(a) || !isfinite(b))
		return false;
	if (distance <= (long double)rule->absolute || distance <= rule->relative * fabsl(a))
		return true;
	step = v->kind == VALUE_FLOAT ? step_at(a, v->size) : 1;
	return rule->ulp && distance <= rule->ulp * step;
}

static bool same_number(const struct comparer *c, const struct value *a, const struct value *b)
{
	__int128 x = number_of(a), y = number_of(b);

	if (a->kind == VALUE_ENUM && b->kind == VALUE_ENUM && a->text && b->text)
		return !strcmp(a->text, b->text);
	if (x == y && is_huge(a) == is_huge(b))
		return true;
	return is_near(c, a, (long double)x, (long double)y);
}

static bool same_float(const struct comparer *c, const struct value *a, const struct value *b)
{
	size_t len = a->size > 8 ? VALUE_LONG_DOUBLE_BYTES : a->size;
	long double x, y;

	if (a->size == b->size && !memcmp(a->bytes, b->bytes, len))
		return true;
	x = value_float(a);
	y = value_float(b);
	if (a->size != b->size && x == y && signbit(x) == signbit(y))
		return true;
	return is_near(c, a, x, y);
}

/* --- what has a length --- */

static uint64_t shown(const struct value *v)
{
	return v->kind == VALUE_ARRAY ? v->child_cnt : v->len;
}

/* UINT64_MAX: nobody knows. */
static uint64_t length_of(const struct value *v)
{
	if (!v->is_truncated)
		return shown(v);
	return v->full_len ? v->full_len : UINT64_MAX;
}

/* Whether the lengths can be told apart: one is known, and the other is another or already longer. */
bool comparer_lengths_differ(const struct value *a, const struct value *b)
{
	uint64_t x = length_of(a), y = length_of(b);

	if (x == UINT64_MAX && y == UINT64_MAX)
		return false;
	if (x == UINT64_MAX)
		return shown(a) >= y;
	if (y == UINT64_MAX)
		return shown(b) >= x;
	return x != y;
}

/* Where one side shows more than the other, or a limit has cut both, the rest is compared with nothing. */
int comparer_rest_of(struct comparer *c, const struct value *a, const struct value *b)
{
	return a->is_truncated || b->is_truncated || shown(a) != shown(b) ? comparer_pass_over(c) : 0;
}

static int compare_bytes(struct comparer *c, const struct value *a, const struct value *b)
{
	size_t len = MIN(a->len, b->len);

	if ((len && memcmp(a->bytes, b->bytes, len)) || comparer_lengths_differ(a, b))
		return comparer_report(c, a, b);
	return comparer_rest_of(c, a, b);
}

/* --- the rest --- */

static const struct value *member(const struct value *v, const struct value *like, size_t guess)
{
	if (!like->name)
		return NULL;
	if (guess < v->child_cnt && v->child[guess]->name && !strcmp(v->child[guess]->name, like->name))
		return v->child[guess];
	for (size_t i = 0; i < v->child_cnt; i++)
		if (v->child[i]->name && !strcmp(v->child[i]->name, like->name))
			return v->child[i];
	return NULL;
}

static int compare_struct(struct comparer *c, const struct value *a, const struct value *b)
{
	int r = 0;

	for (size_t i = 0; i < a->child_cnt && !r; i++) {
		const struct value *other = member(b, a->child[i], i);

		if (other)
			r = comparer_compare(c, a->child[i], other);
	}
	return r;
}

static bool is_pointer(const struct value *v)
{
	return v->kind == VALUE_POINTER || v->kind == VALUE_REF;
}

/* Whether these two were compared, or are being compared, through another REF: a cycle has come round. */
static bool is_known_pair(struct comparer *c, const struct value *a, const struct value *b)
{
	for (size_t i = c->pairs_from; i < c->pairs_cnt; i++)
		if (c->pairs[i].recorded == a && c->pairs[i].replayed == b)
			return true;
	return false;
}

static const struct value *root_of(const struct value *v)
{
	while (v->parent)
		v = v->parent;
	return v;
}

static int compare_pointers(struct comparer *c, const struct value *a, const struct value *b)
{
	const struct value *x = value_pointee(a), *y = value_pointee(b);

	if (!x || !y)
		return x == y ? 0 : comparer_report(c, a, b);
	if (a->kind == VALUE_POINTER && b->kind == VALUE_POINTER)
		return comparer_compare(c, x, y);
	/* What the path names in this same value is compared where it is shown; another argument may not be.
	 */
	if (a->kind == b->kind && !strcmp(a->path, b->path) && root_of(x) == root_of(a) &&
	    root_of(y) == root_of(b))
		return 0;
	if (is_known_pair(c, x, y))
		return 0;
	if (c->pairs_cnt == PAIRS_MAX)
		return comparer_pass_over(c);
	c->pairs[c->pairs_cnt++] = (struct pair){x, y};
	return comparer_compare(c, x, y);
}

static bool is_opaque(const struct value *v)
{
	return v->kind == VALUE_HANDLE || v->kind == VALUE_SYMBOL;
}

/* In images by name, for another build has them elsewhere; elsewhere by who met whom first. */
static bool same_handle(struct comparer *c, const struct value *a, const struct value *b)
{
	size_t len;

	if (a->kind != VALUE_SYMBOL || b->kind != VALUE_SYMBOL)
		return handle_map_agrees(c->handles, a->bits, b->bits, !c->is_dry);
	len = symbol_stem(a->symbol->name);
	return a->symbol->off == b->symbol->off && !strcmp(a->symbol->module, b->symbol->module) &&
	       symbol_stem(b->symbol->name) == len && !strncmp(a->symbol->name, b->symbol->name, len);
}

static int compare_there(struct comparer *c, const struct value *a, const struct value *b)
{
	bool has_bytes = (a->kind == VALUE_TEXT || a->kind == VALUE_BYTES) &&
			 (b->kind == VALUE_TEXT || b->kind == VALUE_BYTES);

	if (is_pointer(a) && is_pointer(b))
		return compare_pointers(c, a, b);
	if (is_number(a) && is_number(b))
		return same_number(c, a, b) ? 0 : comparer_report(c, a, b);
	if (has_bytes)
		return compare_bytes(c, a, b);
	if (is_opaque(a) && is_opaque(b))
		return same_handle(c, a, b) ? 0 : comparer_report(c, a, b);
	if (a->kind != b->kind)
		return comparer_report(c, a, b);
	switch (a->kind) {
	case VALUE_FLOAT:
		return same_float(c, a, b) ? 0 : comparer_report(c, a, b);
	case VALUE_STRUCT:
		return compare_struct(c, a, b);
	case VALUE_ARRAY:
		return comparer_array(c, a, b);
	default:
		return comparer_report(c, a, b);
	}
}

/* Text that only has to look as a rule says. */
static bool looks_right(const struct comparer *c, const struct value *a, const struct value *b)
{
	const struct pattern *pattern;

	if (a->kind != VALUE_TEXT || b->kind != VALUE_TEXT)
		return false;
	pattern = patterns_find(&c->patterns, COMPARE_MATCH, a);
	return pattern && pattern_is_like(pattern, (const char *)a->bytes, a->len) &&
	       pattern_is_like(pattern, (const char *)b->bytes, b->len);
}

static int note_unread(struct comparer *c, const struct value *a)
{
	autofree char *place = NULL;

	if (c->is_dry || c->out->unread) {
		c->dry_found++;
		return 0;
	}
	place = value_path(a);
	if (!place || asprintf(&c->out->unread, "%s%s", c->prefix, place) < 0) {
		c->out->unread = NULL;
		return err_nomem(c->err);
	}
	return 0;
}

int comparer_compare(struct comparer *c, const struct value *a, const struct value *b)
{
	int r;

	if (is_ignored(c, a))
		return 0;
	/* NULL is known even where what a pointer leads to is shown at the other instant. */
	if ((a->is_elsewhere && value_is_null(b)) || (b->is_elsewhere && value_is_null(a)))
		return comparer_report(c, a, b);
	if (a->is_elsewhere || b->is_elsewhere)
		return 0;
	if (a->is_unread && b->kind != VALUE_UNAVAILABLE)
		return note_unread(c, a);
	if (a->is_unpassed || b->is_unpassed)
		return comparer_pass_over(c);
	if (a->kind == VALUE_UNAVAILABLE || b->kind == VALUE_UNAVAILABLE)
		return a->kind == b->kind ? comparer_pass_over(c) : comparer_report(c, a, b);
	if (c->depth == NESTING_MAX)
		return comparer_pass_over(c);
	if (looks_right(c, a, b))
		return 0;
	c->depth++;
	r = compare_there(c, a, b);
	c->depth--;
	return r;
}

int comparer_is_equal(struct comparer *c, const struct value *a, const struct value *b, bool *equal)
{
	bool was_dry = c->is_dry;
	size_t found = c->dry_found, pairs_cnt = c->pairs_cnt, pairs_from = c->pairs_from;
	int r;

	c->is_dry = true;
	c->dry_found = 0;
	c->pairs_from = pairs_cnt;
	r = comparer_compare(c, a, b);
	*equal = !c->dry_found;
	c->is_dry = was_dry;
	c->dry_found = found;
	c->pairs_cnt = pairs_cnt;
	c->pairs_from = pairs_from;
	return r;
}

static int compare_one_sided(struct comparer *c, const struct value *a, const struct value *b)
{
	return is_ignored(c, a ? a : b) ? 0 : comparer_report(c, a, b);
}

int compare_value(struct differences *out, const char *prefix, const struct value *recorded,
		  const struct value *replayed, const struct compare_rules *rules, struct handle_map *handles,
		  struct err *err)
{
	static const struct compare_rules none = {};
	struct comparer c = {.out = out, .prefix = prefix, .handles = handles, .err = err};
	int r;

	if (!recorded && !replayed)
		return 0;
	r = patterns_parse(&c.patterns, rules ? rules : &none, err);
	if (!r)
		r = recorded && replayed ? comparer_compare(&c, recorded, replayed)
					 : compare_one_sided(&c, recorded, replayed);
	patterns_release(&c.patterns);
	return r;
}
