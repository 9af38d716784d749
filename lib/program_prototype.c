// SPDX-License-Identifier: BSD-3-Clause
/* Functions that a declaration describes, the configuration's or libc's, rather than debug information. */
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/libc_prototypes.h"
#include "lib/object.h"
#include "lib/program_impl.h"
#include "lib/prototype.h"
#include "lib/rule.h"
#include "lib/schema.h"
#include "lib/util.h"

/* --- which declaration --- */

void program_declaration(const struct program *program, const struct config_func *func, struct found *found)
{
	const struct libc_function *libc = NULL;

	if (program_is_libc(program, found->module) || program_is_libc_linked_in(program, func))
		libc = libc_function(func->symbol);
	found->declaration = func->prototype ? func->prototype : libc ? libc->prototype : NULL;
	found->libc = func->prototype ? NULL : libc;
}

/* --- types --- */

struct asking {
	struct finder *f;
	bool is_libc; /* a name that means several things means libc's */
};

static int find_described(struct finder *f, const char *name, uint32_t *id, bool *is_plain, struct err *err)
{
	int r = -ENOENT;

	/* libc's own debug information is long, and says what its users' does. */
	for (size_t i = 0; r == -ENOENT && i < f->program->files_cnt; i++) {
		struct debuginfo *info = program_is_libc(f->program, i) ? NULL : program_debug(f, i);

		if (!info)
			continue;
		r = debuginfo_add_type(info, f->program->schema, name, id, err);
		if (!r)
			*is_plain = debuginfo_is_plain(info, name);
	}
	return r;
}

static int find_built_in(struct asking *asking, const char *name, uint32_t *id, bool *is_plain,
			 struct err *err);

static int find_type(void *ctx, const char *name, uint32_t *id, bool *is_plain, struct err *err)
{
	struct asking *asking = ctx;
	int r = find_described(asking->f, name, id, is_plain, err);

	if (r == -ENOENT || (r == -ENOTUNIQ && asking->is_libc)) {
		int built_in = find_built_in(asking, name, id, is_plain, err);

		if (built_in != -ENOENT)
			return built_in;
	}
	return r;
}

static int find_built_in(struct asking *asking, const char *name, uint32_t *id, bool *is_plain,
			 struct err *err)
{
	const struct prototype_types types = {find_type, asking};
	struct schema *schema = asking->f->program->schema;
	const char *text = libc_struct(name);
	char tag[64];
	int known;

	if (!text)
		return -ENOENT;
	*is_plain = true;
	text += strlen("struct ");
	snprintf(tag, sizeof(tag), "%.*s", (int)strcspn(text, " "), text);
	known = btf__find_by_name_kind(schema_btf(schema), tag, BTF_KIND_STRUCT);
	if (known > 0) {
		*id = known;
		return 0;
	}
	return prototype_add_struct(schema, libc_struct(name), &types, id, err);
}

static int declare(struct finder *f, const struct config_func *func, const struct found *found, uint32_t *id,
		   struct err *err)
{
	struct asking asking = {f, found->libc};
	const struct prototype_types types = {find_type, &asking};
	autofree char *renamed = NULL;

	if (!found->libc)
		return prototype_add(f->program->schema, found->declaration, func->symbol, &types, id, err);
	renamed = program_rename(found->declaration, func->symbol, found->debug.params);
	if (!renamed)
		return err_nomem(err);
	return prototype_add(f->program->schema, renamed, func->symbol, &types, id, err);
}

int program_declare(struct finder *f, const struct config_func *func, const struct found *found, uint32_t *id,
		    struct err *err)
{
	int r = declare(f, func, found, id, err);

	if (!r || program_is_fatal(r))
		return r;
	err_wrap(err, r, "'prototype'");
	return config_error_at(f->config, func->prototype ? func->prototype_place : func->place, r, err);
}

/* --- rules --- */

/* Does @rule say all there is to say of @path: of it itself, or of a pointer on the way that is not followed?
 */
static bool covers(const struct rule *rule, const char *path)
{
	size_t len = strlen(rule->path);

	if (strncmp(path, rule->path, len))
		return false;
	return !path[len] || rule->is_opaque || rule->bytes || rule->is_string;
}

static bool is_covered(const struct config_func *func, const char *path)
{
	for (size_t i = 0; i < func->rules_cnt; i++)
		if (covers(&func->rules[i], path))
			return true;
	return false;
}

static int add_libc_rules(struct rule *out, size_t *cnt, const struct libc_rule *rules, struct err *err)
{
	for (size_t i = 0; i < LIBC_RULES_MAX && rules[i].path; i++) {
		if (libc_rule(&out[*cnt], &rules[i]))
			return err_nomem(err);
		++*cnt;
	}
	return 0;
}

/* A rule that says how much, or which way, and not what it is. */
static bool is_partial(const struct rule *rule)
{
	return !rule->is_string && !rule->is_opaque && !rule->has_terminator && !rule->is_file &&
	       !rule->is_format && !rule->is_callback && !rule->bytes && !rule->count && !rule->type &&
	       !rule->tag;
}

/* What @rule leaves open is as @libc says. */
static int complete(struct rule *rule, const struct libc_rule *libc, struct err *err)
{
	struct rule whole = {};

	if (libc_rule(&whole, libc))
		return err_nomem(err);
	if (rule->direction)
		whole.direction = rule->direction;
	if (rule->depth)
		whole.depth = rule->depth;
	whole.max = rule->max;
	whole.redact = rule->redact;
	rule_release(rule);
	*rule = whole;
	return 0;
}

/* As the configuration calls its parameters; what it says itself of them counts. */
static int add_renamed(struct rule *out, size_t *cnt, const struct libc_rule *rule,
		       const struct config_func *func, const char *params, struct err *err)
{
	autofree char *path = program_rename(rule->path, func->symbol, params);
	autofree char *bytes = program_rename(rule->bytes ? rule->bytes : "", func->symbol, params);
	autofree char *count = program_rename(rule->count ? rule->count : "", func->symbol, params);
	struct libc_rule renamed = *rule;

	if (!path || !bytes || !count)
		return err_nomem(err);
	renamed.path = path;
	renamed.bytes = rule->bytes ? bytes : NULL;
	renamed.count = rule->count ? count : NULL;
	for (size_t i = 0; i < func->rules_cnt; i++)
		if (!strcmp(out[i].path, path) && is_partial(&out[i]))
			return complete(&out[i], &renamed, err);
	if (is_covered(func, path))
		return 0;
	if (libc_rule(&out[*cnt], &renamed))
		return err_nomem(err);
	++*cnt;
	return 0;
}

int program_rules(struct rule **rules, size_t *cnt, const struct config_func *func, const struct found *found,
		  struct err *err)
{
	struct rule *all = calloc(func->rules_cnt + LIBC_RULES_MAX + 1, sizeof(*all));
	const struct libc_function *libc = found->libc;
	int r = 0;

	if (!all)
		return err_nomem(err);
	*rules = all;
	for (*cnt = 0; *cnt < func->rules_cnt; ++*cnt)
		if (rule_copy(&all[*cnt], &func->rules[*cnt]))
			return err_nomem(err);
	for (size_t i = 0; libc && !r && i < LIBC_RULES_MAX && libc->rules[i].path; i++)
		r = add_renamed(all, cnt, &libc->rules[i], func, found->debug.params, err);
	return r;
}

void program_rules_free(struct rule *rules, size_t cnt)
{
	for (size_t i = 0; rules && i < cnt; i++)
		rule_release(&rules[i]);
	free(rules);
}

static int add_libc_type(struct finder *f, const struct libc_type *type, struct err *err)
{
	struct rule rules[LIBC_RULES_MAX] = {};
	struct schema_type_rules said = {.rules = rules};
	struct asking asking = {f, true};
	bool is_plain;
	int r = find_type(&asking, type->name, &said.id, &is_plain, err);

	/* A program that has another struct of that name means another one. */
	if (r == -ENOENT || r == -ENOTUNIQ)
		return 0;
	if (!r)
		r = add_libc_rules(rules, &said.rules_cnt, type->rules, err);
	if (!r)
		r = schema_add_type_rules(f->program->schema, &said, err);
	for (size_t i = 0; i < said.rules_cnt; i++)
		rule_release(&rules[i]);
	return r;
}

static bool is_first_of_type(const struct program *program, size_t idx)
{
	const char *type = program->funcs[idx].libc->type;

	for (size_t i = 0; i < idx; i++) {
		const struct libc_function *libc = program->funcs[i].libc;

		if (libc && libc->type && !strcmp(libc->type, type))
			return false;
	}
	return true;
}

int program_add_libc_types(struct finder *f, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < f->program->funcs_cnt && !r; i++) {
		const struct libc_function *libc = f->program->funcs[i].libc;

		if (libc && libc->type && is_first_of_type(f->program, i))
			r = add_libc_type(f, libc_type(libc->type), err);
	}
	return r;
}
