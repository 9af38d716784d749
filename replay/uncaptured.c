// SPDX-License-Identifier: BSD-3-Clause
#include "replay/uncaptured.h"

#include <bpf/btf.h>
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/config_func.h"
#include "lib/err.h"
#include "lib/expr.h"
#include "lib/json.h"
#include "lib/schema.h"
#include "lib/shape.h"
#include "lib/util.h"
#include "lib/value.h"

#define SMALLEST_ADDRESS 0x10000 /* below lie NULL and numbers that pose as pointers */
#define FIELD_MAX	 128
#define WHAT_MAX	 192
#define WORD		 8 /* bytes that an access may have read */

/* --- which pointer --- */

static bool is_followed(const struct value *value)
{
	return value->kind == VALUE_HANDLE || (value->kind == VALUE_UNAVAILABLE && !value->is_elsewhere);
}

/* What is read before an object lies close to it, or belongs to the object below. */
static int64_t how_far(int64_t distance)
{
	return distance < 0 ? -8 * distance : distance;
}

static void consider(struct uncaptured *nearest, const struct uncaptured *one, uint64_t pointer,
		     uint64_t addr)
{
	int64_t distance = addr - pointer;

	if (pointer < SMALLEST_ADDRESS || distance < -UNCAPTURED_BEFORE || distance >= UNCAPTURED_REACH)
		return;
	if (nearest->value && how_far(distance) >= how_far(nearest->distance))
		return;
	*nearest = *one;
	nearest->distance = distance;
}

/* The words of a union, or of a buffer, may be pointers. */
static void look_at_words(struct uncaptured *nearest, const struct uncaptured *one, uint64_t addr)
{
	uint64_t word;

	for (size_t at = 0; at + sizeof(word) <= one->value->len; at += sizeof(word)) {
		memcpy(&word, one->value->bytes + at, sizeof(word));
		consider(nearest, one, word, addr);
	}
}

void uncaptured_look(struct uncaptured *nearest, const struct value *root, const struct shape *shape,
		     unsigned place, uint64_t addr)
{
	const struct uncaptured one = {.value = root, .shape = shape, .place = place};

	if (!root)
		return;
	if (is_followed(root))
		consider(nearest, &one, root->bits, addr);
	/* A function that the build lacks: it was called. */
	if (root->kind == VALUE_SYMBOL && root->bits == addr)
		consider(nearest, &one, root->bits, addr);
	if (root->kind == VALUE_BYTES)
		look_at_words(nearest, &one, addr);
	for (size_t i = 0; i < root->child_cnt; i++)
		uncaptured_look(nearest, root->child[i], shape, place, addr);
}

void uncaptured_look_around(struct uncaptured *first, const struct value *root, const struct shape *shape,
			    unsigned place, uint64_t object, int64_t distance)
{
	if (!root || first->value)
		return;
	if (root->kind == VALUE_POINTER && root->child_cnt && root->bits == object)
		*first = (struct uncaptured){root, shape, distance, true, place};
	for (size_t i = 0; i < root->child_cnt; i++)
		uncaptured_look_around(first, root->child[i], shape, place, object, distance);
}

/* --- what lies there --- */

/* What the pointer node leads to, without typedefs and qualifiers; 0: it is no pointer. */
static uint32_t pointee_of(const struct uncaptured *found)
{
	const struct schema *schema = found->shape ? found->shape->schema : NULL;
	const struct btf_type *t;

	if (!schema)
		return 0;
	t = btf__type_by_id(schema_btf(schema),
			    schema_strip(schema, found->shape->nodes[found->value->node].type));
	return t && btf_is_ptr(t) ? schema_strip(schema, t->type) : 0;
}

static const struct btf_member *member_at(const struct schema *schema, const struct btf_type *t,
					  uint32_t *off)
{
	for (int i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *member = &btf_members(t)[i];
		uint32_t at = btf_member_bit_offset(t, i) / 8, size = schema_size(schema, member->type);

		if (*off < at || *off - at >= MAX(size, 1u))
			continue;
		*off -= at;
		return member;
	}
	return NULL;
}

/* "head.next": the field at byte @off of @type; "" where none is. */
static void put_field(char *text, size_t size, const struct schema *schema, uint32_t type, uint32_t off)
{
	const struct btf *btf = schema_btf(schema);
	size_t len = 0;

	text[0] = '\0';
	for (int depth = 0; depth < SCHEMA_DEPTH_MAX; depth++) {
		const struct btf_type *t = btf__type_by_id(btf, schema_strip(schema, type));
		const struct btf_member *member;
		const char *name;
		uint32_t element;

		if (t && btf_is_array(t)) {
			type = btf_array(t)->type;
			element = schema_size(schema, type);
			if (!element || len + 1 >= size)
				return;
			len += snprintf(text + len, size - len, "[%u]", off / element);
			off %= element;
			continue;
		}
		member = t && btf_is_composite(t) ? member_at(schema, t, &off) : NULL;
		if (!member || len + 1 >= size)
			return;
		name = btf__name_by_offset(btf, member->name_off);
		if (name && *name)
			len += snprintf(text + len, size - len, "%s%s", len ? "." : "", name);
		type = member->type;
	}
}

static const char *why(const struct uncaptured *found)
{
	if (found->is_around)
		return found->distance < 0 ? "that begins behind it" : "that ends before it";
	if (found->value->kind == VALUE_HANDLE)
		return "it is opaque";
	if (found->value->kind == VALUE_SYMBOL)
		return "the build has no such function";
	if (found->value->kind == VALUE_BYTES)
		return "pointers in a union or a buffer are not followed";
	return found->value->text;
}

/* --- what to do --- */

/* A rule for one path, and the same in words. */
struct remedy {
	char path[SHAPE_PATH_MAX];
	const char *key; /* NULL: nothing simple helps */
	uint64_t number; /* 0: true */
	char what[WHAT_MAX];
};

static uint16_t root_of(const struct shape *shape, uint16_t node)
{
	while (shape->nodes[node].parent != SHAPE_NONE)
		node = shape->nodes[node].parent;
	return node;
}

static void advise_depth(struct remedy *out, const struct uncaptured *found, uint16_t node, unsigned depth)
{
	const struct schema *schema = found->shape->schema;
	const struct btf_type *t = btf__type_by_id(schema_btf(schema), pointee_of(found));
	char type[FIELD_MAX] = "it";

	if (t && btf_is_composite(t))
		schema_type_text(schema, pointee_of(found), type, sizeof(type));
	shape_path(found->shape, node, out->path, sizeof(out->path));
	out->key = "depth";
	out->number = depth;
	snprintf(out->what, sizeof(out->what), "record %s to depth %u", type, depth);
}

static void advise_bytes(struct remedy *out, const struct uncaptured *found)
{
	out->key = "bytes";
	out->number = ALIGN_UP(found->distance + WORD, WORD);
	snprintf(out->what, sizeof(out->what),
		 "record %" PRIu64 " bytes of it, or say with \"type\" what it points to", out->number);
}

static void advise_for_handle(struct remedy *out, const struct uncaptured *found)
{
	uint32_t type = pointee_of(found);
	const struct btf_type *t = btf__type_by_id(schema_btf(found->shape->schema), type);

	shape_path(found->shape, found->value->node, out->path, sizeof(out->path));
	if (t && btf_is_composite(t)) {
		advise_depth(out, found, found->value->node, 1);
	} else if (t && btf_is_int(t) && t->size == 1) {
		out->key = "string";
		snprintf(out->what, sizeof(out->what),
			 "record it as a string, or with \"bytes\" how many there are");
	} else if (!t || !btf_is_func_proto(t)) {
		advise_bytes(out, found);
	}
}

/* An array or a buffer whose length is a number in the configuration, or one object that may be the first of
 * many: the number can be raised. Another length knows more than we do. */
static void advise_for_end(struct remedy *out, const struct uncaptured *found)
{
	const struct shape_node *node = &found->shape->nodes[found->value->node];
	bool is_bytes = node->kind == SHAPE_BYTES, is_many = node->length || node->has_terminator;
	uint32_t size = is_bytes			  ? 1
			: node->first_child == SHAPE_NONE ? 0
							  : found->shape->nodes[node->first_child].size;
	const char *key = is_bytes ? "bytes" : "count";
	char type[FIELD_MAX] = "bytes";

	if (found->distance < 0 || !size)
		return;
	if (!is_bytes)
		schema_type_text(found->shape->schema, pointee_of(found), type, sizeof(type));
	shape_path(found->shape, found->value->node, out->path, sizeof(out->path));
	out->number = found->distance / size + 1;
	if (!is_many || (node->length && node->length->kind == EXPR_NUM))
		out->key = key;
	if (is_many && !out->key)
		snprintf(out->what, sizeof(out->what),
			 "its \"%s\" covers fewer than the %" PRIu64 " %s of it", key, out->number, type);
	else
		snprintf(out->what, sizeof(out->what),
			 "record at least %" PRIu64 " %s: say with \"%s\" how many", out->number, type, key);
}

static struct remedy remedy_for(const struct uncaptured *found)
{
	const struct value *value = found->value;
	const struct shape_node *node = found->shape ? &found->shape->nodes[value->node] : NULL;
	struct remedy out = {};

	if (!node || (found->distance < 0 && !found->is_around))
		;
	else if (found->is_around)
		advise_for_end(&out, found);
	else if (value->kind == VALUE_HANDLE)
		advise_for_handle(&out, found);
	else if (node->kind == SHAPE_CUT && strstr(value->text, "deeper than depth"))
		advise_depth(&out, found, root_of(found->shape, value->node), node->depth + 1);
	if (!out.what[0])
		snprintf(out.what, sizeof(out.what), "the recording does not have it");
	return out;
}

/* {"inputs": {"db_open": {"args": {"return": {"depth": 1}}}}} */
static char *fragment(const struct remedy *remedy, const struct config_func *func)
{
	auto_cjson cJSON *root = cJSON_CreateObject();
	cJSON *at = root;
	const char *const way[] = {config_role_key(func->role), func->name, "args", remedy->path};

	for (size_t i = 0; at && i < ARRAY_SIZE(way); i++)
		at = cJSON_AddObjectToObject(at, way[i]);
	if (!at || !(remedy->number ? cJSON_AddNumberToObject(at, remedy->key, remedy->number)
				    : cJSON_AddTrueToObject(at, remedy->key)))
		return NULL;
	return json_print(root);
}

/* --- in words --- */

static void put_owner(char *out, size_t len, const struct uncaptured_access *access, const char *path)
{
	if (!strcmp(path, "return"))
		snprintf(out, len, "%s's result", access->alias);
	else
		snprintf(out, len, "%s's '%s'", access->alias, path);
}

int uncaptured_text(char *out, size_t len, char **advice, const struct uncaptured *found,
		    const struct uncaptured_access *access, struct err *err)
{
	autofree char *path = value_path(found->value), *config = NULL;
	char owner[FIELD_MAX], field[FIELD_MAX] = "";
	struct remedy remedy;

	if (!path)
		return err_nomem(err);
	remedy = remedy_for(found);
	if (!found->is_around && found->distance >= 0 && pointee_of(found))
		put_field(field, sizeof(field), found->shape->schema, pointee_of(found), found->distance);
	if (remedy.key && access->func) {
		config = fragment(&remedy, access->func);
		if (!config)
			return err_nomem(err);
	}
	put_owner(owner, sizeof(owner), access, path);
	snprintf(out, len, "%s %s at offset %" PRId64 "%s%s%s%s: %s; it followed '%s%s', and %s: %s", owner,
		 access->is_write ? "written" : "read", found->distance, field[0] ? " ('" : "", field,
		 field[0] ? "')" : "", access->where, remedy.what, access->place, path,
		 found->is_around ? "went beyond what was captured" : "nothing was captured there",
		 why(found));
	*advice = TAKE_PTR(config);
	return 0;
}
