// SPDX-License-Identifier: BSD-3-Clause
#include "replay/compare.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/expr.h"
#include "lib/json.h"
#include "lib/symbols.h"
#include "lib/util.h"
#include "lib/value.h"

#define LONG_DOUBLE_BYTES 10   /* of its 16 that mean something */
#define NESTING_MAX	  512  /* values within values, REFs followed */
#define PAIRS_MAX	  1024 /* REFs followed in one comparison */
#define UNORDERED_MAX	  4096 /* elements; longer arrays are compared in their order */

/* A rule's path, parsed; of an unordered one without its last []. */
struct pattern {
	struct path path;
	double absolute; /* tolerance */
};

struct patterns {
	struct pattern *row;
	size_t cnt;
};

struct pair {
	const struct value *recorded, *replayed;
};

struct comparer {
	struct differences *out;
	const char *prefix;
	struct patterns ignore, unordered, tolerances;
	struct handle_map *handles;
	bool is_dry;	  /* only count: are these two equal? */
	size_t dry_found; /* differences */
	unsigned depth;
	struct pair pairs[PAIRS_MAX]; /* compared through a REF */
	size_t pairs_cnt, pairs_from; /* those of this dry run start here */
	struct err *err;
};

static int compare(struct comparer *c, const struct value *a, const struct value *b);

/* --- differences --- */

void differences_release(struct differences *differences)
{
	for (size_t i = 0; i < differences->cnt; i++) {
		free(differences->row[i].path);
		cJSON_Delete(differences->row[i].recorded);
		cJSON_Delete(differences->row[i].replayed);
	}
	free(differences->row);
	free(differences->unread);
	*differences = (struct differences){};
}

int differences_add(struct differences *differences, const char *path, struct cJSON *recorded,
		    struct cJSON *replayed, struct err *err)
{
	auto_cjson cJSON *own_recorded = recorded, *own_replayed = replayed;
	autofree char *copy = NULL;
	struct difference *row;

	if (differences->cnt == DIFFERENCES_MAX) {
		differences->more++;
		return 0;
	}
	copy = strdup(path);
	row = realloc(differences->row, (differences->cnt + 1) * sizeof(*row));
	if (row)
		differences->row = row;
	if (!copy || !row)
		return err_nomem(err);
	row[differences->cnt++] = (struct difference){.path = TAKE_PTR(copy),
						      .recorded = TAKE_PTR(own_recorded),
						      .replayed = TAKE_PTR(own_replayed)};
	return 0;
}

/* Data reached twice, by its pointer and by a REF, differs once. */
static bool is_reported(const struct differences *differences, const char *path)
{
	for (size_t i = 0; i < differences->cnt; i++)
		if (!strcmp(differences->row[i].path, path))
			return true;
	return false;
}

static int report(struct comparer *c, const struct value *a, const struct value *b)
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
static int pass_over(struct comparer *c)
{
	if (!c->is_dry)
		c->out->unavailable++;
	return 0;
}

/* --- rules --- */

static bool is_index(const struct path_step *step, const struct value *array, const struct value *element)
{
	if (step->kind == STEP_EACH)
		return true;
	if (step->kind == STEP_DEREF)
		return array->child[0] == element;
	return step->kind == STEP_INDEX && step->index >= 0 && (uint64_t)step->index < array->child_cnt &&
	       array->child[step->index] == element;
}

/* Whether @v stands where the first @cnt steps of @path lead. Text, bytes and arrays behind a pointer stand
 * where the pointer does; `.` and `->` are taken for each other, as everywhere in a configuration. */
static bool stands_at(const struct value *v, const struct path *path, size_t cnt)
{
	const struct value *parent = v->parent;
	const struct path_step *step = cnt ? &path->steps[cnt - 1] : NULL;

	if (!parent)
		return !cnt && v->name && !strcmp(v->name, path->root);
	if (parent->kind == VALUE_STRUCT)
		return step && (step->kind == STEP_FIELD || step->kind == STEP_ARROW) && v->name &&
		       !strcmp(v->name, step->name) &&
		       (stands_at(parent, path, cnt - 1) ||
			(parent->parent && stands_at(parent->parent, path, cnt - 1)));
	if (parent->kind == VALUE_ARRAY)
		return step && is_index(step, parent, v) && stands_at(parent, path, cnt - 1);
	if (v->kind == VALUE_TEXT || v->kind == VALUE_BYTES || v->kind == VALUE_ARRAY)
		return stands_at(parent, path, cnt);
	return step &&
	       (step->kind == STEP_DEREF || step->kind == STEP_EACH ||
		(step->kind == STEP_INDEX && !step->index)) &&
	       stands_at(parent, path, cnt - 1);
}

static const struct pattern *find(const struct patterns *patterns, const struct value *v)
{
	for (size_t i = 0; i < patterns->cnt; i++)
		if (stands_at(v, &patterns->row[i].path, patterns->row[i].path.cnt))
			return &patterns->row[i];
	return NULL;
}

static void patterns_release(struct patterns *patterns)
{
	for (size_t i = 0; i < patterns->cnt; i++)
		path_release(&patterns->row[i].path);
	free(patterns->row);
}

static int patterns_add(struct patterns *patterns, const char *text, double absolute, struct err *err)
{
	struct pattern *row = realloc(patterns->row, (patterns->cnt + 1) * sizeof(*row));
	int r;

	if (!row)
		return err_nomem(err);
	patterns->row = row;
	row += patterns->cnt;
	*row = (struct pattern){.absolute = absolute};
	r = path_parse(&row->path, text, err);
	if (r)
		return err_wrap(err, r, "in the path '%s'", text);
	patterns->cnt++;
	return 0;
}

static int parse_rules(struct comparer *c, const struct compare_rules *rules)
{
	int r = 0;

	for (size_t i = 0; i < rules->ignore_cnt && !r; i++)
		r = patterns_add(&c->ignore, rules->ignore[i], 0, c->err);
	for (size_t i = 0; i < rules->tolerances_cnt && !r; i++)
		r = patterns_add(&c->tolerances, rules->tolerances[i].path, rules->tolerances[i].absolute,
				 c->err);
	for (size_t i = 0; i < rules->unordered_cnt && !r; i++) {
		r = patterns_add(&c->unordered, rules->unordered[i], 0, c->err);
		if (!r) {
			struct path *path = &c->unordered.row[i].path;

			if (path->cnt && path->steps[path->cnt - 1].kind == STEP_EACH)
				path->cnt--;
		}
	}
	return r;
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

static bool is_near(const struct comparer *c, const struct value *v, long double a, long double b)
{
	const struct pattern *tolerance = find(&c->tolerances, v);

	return tolerance && fabsl(a - b) <= (long double)tolerance->absolute;
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

static long double float_of(const struct value *v)
{
	long double ld = 0;
	double d = 0;
	float f = 0;

	if (v->size == sizeof(f)) {
		memcpy(&f, v->bytes, sizeof(f));
		return f;
	}
	if (v->size == sizeof(d)) {
		memcpy(&d, v->bytes, sizeof(d));
		return d;
	}
	memcpy(&ld, v->bytes, LONG_DOUBLE_BYTES);
	return ld;
}

static bool same_float(const struct comparer *c, const struct value *a, const struct value *b)
{
	size_t len = a->size > 8 ? LONG_DOUBLE_BYTES : a->size;
	long double x, y;

	if (a->size == b->size && !memcmp(a->bytes, b->bytes, len))
		return true;
	x = float_of(a);
	y = float_of(b);
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
static bool lengths_differ(const struct value *a, const struct value *b)
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

/* Where one side shows more than the other, its rest is compared with nothing. */
static int rest_of(struct comparer *c, const struct value *a, const struct value *b)
{
	return a->is_truncated != b->is_truncated || shown(a) != shown(b) ? pass_over(c) : 0;
}

static int compare_bytes(struct comparer *c, const struct value *a, const struct value *b)
{
	size_t len = MIN(a->len, b->len);

	if ((len && memcmp(a->bytes, b->bytes, len)) || lengths_differ(a, b))
		return report(c, a, b);
	return rest_of(c, a, b);
}

static int compare_extra(struct comparer *c, const struct value *array, size_t from, bool is_recorded)
{
	int r = 0;

	for (size_t i = from; i < array->child_cnt && !r; i++)
		if (!find(&c->ignore, array->child[i]))
			r = report(c, is_recorded ? array->child[i] : NULL,
				   is_recorded ? NULL : array->child[i]);
	return r;
}

static int compare_lengths(struct comparer *c, const struct value *a, const struct value *b)
{
	size_t cnt = MIN(a->child_cnt, b->child_cnt);
	int r;

	if (!lengths_differ(a, b))
		return rest_of(c, a, b);
	if (a->child_cnt == b->child_cnt)
		return report(c, a, b);
	r = compare_extra(c, a, cnt, true);
	return r ? r : compare_extra(c, b, cnt, false);
}

/* --- unordered arrays --- */

static int is_equal(struct comparer *c, const struct value *a, const struct value *b, bool *equal)
{
	bool was_dry = c->is_dry;
	size_t found = c->dry_found, pairs_cnt = c->pairs_cnt, pairs_from = c->pairs_from;
	int r;

	c->is_dry = true;
	c->dry_found = 0;
	c->pairs_from = pairs_cnt;
	r = compare(c, a, b);
	*equal = !c->dry_found;
	c->is_dry = was_dry;
	c->dry_found = found;
	c->pairs_cnt = pairs_cnt;
	c->pairs_from = pairs_from;
	return r;
}

/* Elements of @b by which those of @a are met, in @order; unmatched ones follow in their own order. */
static int match_up(struct comparer *c, const struct value *a, const struct value *b, struct value **order_a,
		    struct value **order_b)
{
	autofree bool *used_a = calloc(a->child_cnt + 1, 1), *used_b = calloc(b->child_cnt + 1, 1);
	size_t cnt = 0, rest;

	if (!used_a || !used_b)
		return err_nomem(c->err);
	for (size_t i = 0; i < a->child_cnt; i++) {
		bool equal = false;
		size_t j;

		for (j = 0; j < b->child_cnt && !equal; j++) {
			int r = used_b[j] ? 0 : is_equal(c, a->child[i], b->child[j], &equal);

			if (r)
				return r;
		}
		if (!equal)
			continue;
		used_a[i] = used_b[j - 1] = true;
		order_a[cnt] = a->child[i];
		order_b[cnt++] = b->child[j - 1];
	}
	rest = cnt;
	for (size_t i = 0; i < a->child_cnt; i++)
		if (!used_a[i])
			order_a[cnt++] = a->child[i];
	for (size_t j = 0; j < b->child_cnt; j++)
		if (!used_b[j])
			order_b[rest++] = b->child[j];
	return 0;
}

static int compare_in_order(struct comparer *c, const struct value *a, const struct value *b)
{
	int r = 0;

	for (size_t i = 0; i < a->child_cnt && i < b->child_cnt && !r; i++)
		r = compare(c, a->child[i], b->child[i]);
	return r ? r : compare_lengths(c, a, b);
}

static int compare_unordered(struct comparer *c, const struct value *a, const struct value *b)
{
	autofree struct value **order_a = calloc(a->child_cnt + 1, sizeof(*order_a));
	autofree struct value **order_b = calloc(b->child_cnt + 1, sizeof(*order_b));
	struct value x = *a, y = *b;
	int r;

	if (!order_a || !order_b)
		return err_nomem(c->err);
	r = match_up(c, a, b, order_a, order_b);
	if (r)
		return r;
	x.child = order_a;
	y.child = order_b;
	return compare_in_order(c, &x, &y);
}

static int compare_array(struct comparer *c, const struct value *a, const struct value *b)
{
	if (a->child_cnt <= UNORDERED_MAX && b->child_cnt <= UNORDERED_MAX && find(&c->unordered, a))
		return compare_unordered(c, a, b);
	return compare_in_order(c, a, b);
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
			r = compare(c, a->child[i], other);
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

static int compare_pointers(struct comparer *c, const struct value *a, const struct value *b)
{
	const struct value *x = value_pointee(a), *y = value_pointee(b);

	if (!x || !y)
		return x == y ? 0 : report(c, a, b);
	if (a->kind == VALUE_POINTER && b->kind == VALUE_POINTER)
		return compare(c, x, y);
	/* What the path names has been compared where it was shown. */
	if (a->kind == b->kind && !strcmp(a->path, b->path))
		return 0;
	if (is_known_pair(c, x, y))
		return 0;
	if (c->pairs_cnt == PAIRS_MAX)
		return pass_over(c);
	c->pairs[c->pairs_cnt++] = (struct pair){x, y};
	return compare(c, x, y);
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
		return same_number(c, a, b) ? 0 : report(c, a, b);
	if (has_bytes)
		return compare_bytes(c, a, b);
	if (is_opaque(a) && is_opaque(b))
		return same_handle(c, a, b) ? 0 : report(c, a, b);
	if (a->kind != b->kind)
		return report(c, a, b);
	switch (a->kind) {
	case VALUE_FLOAT:
		return same_float(c, a, b) ? 0 : report(c, a, b);
	case VALUE_STRUCT:
		return compare_struct(c, a, b);
	case VALUE_ARRAY:
		return compare_array(c, a, b);
	default:
		return report(c, a, b);
	}
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

static int compare(struct comparer *c, const struct value *a, const struct value *b)
{
	int r;

	if (find(&c->ignore, a) || a->is_elsewhere || b->is_elsewhere)
		return 0;
	if (a->is_unread && b->kind != VALUE_UNAVAILABLE)
		return note_unread(c, a);
	if (a->is_unpassed || b->is_unpassed)
		return pass_over(c);
	if (a->kind == VALUE_UNAVAILABLE || b->kind == VALUE_UNAVAILABLE)
		return a->kind == b->kind ? pass_over(c) : report(c, a, b);
	if (c->depth == NESTING_MAX)
		return pass_over(c);
	c->depth++;
	r = compare_there(c, a, b);
	c->depth--;
	return r;
}

static int compare_one_sided(struct comparer *c, const struct value *a, const struct value *b)
{
	return find(&c->ignore, a ? a : b) ? 0 : report(c, a, b);
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
	r = parse_rules(&c, rules ? rules : &none);
	if (!r)
		r = recorded && replayed ? compare(&c, recorded, replayed)
					 : compare_one_sided(&c, recorded, replayed);
	patterns_release(&c.ignore);
	patterns_release(&c.unordered);
	patterns_release(&c.tolerances);
	return r;
}
