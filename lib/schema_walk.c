// SPDX-License-Identifier: BSD-3-Clause
/* What the types of a schema are: how large, how aligned, and what tags say of them. */
#include "lib/schema.h"

#include <bpf/btf.h>
#include <string.h>

#include "lib/util.h"

#define STEPS_MAX 65536 /* types that one question about alignment may visit */

static bool is_transparent(const struct btf_type *t)
{
	return btf_is_typedef(t) || btf_is_const(t) || btf_is_volatile(t) || btf_is_restrict(t);
}

uint32_t schema_strip(const struct schema *schema, uint32_t id)
{
	for (int i = 0; i < SCHEMA_DEPTH_MAX; i++) {
		const struct btf_type *t = btf__type_by_id(schema_btf(schema), id);

		if (!t || !is_transparent(t))
			return id;
		id = t->type;
	}
	return 0;
}

uint32_t schema_size(const struct schema *schema, uint32_t id)
{
	uint64_t cnt = 1;

	for (int i = 0; i < SCHEMA_DEPTH_MAX; i++) {
		const struct btf_type *t;

		id = schema_strip(schema, id);
		t = btf__type_by_id(schema_btf(schema), id);
		if (!t)
			return 0;
		switch (btf_kind(t)) {
		case BTF_KIND_ARRAY:
			cnt *= btf_array(t)->nelems;
			if (cnt > SCHEMA_SIZE_MAX)
				return 0;
			id = btf_array(t)->type;
			continue;
		case BTF_KIND_PTR:
			return cnt * 8;
		case BTF_KIND_INT:
		case BTF_KIND_FLOAT:
		case BTF_KIND_ENUM:
		case BTF_KIND_ENUM64:
		case BTF_KIND_STRUCT:
		case BTF_KIND_UNION:
			return cnt * t->size > SCHEMA_SIZE_MAX ? 0 : cnt * t->size;
		default:
			return 0;
		}
	}
	return 0;
}

static uint32_t align_of(const struct schema *schema, uint32_t id, int depth, unsigned *steps);

/* BTF does not say packed: a member that is not where its alignment wants it does. */
static uint32_t struct_align(const struct schema *schema, const struct btf_type *t, int depth,
			     unsigned *steps)
{
	uint32_t align = 1;

	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		uint32_t of = align_of(schema, btf_members(t)[i].type, depth, steps);

		if (!btf_member_bitfield_size(t, i) && btf_member_bit_offset(t, i) / 8 % of)
			return 1;
		align = MAX(align, of);
	}
	return t->size % align ? 1 : align;
}

static uint32_t align_of(const struct schema *schema, uint32_t id, int depth, unsigned *steps)
{
	const struct btf_type *t = btf__type_by_id(schema_btf(schema), schema_strip(schema, id));

	if (!t || depth >= SCHEMA_DEPTH_MAX || ++*steps > STEPS_MAX)
		return 1;
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
	case BTF_KIND_FLOAT:
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return MAX(t->size, 1U);
	case BTF_KIND_PTR:
		return 8;
	case BTF_KIND_ARRAY:
		return align_of(schema, btf_array(t)->type, depth + 1, steps);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return struct_align(schema, t, depth + 1, steps);
	default:
		return 1;
	}
}

uint32_t schema_align(const struct schema *schema, uint32_t id)
{
	unsigned steps = 0;

	return align_of(schema, id, 0, &steps);
}

/* The rest of the first tag on the struct @id that begins with @tag; NULL: it has none. */
static const char *struct_tag(const struct schema *schema, uint32_t id, const char *tag)
{
	size_t len = strlen(tag);

	id = schema_strip(schema, id);
	if (!id || !btf_is_struct(btf__type_by_id(schema_btf(schema), id)))
		return NULL;
	/* A tag stands behind what it is on. */
	for (uint32_t at = id + 1; at < btf__type_cnt(schema_btf(schema)); at++) {
		const struct btf_type *t = btf__type_by_id(schema_btf(schema), at);
		const char *name = btf__name_by_offset(schema_btf(schema), t->name_off);

		if (btf_is_decl_tag(t) && t->type == id && !strncmp(name, tag, len))
			return name + len;
	}
	return NULL;
}

bool schema_is_complex(const struct schema *schema, uint32_t id)
{
	return struct_tag(schema, id, SCHEMA_TAG_COMPLEX);
}

bool schema_is_in_memory(const struct schema *schema, uint32_t id)
{
	return struct_tag(schema, id, SCHEMA_TAG_MEMORY);
}

const char *const container_words[CONTAINER_CNT] = {
	[CONTAINER_NONE] = "",
	[CONTAINER_STRING] = "string",
	[CONTAINER_VECTOR] = "vector",
	[CONTAINER_VIEW] = "view",
};

enum container schema_container(const struct schema *schema, uint32_t id)
{
	const char *word = struct_tag(schema, id, SCHEMA_TAG_CONTAINER);

	for (int i = CONTAINER_NONE + 1; word && i < CONTAINER_CNT; i++)
		if (!strcmp(word, container_words[i]))
			return i;
	return CONTAINER_NONE;
}
