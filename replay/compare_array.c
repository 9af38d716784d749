// SPDX-License-Identifier: BSD-3-Clause
/* Arrays: in their order, in any order, or by a key of their elements. */
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/util.h"
#include "lib/value.h"
#include "replay/compare_impl.h"

/* The elements in the order in which they stand opposite each other; those behind @paired have no
 * counterpart. */
struct lineup {
	struct value **a, **b;
	size_t paired, a_cnt, b_cnt;
};

static bool is_ignored(const struct comparer *c, const struct value *v)
{
	return patterns_find(&c->patterns, COMPARE_IGNORE, v);
}

/* Elements that one side alone has. */
static int compare_extra(struct comparer *c, struct value *const *elements, size_t cnt, bool is_recorded)
{
	size_t shown = 0;
	int r = 0;

	for (size_t i = 0; i < cnt && !r; i++) {
		if (is_ignored(c, elements[i]))
			continue;
		if (!c->is_dry && shown++ >= ARRAY_DIFFERENCES_MAX)
			c->out->more++;
		else
			r = comparer_report(c, is_recorded ? elements[i] : NULL,
					    is_recorded ? NULL : elements[i]);
	}
	return r;
}

/* Pairs until enough of them differ; the others that do are counted. */
static int compare_paired(struct comparer *c, const struct lineup *lineup)
{
	size_t differing = 0;
	int r = 0;

	for (size_t i = 0; i < lineup->paired && !r; i++) {
		size_t before = c->out->cnt;
		bool equal = true;

		if (c->is_dry || differing < ARRAY_DIFFERENCES_MAX) {
			r = comparer_compare(c, lineup->a[i], lineup->b[i]);
			differing += c->out->cnt != before;
			continue;
		}
		r = comparer_is_equal(c, lineup->a[i], lineup->b[i], &equal);
		c->out->more += !equal;
	}
	return r;
}

static int compare_lineup(struct comparer *c, const struct value *a, const struct value *b,
			  const struct lineup *lineup)
{
	size_t paired = lineup->paired;
	int r = compare_paired(c, lineup);

	if (r)
		return r;
	if (!comparer_lengths_differ(a, b) && paired == MIN(lineup->a_cnt, lineup->b_cnt))
		return comparer_rest_of(c, a, b);
	if (lineup->a_cnt == paired && lineup->b_cnt == paired)
		return comparer_report(c, a, b);
	r = compare_extra(c, lineup->a + paired, lineup->a_cnt - paired, true);
	return r ? r : compare_extra(c, lineup->b + paired, lineup->b_cnt - paired, false);
}

/* --- who stands opposite whom --- */

/* Whether @x of one side is @y of the other, for a lineup. */
typedef int (*same_fn)(struct comparer *c, const struct pattern *pattern, const struct value *x,
		       const struct value *y, bool *same);

static int same_whole(struct comparer *c, const struct pattern *pattern, const struct value *x,
		      const struct value *y, bool *same)
{
	return comparer_is_equal(c, x, y, same);
}

/* An element whose key cannot be read is nobody's. */
static int same_key(struct comparer *c, const struct pattern *pattern, const struct value *x,
		    const struct value *y, bool *same)
{
	const struct value *a = value_below(x, &pattern->key), *b = value_below(y, &pattern->key);

	*same = false;
	if (!a || !b || a->kind == VALUE_UNAVAILABLE || b->kind == VALUE_UNAVAILABLE)
		return 0;
	return comparer_is_equal(c, a, b, same);
}

static void add_rest(struct value **to, size_t *cnt, const struct value *array, const bool *used)
{
	for (size_t i = 0; i < array->child_cnt; i++)
		if (!used[i])
			to[(*cnt)++] = array->child[i];
}

/* Each element of @a takes the first of @b that is the same; what is left follows in its own order. The next
 * one is tried first: most arrays are in their order. */
static int line_up(struct lineup *out, struct comparer *c, const struct pattern *pattern, same_fn is_same,
		   const struct value *a, const struct value *b)
{
	autofree bool *used_a = calloc(a->child_cnt + 1, 1), *used_b = calloc(b->child_cnt + 1, 1);
	size_t guess = 0;

	if (!used_a || !used_b)
		return err_nomem(c->err);
	for (size_t i = 0; i < a->child_cnt; i++) {
		bool same = false;
		size_t at = 0;

		for (size_t k = 0; k < b->child_cnt && !same; k++) {
			int r = 0;

			at = (guess + k) % b->child_cnt;
			if (!used_b[at])
				r = is_same(c, pattern, a->child[i], b->child[at], &same);
			if (r)
				return r;
		}
		if (!same)
			continue;
		used_a[i] = used_b[at] = true;
		guess = at + 1;
		out->a[out->paired] = a->child[i];
		out->b[out->paired++] = b->child[at];
	}
	out->a_cnt = out->b_cnt = out->paired;
	add_rest(out->a, &out->a_cnt, a, used_a);
	add_rest(out->b, &out->b_cnt, b, used_b);
	return 0;
}

static int compare_reordered(struct comparer *c, const struct pattern *pattern, const struct value *a,
			     const struct value *b)
{
	bool is_keyed = pattern->rule->kind == COMPARE_KEYED;
	autofree struct value **order_a = calloc(a->child_cnt + 1, sizeof(*order_a));
	autofree struct value **order_b = calloc(b->child_cnt + 1, sizeof(*order_b));
	struct lineup lineup = {.a = order_a, .b = order_b};
	int r;

	if (!order_a || !order_b)
		return err_nomem(c->err);
	r = line_up(&lineup, c, pattern, is_keyed ? same_key : same_whole, a, b);
	if (r)
		return r;
	/* Without keys, what is left is compared as far as both sides have some: the differences say more so.
	 */
	if (!is_keyed)
		lineup.paired = MIN(lineup.a_cnt, lineup.b_cnt);
	return compare_lineup(c, a, b, &lineup);
}

int comparer_array(struct comparer *c, const struct value *a, const struct value *b)
{
	const struct pattern *pattern = patterns_find(&c->patterns, COMPARE_KEYED, a);
	struct lineup lineup = {.a = a->child,
				.b = b->child,
				.paired = MIN(a->child_cnt, b->child_cnt),
				.a_cnt = a->child_cnt,
				.b_cnt = b->child_cnt};

	if (!pattern)
		pattern = patterns_find(&c->patterns, COMPARE_UNORDERED, a);
	if (pattern && a->child_cnt <= REORDERED_MAX && b->child_cnt <= REORDERED_MAX)
		return compare_reordered(c, pattern, a, b);
	return compare_lineup(c, a, b, &lineup);
}
