// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/made.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/json.h"

void made_init(struct made *m)
{
	memset(m, 0, sizeof(*m));
	m->shape.nodes = m->nodes;
	m->shape.result.node = SHAPE_NONE;
	m->call.in.fragments = m->in;
	m->call.out.fragments = m->out;
	m->call.rsp = 0x7fff0000;
}

uint16_t made_node(struct made *m, uint16_t parent, enum shape_kind kind, const char *name, uint32_t size,
		   uint32_t offset)
{
	uint16_t idx = m->shape.nodes_cnt++;
	bool is_pointer = kind == SHAPE_POINTER || kind == SHAPE_STRING || kind == SHAPE_BYTES;
	uint16_t *link;

	assert_true(idx < MADE_NODES);
	m->nodes[idx] = (struct shape_node){.kind = kind,
					    .name = (char *)name,
					    .size = size,
					    .offset = offset,
					    .flows = is_pointer ? FLOW_IN | FLOW_OUT : 0,
					    .scope = SHAPE_NONE,
					    .parent = parent,
					    .first_child = SHAPE_NONE,
					    .next = SHAPE_NONE,
					    .is_signed = kind == SHAPE_INT,
					    .max = 4096};
	if (parent == SHAPE_NONE)
		return idx;
	for (link = &m->nodes[parent].first_child; *link != SHAPE_NONE;)
		link = &m->nodes[*link].next;
	*link = idx;
	return idx;
}

void made_param(struct made *m, uint16_t node, uint64_t reg)
{
	size_t i = m->shape.params_cnt++;

	m->shape.params[i] = (struct shape_param){.node = node,
						  .loc = {.piece = {{.place = ABI_GPR, .number = i}},
							  .pieces_cnt = 1,
							  .size = m->nodes[node].size}};
	m->call.args[i] = reg;
}

void made_result(struct made *m, uint16_t node, uint64_t rax)
{
	m->shape.result = (struct shape_param){
		.node = node,
		.loc = {.piece = {{.place = ABI_GPR}}, .pieces_cnt = 1, .size = m->nodes[node].size}};
	m->call.rax = rax;
}

static struct fragment *add(struct side *side, uint16_t node, uint64_t addr, const void *bytes, uint32_t len)
{
	struct fragment *f = &side->fragments[side->cnt++];

	assert_true(side->cnt <= MADE_FRAGMENTS);
	*f = (struct fragment){.addr = addr, .len = len, .captured = len, .node = node, .bytes = bytes};
	return f;
}

struct fragment *made_in(struct made *m, uint16_t node, uint64_t addr, const void *bytes, uint32_t len)
{
	return add(&m->call.in, node, addr, bytes, len);
}

struct fragment *made_out(struct made *m, uint16_t node, uint64_t addr, const void *bytes, uint32_t len)
{
	return add(&m->call.out, node, addr, bytes, len);
}

struct values made_values(struct made *m, struct pool *pool)
{
	struct values values;

	assert_int_equal(values_decode(&values, &m->shape, &m->call, pool), 0);
	return values;
}

char *json_text(const struct value *value)
{
	struct handles *handles = handles_new();
	cJSON *json;
	char *text;

	if (!value) {
		handles_free(handles);
		return strdup("absent");
	}
	json = value_json(value, handles);
	assert_non_null(json);
	text = json_print(json);
	cJSON_Delete(json);
	handles_free(handles);
	return text;
}

static struct value *made(struct pool *pool, const char *name, struct value v)
{
	struct value *out = pool_alloc(pool, sizeof(*out));

	*out = v;
	out->name = name;
	return out;
}

struct value *made_int(struct pool *pool, const char *name, int64_t v)
{
	return made(pool, name,
		    (struct value){.kind = VALUE_INT,
				   .size = 8,
				   .is_signed = true,
				   .bits = (uint64_t)v,
				   .bits_high = v < 0 ? UINT64_MAX : 0});
}

struct value *made_text(struct pool *pool, const char *name, const char *text)
{
	return made(pool, name,
		    (struct value){.kind = VALUE_TEXT, .bytes = (const uint8_t *)text, .len = strlen(text)});
}

struct value *made_pointer(struct pool *pool, const char *name, uint64_t addr, struct value *to)
{
	struct value *v = made(pool, name, (struct value){.kind = VALUE_POINTER, .size = 8, .bits = addr});

	if (!to)
		return v;
	v->child = pool_alloc(pool, sizeof(*v->child));
	v->child[0] = to;
	v->child_cnt = 1;
	to->parent = v;
	return v;
}

struct value *made_unavailable(struct pool *pool, const char *name, const char *why)
{
	return made(pool, name, (struct value){.kind = VALUE_UNAVAILABLE, .text = why});
}

struct value *made_group(struct pool *pool, enum value_kind kind, const char *name, ...)
{
	struct value *v = made(pool, name, (struct value){.kind = kind}), *child;
	va_list args;

	v->child = pool_array(pool, MADE_NODES, sizeof(*v->child));
	va_start(args, name);
	while ((child = va_arg(args, struct value *))) {
		child->parent = v;
		v->child[v->child_cnt++] = child;
	}
	va_end(args);
	return v;
}
