// SPDX-License-Identifier: BSD-3-Clause
/*
 * A type as C text. C declares from the inside out: a declarator grows around a name, or the hole where one
 * would be, until a named type is reached.
 */
#include "lib/schema.h"

#include <bpf/btf.h>
#include <stdio.h>
#include <string.h>

#define DECLARATOR_MAX 1024
#define DEPTH_MAX      16 /* prototypes within prototypes, and steps to a named type */

struct declarator {
	char text[DECLARATOR_MAX];
	size_t len;
};

static void put(struct declarator *d, const char *text)
{
	d->len += snprintf(d->text + d->len, sizeof(d->text) - d->len, "%s", text);
	if (d->len >= sizeof(d->text))
		d->len = sizeof(d->text) - 1;
}

static void put_before(struct declarator *d, const char *text)
{
	struct declarator copy = *d;

	d->len = 0;
	put(d, text);
	put(d, copy.text);
}

/* `*` binds weaker than what follows a declarator. */
static void wrap(struct declarator *d)
{
	if (d->text[0] != '*')
		return;
	put_before(d, "(");
	put(d, ")");
}

static const char *name_of(const struct schema *schema, uint32_t name_off)
{
	const char *name = btf__name_by_offset(schema_btf(schema), name_off);

	return name ? name : "";
}

static void put_type(const struct schema *schema, struct declarator *out, uint32_t id, const char *name,
		     int depth);

static void put_params(const struct schema *schema, struct declarator *d, const struct btf_type *t,
		       bool named, int depth)
{
	const struct btf_param *p = btf_params(t);

	wrap(d);
	put(d, "(");
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		put(d, i ? ", " : "");
		if (p[i].type)
			put_type(schema, d, p[i].type, named ? name_of(schema, p[i].name_off) : "",
				 depth + 1);
		else
			put(d, "...");
	}
	put(d, btf_vlen(t) ? ")" : "void)");
}

static const char *keyword(const struct btf_type *t)
{
	switch (btf_kind(t)) {
	case BTF_KIND_STRUCT:
		return "struct ";
	case BTF_KIND_UNION:
		return "union ";
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return "enum ";
	case BTF_KIND_FWD:
		return btf_kflag(t) ? "union " : "struct ";
	default:
		return "";
	}
}

static void put_named(const struct schema *schema, struct declarator *out, const struct btf_type *t)
{
	const char *name = t ? name_of(schema, t->name_off) : "void";

	put(out, t ? keyword(t) : "");
	put(out, name[0] ? name : "{...}");
}

/* A qualifier stands before a named type, behind the star of a pointer. */
static void qualify(const struct schema *schema, struct declarator *d, struct declarator *prefix, uint32_t id,
		    const char *word)
{
	const struct btf_type *t = btf__type_by_id(schema_btf(schema), id);

	for (int steps = 0; t && steps < SCHEMA_DEPTH_MAX; steps++) {
		if (!btf_is_const(t) && !btf_is_volatile(t) && !btf_is_restrict(t))
			break;
		t = btf__type_by_id(schema_btf(schema), t->type);
	}
	if (t && btf_is_ptr(t)) {
		put_before(d, d->len ? " " : "");
		put_before(d, word);
		return;
	}
	put(prefix, word);
	put(prefix, " ");
}

/* @name: what is declared; "": nothing, and parameters go without names too. */
static void put_type(const struct schema *schema, struct declarator *out, uint32_t id, const char *name,
		     int depth)
{
	struct declarator d = {}, prefix = {};
	const struct btf_type *t = NULL;
	char dimension[16];

	put(&d, name);
	for (int steps = 0; depth < DEPTH_MAX && steps < SCHEMA_DEPTH_MAX; steps++) {
		t = btf__type_by_id(schema_btf(schema), id);
		if (!id || !t)
			break;
		if (btf_is_ptr(t)) {
			put_before(&d, "*");
		} else if (btf_is_array(t)) {
			wrap(&d);
			snprintf(dimension, sizeof(dimension), "[%u]", btf_array(t)->nelems);
			put(&d, dimension);
		} else if (btf_is_func_proto(t)) {
			put_params(schema, &d, t, name[0], depth);
		} else if (btf_is_const(t)) {
			qualify(schema, &d, &prefix, t->type, "const");
		} else if (btf_is_volatile(t)) {
			qualify(schema, &d, &prefix, t->type, "volatile");
		} else if (btf_is_restrict(t)) {
			qualify(schema, &d, &prefix, t->type, "restrict");
		} else {
			break;
		}
		id = btf_is_array(t) ? btf_array(t)->type : t->type;
	}
	put(out, prefix.text);
	put_named(schema, out, id ? t : NULL);
	put(out, d.len ? " " : "");
	put(out, d.text);
}

void schema_type_text(const struct schema *schema, uint32_t id, char *text, size_t len)
{
	const struct btf_type *t = btf__type_by_id(schema_btf(schema), id);
	struct declarator out = {};

	if (t && btf_is_func(t))
		put_type(schema, &out, t->type, name_of(schema, t->name_off), 0);
	else
		put_type(schema, &out, id, "", 0);
	snprintf(text, len, "%s", out.text);
}
