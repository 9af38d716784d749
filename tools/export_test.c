// SPDX-License-Identifier: BSD-3-Clause
#include "tools/export_test.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cassette.h"
#include "lib/err.h"
#include "lib/marks.h"
#include "lib/pool.h"
#include "lib/recording.h"
#include "lib/schema.h"
#include "lib/shape.h"
#include "lib/store.h"
#include "lib/util.h"
#include "lib/value.h"
#include "tools/c_values.h"

#define DECLARATION_MAX 4096
#define ROOM_LEAST                                                                                           \
	4096 /* bytes behind a pointer that only flows out: what was captured says not how many there were   \
	      */

struct export
{
	const struct recording *recording;
	const struct schema *schema;
	struct store *store;
	struct c_values values;
	struct buf stubs; /* the functions */
	struct pool *pool;
	struct err *err;
};

/* "clock_gettime" of "libc.so.6:clock_gettime" */
static const char *symbol_of(const struct schema_func *func)
{
	const char *colon = strrchr(func->name, ':');

	return colon ? colon + 1 : func->name;
}

static bool is_libcs(const struct schema_func *func)
{
	return strchr(func->name, ':') && strstr(func->name, ".so");
}

static int check_func(const struct schema_func *func, struct err *err)
{
	const char *name = symbol_of(func);

	if (!func->id)
		return err_set(err, -ENOTSUP, "cannot export '%s' as C: it has no prototype", func->name);
	if (func->role == ROLE_CALLBACK)
		return err_set(err, -ENOTSUP,
			       "cannot export '%s' as C: it was called back, which only a replay repeats",
			       func->name);
	if (mark_of_alias(func->alias))
		return err_set(
			err, -ENOTSUP,
			"cannot export '%s' as C: it is a mark of the program's, which only a replay answers",
			func->name);
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && *name != '_')
			return err_set(err, -ENOTSUP, "cannot export '%s' as C: it is a C++ function",
				       func->name);
	return 0;
}

static int decode(struct export *e, struct values *out, const struct call *call)
{
	const struct shape *shape;
	int r = store_shape(e->store, e->schema, call->func, &shape, e->err);

	if (r < 0)
		return r;
	e->values.shape = shape;
	return values_decode(out, shape, call, e->pool) ? err_nomem(e->err) : 0;
}

/* The function's declaration with @prefix before its name. */
static void put_declaration(struct export *e, struct buf *out, const struct schema_func *func,
			    const char *prefix)
{
	const char *name = symbol_of(func);
	char text[DECLARATION_MAX], *at;

	schema_type_text(e->schema, func->id, text, sizeof(text));
	for (at = strstr(text, name); at; at = strstr(at + 1, name))
		if ((at == text || !(isalnum((unsigned char)at[-1]) || at[-1] == '_')) &&
		    at[strlen(name)] == '(')
			break;
	if (at)
		buf_printf(out, "%.*s%s%s", (int)(at - text), text, prefix, at);
}

static const struct shape *shape_of(struct export *e, size_t func)
{
	const struct shape *shape = NULL;

	return store_shape(e->store, e->schema, func, &shape, NULL) ? NULL : shape;
}

/* --- a stub --- */

/* Not what was recorded beside the parameters. */
static bool is_declared(const struct shape *shape, size_t param)
{
	const struct shape_node *node = &shape->nodes[shape->params[param].node];

	return node->kind != SHAPE_FILE && (node->kind != SHAPE_VARARGS || shape->varargs.is_list);
}

/* As what va_arg takes it, and as what it was printed; NULL: it was not captured. */
static const char *variable_type(const struct value *v, const char **cast)
{
	static const char *const numbers[][2] = {{"unsigned int", "int"}, {"unsigned long", "long"}};
	static const char *const narrow[][2] = {{"(unsigned char)", "(signed char)"},
						{"(unsigned short)", "(short)"}};

	*cast = v->kind == VALUE_INT && v->size < 4 ? narrow[v->size == 2][v->is_signed] : "";
	switch (v->kind) {
	case VALUE_INT:
		return numbers[v->size == 8][v->is_signed];
	case VALUE_FLOAT:
		return v->size == 16 ? "long double" : "double";
	case VALUE_POINTER:
		return "const char *";
	case VALUE_HANDLE:
	case VALUE_SYMBOL:
		return "void *";
	default:
		return NULL;
	}
}

/* Text that a precision ended need not have a NUL. */
static void put_variable(struct export *e, struct buf *out, const char *name, const struct value *v)
{
	struct value pointer = *v, text, *children[] = {&text};

	if (v->kind == VALUE_POINTER && v->child_cnt && v->child[0]->kind == VALUE_TEXT) {
		text = *v->child[0];
		text.is_truncated = true;
		pointer.child = children;
	}
	c_values_assert(&e->values, out, name, &pointer);
}

/* Variable arguments, as far as they were captured. */
static void put_variables(struct export *e, struct buf *out, const struct values *values, const char *list,
			  const struct value *all)
{
	const bool is_list = e->values.shape->varargs.is_list;
	const char *last = NULL;
	char name[64];

	for (size_t i = 0; i < values->params_cnt; i++)
		if (is_declared(e->values.shape, i))
			last = values->names[i];
	if (all->kind != VALUE_ARRAY || !all->child_cnt)
		return;
	buf_printf(out, "\t{\n");
	if (!is_list)
		buf_printf(out, "\tva_list list;\n\n\tva_start(list, %s);\n", last);
	for (size_t i = 0; i < all->child_cnt; i++) {
		const char *cast, *type = variable_type(all->child[i], &cast);

		if (!type)
			break;
		buf_printf(out, "\t%s v%zu = va_arg(%s, %s);\n\t(void)v%zu;\n", type, i,
			   is_list ? list : "list", type, i);
		snprintf(name, sizeof(name), "%sv%zu", cast, i);
		put_variable(e, out, name, all->child[i]);
	}
	if (!is_list)
		buf_printf(out, "\tva_end(list);\n");
	buf_printf(out, "\t}\n");
}

/* What identifies or is put out: as it was recorded. What a pointer to non-const reaches at entry may be
 * anything. */
static void put_checks(struct export *e, struct buf *out, const struct values *values)
{
	for (size_t i = 0; i < values->params_cnt; i++) {
		const struct value *arg = values->args[i];

		if (arg && e->values.shape->params[i].node == e->values.shape->varargs.node) {
			put_variables(e, out, values, values->names[i], arg);
			continue;
		}
		if (arg && values->names[i] && is_declared(e->values.shape, i) &&
		    (arg->is_const || arg->is_explicit ||
		     (arg->kind != VALUE_POINTER && arg->kind != VALUE_REF)))
			c_values_assert(&e->values, out, values->names[i], arg);
	}
}

/* What flowed out behind one pointer, copied from an object. */
static void put_copy(struct export *e, struct buf *out, const char *name, const struct value *v)
{
	const struct value *to = value_pointee(v);
	bool is_array = to && (to->kind == VALUE_ARRAY || to->kind == VALUE_TEXT || to->kind == VALUE_BYTES);
	unsigned object;

	if (!to || to->kind == VALUE_UNAVAILABLE)
		return;
	object = c_values_object(&e->values, to);
	if (to->kind == VALUE_BYTES)
		buf_printf(out, "\tmemcpy(%s, o%u, %zu);\n", name, object, to->len);
	else
		buf_printf(out, "\tmemcpy(%s, %so%u, sizeof(o%u));\n", name, is_array ? "" : "&", object,
			   object);
}

static void put_results(struct export *e, struct buf *out, const struct values *values)
{
	for (size_t i = 0; i < values->params_cnt; i++)
		if (values->out[i] && values->names[i] && values->out[i]->kind == VALUE_POINTER &&
		    is_declared(e->values.shape, i))
			put_copy(e, out, values->names[i], values->out[i]);
	if (values->has_errno)
		buf_printf(out, "\terrno = %d;\n", values->error_number);
	if (!values->result) {
		buf_printf(out, "\treturn;\n");
	} else if (values->result->kind == VALUE_STRUCT) {
		char type[DECLARATION_MAX];

		c_values_type(&e->values, values->result, type, sizeof(type));
		buf_printf(out, "\treturn (%s)", type);
		c_values_put(&e->values, out, values->result);
		buf_printf(out, ";\n");
	} else {
		buf_printf(out, "\treturn ");
		c_values_put(&e->values, out, values->result);
		buf_printf(out, ";\n");
	}
}

static void put_indented(struct buf *out, const struct buf *lines)
{
	for (size_t i = 0; i < lines->len; i++) {
		if (!i || lines->data[i - 1] == '\n')
			buf_printf(out, "\t");
		buf_put_u8(out, lines->data[i]);
	}
}

static int put_case(struct export *e, const struct call *call, unsigned number)
{
	struct buf body = {};
	struct values values;
	int r = decode(e, &values, call);

	if (r < 0)
		return r;
	if (call->left != LEFT_RETURN)
		return err_set(e->err, -ENOTSUP, "cannot export call %u of '%s' as C: it did not return",
			       number, schema_func(e->schema, call->func)->name);
	buf_printf(&e->stubs, "\tcase %u:\n", number);
	buf_init(&body, C_VALUES_MAX);
	put_checks(e, &body, &values);
	put_results(e, &body, &values);
	put_indented(&e->stubs, &body);
	r = body.failed ? err_nomem(e->err) : 0;
	buf_release(&body);
	return r;
}

static void put_unused(struct export *e, size_t func)
{
	const struct shape *shape = shape_of(e, func);

	for (size_t i = 0; shape && i < shape->params_cnt; i++)
		if (shape->nodes[shape->params[i].node].name && is_declared(shape, i))
			buf_printf(&e->stubs, "\t(void)%s;\n", shape->nodes[shape->params[i].node].name);
}

static int put_stub(struct export *e, size_t idx)
{
	const struct schema_func *func = schema_func(e->schema, idx);
	unsigned number = 0;
	int r = check_func(func, e->err);

	if (r < 0)
		return r;
	buf_printf(&e->stubs, "\n/* %s %s */\nstatic unsigned calls_%s;\n", role_name(func->role),
		   func->alias, symbol_of(func));
	put_declaration(e, &e->stubs, func, "__wrap_");
	buf_printf(&e->stubs, ";\n");
	if (!is_libcs(func)) {
		put_declaration(e, &e->stubs, func, "__real_");
		buf_printf(&e->stubs, " __attribute__((weak));\n");
	}
	put_declaration(e, &e->stubs, func, "__wrap_");
	buf_printf(&e->stubs, "\n{\n");
	put_unused(e, idx);
	buf_printf(&e->stubs, "\tswitch (++calls_%s) {\n", symbol_of(func));
	for (size_t i = 0; i < e->recording->calls_cnt && r == 0; i++)
		if (e->recording->calls[i].func == idx)
			r = put_case(e, &e->recording->calls[i], ++number);
	buf_printf(
		&e->stubs,
		"\tdefault:\n\t\tfail_msg(\"%s was called more often than it was recorded\");\n\t\tabort();\n\t}\n}\n",
		symbol_of(func));
	return r;
}

static bool is_called(const struct export *e, size_t func)
{
	for (size_t i = 0; i < e->recording->calls_cnt; i++)
		if (e->recording->calls[i].func == func)
			return true;
	return false;
}

/* --- the operation --- */

/* The argument as C: a value of its own, or room for what flows out. */
static void put_argument(struct export *e, struct buf *before, struct buf *call, const struct values *values,
			 size_t i)
{
	const struct value *in = values->args[i], *out = values->out[i];
	char type[DECLARATION_MAX];

	if (in && in->kind == VALUE_STRUCT) {
		c_values_type(&e->values, in, type, sizeof(type));
		buf_printf(call, "(%s)", type);
		c_values_put(&e->values, call, in);
	} else if (in) {
		c_values_put(&e->values, call, in);
	} else if (out && value_pointee(out)) {
		size_t room = MAX(value_pointee(out)->extent + value_pointee(out)->len, (uint64_t)ROOM_LEAST);

		buf_printf(before, "\tstatic char room_%s[%zu] __attribute__((aligned(16)));\n",
			   values->names[i], room);
		buf_printf(call, "(void *)room_%s", values->names[i]);
	} else {
		buf_printf(call, "0");
	}
}

/* What flowed out, behind the pointer that was given. */
static void put_expectations(struct export *e, struct buf *out, const struct values *values, bool has_result)
{
	for (size_t i = 0; i < values->params_cnt; i++)
		if (values->out[i] && values->out[i]->kind == VALUE_POINTER && values->names[i])
			c_values_assert(&e->values, out, values->names[i], values->out[i]);
	if (has_result)
		c_values_assert(&e->values, out, "result", values->result);
}

static void put_counts(struct export *e, struct buf *out)
{
	for (size_t i = 0; i < schema_funcs_cnt(e->schema); i++) {
		unsigned cnt = 0;

		for (size_t k = 0; k < e->recording->calls_cnt; k++)
			cnt += e->recording->calls[k].func == i;
		if (cnt)
			buf_printf(out, "\tassert_int_equal(calls_%s, %u);\n",
				   symbol_of(schema_func(e->schema, i)), cnt);
	}
}

static void put_type_of_param(struct export *e, struct buf *out, const struct values *values, size_t i)
{
	const struct shape_node *node = &e->values.shape->nodes[e->values.shape->params[i].node];
	char type[DECLARATION_MAX];

	schema_type_text(e->schema, node->type, type, sizeof(type));
	buf_printf(out, "\t__auto_type %s = (%s)", values->names[i], type);
}

static int put_operation(struct export *e, struct buf *out)
{
	const struct call *operation = &e->recording->operation;
	const struct schema_func *func = schema_func(e->schema, operation->func);
	struct buf before = {}, body = {};
	struct values values;
	bool has_result;
	int r = check_func(func, e->err);

	if (r == 0 && operation->left != LEFT_RETURN)
		r = err_set(e->err, -ENOTSUP, "cannot export '%s' as C: the operation did not return",
			    func->name);
	if (r == 0)
		r = decode(e, &values, operation);
	if (r < 0)
		return r;
	for (size_t i = 0; i < values.params_cnt; i++)
		if (!is_declared(e->values.shape, i) ||
		    e->values.shape->params[i].node == e->values.shape->varargs.node)
			return err_set(
				e->err, -ENOTSUP,
				"cannot export '%s' as C: it takes variable arguments, or the content of a file",
				func->name);
	has_result = values.result && values.result->kind != VALUE_UNAVAILABLE;
	buf_init(&before, C_VALUES_MAX);
	buf_init(&body, C_VALUES_MAX);
	for (size_t i = 0; i < values.params_cnt; i++) {
		bool is_struct = values.args[i] && values.args[i]->kind == VALUE_STRUCT;

		if (is_struct)
			buf_printf(&body, "\t__auto_type %s = ", values.names[i]);
		else
			put_type_of_param(e, &body, &values, i);
		put_argument(e, &before, &body, &values, i);
		buf_printf(&body, ";\n");
	}
	buf_printf(&body, has_result ? "\t__auto_type result = %s(" : "\t%s(", symbol_of(func));
	for (size_t i = 0; i < values.params_cnt; i++)
		buf_printf(&body, "%s%s", i ? ", " : "", values.names[i]);
	buf_printf(&body, ");\n\n");
	put_expectations(e, &body, &values, has_result);
	put_counts(e, &body);
	buf_printf(out, "\nstatic void replays_as_it_was_recorded(void **state)\n{\n\t(void)state;\n");
	buf_put(out, before.data, before.len);
	buf_put(out, body.data, body.len);
	buf_printf(out, "}\n");
	r = before.failed || body.failed ? err_nomem(e->err) : 0;
	buf_release(&before);
	buf_release(&body);
	return r;
}

/* --- the file --- */

static const char head[] =
	"#include <setjmp.h>\n#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <cmocka.h>\n\n"
	"extern int *__errno_location(void);\n#define errno (*__errno_location())\n"
	"extern void *memcpy(void *to, const void *from, size_t len);\n"
	"extern int mprotect(void *from, size_t len, int how);\n"
	"extern void abort(void) __attribute__((noreturn));\n\n"
	"/* The program may free what it was given: what lies here is not the allocator's. */\n"
	"#define RECORDED __attribute__((section(\"recorded\")))\n"
	"extern char __start_recorded[] __attribute__((weak)), __stop_recorded[] __attribute__((weak));\n"
	"void __wrap_free(void *p);\nvoid __real_free(void *p);\n"
	"void __wrap_free(void *p)\n{\n"
	"\tif ((char *)p < __start_recorded || (char *)p >= __stop_recorded)\n\t\t__real_free(p);\n}\n\n";

static void put_head(struct export *e, struct buf *out, const struct recording_key *key)
{
	char id[CATEGORY_MAX + 48];

	recording_key_text(key, id);
	buf_printf(out,
		   "/* %s\n *\n * Build it with the objects of the program:\n *\n"
		   " *	objcopy --redefine-sym main=program_main main.o\n"
		   " *	cc -g THIS.c *.o",
		   id);
	for (size_t i = 0; i < schema_funcs_cnt(e->schema); i++)
		if (is_called(e, i))
			buf_printf(out, " \\\n *		-Wl,--wrap=%s",
				   symbol_of(schema_func(e->schema, i)));
	buf_printf(
		out,
		" \\\n *		-Wl,--wrap=free -lcmocka\n *\n"
		" * A static function is reached when its object shows it: objcopy --globalize-symbol=NAME FILE.o.\n"
		" * Functions that were inlined are not replaced: compile with -O0, or -fno-inline. x86-64.\n */\n%s",
		head);
}

/* Calls within the function's own object do not go by its name: its first instructions lead to the stub, too.
 */
static const char patching[] =
	"\n/* Let the code at @from go on at @to. */\n"
	"static void redirect(void (*from)(void), void (*to)(void))\n{\n"
	"\tunsigned char jump[] = {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0}; /* mov $to, %rax; jmp *%rax */\n"
	"\tuintptr_t page = (uintptr_t)from & ~(uintptr_t)4095;\n\n"
	"\tif (!from)\n\t\treturn;\n"
	"\tmemcpy(jump + 2, &to, 8);\n"
	"\tassert_int_equal(mprotect((void *)page, 8192, 7), 0);\n"
	"\tmemcpy((void *)(uintptr_t)from, jump, sizeof(jump));\n"
	"}\n\nstatic int setup(void **state)\n{\n\t(void)state;\n";

static void put_main(struct export *e, struct buf *out)
{
	buf_printf(out, "%s", patching);
	for (size_t i = 0; i < schema_funcs_cnt(e->schema); i++) {
		const struct schema_func *func = schema_func(e->schema, i);

		if (is_called(e, i) && !is_libcs(func))
			buf_printf(out, "\tredirect((void (*)(void))__real_%s, (void (*)(void))__wrap_%s);\n",
				   symbol_of(func), symbol_of(func));
	}
	buf_printf(out, "\treturn 0;\n}\n\nint main(void)\n{\n\tconst struct CMUnitTest tests[] = {\n"
			"\t\tcmocka_unit_test_setup(replays_as_it_was_recorded, setup),\n\t};\n\n"
			"\treturn cmocka_run_group_tests(tests, NULL, NULL);\n}\n");
}

static int write_parts(struct export *e, struct buf *out, const struct recording_key *key)
{
	const struct schema_func *operation = schema_func(e->schema, e->recording->operation.func);
	struct buf test = {};
	int r;

	put_head(e, out, key);
	r = schema_c_types(out, e->schema, e->err);
	for (size_t i = 0; i < schema_funcs_cnt(e->schema) && r == 0; i++)
		if (is_called(e, i))
			r = put_stub(e, i);
	buf_init(&test, C_VALUES_MAX);
	if (r == 0)
		r = put_operation(e, &test);
	if (r == 0) {
		buf_printf(out, "\n/* what was recorded */\n");
		buf_put(out, e->values.declarations.data, e->values.declarations.len);
		buf_put(out, e->values.definitions.data, e->values.definitions.len);
		buf_put(out, e->stubs.data, e->stubs.len);
		buf_printf(out, "\n");
		put_declaration(e, out, operation, "");
		buf_printf(out, ";\n");
		buf_put(out, test.data, test.len);
		put_main(e, out);
	}
	if (r == 0 && (out->failed || e->stubs.failed || test.failed || e->values.failed))
		r = err_nomem(e->err);
	buf_release(&test);
	return r;
}

int export_test(struct buf *out, const struct recording_key *key, const struct recording *recording,
		const struct schema *schema, struct store *store, struct err *err)
{
	struct handles *handles = handles_new();
	auto_pool struct pool *pool = pool_new();
	struct export e = {
		.recording = recording, .schema = schema, .store = store, .pool = pool, .err = err};
	int r;

	buf_init(&e.stubs, C_VALUES_MAX);
	c_values_init(&e.values, schema, handles);
	r = handles && pool ? write_parts(&e, out, key) : err_nomem(err);
	c_values_release(&e.values);
	buf_release(&e.stubs);
	handles_free(handles);
	return r;
}
