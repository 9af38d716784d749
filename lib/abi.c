// SPDX-License-Identifier: BSD-3-Clause
/*
 * psABI 3.2.3. A type of at most two eightbytes is walked down to its scalars; each gives its class to the
 * eightbytes that it covers, and classes that meet are merged. What ends as MEMORY, or finds too few
 * registers left, is on the stack whole.
 *
 * BTF says no alignment: it is that of the members. Wrong only for a struct on the stack that was written
 * packed although no member moves by it (DWARF does not tell that either), or aligned beyond its members.
 *
 * Vectors and 128-bit floats other than x87's are refused: they use a whole vector register, which an
 * eightbyte cannot name.
 */
#include "lib/abi.h"

#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

#include "lib/err.h"
#include "lib/schema.h"
#include "lib/util.h"

#define EIGHTBYTE     8
#define XMMS	      8
#define STEPS_MAX     4096 /* types and members looked at for one value */
#define STACK_MAX     UINT16_MAX
#define TYPE_TEXT_MAX 128

enum abi_class {
	CLASS_NONE,
	CLASS_INTEGER,
	CLASS_SSE,
	CLASS_X87,
	CLASS_X87UP,
	CLASS_MEMORY,
};

struct walk {
	const struct schema *schema;
	const struct btf *btf;
	enum abi_class cls[ABI_PIECES_MAX];
	unsigned steps;
};

/* Registers and stack taken so far. */
struct taken {
	unsigned gprs, xmms;
	uint32_t stack;
};

/* --- classes --- */

static enum abi_class merge(enum abi_class a, enum abi_class b)
{
	if (a == b || b == CLASS_NONE)
		return a;
	if (a == CLASS_NONE)
		return b;
	if (a == CLASS_MEMORY || b == CLASS_MEMORY)
		return CLASS_MEMORY;
	if (a == CLASS_INTEGER || b == CLASS_INTEGER)
		return CLASS_INTEGER;
	return CLASS_MEMORY; /* x87 with anything else */
}

/* @len bytes at @offset are of class @cls. */
static void cover(struct walk *walk, uint64_t offset, uint64_t len, enum abi_class cls)
{
	for (uint64_t i = offset / EIGHTBYTE; i <= (offset + len - 1) / EIGHTBYTE && i < ABI_PIECES_MAX; i++)
		walk->cls[i] = merge(walk->cls[i], cls);
}

static void cover_all(struct walk *walk, enum abi_class cls)
{
	for (size_t i = 0; i < ABI_PIECES_MAX; i++)
		walk->cls[i] = cls;
}

static const char *name_of(const struct walk *walk, const struct btf_type *t)
{
	return btf__name_by_offset(walk->btf, t->name_off) ?: "";
}

/* An 80-bit float in 16 bytes, under the names that compilers give it. */
static bool is_x87(const char *name)
{
	return !strcmp(name, "long double") || !strcmp(name, "_Float64x") || !strcmp(name, "__float80");
}

static int classify_scalar(struct walk *walk, const struct btf_type *t, uint64_t offset)
{
	uint32_t size = btf_is_ptr(t) ? 8 : t->size;

	if (!size || size > 16)
		return -ENOTSUP;
	if (offset % size) {
		cover_all(walk, CLASS_MEMORY); /* packed */
		return 0;
	}
	if (btf_kind(t) != BTF_KIND_FLOAT) {
		/* _BitInt(65) and more is not aligned as __int128 is. */
		if (size > 8 && !strncmp(name_of(walk, t), "_BitInt", 7))
			return -ENOTSUP;
		cover(walk, offset, size, CLASS_INTEGER);
		return 0;
	}
	if (size <= 8) {
		cover(walk, offset, size, CLASS_SSE);
		return 0;
	}
	if (!is_x87(name_of(walk, t)))
		return -ENOTSUP;
	cover(walk, offset, 8, CLASS_X87);
	cover(walk, offset + 8, 8, CLASS_X87UP);
	return 0;
}

/* Its bytes are of a type that BTF cannot say, a vector say: the tag is right behind it. */
static bool is_opaque(const struct walk *walk, uint32_t id)
{
	for (uint32_t at = id + 1; at < btf__type_cnt(walk->btf); at++) {
		const struct btf_type *t = btf__type_by_id(walk->btf, at);

		if (!btf_is_decl_tag(t) || t->type != id)
			return false;
		if (!strncmp(name_of(walk, t), SCHEMA_TAG_OPAQUE, strlen(SCHEMA_TAG_OPAQUE)))
			return true;
	}
	return false;
}

/* As schema_strip, but sees the tags on the way. False: opaque. */
static bool strip(const struct walk *walk, uint32_t *id)
{
	for (int i = 0; i < SCHEMA_DEPTH_MAX; i++) {
		const struct btf_type *t = btf__type_by_id(walk->btf, *id);

		if (!t || is_opaque(walk, *id))
			return false;
		if (!btf_is_typedef(t) && !btf_is_mod(t))
			return true;
		*id = t->type;
	}
	return false;
}

static int classify(struct walk *walk, uint32_t id, uint64_t offset, int depth);

static int classify_members(struct walk *walk, const struct btf_type *t, uint64_t offset, int depth)
{
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		uint64_t bit = offset * 8 + btf_member_bit_offset(t, i);
		uint32_t bits = btf_member_bitfield_size(t, i);
		int r = 0;

		if (bits)
			cover(walk, bit / 8, (bit + bits - 1) / 8 - bit / 8 + 1, CLASS_INTEGER);
		else
			r = classify(walk, btf_members(t)[i].type, bit / 8, depth);
		if (r)
			return r;
	}
	return 0;
}

static int classify_elements(struct walk *walk, const struct btf_array *array, uint64_t offset, int depth)
{
	uint32_t size = schema_size(walk->schema, array->type);

	for (uint64_t i = 0; size && i < array->nelems; i++) {
		int r = classify(walk, array->type, offset + i * size, depth);

		if (r)
			return r;
	}
	return 0;
}

static int classify(struct walk *walk, uint32_t id, uint64_t offset, int depth)
{
	const struct btf_type *t;

	if (depth > SCHEMA_DEPTH_MAX || ++walk->steps > STEPS_MAX || !strip(walk, &id))
		return -ENOTSUP;
	t = btf__type_by_id(walk->btf, id);
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
	case BTF_KIND_PTR:
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
	case BTF_KIND_FLOAT:
		return classify_scalar(walk, t, offset);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return classify_members(walk, t, offset, depth + 1);
	case BTF_KIND_ARRAY:
		return classify_elements(walk, btf_array(t), offset, depth + 1);
	default:
		return -ENOTSUP;
	}
}

/* The classes of a whole value; MEMORY in both when it goes through memory. A type of more
 * than two eightbytes is walked too, for what cannot be placed; that it is long is no reason to refuse it. */
static int classify_value(struct walk *walk, uint32_t id, uint32_t size)
{
	int r = classify(walk, id, 0, 0);

	if (r && !(size > ABI_PIECES_MAX * EIGHTBYTE && walk->steps > STEPS_MAX))
		return r;
	if (size > ABI_PIECES_MAX * EIGHTBYTE || walk->cls[0] == CLASS_MEMORY ||
	    walk->cls[1] == CLASS_MEMORY || (walk->cls[1] == CLASS_X87UP && walk->cls[0] != CLASS_X87))
		cover_all(walk, CLASS_MEMORY);
	return 0;
}

/* --- places --- */

/* Empty in C (no bytes), or in C++ (one byte, no members): takes no place. */
static bool is_empty(const struct schema *schema, uint32_t id, uint32_t size)
{
	const struct btf_type *t = btf__type_by_id(schema_btf(schema), schema_strip(schema, id));

	return btf_is_composite(t) && (!size || (size == 1 && !btf_vlen(t)));
}

static int unsupported(const struct schema *schema, uint32_t id, const char *what, const char *name,
		       struct err *err)
{
	char text[TYPE_TEXT_MAX];

	schema_type_text(schema, id, text, sizeof(text));
	return err_set(err, -ENOTSUP, "where %s'%s' of type '%s' is passed is not known", what, name, text);
}

static void put(struct abi_loc *loc, enum abi_place place, unsigned number)
{
	loc->piece[loc->pieces_cnt++] = (struct abi_piece){.place = place, .number = (uint16_t)number};
}

static size_t count(const struct walk *walk, enum abi_class cls)
{
	size_t cnt = 0;

	for (size_t i = 0; i < ABI_PIECES_MAX; i++)
		cnt += walk->cls[i] == cls;
	return cnt;
}

/* One register an eightbyte, in order; padding in front takes none but keeps its place. */
static void put_registers(struct abi_loc *loc, const struct walk *walk, struct taken *taken)
{
	for (size_t i = 0; i < ABI_PIECES_MAX; i++) {
		if (walk->cls[i] == CLASS_INTEGER)
			put(loc, ABI_GPR, taken->gprs++);
		else if (walk->cls[i] == CLASS_SSE)
			put(loc, ABI_XMM, taken->xmms++);
		else if (i + 1 < ABI_PIECES_MAX && walk->cls[i + 1] != CLASS_NONE)
			put(loc, ABI_NONE, 0);
	}
}

static int place_param(struct abi_loc *loc, const struct schema *schema, const struct btf_param *param,
		       struct taken *taken, struct err *err)
{
	const char *name = btf__name_by_offset(schema_btf(schema), param->name_off) ?: "";
	struct walk walk = {.schema = schema, .btf = schema_btf(schema)};
	uint32_t size = schema_size(schema, param->type), align;

	loc->size = size;
	if (btf_is_array(btf__type_by_id(walk.btf, schema_strip(schema, param->type))) ||
	    classify_value(&walk, param->type, size))
		return unsupported(schema, param->type, "parameter ", name, err);
	if (is_empty(schema, param->type, size))
		return 0;
	if (!count(&walk, CLASS_MEMORY) && !count(&walk, CLASS_X87) &&
	    taken->gprs + count(&walk, CLASS_INTEGER) <= ABI_GPRS &&
	    taken->xmms + count(&walk, CLASS_SSE) <= XMMS) {
		if (count(&walk, CLASS_NONE) == ABI_PIECES_MAX)
			return unsupported(schema, param->type, "parameter ", name, err);
		put_registers(loc, &walk, taken);
		return 0;
	}
	align = MAX(schema_align(schema, param->type), (uint32_t)EIGHTBYTE);
	taken->stack = ALIGN_UP(taken->stack, align);
	if (size > STACK_MAX || taken->stack > STACK_MAX - size)
		return unsupported(schema, param->type, "parameter ", name, err);
	put(loc, ABI_STACK, taken->stack);
	taken->stack += ALIGN_UP(size, (uint32_t)EIGHTBYTE);
	return 0;
}

static int place_result(struct abi_loc *loc, const struct schema *schema, uint32_t id, struct taken *taken,
			struct err *err)
{
	struct walk walk = {.schema = schema, .btf = schema_btf(schema)};
	uint32_t size = schema_size(schema, id);
	struct taken results = {};

	if (!schema_strip(schema, id))
		return 0;
	loc->size = size;
	if (btf_is_array(btf__type_by_id(walk.btf, schema_strip(schema, id))) ||
	    classify_value(&walk, id, size))
		return unsupported(schema, id, "", "return", err);
	if (is_empty(schema, id, size) && !schema_is_in_memory(schema, id))
		return 0;
	if (schema_is_complex(schema, id) && size == 32) {
		put(loc, ABI_X87, 1);
	} else if (count(&walk, CLASS_MEMORY) || schema_is_in_memory(schema, id)) {
		put(loc, ABI_SRET, 0);
		taken->gprs++;
	} else if (walk.cls[0] == CLASS_X87) {
		put(loc, ABI_X87, 0);
	} else if (count(&walk, CLASS_NONE) == ABI_PIECES_MAX) {
		return unsupported(schema, id, "", "return", err);
	} else {
		put_registers(loc, &walk, &results);
	}
	return 0;
}

static const struct btf_type *proto_of(const struct btf *btf, uint32_t func)
{
	const struct btf_type *t = btf__type_by_id(btf, func);

	if (t && btf_is_func(t))
		t = btf__type_by_id(btf, t->type);
	return t && btf_is_func_proto(t) ? t : NULL;
}

int abi_classify(struct abi_proto *out, const struct schema *schema, uint32_t func, struct err *err)
{
	const struct btf_type *proto = proto_of(schema_btf(schema), func);
	struct abi_proto abi = {};
	struct taken taken = {};
	int r;

	if (!proto)
		return err_set(err, -EINVAL, "type %u of the schema is no function", func);
	r = place_result(&abi.result, schema, proto->type, &taken, err);
	for (uint32_t i = 0; !r && i < btf_vlen(proto); i++) {
		const struct btf_param *param = &btf_params(proto)[i];

		if (i + 1 == btf_vlen(proto) && !param->name_off && !param->type) {
			abi.is_variadic = true;
			break;
		}
		if (abi.params_cnt == ABI_PARAMS_MAX)
			return err_set(err, -ENOTSUP, "more than %d parameters", ABI_PARAMS_MAX);
		r = place_param(&abi.param[abi.params_cnt++], schema, param, &taken, err);
	}
	if (r)
		return r;
	abi.stack_bytes = taken.stack;
	*out = abi;
	return 0;
}
