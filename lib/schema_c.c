// SPDX-License-Identifier: BSD-3-Clause
/* A schema as C: every type, then every function with what is said of it. */
#include <bpf/btf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/rule.h"
#include "lib/schema.h"
#include "lib/util.h"

#define DECLARATION_MAX 4096

static void print_type(void *ctx, const char *fmt, va_list args)
{
	autofree char *text = NULL;

	if (vasprintf(&text, fmt, args) < 0) {
		text = NULL;
		return;
	}
	buf_put(ctx, text, strlen(text));
}

static void btf_dump_freep(struct btf_dump **dump)
{
	btf_dump__free(*dump);
}

int schema_c_types(struct buf *out, const struct schema *schema, struct err *err)
{
	const struct btf *btf = schema_btf(schema);
	__attribute__((cleanup(btf_dump_freep))) struct btf_dump *dump =
		btf_dump__new(btf, print_type, out, NULL);

	if (!dump)
		return err_nomem(err);
	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		int r = btf_dump__dump_type(dump, id);

		if (r)
			return err_set(err, r, "cannot print the schema: %s", strerror(-r));
	}
	return 0;
}

/* Closes the comment that was begun. */
static void put_rules(struct buf *out, const struct rule *rules, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		autofree char *text = rule_text(&rules[i]);

		buf_printf(out, "\n *   %s", text ? text : "?");
	}
	buf_printf(out, "%s */\n", cnt ? "\n" : "");
}

static void put_func(struct buf *out, const struct schema *schema, const struct schema_func *func)
{
	char text[DECLARATION_MAX];

	buf_printf(out, "\n/* %s '%s'", role_name(func->role), func->name);
	if (strcmp(func->alias, func->name))
		buf_printf(out, ", alias '%s'", func->alias);
	put_rules(out, func->rules, func->rules_cnt);
	if (!func->id) {
		buf_printf(out, "/* no prototype is known */\n");
		return;
	}
	schema_type_text(schema, func->id, text, sizeof(text));
	buf_printf(out, "%s;\n", text);
}

int schema_c(struct buf *out, const struct schema *schema, struct err *err)
{
	int r = schema_c_types(out, schema, err);
	char text[DECLARATION_MAX];

	if (r)
		return r;
	for (size_t i = 0; i < schema_type_rules_cnt(schema); i++) {
		const struct schema_type_rules *type = schema_type_rules(schema, i);

		schema_type_text(schema, type->id, text, sizeof(text));
		buf_printf(out, "\n/* everywhere in %s", text);
		put_rules(out, type->rules, type->rules_cnt);
	}
	for (size_t i = 0; i < schema_funcs_cnt(schema); i++)
		put_func(out, schema, schema_func(schema, i));
	return out->failed ? err_nomem(err) : 0;
}
