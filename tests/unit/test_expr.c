// SPDX-License-Identifier: BSD-3-Clause
#include "lib/expr.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/util.h"

static const char *const marks[EXPR_KIND_CNT] = {
	[EXPR_ENTRY] = "entry", [EXPR_SIZEOF] = "sizeof", [EXPR_NOT] = "!",   [EXPR_NEG] = "neg",
	[EXPR_ADD] = "+",	[EXPR_SUB] = "-",	  [EXPR_MUL] = "*",   [EXPR_DIV] = "/",
	[EXPR_MOD] = "%",	[EXPR_LT] = "<",	  [EXPR_LE] = "<=",   [EXPR_GT] = ">",
	[EXPR_GE] = ">=",	[EXPR_EQ] = "==",	  [EXPR_NE] = "!=",   [EXPR_AND] = "&&",
	[EXPR_OR] = "||",	[EXPR_MIN] = "min",	  [EXPR_MAX] = "max",
};

/* The tree in prefix form, fully parenthesised. */
static void print(struct buf *buf, const struct expr *expr)
{
	autofree char *path = expr->path.root ? path_text(&expr->path) : NULL;

	switch (expr->kind) {
	case EXPR_NUM:
		buf_printf(buf, "%lld", (long long)expr->num);
		return;
	case EXPR_STR:
		buf_printf(buf, "\"%s\"", expr->str);
		return;
	case EXPR_PATH:
		buf_printf(buf, "%s", path);
		return;
	default:
		buf_printf(buf, "(%s", marks[expr->kind]);
	}
	if (path)
		buf_printf(buf, " %s", path);
	for (int i = 0; i < 2; i++) {
		const struct expr *operand = i ? expr->b : expr->a;

		if (!operand)
			continue;
		buf_printf(buf, " ");
		print(buf, operand);
	}
	buf_printf(buf, ")");
}

static void assert_tree(const char *text, const char *want)
{
	auto_expr struct expr *expr = NULL;
	auto_buf struct buf buf;
	struct err err = {};

	buf_init(&buf, 65536);
	if (expr_parse(&expr, text, &err))
		fail_msg("'%s': %s", text, err.msg);
	print(&buf, expr);
	buf_put_u8(&buf, 0);
	assert_string_equal((char *)buf.data, want);
}

static void operators_bind_as_in_c(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"a", "a"},
		{"a + b * c", "(+ a (* b c))"},
		{"a * b + c", "(+ (* a b) c)"},
		{"a - b - c", "(- (- a b) c)"},
		{"a / b % c", "(% (/ a b) c)"},
		{"(a - b) * c", "(* (- a b) c)"},
		{"a || b && c == d < e + f * -g", "(|| a (&& b (== c (< d (+ e (* f (neg g)))))))"},
		{"a * b == c + 1 || d", "(|| (== (* a b) (+ c 1)) d)"},
		{"a<=b", "(<= a b)"},
		{"a>=b", "(>= a b)"},
		{"a>b != c<d", "(!= (> a b) (< c d))"},
		{"!a && !!b", "(&& (! a) (! (! b)))"},
		{"!a == b", "(== (! a) b)"},
		{"-a - -1", "(- (neg a) (neg 1))"},
		{"a * *p", "(* a *p)"},
		{"a - b->c", "(- a b->c)"},
		{"a-1", "(- a 1)"},
		{"((((a))))", "a"},
		{" \t( a ) ", "a"},
		{"min(a, max(b + 1, 2))", "(min a (max (+ b 1) 2))"},
		{"sizeof(*p) * n", "(* (sizeof *p) n)"},
		{"sizeof ( req->items[] )", "(sizeof req->items[])"},
		{"entry(*len + 1) - return", "(- (entry (+ *len 1)) return)"},
		{"return < 0 && errno != 11", "(&& (< return 0) (!= errno 11))"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_tree(cases[i].text, cases[i].want);
}

static void the_names_of_functions_are_names_without_a_parenthesis(void **state)
{
	assert_tree("min + max * entry", "(+ min (* max entry))");
	assert_tree("entry->size", "entry->size");
	assert_tree("entry (entry->size)", "(entry entry->size)");
	assert_tree("minimum", "minimum");
	assert_tree("sizeof", "sizeof");
}

static void integers_and_characters_are_those_of_c(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"0", "0"},
		{"42", "42"},
		{"0x1F", "31"},
		{"017", "15"},
		{"9223372036854775807", "9223372036854775807"},
		{"1u + 2UL + 3ll + 4ULL + 5lu", "(+ (+ (+ (+ 1 2) 3) 4) 5)"},
		{"'a'", "97"},
		{"'\\n'", "10"},
		{"'\\0'", "0"},
		{"'\\''", "39"},
		{"'\\x41'", "65"},
		{"'\\101'", "65"},
		{"'\\xff'", "-1"},
		{"'\"'", "34"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_tree(cases[i].text, cases[i].want);
}

static void strings_stand_beside_equality(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"name == \"acme\"", "(== name \"acme\")"},
		{"'acme' != o->name", "(!= \"acme\" o->name)"},
		{"name == (\"a\\tb\")", "(== name \"a\tb\")"},
		{"name == ''", "(== name \"\")"},
		{"name == \"a\"", "(== name \"a\")"},
		{"entry(name) == 'x\\'y' && 1", "(&& (== (entry name) \"x'y\") 1)"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_tree(cases[i].text, cases[i].want);
}

static void paths_have_one_canonical_text(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"req", "req"},
		{"req->items[3].name", "req->items[3].name"},
		{" req -> items [ 3 ] . name ", "req->items[3].name"},
		{"lines[]->sku", "lines[]->sku"},
		{"m[][2][]", "m[][2][]"},
		{"*p", "*p"},
		{"* * p", "**p"},
		{"*p->x", "*p->x"},
		{"(*p).x", "p->x"},
		{"(*p)->x", "(*p)->x"},
		{"(**p).x", "(*p)->x"},
		{"(*(*p).q).r", "p->q->r"},
		{"(*p)[3]", "(*p)[3]"},
		{"*p[3]", "*p[3]"},
		{"*(p[0x10])", "*p[16]"},
		{"((p))", "p"},
		{"return->total", "return->total"},
		{"errno", "errno"},
		{"_a$1", "_a$1"},
		{"größe", "größe"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_path struct path path = {};
		auto_path struct path again = {};
		autofree char *text = NULL, *twice = NULL;
		struct err err = {};

		if (path_parse(&path, cases[i].text, &err))
			fail_msg("'%s': %s", cases[i].text, err.msg);
		text = path_text(&path);
		assert_string_equal(text, cases[i].want);
		assert_int_equal(path_parse(&again, text, NULL), 0);
		twice = path_text(&again);
		assert_string_equal(twice, text);
		assert_tree(cases[i].text, cases[i].want);
	}
}

static void a_mistake_names_its_column_and_what_was_expected(void **state)
{
	static const struct {
		const char *text, *msg, *hint;
	} cases[] = {
		{"", "at column 1: expected a path or a number, found the end"},
		{"a +", "at column 4: expected a path or a number, found the end"},
		{"a + )", "at column 5: expected a path or a number, found ')'"},
		{"(a + b", "at column 7: expected an operator or ')', found the end"},
		{"a b", "at column 3: expected an operator, found 'b'"},
		{"a = b", "at column 3: expected an operator, found '='", "did you mean '=='?"},
		{"a & b", "at column 3: expected an operator, found '&'", "did you mean '&&'?"},
		{"a | b", "at column 3: expected an operator, found '|'", "did you mean '||'?"},
		{"a << 2", "at column 4: expected a path or a number, found '<'"},
		{"req->", "at column 6: expected the name of a member, found the end"},
		{"req.3", "at column 5: expected the name of a member, found '3'"},
		{"a[i]", "at column 3: expected a number or ']', found 'i'"},
		{"a[-1]", "at column 3: expected a number or ']', found '-'"},
		{"a[1", "at column 4: expected ']', found the end"},
		{"1.5", "at column 1: expected an integer"},
		{"12ab", "at column 1: expected an integer"},
		{"08", "at column 1: expected an integer"},
		{"1ulu", "at column 1: expected an integer"},
		{"1 + 9223372036854775808", "at column 5: the number does not fit 64 bits with a sign"},
		{"99999999999999999999", "at column 1: the number does not fit 64 bits with a sign"},
		{"3->x", "at column 2: only a path has members and elements"},
		{"(a + b).x", "at column 8: only a path has members and elements"},
		{"*(a + b)", "at column 2: expected a path behind '*'"},
		{"*3", "at column 2: expected a path behind '*'"},
		{"\"text\"", "at column 1: a string stands only beside '==' and '!='"},
		{"a + 'text'", "at column 5: a string stands only beside '==' and '!='"},
		{"'text' < a", "at column 1: a string stands only beside '==' and '!='"},
		{"!\"text\"", "at column 2: a string stands only beside '==' and '!='"},
		{"min(a, 'text')", "at column 8: a string stands only beside '==' and '!='"},
		{"'abc' == 'def'", "at column 10: a string compares with a path only"},
		{"a + 1 == 'abc'", "at column 1: a string compares with a path only"},
		{"name == 'abc", "at column 9: the quote is not closed"},
		{"name == 'ab\\q'", "at column 12: unknown escape"},
		{"name == 'ab\\", "at column 12: unknown escape"},
		{"name == 'ab\\x'", "at column 12: unknown escape"},
		{"name == 'ab\\777'", "at column 12: unknown escape"},
		{"name == 'ab\\0'", "at column 9: a string cannot hold a NUL"},
		{"min(a)", "at column 6: expected an operator or ',', found ')'"},
		{"min(a, b, c)", "at column 9: expected an operator or ')', found ','"},
		{"sizeof(3)", "at column 8: expected a path, found '3'"},
		{"sizeof(a + b)", "at column 10: expected ')', found '+'"},
		{"entry(entry(a))", "at column 13: 'entry' inside 'entry'"},
		{"entry(a + return)", "at column 7: 'return' and 'errno' have no value at entry"},
		{"entry(errno)", "at column 7: 'return' and 'errno' have no value at entry"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct expr *expr = (void *)1;
		struct err err = {};

		if (expr_parse(&expr, cases[i].text, &err) != -EINVAL)
			fail_msg("'%s' is taken", cases[i].text);
		assert_ptr_equal(expr, (void *)1);
		assert_string_equal(err.msg, cases[i].msg);
		assert_string_equal(err.hint, cases[i].hint ? cases[i].hint : "");
		assert_true(err.is_usage);
	}
}

static void a_path_alone_is_nothing_but_a_path(void **state)
{
	static const struct {
		const char *text, *msg;
	} cases[] = {
		{"", "at column 1: expected a path, found the end"},
		{"3", "at column 1: expected a path, found '3'"},
		{"-a", "at column 1: expected a path, found '-'"},
		{"!a", "at column 1: expected a path, found '!'"},
		{"'a'", "at column 1: expected a path, found '''"},
		{"a + b", "at column 3: expected '->', '.', '[' or the end, found '+'"},
		{"min(a, b)", "at column 4: expected '->', '.', '[' or the end, found '('"},
		{"(a + b)", "at column 4: expected ')', found '+'"},
		{"a..b", "at column 3: expected the name of a member, found '.'"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct path path = {.cnt = 77};
		struct err err = {};

		assert_int_equal(path_parse(&path, cases[i].text, &err), -EINVAL);
		assert_int_equal(path.cnt, 77);
		assert_string_equal(err.msg, cases[i].msg);
	}
}

static void repeat(char *out, const char *head, const char *piece, size_t times, const char *middle,
		   const char *tail)
{
	strcpy(out, head);
	for (size_t i = 0; i < times; i++)
		strcat(out, piece);
	strcat(out, middle);
	for (size_t i = 0; *tail && i < times; i++)
		strcat(out, tail);
}

static void nesting_height_steps_and_length_are_bounded(void **state)
{
	static const struct {
		const char *head, *piece, *middle, *tail, *msg;
		size_t fits;
	} cases[] = {
		{"", "(", "a", ")", "at column 65: nested too deeply", 63},
		{"", "-", "a", "", "at column 65: nested too deeply", 63},
		{"", "!", "a", "", "at column 65: nested too deeply", 63},
		{"a", "+1", "", "", "at column 130: the expression has too many operators in a row", 63},
		{"p", "->x", "", "", "at column 101: the path has too many steps", 32},
	};
	char text[EXPR_TEXT_MAX + 16];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = {};
		struct expr *expr = NULL;

		repeat(text, cases[i].head, cases[i].piece, cases[i].fits, cases[i].middle, cases[i].tail);
		if (expr_parse(&expr, text, &err))
			fail_msg("'%s': %s", text, err.msg);
		expr_free(expr);
		repeat(text, cases[i].head, cases[i].piece, cases[i].fits + 1, cases[i].middle,
		       cases[i].tail);
		assert_int_equal(expr_parse(&expr, text, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].msg);
	}
	memset(text, ' ', sizeof(text));
	strcpy(text + EXPR_TEXT_MAX, "a");
	assert_int_equal(expr_parse(&(struct expr *){NULL}, text, NULL), -EINVAL);
	strcpy(text + EXPR_TEXT_MAX - 1, "a");
	assert_tree(text, "a");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(operators_bind_as_in_c),
		cmocka_unit_test(the_names_of_functions_are_names_without_a_parenthesis),
		cmocka_unit_test(integers_and_characters_are_those_of_c),
		cmocka_unit_test(strings_stand_beside_equality),
		cmocka_unit_test(paths_have_one_canonical_text),
		cmocka_unit_test(a_mistake_names_its_column_and_what_was_expected),
		cmocka_unit_test(a_path_alone_is_nothing_but_a_path),
		cmocka_unit_test(nesting_height_steps_and_length_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
