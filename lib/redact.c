// SPDX-License-Identifier: BSD-3-Clause
#include "lib/redact.h"

#include <stdint.h>
#include <string.h>

#include "lib/digest.h"
#include "lib/recording.h"
#include "lib/rule.h"
#include "lib/shape.h"
#include "lib/util.h"

struct redactor {
	const struct shape *shape;
	const struct redact_key *key;
};

bool redact_concerns(const struct shape *shape)
{
	for (uint16_t i = 0; i < shape->nodes_cnt; i++)
		if (shape->nodes[i].redact)
			return true;
	return false;
}

/* --- bytes --- */

static void fill_digits(const struct redactor *r, uint8_t *bytes, size_t len)
{
	char hex[DIGEST_HEX_LEN + 1];

	digest_hmac_hex(r->key->data, r->key->len, bytes, len, hex);
	for (size_t i = 0; i < len; i++)
		bytes[i] = i < DIGEST_HEX_LEN ? hex[i] : '0';
}

static void fill_digest(const struct redactor *r, uint8_t *bytes, size_t len)
{
	uint8_t digest[DIGEST_LEN];

	digest_hmac(r->key->data, r->key->len, bytes, len, digest);
	for (size_t i = 0; i < len; i++)
		bytes[i] = digest[i % DIGEST_LEN];
}

static bool is_hashed(const struct redactor *r, enum redact how)
{
	return how == REDACT_HMAC && r->key && r->key->len;
}

/* Up to its NUL: how long it was is part of what it was, and stays. */
static void redact_text(const struct redactor *r, enum redact how, uint8_t *bytes, size_t len)
{
	size_t text = strnlen((const char *)bytes, len);

	if (is_hashed(r, how))
		fill_digits(r, bytes, text);
	else
		memset(bytes, how == REDACT_MASK ? '*' : '\0', text);
	memset(bytes + text, 0, len - text);
}

static void redact_bytes(const struct redactor *r, enum redact how, uint8_t *bytes, size_t len)
{
	if (is_hashed(r, how))
		fill_digest(r, bytes, len);
	else
		memset(bytes, 0, len);
}

/* Its neighbours in the same bytes are others' values. */
static void redact_bits(const struct shape_node *n, uint8_t *bytes, size_t left)
{
	for (unsigned i = n->bit_offset; i < n->bit_offset + n->bit_size && i / 8 < left; i++)
		bytes[i / 8] &= ~(1u << i % 8);
}

/* --- objects --- */

static bool is_pointer(const struct shape_node *n)
{
	return n->kind == SHAPE_POINTER || n->kind == SHAPE_STRING || n->kind == SHAPE_AGAIN ||
	       n->kind == SHAPE_HANDLE || (n->kind == SHAPE_BYTES && !n->is_inline);
}

static void redact_leaf(const struct redactor *r, const struct shape_node *n, uint8_t *bytes, size_t len)
{
	if (n->bit_size)
		redact_bits(n, bytes, len);
	else if (n->kind == SHAPE_CHARS)
		redact_text(r, n->redact, bytes, len);
	else if (n->kind == SHAPE_BOOL)
		memset(bytes, 0, len);
	else if (!is_pointer(n))
		redact_bytes(r, n->redact, bytes, len);
}

/* What lies in @len bytes of node @idx, as far as they were captured. SHAPE_DEPTH bounds the nesting. */
static void redact_object(const struct redactor *r, uint16_t idx, uint8_t *bytes, size_t len)
{
	const struct shape_node *n = &r->shape->nodes[idx], *child;

	if (n->kind != SHAPE_STRUCT && n->kind != SHAPE_ARRAY) {
		if (n->redact)
			redact_leaf(r, n, bytes, n->bit_size ? len : MIN(len, n->size));
		return;
	}
	for (uint16_t i = n->first_child; i != SHAPE_NONE; i = child->next) {
		size_t cnt = n->kind == SHAPE_ARRAY ? n->count : 1;

		child = &r->shape->nodes[i];
		for (size_t k = 0; k < cnt; k++) {
			size_t at = child->offset + k * child->size;

			if (at < len)
				redact_object(r, i, bytes + at, len - at);
		}
		if (n->kind == SHAPE_ARRAY)
			return;
	}
}

/* One fragment: text, bytes, or objects one behind the other. */
static void redact_fragment(const struct redactor *r, const struct fragment *fragment)
{
	const struct shape_node *n = &r->shape->nodes[fragment->node];
	uint8_t *bytes = (uint8_t *)fragment->bytes;
	uint32_t size;

	if (n->kind == SHAPE_STRING && n->redact)
		return redact_text(r, n->redact, bytes, fragment->captured);
	if (n->kind == SHAPE_BYTES && n->redact)
		return redact_bytes(r, n->redact, bytes, fragment->captured);
	if (n->first_child == SHAPE_NONE)
		return;
	size = r->shape->nodes[n->first_child].size;
	for (size_t at = 0; size && at < fragment->captured; at += size)
		redact_object(r, n->first_child, bytes + at, fragment->captured - at);
}

/* Where parameters that lie on the stack were captured: from the first stack argument on. */
static void redact_stack(const struct redactor *r, const struct fragment *fragment)
{
	for (size_t i = 0; i < r->shape->params_cnt; i++) {
		const struct shape_param *param = &r->shape->params[i];
		uint16_t at = param->loc.piece[0].number;

		if (param->node != SHAPE_NONE && param->loc.pieces_cnt &&
		    param->loc.piece[0].place == ABI_STACK && at < fragment->captured)
			redact_object(r, param->node, (uint8_t *)fragment->bytes + at,
				      fragment->captured - at);
	}
}

static void redact_side(const struct redactor *r, const struct side *side)
{
	for (size_t i = 0; i < side->cnt; i++) {
		const struct fragment *fragment = &side->fragments[i];

		if (fragment->node == SHAPE_NONE)
			redact_stack(r, fragment);
		else if (fragment->node < r->shape->nodes_cnt)
			redact_fragment(r, fragment);
	}
}

/* A value may take two: __int128, a structure. */
static void redact_registers(const struct redactor *r, const struct shape_param *param, uint64_t *regs,
			     size_t cnt)
{
	const struct abi_loc *loc = &param->loc;
	uint64_t words[ARRAY_SIZE(loc->piece)] = {};

	if (param->node == SHAPE_NONE || !loc->pieces_cnt)
		return;
	for (int i = 0; i < loc->pieces_cnt; i++) {
		if (loc->piece[i].place != ABI_GPR || loc->piece[i].number >= cnt)
			return;
		words[i] = regs[loc->piece[i].number];
	}
	redact_object(r, param->node, (uint8_t *)words, loc->pieces_cnt * sizeof(*words));
	for (int i = 0; i < loc->pieces_cnt; i++)
		regs[loc->piece[i].number] = words[i];
}

void redact_call(struct call *call, const struct shape *shape, const struct redact_key *key)
{
	const struct redactor r = {shape, key};
	uint64_t result[] = {call->rax, call->rdx};

	redact_side(&r, &call->in);
	redact_side(&r, &call->out);
	for (size_t i = 0; i < shape->params_cnt; i++)
		redact_registers(&r, &shape->params[i], call->args, ARRAY_SIZE(call->args));
	redact_registers(&r, &shape->result, result, ARRAY_SIZE(result));
	call->rax = result[0];
	call->rdx = result[1];
}
