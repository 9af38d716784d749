// SPDX-License-Identifier: BSD-3-Clause
#include "lib/signature.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/plan.h"
#include "lib/pool.h"
#include "lib/recording.h"
#include "lib/schema.h"
#include "lib/store.h"
#include "lib/value.h"

#define SLOTS_FIRST 256

static void add(uint64_t *hash, uint64_t word)
{
	*hash = plan_hash(*hash, word);
}

static void add_text(uint64_t *hash, const char *text)
{
	for (; text && *text; text++)
		add(hash, (uint8_t)*text);
	add(hash, 0);
}

/* 0, 1, 2 to 3, 4 to 7, ... */
static unsigned magnitude(uint64_t n)
{
	return n ? 64 - __builtin_clzll(n) : 0;
}

static unsigned sign(const struct value *v)
{
	if (!v->bits && !v->bits_high)
		return 0;
	return v->is_signed && (int64_t)v->bits < 0 ? 2 : 1;
}

/* NaN and the infinities go ways of their own. */
static unsigned sign_of_float(const struct value *v)
{
	double d = 0;
	float f = 0;

	if (v->size == sizeof(f)) {
		memcpy(&f, v->bytes, sizeof(f));
		d = f;
	} else if (v->size == sizeof(d)) {
		memcpy(&d, v->bytes, sizeof(d));
	}
	return d != d ? 3 : d < 0 ? 2 : d > 0;
}

/* values_decode bounds the depth. */
static void add_value(uint64_t *hash, const struct value *v)
{
	const struct value *to;

	add(hash, v->kind);
	switch (v->kind) {
	case VALUE_INT:
		return add(hash, sign(v));
	case VALUE_BOOL:
	case VALUE_ENUM:
		return add(hash, v->bits);
	case VALUE_FLOAT:
		return add(hash, sign_of_float(v));
	case VALUE_TEXT:
	case VALUE_BYTES:
		return add(hash, v->len != 0);
	case VALUE_ARRAY:
		add(hash, magnitude(v->child_cnt));
		/* The first stands for all: how many there are has been said. */
		if (v->child_cnt)
			add_value(hash, v->child[0]);
		return;
	case VALUE_STRUCT:
		for (size_t i = 0; i < v->child_cnt; i++)
			add_value(hash, v->child[i]);
		return;
	case VALUE_POINTER:
		to = value_pointee(v);
		add(hash, v->bits != 0);
		if (to)
			add_value(hash, to);
		return;
	default:
		return;
	}
}

static void add_values(uint64_t *hash, struct value *const *values, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		add(hash, values[i] != NULL);
		if (values[i])
			add_value(hash, values[i]);
	}
}

static int add_call(uint64_t *hash, const struct call *call, const struct schema *schema, struct store *store,
		    struct err *err)
{
	auto_pool struct pool *pool = pool_new();
	const struct shape *shape;
	struct values values = {};
	int r = store_shape(store, schema, call->func, &shape, err);

	if (r < 0)
		return r;
	if (!pool || values_decode(&values, shape, call, pool) < 0)
		return err_nomem(err);
	add_text(hash, schema_func(schema, call->func)->alias);
	add(hash, call->thread);
	add(hash, call->left);
	add_values(hash, values.args, values.params_cnt);
	add_values(hash, values.out, values.params_cnt);
	if (values.result)
		add_value(hash, values.result);
	return 0;
}

int signature_of(uint64_t *out, const struct recording *recording, const struct schema *schema,
		 struct store *store, struct err *err)
{
	uint64_t hash = 0;
	int r = add_call(&hash, &recording->operation, schema, store, err);

	for (size_t i = 0; i < recording->calls_cnt && r == 0; i++)
		r = add_call(&hash, &recording->calls[i], schema, store, err);
	if (r == 0)
		*out = hash ? hash : 1;
	return r;
}

/* --- those that were seen --- */

void signatures_release(struct signatures *seen)
{
	free(seen->slots);
	*seen = (struct signatures){};
}

static size_t slot_of(const struct signatures *seen, uint64_t signature)
{
	size_t i = signature & (seen->cap - 1);

	while (seen->slots[i] && seen->slots[i] != signature)
		i = (i + 1) & (seen->cap - 1);
	return i;
}

static bool grow(struct signatures *seen)
{
	struct signatures bigger = {.cap = seen->cap ? seen->cap * 2 : SLOTS_FIRST, .cnt = seen->cnt};

	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	for (size_t i = 0; i < seen->cap; i++)
		if (seen->slots[i])
			bigger.slots[slot_of(&bigger, seen->slots[i])] = seen->slots[i];
	free(seen->slots);
	*seen = bigger;
	return true;
}

int signatures_add(struct signatures *seen, uint64_t signature)
{
	size_t at;

	if (2 * seen->cnt >= seen->cap && !grow(seen))
		return -ENOMEM;
	at = slot_of(seen, signature);
	if (seen->slots[at])
		return 0;
	seen->slots[at] = signature;
	seen->cnt++;
	return 1;
}
