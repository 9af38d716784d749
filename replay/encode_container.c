// SPDX-License-Identifier: BSD-3-Clause
/* What C++ holds, as libstdc++ lays it out. */
#include "replay/encode_impl.h"

#include <string.h>

#include "lib/schema.h"
#include "lib/value.h"

#define STRING_LEN   8
#define STRING_LOCAL 16 /* a short text, or a long one's capacity */
#define LOCAL_MAX    15

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
		return encode_store(encoder, off, (char[STRING_LOCAL]){}, STRING_LOCAL);
	if (text->kind != VALUE_TEXT && text->kind != VALUE_BYTES)
		return encode_refuse(encoder, content, "is no longer text in this build");
	r = encode_whole(encoder, text);
	if (r == 0)
		r = encode_store(encoder, off + STRING_LEN, &len, sizeof(len));
	if (r < 0)
		return r;
	if (len > LOCAL_MAX) {
		r = encode_store(encoder, off + STRING_LOCAL, &len, sizeof(len));
		return r < 0 ? r : encode_add_pointer(encoder, pointer);
	}
	memcpy(local, text->bytes ?: (const uint8_t *)"", len);
	pointer.is_local = true;
	pointer.to = off + STRING_LOCAL;
	r = encode_store(encoder, off + STRING_LOCAL, local, sizeof(local));
	return r < 0 ? r : encode_add_pointer(encoder, pointer);
}

static int vector(struct encoder *encoder, uint32_t off, const struct value *content, uint16_t idx)
{
	const struct shape_node *node = &encoder->shape->nodes[idx];
	const struct value *held = value_pointee(content);
	struct encode_pointer pointer = {
		.off = off, .node = idx, .value = content, .is_owned = true, .has_ends = true};

	if (!held || held->kind != (node->kind == SHAPE_BYTES ? VALUE_BYTES : VALUE_ARRAY))
		return encode_refuse(encoder, content, "holds something else in this build");
	if (!content->bits)
		return encode_store(encoder, off, (char[24]){}, 24);
	pointer.to = node->kind == SHAPE_BYTES
			     ? held->len
			     : held->child_cnt * encoder->shape->nodes[node->first_child].size;
	return encode_add_pointer(encoder, pointer);
}

static int view(struct encoder *encoder, uint32_t off, const struct value *content,
		const struct value *before, uint16_t idx)
{
	const struct value *text = value_pointee(content);
	uint64_t len = text ? text->len : 0;
	int r = text ? encode_whole(encoder, text) : 0;

	if (r == 0)
		r = encode_store(encoder, off, &len, sizeof(len));
	return r < 0 ? r : encode_address(encoder, off + 8, content, before, idx);
}

int encode_held(struct encoder *encoder, uint32_t off, const struct value *value, const struct value *before,
		uint16_t idx)
{
	const struct shape_node *node = &encoder->shape->nodes[idx];
	const struct value *content = value_content(value), *was = before ? value_content(before) : NULL;

	if (content == value)
		return encode_refuse(encoder, value, "is held otherwise in this build");
	if (content->kind == VALUE_UNAVAILABLE)
		return content->is_elsewhere ? 0 : encode_uncaptured(encoder, content, node->first_child);
	if (content->kind != VALUE_POINTER && content->kind != VALUE_REF)
		return encode_refuse(encoder, value, "is held otherwise in this build");
	if (node->container == CONTAINER_VIEW)
		return view(encoder, off, content, was, node->first_child);
	/* The program may know where the elements are: those that are still there are not moved. */
	if (was && is_untouched(content, was))
		return encode_add_pointer(encoder,
					  (struct encode_pointer){off, node->first_child, content, was});
	return node->container == CONTAINER_STRING ? string(encoder, off, content, node->first_child)
						   : vector(encoder, off, content, node->first_child);
}
