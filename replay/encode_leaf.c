// SPDX-License-Identifier: BSD-3-Clause
/* What has no parts: numbers, text, bytes, pointers; and the writing to an object itself. */
#include "replay/encode_impl.h"

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

int encode_reserve(struct encoder *encoder, size_t len)
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

const char *encode_name_of(const struct value *value)
{
	while (value && !value->name)
		value = value->parent;
	return value ? value->name : "it";
}

int encode_refuse(struct encoder *encoder, const struct value *value, const char *why)
{
	return err_set(encoder->err, -EUNATCH, "'%s' %s", encode_name_of(value), why);
}

int encode_store(struct encoder *encoder, uint32_t off, const void *bytes, size_t len)
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
	return encode_store(encoder, off + first, &word, len);
}

/* A bool that is neither true nor false is none that a program could have: C makes true of it, where it was
 * an integer. */
static int as_bool(struct encoder *encoder, const struct value *value, uint64_t *bits)
{
	if (!value->bits_high && value->bits <= 1)
		return 0;
	if (value->kind != VALUE_INT)
		return encode_refuse(encoder, value, "is neither true nor false in this build");
	notes_add(encoder->notes, "'%s' is a bool in this build: recorded numbers other than 0 are true",
		  encode_name_of(value));
	*bits = 1;
	return 0;
}

int encode_number(struct encoder *encoder, uint32_t off, const struct value *value,
		  const struct shape_node *node)
{
	uint64_t words[2] = {value->bits, value->bits_high};

	if (value->kind != VALUE_INT && value->kind != VALUE_BOOL && value->kind != VALUE_ENUM)
		return encode_refuse(encoder, value, "is no longer a number of the same kind in this build");
	if (node->kind == SHAPE_BOOL && value->kind != VALUE_BOOL) {
		if (as_bool(encoder, value, &words[0]) < 0)
			return -EUNATCH;
	} else if (!fits(value, node)) {
		return encode_refuse(encoder, value, "does not fit its type in this build");
	}
	if (node->size == 16 && value->size != 16)
		words[1] = value->is_signed && (int64_t)words[0] < 0 ? ~0ull : 0;
	if (node->bit_size)
		return store_bits(encoder, off, node, words[0]);
	return encode_store(encoder, off, words, node->size);
}

int encode_enumerator(struct encoder *encoder, uint32_t off, const struct value *value,
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
	return encode_number(encoder, off, &named, node);
}

int encode_real(struct encoder *encoder, uint32_t off, const struct value *value,
		const struct shape_node *node)
{
	float narrow;
	double wide;

	if (value->kind == VALUE_BYTES && value->len == node->size) /* a number that only its type can read */
		return encode_store(encoder, off, value->bytes, value->len);
	if (value->kind != VALUE_FLOAT)
		return encode_refuse(encoder, value, "is no longer a floating-point number in this build");
	if (value->len == node->size)
		return encode_store(encoder, off, value->bytes, value->len);
	if (value->len != sizeof(narrow) || node->size != sizeof(wide))
		return encode_refuse(encoder, value, "has another floating-point type in this build");
	memcpy(&narrow, value->bytes, sizeof(narrow));
	wide = narrow;
	return encode_store(encoder, off, &wide, sizeof(wide));
}

/* --- text and bytes --- */

int encode_whole(struct encoder *encoder, const struct value *value)
{
	return value->is_truncated
		       ? encode_refuse(encoder, value,
				       "was cut by a limit when it was recorded: raise its \"max\"")
		       : 0;
}

/* Much code has bytes in plain char: what lies behind a NUL is put there, too, as far as there is room. */
int encode_chars(struct encoder *encoder, uint32_t off, const struct value *value,
		 const struct shape_node *node)
{
	bool is_text = value->kind == VALUE_TEXT;
	size_t len = is_text ? MIN(MAX(value->extent, value->len), node->size) : value->len;

	if (value->kind != VALUE_TEXT && value->kind != VALUE_BYTES)
		return encode_refuse(encoder, value, "is no longer text in this build");
	if (value->len > node->size)
		return encode_refuse(encoder, value, "does not fit its array in this build");
	if (encode_whole(encoder, value) < 0)
		return -EUNATCH;
	if (is_text && len == value->len && len < node->size && encode_store(encoder, off + len, "", 1) < 0)
		return -EUNATCH;
	return encode_store(encoder, off, value->bytes, len);
}

int encode_raw(struct encoder *encoder, uint32_t off, const struct value *value,
	       const struct shape_node *node)
{
	if (value->kind != VALUE_BYTES || value->len != node->size)
		return encode_refuse(encoder, value, "is a union of another size in this build");
	return encode_store(encoder, off, value->bytes, value->len);
}

int encode_inline_bytes(struct encoder *encoder, uint32_t off, const struct value *value)
{
	if (value->kind != VALUE_BYTES)
		return encode_refuse(encoder, value, "is no longer a buffer in this build");
	if (encode_whole(encoder, value) < 0)
		return -EUNATCH;
	return encode_store(encoder, off, value->bytes, value->len);
}

/* --- pointers --- */

int encode_add_pointer(struct encoder *encoder, struct encode_pointer pointer)
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
int encode_address(struct encoder *encoder, uint32_t off, const struct value *value,
		   const struct value *before, uint16_t node)
{
	bool leads = value->kind == VALUE_REF || (value->kind == VALUE_POINTER && value->child_cnt);
	bool is_opaque = encoder->shape->nodes[node].kind == SHAPE_HANDLE ||
			 encoder->shape->nodes[node].kind == SHAPE_CUT;

	if (value->kind == VALUE_SYMBOL)
		return encode_add_pointer(encoder, (struct encode_pointer){off, node, value, before});
	if (value->kind != VALUE_POINTER && value->kind != VALUE_REF && value->kind != VALUE_HANDLE &&
	    value->kind != VALUE_UNAVAILABLE)
		return encode_refuse(encoder, value, "is a pointer in this build and was none");
	if (leads && !is_opaque)
		return encode_add_pointer(encoder, (struct encode_pointer){off, node, value, before, false});
	if (before && before->bits == value->bits)
		return 0;
	if (value->bits &&
	    encode_add_pointer(encoder, (struct encode_pointer){off, node, value, before, true}) < 0)
		return -ENOMEM;
	return encode_store(encoder, off, &value->bits, sizeof(value->bits));
}

int encode_uncaptured(struct encoder *encoder, const struct value *value, uint16_t idx)
{
	const struct shape_node *node = &encoder->shape->nodes[idx];
	char path[SHAPE_PATH_MAX];

	if (node->kind != SHAPE_CUT || node->depth < FAR_DEPTH || value->is_limited)
		return err_set(encoder->err, -EUNATCH, "'%s' was not captured: %s", encode_name_of(value),
			       value->text);
	shape_path(encoder->shape, idx, path, sizeof(path));
	notes_add(encoder->notes, "'%s' was not captured and is zero: %s", path, value->text);
	return 0;
}
