// SPDX-License-Identifier: BSD-3-Clause
/* What the configuration says of types, once for all functions. */
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/expr.h"
#include "lib/nearest.h"
#include "lib/program_impl.h"
#include "lib/schema.h"

#define NEST_MAX 64 /* anonymous structs within each other */

bool program_is_fatal(int code)
{
	return code == -ENOMEM || code == -E2BIG;
}

/* --- paths from a type --- */

static bool is_union(const struct schema *schema, uint32_t id)
{
	return btf_kind(btf__type_by_id(schema_btf(schema), schema_strip(schema, id))) == BTF_KIND_UNION;
}

/* The member @name of @id, in anonymous members as well; 0: none. An anonymous union is called "union". All
 * names are offered to @nearest. */
static uint32_t member_of(const struct schema *schema, uint32_t id, const char *name, struct nearest *nearest,
			  int depth)
{
	const struct btf *btf = schema_btf(schema);
	const struct btf_type *t = btf__type_by_id(btf, schema_strip(schema, id));

	if (depth == NEST_MAX || !btf_is_composite(t))
		return 0;
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const char *member = btf__name_by_offset(btf, m->name_off);
		uint32_t found;

		if (!strcmp(member[0] ? member : is_union(schema, m->type) ? "union" : "", name))
			return m->type;
		if (member[0])
			nearest_try(nearest, member);
		found = member[0] ? 0 : member_of(schema, m->type, name, nearest, depth + 1);
		if (found)
			return found;
	}
	return 0;
}

static int step_member(const struct schema *schema, uint32_t *id, const char *name, struct err *err)
{
	struct nearest nearest;
	char text[96];
	uint32_t member;

	nearest_init(&nearest, name);
	member = member_of(schema, *id, name, &nearest, 0);
	if (member) {
		*id = member;
		return 0;
	}
	schema_type_text(schema, *id, text, sizeof(text));
	err_usage(err, -EINVAL, "no member '%s' in '%s'", name, text);
	if (nearest.best)
		err_hint(err, "did you mean '%s'?", nearest.best);
	return -EINVAL;
}

/* To what a pointer points to, or an array consists of; false: it is neither. */
static bool step_in(const struct schema *schema, uint32_t *id)
{
	const struct btf_type *t = btf__type_by_id(schema_btf(schema), schema_strip(schema, *id));

	if (!btf_is_ptr(t) && !btf_is_array(t))
		return false;
	*id = btf_is_array(t) ? btf_array(t)->type : t->type;
	return true;
}

/* Nothing is known behind it from the types alone: a rule "type" may say more. */
static bool is_opaque(const struct schema *schema, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(schema_btf(schema), schema_strip(schema, id));

	return btf_is_void(t) || btf_is_fwd(t);
}

static int check_path(const struct schema *schema, uint32_t id, const struct path *path, struct err *err)
{
	int r = step_member(schema, &id, path->root, err);

	for (size_t i = 0; i < path->cnt && !r; i++) {
		const struct path_step *step = &path->steps[i];
		bool is_member = step->kind == STEP_FIELD || step->kind == STEP_ARROW;
		bool went = step_in(schema, &id);

		if (is_opaque(schema, id))
			return 0;
		if (is_member)
			r = step_member(schema, &id, step->name, err);
		else if (!went)
			r = err_usage(err, -EINVAL,
				      "'%s' goes through what is neither a pointer nor an array", path->root);
	}
	return r;
}

static int check_paths(const struct schema *schema, uint32_t id, const struct type_rules *type,
		       struct err *err)
{
	for (size_t i = 0; i < type->cnt; i++) {
		auto_path struct path path = {};
		int r = path_parse(&path, type->rules[i].path, err);

		if (!r)
			r = check_path(schema, id, &path, err);
		if (r)
			return r;
	}
	return 0;
}

/* --- types --- */

static bool can_have_rules(const struct schema *schema, uint32_t id)
{
	return btf_is_composite(btf__type_by_id(schema_btf(schema), schema_strip(schema, id)));
}

static int add_type(struct finder *f, const struct type_rules *type, size_t module, bool *found,
		    struct err *err)
{
	struct schema_type_rules rules = {.rules = type->rules, .rules_cnt = type->cnt};
	struct schema *schema = f->program->schema;
	int r = debuginfo_add_type(f->program->infos[module], schema, type->type, &rules.id, err);

	if (r == -ENOENT)
		return 0;
	if (r)
		return r;
	if (!can_have_rules(schema, rules.id))
		return err_usage(err, -EINVAL, "'%s' is no struct or union", type->type);
	*found = true;
	r = check_paths(schema, rules.id, type, err);
	if (r)
		return r;
	return schema_add_type_rules(schema, &rules, err);
}

/* Each file has its own copy of a type; the rules hold for all of them. */
int program_add_types(struct finder *f, struct err *err)
{
	for (size_t i = 0; i < f->config->types_cnt; i++) {
		const struct type_rules *type = &f->config->types[i];
		bool found = false;
		int r = 0;

		if (!program_debug(f, 0) && err)
			*err = f->why[0];
		for (size_t m = 0; m < f->program->files_cnt && !r; m++)
			if (f->program->infos[m])
				r = add_type(f, type, m, &found, err);
		if (!r && !found)
			r = -ENOENT;
		if (r)
			return program_is_fatal(r) ? r : config_error_at(f->config, type->place, r, err);
	}
	return 0;
}

const struct type_rules *program_type_of(const struct finder *f, size_t idx)
{
	const struct schema_type_rules *rules = schema_type_rules(f->program->schema, idx);
	uint32_t id = rules ? schema_strip(f->program->schema, rules->id) : 0;
	const char *name;

	if (!id)
		return NULL;
	name = btf__name_by_offset(schema_btf(f->program->schema),
				   btf__type_by_id(schema_btf(f->program->schema), id)->name_off);
	for (size_t i = 0; i < f->config->types_cnt; i++) {
		const char *space = strrchr(f->config->types[i].type, ' ');

		if (!strcmp(space ? space + 1 : f->config->types[i].type, name))
			return &f->config->types[i];
	}
	return NULL;
}
