// SPDX-License-Identifier: BSD-3-Clause
#include "replay/encode.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/schema.h"
#include "lib/util.h"
#include "lib/value.h"
#include "replay/notes.h"

#define OBJECT_MAX (64u << 20)
#define FAR_DEPTH  2 /* pointers followed from a parameter */

struct encoder {
	struct encoding *out;
	const struct shape *shape;
	struct notes *notes;
	struct err *err;
};

void encoding_release(struct encoding *encoding)
{
	free(encoding->bytes);
	free(encoding->state);
	free(encoding->pointers);
	*encoding = (struct encoding){};
}

static int reserve(struct encoder *encoder, size_t len)
{
	struct encoding *out = encoder->out;

	if (len > OBJECT_MAX)
		return err_set(encoder->err, -EUNATCH, "an object of %zu bytes is larger than can be rebuilt",
			       len);
	out->bytes = calloc(1, len + 8);
	out->state = calloc(1, len + 8);
	out->len = len;
	return out->bytes && out->state ? 0 : err_nomem(encoder->err);
}

static const char *name_of(const struct value *value)
{
	while (value && !value->name)
		value = value->parent;
	return value ? value->name : "it";
}

static int refuse(struct encoder *encoder, const struct value *value, const char *why)
{
	return err_set(encoder->err, -EUNATCH, "'%s' %s", name_of(value), why);
}

/* Everything written to an object passes here. */
static int store(struct encoder *encoder, uint32_t off, const void *bytes, size_t len)
{
	if (off + len > encoder->out->len)
		return err_set(encoder->err, -EUNATCH, "its data does not fit the build's types");
	memcpy(encoder->out->bytes + off, bytes, len);
	memset(encoder->out->state + off, ENCODE_SET, len);
	return 0;
}

/* --- numbers --- */

static bool fits(const struct value *value, const struct shape_node *node)
{
	unsigned bits = node->bit_size ? node->bit_size : 8 * node->size;
	int64_t v = value->bits;

	if (bits >= 64 || (!node->bit_size && value->size == node->size))
		return true;
	if (node->is_signed)
		return v >= -(1ll << (bits - 1)) && v < 1ll << (bits - 1);
	return value->bits < 1ull << bits;
}

static int store_bits(struct encoder *encoder, uint32_t off, const struct shape_node *node, uint64_t bits)
{
	uint64_t mask = node->bit_size == 64 ? ~0ull : (1ull << node->bit_size) - 1, word;
	unsigned first = node->bit_offset / 8, shift = node->bit_offset % 8;
	size_t len = (shift + node->bit_size + 7) / 8;

	if (len > sizeof(word) || off + first + len > encoder->out->len)
		return err_set(encoder->err, -EUNATCH, "a bit-field lies across more than eight bytes");
	word = 0;
	memcpy(&word, encoder->out->bytes + off + first, len);
	word = (word & ~(mask << shift)) | (bits & mask) << shift;
	return store(encoder, off + first, &word, len);
}

static int number(struct encoder *encoder, uint32_t off, const struct value *value,
		  const struct shape_node *node)
{
	uint64_t words[2] = {value->bits, value->bits_high};

	if (value->kind != VALUE_INT && value->kind != VALUE_BOOL && value->kind != VALUE_ENUM)
		return refuse(encoder, value, "is no longer a number of the same kind in this build");
	if (!fits(value, node))
		return refuse(encoder, value, "does not fit its type in this build");
	if (node->size == 16 && value->size != 16)
		words[1] = value->is_signed && (int64_t)words[0] < 0 ? ~0ull : 0;
	if (node->bit_size)
		return store_bits(encoder, off, node, words[0]);
	return store(encoder, off, words, node->size);
}

/* An enumerator keeps its name: its number may be another one in this build. */
static int enumerator(struct encoder *encoder, uint32_t off, const struct value *value,
		      const struct shape_node *node)
{
	const struct btf *btf = schema_btf(encoder->shape->schema);
	const struct btf_type *type = btf__type_by_id(btf, schema_strip(encoder->shape->schema, node->type));
	struct value named = *value;

	for (int i = 0; value->text && type && btf_is_enum(type) && i < btf_vlen(type); i++) {
		if (strcmp(btf__name_by_offset(btf, btf_enum(type)[i].name_off), value->text))
			continue;
		named.bits = node->is_signed ? (uint64_t)(int64_t)btf_enum(type)[i].val
					     : (uint32_t)btf_enum(type)[i].val;
		break;
	}
	return number(encoder, off, &named, node);
}

static int real(struct encoder *encoder, uint32_t off, const struct value *value,
		const struct shape_node *node)
{
	float narrow;
	double wide;

	if (value->kind == VALUE_BYTES && value->len == node->size) /* a number that only its type can read */
		return store(encoder, off, value->bytes, value->len);
	if (value->kind != VALUE_FLOAT)
		return refuse(encoder, value, "is no longer a floating-point number in this build");
	if (value->len == node->size)
		return store(encoder, off, value->bytes, value->len);
	if (value->len != sizeof(narrow) || node->size != sizeof(wide))
		return refuse(encoder, value, "has another floating-point type in this build");
	memcpy(&narrow, value->bytes, sizeof(narrow));
	wide = narrow;
	return store(encoder, off, &wide, sizeof(wide));
}

/* --- text and bytes --- */

static int whole(struct encoder *encoder, const struct value *value)
{
	return value->is_truncated
		       ? refuse(encoder, value, "was cut by a limit when it was recorded: raise its \"max\"")
		       : 0;
}

static int chars(struct encoder *encoder, uint32_t off, const struct value *value,
		 const struct shape_node *node)
{
	size_t len = value->len + (value->kind == VALUE_TEXT && value->len < node->size);

	if (value->kind != VALUE_TEXT && value->kind != VALUE_BYTES)
		return refuse(encoder, value, "is no longer text in this build");
	if (value->len > node->size)
		return refuse(encoder, value, "does not fit its array in this build");
	if (whole(encoder, value) < 0)
		return -EUNATCH;
	return len > value->len && store(encoder, off + value->len, "", 1) < 0
		       ? -EUNATCH
		       : store(encoder, off, value->bytes, value->len);
}

static int raw(struct encoder *encoder, uint32_t off, const struct value *value,
	       const struct shape_node *node)
{
	if (value->kind != VALUE_BYTES || value->len != node->size)
		return refuse(encoder, value, "is a union of another size in this build");
	return store(encoder, off, value->bytes, value->len);
}

/* --- pointers --- */

static int add_pointer(struct encoder *encoder, struct encode_pointer pointer)
{
	struct encoding *out = encoder->out;

	if (out->pointers_cnt == out->pointers_cap) {
		size_t cap = out->pointers_cap ? 2 * out->pointers_cap : 8;
		struct encode_pointer *more = realloc(out->pointers, cap * sizeof(*more));

		if (!more)
			return err_nomem(encoder->err);
		out->pointers = more;
		out->pointers_cap = cap;
	}
	out->pointers[out->pointers_cnt++] = pointer;
	return 0;
}

/* What leads nowhere that was captured keeps its recorded number: NULL stays NULL, a handle stays that
 * handle, and what was not captured is an address that nothing lies at. What is in an image has another
 * address. */
static int address(struct encoder *encoder, uint32_t off, const struct value *value,
		   const struct value *before, uint16_t node)
{
	bool leads = value->kind == VALUE_REF || (value->kind == VALUE_POINTER && value->child_cnt);
	bool is_opaque = encoder->shape->nodes[node].kind == SHAPE_HANDLE ||
			 encoder->shape->nodes[node].kind == SHAPE_CUT;

	if (value->kind == VALUE_SYMBOL)
		return add_pointer(encoder, (struct encode_pointer){off, node, value, before});
	if (value->kind != VALUE_POINTER && value->kind != VALUE_REF && value->kind != VALUE_HANDLE &&
	    value->kind != VALUE_UNAVAILABLE)
		return refuse(encoder, value, "is a pointer in this build and was none");
	if (leads && !is_opaque)
		return add_pointer(encoder, (struct encode_pointer){off, node, value, before, false});
	if (before && before->bits == value->bits)
		return 0;
	if (value->bits && add_pointer(encoder, (struct encode_pointer){off, node, value, before, true}) < 0)
		return -ENOMEM;
	return store(encoder, off, &value->bits, sizeof(value->bits));
}

/* --- composites --- */

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

/* --- what C++ holds: as libstdc++ lays it out --- */

#define STRING_LEN   8
#define STRING_LOCAL 16 /* a short text, or a long one's capacity */
#define LOCAL_MAX    15

static int uncaptured(struct encoder *encoder, const struct value *value, uint16_t idx);

static bool is_untouched(const struct value *content, const struct value *before)
{
	const struct value *now = value_pointee(content), *then = before ? value_pointee(before) : NULL;

	return now && then && before->bits == content->bits && now->kind == then->kind &&
	       now->len == then->len && now->child_cnt == then->child_cnt && !now->is_truncated &&
	       !then->is_truncated;
}

/* A short text lies in the string itself, whatever lay there when it was recorded: that is right as well. */
static int string(struct encoder *encoder, uint32_t off, const struct value *content, uint16_t idx)
{
	const struct value *text = value_pointee(content);
	uint64_t len = text ? text->len : 0;
	char local[LOCAL_MAX + 1] = "";
	struct encode_pointer pointer = {.off = off, .node = idx, .value = content, .is_owned = true};
	int r;

	if (!text) /* not constructed */
		return store(encoder, off, (char[STRING_LOCAL]){}, STRING_LOCAL);
	if (text->kind != VALUE_TEXT && text->kind != VALUE_BYTES)
		return refuse(encoder, content, "is no longer text in this build");
	r = whole(encoder, text);
	if (r == 0)
		r = store(encoder, off + STRING_LEN, &len, sizeof(len));
	if (r < 0)
		return r;
	if (len > LOCAL_MAX) {
		r = store(encoder, off + STRING_LOCAL, &len, sizeof(len));
		return r < 0 ? r : add_pointer(encoder, pointer);
	}
	memcpy(local, text->bytes ?: (const uint8_t *)"", len);
	pointer.is_local = true;
	pointer.to = off + STRING_LOCAL;
	r = store(encoder, off + STRING_LOCAL, local, sizeof(local));
	return r < 0 ? r : add_pointer(encoder, pointer);
}

static int vector(struct encoder *encoder, uint32_t off, const struct value *content, uint16_t idx)
{
	const struct shape_node *node = &encoder->shape->nodes[idx];
	const struct value *held = value_pointee(content);
	struct encode_pointer pointer = {
		.off = off, .node = idx, .value = content, .is_owned = true, .has_ends = true};

	if (!held || held->kind != (node->kind == SHAPE_BYTES ? VALUE_BYTES : VALUE_ARRAY))
		return refuse(encoder, content, "holds something else in this build");
	if (!content->bits)
		return store(encoder, off, (char[24]){}, 24);
	pointer.to = node->kind == SHAPE_BYTES
			     ? held->len
			     : held->child_cnt * encoder->shape->nodes[node->first_child].size;
	return add_pointer(encoder, pointer);
}

static int view(struct encoder *encoder, uint32_t off, const struct value *content,
		const struct value *before, uint16_t idx)
{
	const struct value *text = value_pointee(content);
	uint64_t len = text ? text->len : 0;
	int r = text ? whole(encoder, text) : 0;

	if (r == 0)
		r = store(encoder, off, &len, sizeof(len));
	return r < 0 ? r : address(encoder, off + 8, content, before, idx);
}

static int held(struct encoder *encoder, uint32_t off, const struct value *value, const struct value *before,
		uint16_t idx)
{
	const struct shape_node *node = &encoder->shape->nodes[idx];
	const struct value *content = value_content(value), *was = before ? value_content(before) : NULL;

	if (content == value)
		return refuse(encoder, value, "is held otherwise in this build");
	if (content->kind == VALUE_UNAVAILABLE)
		return content->is_elsewhere ? 0 : uncaptured(encoder, content, node->first_child);
	if (content->kind != VALUE_POINTER && content->kind != VALUE_REF)
		return refuse(encoder, value, "is held otherwise in this build");
	if (node->container == CONTAINER_VIEW)
		return view(encoder, off, content, was, node->first_child);
	/* The program may know where the elements are: those that are still there are not moved. */
	if (was && is_untouched(content, was))
		return add_pointer(encoder, (struct encode_pointer){off, node->first_child, content, was});
	return node->container == CONTAINER_STRING ? string(encoder, off, content, node->first_child)
						   : vector(encoder, off, content, node->first_child);
}

static int structure(struct encoder *encoder, uint32_t off, const struct value *value,
		     const struct value *before, uint16_t idx)
{
	struct members m = {.value = value, .before = before, .base = off};

	if (value->kind != VALUE_STRUCT)
		return refuse(encoder, value, "is no longer the same kind of object in this build");
	if (encoder->shape->nodes[idx].container)
		return held(encoder, off, value, before, idx);
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
		return refuse(encoder, live, "is no member of its union in this build");
	return encode(encoder, off + inner, live, child_named(before, live->name), member);
}

static int elements(struct encoder *encoder, uint32_t off, const struct value *value,
		    const struct value *before, uint16_t element)
{
	uint32_t size = encoder->shape->nodes[element].size;
	int r = whole(encoder, value);

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
		return refuse(encoder, value, "is no longer an array in this build");
	if (!node->length && !node->has_terminator && value->child_cnt > node->count)
		return refuse(encoder, value, "is a shorter array in this build");
	return elements(encoder, off, value, before, node->first_child);
}

static int inline_bytes(struct encoder *encoder, uint32_t off, const struct value *value)
{
	if (value->kind != VALUE_BYTES)
		return refuse(encoder, value, "is no longer a buffer in this build");
	if (whole(encoder, value) < 0)
		return -EUNATCH;
	return store(encoder, off, value->bytes, value->len);
}

/* A hole in what a parameter itself leads to is refused. One that the types cut out further away is a note:
 * few functions look there. */
static int uncaptured(struct encoder *encoder, const struct value *value, uint16_t idx)
{
	const struct shape_node *node = &encoder->shape->nodes[idx];
	char path[SHAPE_PATH_MAX];

	if (node->kind != SHAPE_CUT || node->depth < FAR_DEPTH || value->is_limited)
		return err_set(encoder->err, -EUNATCH, "'%s' was not captured: %s", name_of(value),
			       value->text);
	shape_path(encoder->shape, idx, path, sizeof(path));
	notes_add(encoder->notes, "'%s' was not captured and is zero: %s", path, value->text);
	return 0;
}

static int encode_any(struct encoder *encoder, uint32_t off, const struct value *value,
		      const struct value *before, uint16_t idx)
{
	const struct shape_node *node = &encoder->shape->nodes[idx];

	if (value->kind == VALUE_UNAVAILABLE && (value->is_elsewhere || value->is_unpassed))
		return 0;
	if (value->kind == VALUE_UNAVAILABLE && (!value->bits || value->is_limited))
		return uncaptured(encoder, value, idx);
	switch (node->kind) {
	case SHAPE_FILE:
	case SHAPE_VARARGS:
		return refuse(encoder, value, "are variable arguments, which cannot be passed again");
	case SHAPE_INT:
	case SHAPE_BOOL:
		return number(encoder, off, value, node);
	case SHAPE_ENUM:
		return enumerator(encoder, off, value, node);
	case SHAPE_FLOAT:
		return real(encoder, off, value, node);
	case SHAPE_CHARS:
		return chars(encoder, off, value, node);
	case SHAPE_UNION:
		if (value->kind == VALUE_STRUCT && value->child_cnt)
			return live_member(encoder, off, value, before, idx);
		return raw(encoder, off, value, node);
	case SHAPE_STRUCT:
		return structure(encoder, off, value, before, idx);
	case SHAPE_ARRAY:
		return array(encoder, off, value, before, idx);
	case SHAPE_BYTES:
		if (node->is_inline)
			return inline_bytes(encoder, off, value);
		return address(encoder, off, value, before, idx);
	default:
		return address(encoder, off, value, before, idx);
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
	       a->bits_high == b->bits_high && a->len == b->len &&
	       (!a->len || !memcmp(a->bytes, b->bytes, a->len));
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
		return refuse(encoder, object, "is an array in this build and was none");
	r = reserve(encoder, (cnt + pointer->has_terminator) * element->size);
	if (r == 0 && pointer->has_terminator)
		r = store(encoder, cnt * element->size, &pointer->terminator,
			  MIN(element->size, sizeof(pointer->terminator)));
	return r < 0 ? r : elements(encoder, 0, object, before, pointer->first_child);
}

/* What a C++ string holds ends with a NUL that does not count. */
static int text_behind(struct encoder *encoder, const struct value *object, const struct value *before,
		       bool is_string)
{
	int r = whole(encoder, object);

	if (r == 0 && object->kind != VALUE_TEXT && object->kind != VALUE_BYTES)
		r = refuse(encoder, object, "is no longer text or bytes in this build");
	if (r == 0)
		r = reserve(encoder, object->len + is_string);
	if (r == 0)
		r = store(encoder, 0, object->bytes, object->len);
	if (r == 0 && is_string)
		r = store(encoder, object->len, "", 1);
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
		return err_set(err, -EUNATCH, "'%s' was not captured: %s", name_of(object), object->text);
	if (pointer->kind == SHAPE_STRING || pointer->kind == SHAPE_BYTES)
		return text_behind(&encoder, object, before,
				   pointer->kind == SHAPE_STRING || object->kind == VALUE_TEXT);
	if (pointer->kind != SHAPE_POINTER || pointer->first_child == SHAPE_NONE)
		return refuse(&encoder, object, "is opaque in this build");
	if (pointer->length || pointer->has_terminator)
		return array_behind(&encoder, pointer, object, before);
	r = reserve(&encoder, extent(shape, pointer->first_child, object));
	return r < 0 ? r : encode(&encoder, 0, object, before, pointer->first_child);
}

int encode_one(struct encoding *out, const struct shape *shape, uint16_t node, const struct value *value,
	       const struct value *before, struct notes *notes, struct err *err)
{
	const struct shape_node *type = &shape->nodes[node];
	struct encoder encoder = {out, shape, notes, err};
	int r = reserve(&encoder, ALIGN_UP(MAX(type->size, 1u), 8));

	if (r == 0)
		r = encode(&encoder, 0, value, before, node);
	if (r == 0 && type->size < 8 && type->is_signed &&
	    (type->kind == SHAPE_INT || type->kind == SHAPE_ENUM))
		memcpy(out->bytes, &value->bits, 8);
	return r;
}
