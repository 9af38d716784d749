// SPDX-License-Identifier: BSD-3-Clause
/*
 * Whatever can be written in place is, on a copy, and the copy is decoded and shown again: only when it says
 * what was asked for does it take the call's place.
 */
#include "lib/value_edit.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/pool.h"
#include "lib/recording.h"
#include "lib/util.h"
#include "lib/value.h"

/* Where an object lies in the copy; at NULL: it does not. */
struct spot {
	uint8_t *at;
	size_t room;
};

struct editor {
	const struct shape *shape;
	struct side *side; /* whose fragments' bytes are copies */
};

static void edit(const struct editor *e, const struct value *v, struct spot spot, cJSON *json);

static struct spot find(const struct editor *e, uint64_t addr)
{
	for (size_t i = 0; i < e->side->cnt; i++) {
		const struct fragment *f = &e->side->fragments[i];

		if (addr >= f->addr && addr - f->addr < f->captured)
			return (struct spot){(uint8_t *)f->bytes + (addr - f->addr),
					     f->captured - (addr - f->addr)};
	}
	return (struct spot){};
}

static struct spot inside(struct spot spot, size_t offset)
{
	if (!spot.at || offset >= spot.room)
		return (struct spot){};
	return (struct spot){spot.at + offset, spot.room - offset};
}

/* --- leaves --- */

static void edit_number(const struct value *v, struct spot spot, cJSON *json)
{
	int64_t number;

	if (v->size <= sizeof(number) && v->size <= spot.room && json_integer(&number, json) == 0)
		memcpy(spot.at, &number, v->size);
}

static void edit_bool(const struct value *v, struct spot spot, cJSON *json)
{
	if (cJSON_IsBool(json) && spot.room)
		*spot.at = cJSON_IsTrue(json);
}

static void edit_float(const struct value *v, struct spot spot, cJSON *json)
{
	double number = cJSON_GetNumberValue(json);
	float narrow = number;

	if (!cJSON_IsNumber(json) || v->size > spot.room)
		return;
	if (v->size == sizeof(number))
		memcpy(spot.at, &number, sizeof(number));
	if (v->size != sizeof(narrow))
		return;
	memcpy(spot.at, &narrow, sizeof(narrow));
	cJSON_SetNumberValue(json, narrow);
}

static void edit_text(const struct value *v, struct spot spot, cJSON *json)
{
	size_t len = cJSON_IsString(json) ? strlen(json->valuestring) : SIZE_MAX;

	if (len > v->len || len > spot.room)
		return;
	memcpy(spot.at, json->valuestring, len);
	if (len < v->len && len < spot.room) /* behind the last lies what is not its own */
		spot.at[len] = '\0';
}

static void edit_bytes(const struct value *v, struct spot spot, cJSON *json)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "bytes"));
	double len = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(json, "length"));
	size_t room = text ? strlen(text) / 4 * 3 : 0;
	autofree uint8_t *bytes = text ? malloc(room + 1) : NULL;

	if (!bytes || !(len >= 0 && len <= room && len <= v->len && len <= spot.room) ||
	    EVP_DecodeBlock(bytes, (const uint8_t *)text, strlen(text)) < 0)
		return;
	memcpy(spot.at, bytes, len);
}

/* --- what holds others --- */

/* From the object of @v to its child's place: members of anonymous structs stand among its own. */
static size_t offset_of(const struct editor *e, const struct value *v, const struct value *child)
{
	size_t offset = 0;

	for (uint16_t i = child->node; i != SHAPE_NONE && i != v->node; i = e->shape->nodes[i].parent)
		offset += e->shape->nodes[i].offset;
	return offset;
}

static void edit_struct(const struct editor *e, const struct value *v, struct spot spot, cJSON *json)
{
	for (size_t i = 0; i < v->child_cnt; i++) {
		const struct value *child = v->child[i];
		cJSON *to = child->name ? cJSON_GetObjectItemCaseSensitive(json, child->name) : NULL;

		if (to && !e->shape->nodes[child->node].bit_size)
			edit(e, child, inside(spot, offset_of(e, v, child)), to);
	}
}

static void edit_array(const struct editor *e, const struct value *v, struct spot spot, cJSON *json)
{
	cJSON *to = json->child;

	for (size_t i = 0; i < v->child_cnt && to; i++, to = to->next)
		edit(e, v->child[i], inside(spot, i * e->shape->nodes[v->child[i]->node].size), to);
}

static void edit(const struct editor *e, const struct value *v, struct spot spot, cJSON *json)
{
	if (v->kind == VALUE_POINTER && v->child_cnt == 1)
		return edit(e, v->child[0], find(e, v->bits), json);
	if (!spot.at)
		return;
	if (v->kind == VALUE_INT || v->kind == VALUE_ENUM)
		edit_number(v, spot, json);
	else if (v->kind == VALUE_BOOL)
		edit_bool(v, spot, json);
	else if (v->kind == VALUE_FLOAT)
		edit_float(v, spot, json);
	else if (v->kind == VALUE_TEXT)
		edit_text(v, spot, json);
	else if (v->kind == VALUE_BYTES)
		edit_bytes(v, spot, json);
	else if (v->kind == VALUE_STRUCT)
		edit_struct(e, v, spot, json);
	else if (v->kind == VALUE_ARRAY && cJSON_IsArray(json))
		edit_array(e, v, spot, json);
}

/* --- the copy, and whether it is right --- */

static int copy_side(struct side *side, struct pool *pool)
{
	struct fragment *fragments = pool_array(pool, side->cnt + 1, sizeof(*fragments));

	if (!fragments)
		return -ENOMEM;
	for (size_t i = 0; i < side->cnt; i++) {
		uint8_t *bytes = pool_array(pool, side->fragments[i].captured + 1, 1);

		if (!bytes)
			return -ENOMEM;
		if (side->fragments[i].captured)
			memcpy(bytes, side->fragments[i].bytes, side->fragments[i].captured);
		fragments[i] = side->fragments[i];
		fragments[i].bytes = bytes;
	}
	side->fragments = fragments;
	return 0;
}

static struct spot result_spot(struct call *call, const struct shape *shape)
{
	const struct abi_loc *loc = &shape->result.loc;

	if (loc->pieces_cnt != 1 || loc->piece[0].place != ABI_GPR)
		return (struct spot){};
	return (struct spot){(uint8_t *)&call->rax, sizeof(call->rax)};
}

static void edit_all(struct call *call, const struct shape *shape, const struct values *values, cJSON *json)
{
	const struct editor e = {shape, &call->out};
	cJSON *out = cJSON_GetObjectItemCaseSensitive(json, "out"),
	      *result = cJSON_GetObjectItemCaseSensitive(json, "return");

	for (size_t i = 0; i < values->params_cnt; i++) {
		cJSON *to = values->names[i] ? cJSON_GetObjectItemCaseSensitive(out, values->names[i]) : NULL;

		if (to && values->out[i])
			edit(&e, values->out[i], (struct spot){}, to);
	}
	if (result && values->result)
		edit(&e, values->result, result_spot(call, shape), result);
}

/* Whether @is is what @wanted says; members that this does not name may be anything. cJSON bounds the
 * nesting. */
static bool says(const cJSON *is, const cJSON *wanted)
{
	const cJSON *member;

	if (!cJSON_IsObject(is) || !cJSON_IsObject(wanted))
		return json_is_same(is, wanted);
	cJSON_ArrayForEach(member, wanted)
	{
		const cJSON *own = cJSON_GetObjectItemCaseSensitive(is, member->string);

		if (!own || !says(own, member))
			return false;
	}
	return true;
}

static int cannot(const char *name, const cJSON *to, struct err *err)
{
	autofree char *text = json_print(to);

	return err_set(err, -EINVAL, "'%s' cannot become %.200s", name, text ?: "that");
}

/* Handles are numbered as they are met, in the order in which a call is shown. */
static int check(const struct values *values, const cJSON *json, struct err *err)
{
	const cJSON *out = cJSON_GetObjectItemCaseSensitive(json, "out"), *wanted;
	struct handles *handles = handles_new();
	int r = handles ? 0 : err_nomem(err);

	for (size_t i = 0; i < values->params_cnt && r == 0; i++)
		if (values->args[i])
			cJSON_Delete(value_json(values->args[i], handles));
	cJSON_ArrayForEach(wanted, out)
	{
		auto_cjson cJSON *is = NULL;

		for (size_t i = 0; i < values->params_cnt && r == 0; i++)
			if (values->out[i] && values->names[i] && !strcmp(values->names[i], wanted->string))
				is = value_json(values->out[i], handles);
		if (r == 0 && (!is || !says(is, wanted)))
			r = cannot(wanted->string, wanted, err);
	}
	wanted = cJSON_GetObjectItemCaseSensitive(json, "return");
	if (wanted && r == 0) {
		auto_cjson cJSON *is = values->result ? value_json(values->result, handles) : NULL;

		if (!is || !says(is, wanted))
			r = cannot("return", wanted, err);
	}
	handles_free(handles);
	return r;
}

int value_edit(struct call *call, const struct shape *shape, struct cJSON *json, struct pool *pool,
	       struct err *err)
{
	auto_pool struct pool *own = pool_new();
	struct call copy = *call;
	struct values values;
	int r;

	if (!own || copy_side(&copy.out, pool) || values_decode(&values, shape, &copy, own))
		return err_nomem(err);
	edit_all(&copy, shape, &values, json);
	if (values_decode(&values, shape, &copy, own))
		return err_nomem(err);
	r = check(&values, json, err);
	if (r == 0)
		*call = copy;
	return r;
}
