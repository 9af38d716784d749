// SPDX-License-Identifier: BSD-3-Clause
#include "tools/c_values.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/schema.h"
#include "lib/shape.h"
#include "lib/util.h"
#include "lib/value.h"

#define TYPE_MAX       512
#define EXPRESSION_MAX 2048
#define ELEMENTS_MAX   256	       /* of an array that are asserted one by one */
#define HANDLE_BASE    0x7d00000000ull /* handles are numbers that no object has for an address */

void c_values_init(struct c_values *c, const struct schema *schema, struct handles *handles)
{
	*c = (struct c_values){.schema = schema, .handles = handles};
	buf_init(&c->declarations, C_VALUES_MAX);
	buf_init(&c->definitions, C_VALUES_MAX);
}

void c_values_release(struct c_values *c)
{
	buf_release(&c->declarations);
	buf_release(&c->definitions);
	free(c->objects);
}

/* --- types --- */

static const char *without_const(const char *text)
{
	return strncmp(text, "const ", 6) ? text : text + 6;
}

static void type_text(const struct c_values *c, uint32_t id, char *text, size_t len)
{
	char whole[TYPE_MAX];

	schema_type_text(c->schema, schema_strip(c->schema, id), whole, sizeof(whole));
	snprintf(text, len, "%s", without_const(whole));
}

void c_values_type(const struct c_values *c, const struct value *value, char *text, size_t len)
{
	type_text(c, c->shape->nodes[value->node].type, text, len);
}

/* What lies in an array behind a pointer. */
static void element_type(const struct c_values *c, const struct value *array, char *text, size_t len)
{
	const struct shape_node *node = &c->shape->nodes[array->node];
	uint16_t child = node->first_child;

	if (child == SHAPE_NONE)
		snprintf(text, len, "char");
	else
		type_text(c, c->shape->nodes[child].type, text, len);
}

/* --- scalars --- */

static void put_integer(struct buf *out, const struct value *v)
{
	if (v->size == 16)
		buf_printf(out, "(__int128)((unsigned __int128)%" PRIu64 "u << 64 | %" PRIu64 "u)",
			   v->bits_high, v->bits);
	else if (!v->is_signed)
		buf_printf(out, "%" PRIu64 "u", v->bits);
	else if ((int64_t)v->bits == INT64_MIN)
		buf_printf(out, "(-%" PRId64 " - 1)", INT64_MAX);
	else
		buf_printf(out, "%" PRId64, (int64_t)v->bits);
}

static void put_number(struct buf *out, long double x, const char *suffix)
{
	if (isnan(x))
		buf_printf(out, "__builtin_nan%s(\"\")", suffix);
	else if (isinf(x))
		buf_printf(out, "%s__builtin_inf%s()", x < 0 ? "-" : "", suffix);
	else
		buf_printf(out, "%La%s", x, suffix);
}

static bool is_nan(const struct value *v)
{
	return isnan(value_float(v));
}

static void put_float(struct buf *out, const struct value *v)
{
	put_number(out, value_float(v),
		   v->size == sizeof(float)    ? "f"
		   : v->size == sizeof(double) ? ""
					       : "l");
}

/* Octal, for what follows a hexadecimal escape may be taken for part of it. */
static void put_text(struct buf *out, const uint8_t *bytes, size_t len)
{
	buf_printf(out, "\"");
	for (size_t i = 0; i < len; i++)
		if (bytes[i] == '"' || bytes[i] == '\\')
			buf_printf(out, "\\%c", bytes[i]);
		else if (bytes[i] >= ' ' && bytes[i] < 0x7f && bytes[i] != '?')
			buf_put_u8(out, bytes[i]);
		else
			buf_printf(out, "\\%03o", bytes[i]);
	buf_printf(out, "\"");
}

static void put_bytes(struct buf *out, const uint8_t *bytes, size_t len)
{
	buf_printf(out, "{");
	for (size_t i = 0; i < len; i++)
		buf_printf(out, "%s%s0x%02x", i ? "," : "",
			   i && i % 16 == 0 ? "\n\t"
			   : i		    ? " "
					    : "",
			   bytes[i]);
	buf_printf(out, len ? "}" : "0}");
}

static void put_handle(struct c_values *c, struct buf *out, uint64_t addr)
{
	buf_printf(out, "(void *)0x%llx", HANDLE_BASE + handles_number(c->handles, addr));
}

/* --- objects --- */

static const struct c_object *object_of(const struct c_values *c, const struct value *value)
{
	for (size_t i = 0; i < c->objects_cnt; i++)
		if (c->objects[i].value == value)
			return &c->objects[i];
	return NULL;
}

static unsigned add_object(struct c_values *c, const struct value *value)
{
	struct c_object *grown = c->objects;

	if (!(c->objects_cnt & (c->objects_cnt - 1)))
		grown = realloc(grown, (c->objects_cnt ? c->objects_cnt * 2 : 1) * sizeof(*grown));
	if (!grown) {
		c->failed = -ENOMEM;
		return 0;
	}
	c->objects = grown;
	grown[c->objects_cnt++] = (struct c_object){value, ++c->numbers};
	return c->numbers;
}

unsigned c_values_object(struct c_values *c, const struct value *value)
{
	const struct c_object *known = object_of(c, value);
	char type[TYPE_MAX], length[32] = "";
	struct buf initialiser = {};
	unsigned number;

	if (known)
		return known->number;
	number = add_object(c, value);
	if (value->kind == VALUE_ARRAY) {
		element_type(c, value, type, sizeof(type));
		snprintf(length, sizeof(length), "[%zu]", MAX(value->child_cnt, (size_t)1));
	} else if (value->kind == VALUE_BYTES || value->kind == VALUE_TEXT) {
		snprintf(type, sizeof(type), "unsigned char");
		snprintf(length, sizeof(length), "[%zu]", value->len + 1);
	} else {
		c_values_type(c, value, type, sizeof(type));
	}
	buf_init(&initialiser, C_VALUES_MAX);
	c_values_put(c, &initialiser, value);
	buf_printf(&c->declarations, "static %s o%u%s RECORDED;\n", type, number, length);
	buf_printf(&c->definitions, "static %s o%u%s = ", type, number, length);
	buf_put(&c->definitions, initialiser.data, initialiser.len);
	buf_printf(&c->definitions, ";\n");
	buf_release(&initialiser);
	return number;
}

/* What a REF leads to has its object where it was shown: it may follow. */
static void put_pointer(struct c_values *c, struct buf *out, const struct value *v)
{
	const struct value *to = value_pointee(v);
	bool is_array;

	if (!to) {
		buf_printf(out, "0");
		return;
	}
	is_array = to->kind == VALUE_ARRAY || to->kind == VALUE_TEXT || to->kind == VALUE_BYTES;
	buf_printf(out, "(void *)%so%u", is_array ? "" : "&", c_values_object(c, to));
}

/* --- initialisers --- */

static void put_children(struct c_values *c, struct buf *out, const struct value *v)
{
	const char *before = "";

	buf_printf(out, "{");
	for (size_t i = 0; i < v->child_cnt; i++) {
		const struct value *child = v->child[i];

		if (v->kind == VALUE_STRUCT && (child->kind == VALUE_UNAVAILABLE || !child->name))
			continue;
		buf_printf(out, "%s", before);
		if (v->kind == VALUE_STRUCT)
			buf_printf(out, ".%s = ", child->name);
		c_values_put(c, out, child);
		before = ", ";
	}
	buf_printf(out, *before ? "}" : "0}");
}

void c_values_put(struct c_values *c, struct buf *out, const struct value *v)
{
	switch (v->kind) {
	case VALUE_INT:
	case VALUE_BOOL:
	case VALUE_ENUM:
		return put_integer(out, v);
	case VALUE_FLOAT:
		return put_float(out, v);
	case VALUE_TEXT:
	case VALUE_BYTES:
		return put_bytes(out, v->bytes, v->len);
	case VALUE_STRUCT:
	case VALUE_ARRAY:
		return put_children(c, out, v);
	case VALUE_POINTER:
	case VALUE_REF:
		return put_pointer(c, out, v);
	case VALUE_HANDLE:
	case VALUE_SYMBOL:
		return put_handle(c, out, v->bits);
	default:
		buf_printf(out, "0");
	}
}

/* --- assertions --- */

static void assert_children(struct c_values *c, struct buf *out, const char *expression,
			    const struct value *v)
{
	bool is_behind = expression[0] == '(' && expression[1] == '*';
	const char *object = is_behind ? expression + 2 : expression, *joint = is_behind ? "->" : ".";
	int object_len = strlen(object) - is_behind;
	char member[EXPRESSION_MAX];

	for (size_t i = 0; i < v->child_cnt && i < ELEMENTS_MAX; i++) {
		const struct value *child = v->child[i];
		int len = v->kind == VALUE_STRUCT
				  ? snprintf(member, sizeof(member), "%.*s%s%s", object_len, object, joint,
					     child->name ?: "")
				  : snprintf(member, sizeof(member), "%s[%zu]", expression, i);

		if ((v->kind != VALUE_STRUCT || child->name) && len < (int)sizeof(member))
			c_values_assert(c, out, member, child);
	}
}

static void assert_pointer(struct c_values *c, struct buf *out, const char *expression, const struct value *v)
{
	const struct value *to = value_pointee(v);
	char target[EXPRESSION_MAX];

	if (!to) {
		buf_printf(out, "\tassert_null(%s);\n", expression);
		return;
	}
	buf_printf(out, "\tassert_non_null(%s);\n", expression);
	if (v->kind == VALUE_REF) /* it is asserted where it was shown */
		return;
	if (to->kind == VALUE_STRUCT ||
	    (to->kind != VALUE_ARRAY && to->kind != VALUE_TEXT && to->kind != VALUE_BYTES))
		snprintf(target, sizeof(target), "(*%s)", expression);
	else
		snprintf(target, sizeof(target), "%s", expression);
	c_values_assert(c, out, target, to);
}

static void assert_text(struct buf *out, const char *expression, const struct value *v)
{
	buf_printf(out, "\tassert_memory_equal(%s, ", expression);
	put_text(out, v->bytes, v->len);
	buf_printf(out, ", %zu);\n", v->len + !v->is_truncated);
}

static void assert_bytes(struct buf *out, const char *expression, const struct value *v)
{
	if (!v->len)
		return;
	buf_printf(out, "\tassert_memory_equal(%s, ", expression);
	put_text(out, v->bytes, v->len);
	buf_printf(out, ", %zu);\n", v->len);
}

/* char[N] without its NUL has no room for one. */
static void assert_chars(struct c_values *c, struct buf *out, const char *expression, const struct value *v)
{
	const struct shape_node *node = &c->shape->nodes[v->node];

	if (node->kind != SHAPE_CHARS || v->len < node->size)
		return assert_text(out, expression, v);
	buf_printf(out, "\tassert_memory_equal(%s, ", expression);
	put_text(out, v->bytes, v->len);
	buf_printf(out, ", %zu);\n", v->len);
}

static void assert_scalar(struct c_values *c, struct buf *out, const char *expression, const struct value *v)
{
	const char *compare =
		v->kind == VALUE_FLOAT || v->size == 16 ? "assert_true(%s == " : "assert_int_equal(%s, ";

	if (v->kind == VALUE_FLOAT && is_nan(v)) {
		buf_printf(out, "\tassert_true(%s != %s); /* not a number */\n", expression, expression);
		return;
	}
	buf_printf(out, "\t");
	buf_printf(out, compare, expression);
	c_values_put(c, out, v);
	buf_printf(out, ");\n");
}

void c_values_assert(struct c_values *c, struct buf *out, const char *expression, const struct value *v)
{
	switch (v->kind) {
	case VALUE_INT:
	case VALUE_BOOL:
	case VALUE_ENUM:
	case VALUE_FLOAT:
		return assert_scalar(c, out, expression, v);
	case VALUE_TEXT:
		return assert_chars(c, out, expression, v);
	case VALUE_BYTES:
		return assert_bytes(out, expression, v);
	case VALUE_STRUCT:
	case VALUE_ARRAY:
		return assert_children(c, out, expression, v);
	case VALUE_POINTER:
	case VALUE_REF:
		return assert_pointer(c, out, expression, v);
	case VALUE_HANDLE:
		buf_printf(out, "\tassert_ptr_equal(%s, ", expression);
		put_handle(c, out, v->bits);
		buf_printf(out, ");\n");
		return;
	default:
		return;
	}
}
