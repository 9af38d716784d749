// SPDX-License-Identifier: BSD-3-Clause
#include "replay/encode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/schema.h"
#include "lib/util.h"
#include "lib/value.h"
#include "replay/encode_impl.h"
#include "replay/notes.h"

void encoding_release(struct encoding *encoding)
{
	free(encoding->bytes);
	free(encoding->state);
	free(encoding->pointers);
	*encoding = (struct encoding){};
}

static int encode(struct encoder *encoder, uint32_t off, const struct value *value,
		  const struct value *before, uint16_t idx);

static const struct value *child_named(const struct value *value, const char *name)
{
	for (size_t i = 0; value && i < value->child_cnt; i++) {
		const char *child = value->child[i]->name;

		if (child == name || (child && name && !strcmp(child, name)))
			return value->child[i];
	}
	return NULL;
}

static bool is_anonymous_struct(const struct shape_node *node)
{
	return !node->name && node->kind == SHAPE_STRUCT;
}

/* @unions: anonymous ones passed so far. *@off counts from the struct that is looked through. */
static uint16_t find_member(const struct shape *shape, uint16_t node, const char *name, uint32_t *off,
			    unsigned *unions)
{
	for (uint16_t i = shape->nodes[node].first_child; i != SHAPE_NONE; i = shape->nodes[i].next) {
		const struct shape_node *member = &shape->nodes[i];
		uint32_t at = *off + member->offset;
		uint16_t found = SHAPE_NONE;
		char text[SHAPE_UNION_NAME];

		if (is_anonymous_struct(member))
			found = find_member(shape, i, name, &at, unions);
		else if (!strcmp(member->name ?: shape_union_name(text, (*unions)++, at), name))
			found = i;
		if (found == SHAPE_NONE)
			continue;
		*off = at;
		return found;
	}
	return SHAPE_NONE;
}

uint16_t encode_member(const struct shape *shape, uint16_t node, const char *name, uint32_t *off)
{
	unsigned unions = 0;

	*off = 0;
	return name ? find_member(shape, node, name, off, &unions) : SHAPE_NONE;
}

static void note(struct encoder *encoder, uint16_t node, const char *member, const char *what)
{
	char type[128];

	schema_type_text(encoder->shape->schema, encoder->shape->nodes[node].type, type, sizeof(type));
	notes_add(encoder->notes, "%s: '%s' %s", type, member, what);
}

/* Members of one struct, those of anonymous structs in it too. */
struct members {
	const struct value *value, *before;
	uint32_t base;	 /* of the struct in the object */
	unsigned unions; /* anonymous ones so far */
};

static int members(struct encoder *encoder, struct members *m, uint32_t off, uint16_t idx)
{
	const struct shape *shape = encoder->shape;
	int r = 0;

	for (uint16_t i = shape->nodes[idx].first_child; r == 0 && i != SHAPE_NONE;
	     i = shape->nodes[i].next) {
		const struct shape_node *member = &shape->nodes[i];
		uint32_t at = off + member->offset;
		const char *name = member->name;
		char text[SHAPE_UNION_NAME];
		const struct value *child;

		if (is_anonymous_struct(member)) {
			r = members(encoder, m, at, i);
			continue;
		}
		if (!name)
			name = shape_union_name(text, m->unions++, at - m->base);
		child = child_named(m->value, name);
		if (child)
			r = encode(encoder, at, child, child_named(m->before, name), i);
		else
			note(encoder, idx, name, "is new in this build and zero");
	}
	return r;
}

static void note_gone(struct encoder *encoder, const struct value *value, uint16_t idx)
{
	for (size_t i = 0; i < value->child_cnt; i++) {
		const char *name = value->child[i]->name;
		uint32_t off;

		if (name && encode_member(encoder->shape, idx, name, &off) == SHAPE_NONE)
			note(encoder, idx, name, "was recorded and is not in this build");
	}
}

static int structure(struct encoder *encoder, uint32_t off, const struct value *value,
		     const struct value *before, uint16_t idx)
{
	struct members m = {.value = value, .before = before, .base = off};

	if (value->kind != VALUE_STRUCT)
		return encode_refuse(encoder, value, "is no longer the same kind of object in this build");
	if (encoder->shape->nodes[idx].container)
		return encode_held(encoder, off, value, before, idx);
	note_gone(encoder, value, idx);
	return members(encoder, &m, off, idx);
}

/* The member that a union's tag told. */
static int live_member(struct encoder *encoder, uint32_t off, const struct value *value,
		       const struct value *before, uint16_t idx)
{
	const struct value *live = value->child[0];
	uint32_t inner;
	uint16_t member = encode_member(encoder->shape, idx, live->name, &inner);

	if (member == SHAPE_NONE)
		return encode_refuse(encoder, live, "is no member of its union in this build");
	return encode(encoder, off + inner, live, child_named(before, live->name), member);
}

static int elements(struct encoder *encoder, uint32_t off, const struct value *value,
		    const struct value *before, uint16_t element)
{
	uint32_t size = encoder->shape->nodes[element].size;
	int r = encode_whole(encoder, value);

	for (size_t i = 0; r == 0 && i < value->child_cnt; i++)
		r = encode(encoder, off + i * size, value->child[i],
			   before && i < before->child_cnt ? before->child[i] : NULL, element);
	return r;
}

static int array(struct encoder *encoder, uint32_t off, const struct value *value, const struct value *before,
		 uint16_t idx)
{
	const struct shape_node *node = &encoder->shape->nodes[idx];

	if (value->kind != VALUE_ARRAY)
		return encode_refuse(encoder, value, "is no longer an array in this build");
	if (!node->length && !node->has_terminator && value->child_cnt > node->count)
		return encode_refuse(encoder, value, "is a shorter array in this build");
	return elements(encoder, off, value, before, node->first_child);
}

static int encode_any(struct encoder *encoder, uint32_t off, const struct value *value,
		      const struct value *before, uint16_t idx)
{
	const struct shape_node *node = &encoder->shape->nodes[idx];

	if (value->kind == VALUE_UNAVAILABLE && (value->is_elsewhere || value->is_unpassed))
		return 0;
	if (value->kind == VALUE_UNAVAILABLE && (!value->bits || value->is_limited))
		return encode_uncaptured(encoder, value, idx);
	switch (node->kind) {
	case SHAPE_FILE:
	case SHAPE_VARARGS:
		return encode_refuse(encoder, value, "are variable arguments, which cannot be passed again");
	case SHAPE_INT:
	case SHAPE_BOOL:
		return encode_number(encoder, off, value, node);
	case SHAPE_ENUM:
		return encode_enumerator(encoder, off, value, node);
	case SHAPE_FLOAT:
		return encode_real(encoder, off, value, node);
	case SHAPE_CHARS:
		return encode_chars(encoder, off, value, node);
	case SHAPE_UNION:
		if (value->kind == VALUE_STRUCT && value->child_cnt)
			return live_member(encoder, off, value, before, idx);
		return encode_raw(encoder, off, value, node);
	case SHAPE_STRUCT:
		return structure(encoder, off, value, before, idx);
	case SHAPE_ARRAY:
		return array(encoder, off, value, before, idx);
	case SHAPE_BYTES:
		if (node->is_inline)
			return encode_inline_bytes(encoder, off, value);
		return encode_address(encoder, off, value, before, idx);
	default:
		return encode_address(encoder, off, value, before, idx);
	}
}

/* What has no parts; of a bit-field the neighbours may have changed. */
static bool is_leaf(const struct shape_node *node)
{
	switch (node->kind) {
	case SHAPE_INT:
	case SHAPE_BOOL:
	case SHAPE_ENUM:
		return !node->bit_size;
	case SHAPE_FLOAT:
	case SHAPE_CHARS:
	case SHAPE_UNION:
		return true;
	case SHAPE_BYTES:
		return node->is_inline;
	default:
		return false;
	}
}

static bool is_same_leaf(const struct value *a, const struct value *b)
{
	return b && !a->child_cnt && !b->child_cnt && a->kind == b->kind && a->bits == b->bits &&
	       a->bits_high == b->bits_high && value_same_bytes(a, b);
}

static void keep(struct encoding *out, size_t off, size_t len)
{
	for (size_t i = off; i < off + len && i < out->len; i++)
		if (out->state[i] == ENCODE_SET)
			out->state[i] = ENCODE_KEPT;
}

static int encode(struct encoder *encoder, uint32_t off, const struct value *value,
		  const struct value *before, uint16_t idx)
{
	const struct shape_node *node = &encoder->shape->nodes[idx];
	int r = encode_any(encoder, off, value, before, idx);

	if (r == 0 && is_leaf(node) && is_same_leaf(value, before))
		keep(encoder->out, off, node->is_inline ? value->len : node->size);
	return r;
}

/* Bytes that @value takes where it lies, a flexible array at its end included. */
static size_t extent(const struct shape *shape, uint16_t idx, const struct value *value)
{
	size_t len = shape->nodes[idx].size;

	for (size_t i = 0; value->kind == VALUE_STRUCT && i < value->child_cnt; i++) {
		const struct value *child = value->child[i];
		uint32_t off;
		uint16_t member = encode_member(shape, idx, child->name, &off);

		if (member == SHAPE_NONE)
			continue;
		if (shape->nodes[member].kind == SHAPE_ARRAY && shape->nodes[member].length)
			len = MAX(len, off + child->child_cnt *
						       shape->nodes[shape->nodes[member].first_child].size);
		else if (shape->nodes[member].is_inline)
			len = MAX(len, off + child->len);
	}
	return len;
}

static int array_behind(struct encoder *encoder, const struct shape_node *pointer, const struct value *object,
			const struct value *before)
{
	const struct shape_node *element = &encoder->shape->nodes[pointer->first_child];
	size_t cnt = object->child_cnt;
	int r;

	if (object->kind != VALUE_ARRAY)
		return encode_refuse(encoder, object, "is an array in this build and was none");
	r = encode_reserve(encoder, (cnt + pointer->has_terminator) * element->size);
	if (r == 0 && pointer->has_terminator)
		r = encode_store(encoder, cnt * element->size, &pointer->terminator,
				 MIN(element->size, sizeof(pointer->terminator)));
	return r < 0 ? r : elements(encoder, 0, object, before, pointer->first_child);
}

/* What a C++ string holds ends with a NUL that does not count. */
static int text_behind(struct encoder *encoder, const struct value *object, const struct value *before,
		       bool is_string)
{
	int r = encode_whole(encoder, object);

	if (r == 0 && object->kind != VALUE_TEXT && object->kind != VALUE_BYTES)
		r = encode_refuse(encoder, object, "is no longer text or bytes in this build");
	if (r == 0)
		r = encode_reserve(encoder, object->len + is_string);
	if (r == 0)
		r = encode_store(encoder, 0, object->bytes, object->len);
	if (r == 0 && is_string)
		r = encode_store(encoder, object->len, "", 1);
	if (r == 0 && is_same_leaf(object, before))
		keep(encoder->out, 0, encoder->out->len);
	return r;
}

int encode_pointee(struct encoding *out, const struct shape *shape, uint16_t node, const struct value *object,
		   const struct value *before, struct notes *notes, struct err *err)
{
	const struct shape_node *pointer = &shape->nodes[shape_pointer(shape, node)];
	struct encoder encoder = {out, shape, notes, err};
	int r;

	if (object->kind == VALUE_UNAVAILABLE && (!object->bits || object->is_limited))
		return err_set(err, -EUNATCH, "'%s' was not captured: %s", encode_name_of(object),
			       object->text);
	if (pointer->kind == SHAPE_STRING || pointer->kind == SHAPE_BYTES)
		return text_behind(&encoder, object, before,
				   pointer->kind == SHAPE_STRING || object->kind == VALUE_TEXT);
	if (pointer->kind != SHAPE_POINTER || pointer->first_child == SHAPE_NONE)
		return encode_refuse(&encoder, object, "is opaque in this build");
	if (pointer->length || pointer->has_terminator)
		return array_behind(&encoder, pointer, object, before);
	r = encode_reserve(&encoder, extent(shape, pointer->first_child, object));
	return r < 0 ? r : encode(&encoder, 0, object, before, pointer->first_child);
}

int encode_one(struct encoding *out, const struct shape *shape, uint16_t node, const struct value *value,
	       const struct value *before, struct notes *notes, struct err *err)
{
	const struct shape_node *type = &shape->nodes[node];
	struct encoder encoder = {out, shape, notes, err};
	int r = encode_reserve(&encoder, ALIGN_UP(MAX(type->size, 1u), 8));

	if (r == 0)
		r = encode(&encoder, 0, value, before, node);
	if (r == 0 && type->size < 8 && type->is_signed &&
	    (type->kind == SHAPE_INT || type->kind == SHAPE_ENUM))
		memcpy(out->bytes, &value->bits, 8);
	return r;
}
