// SPDX-License-Identifier: BSD-3-Clause
/*
 * What libc's parameters are called. Its manual, the man pages, its headers and its debug information each
 * have names of their own, and which of them is there depends on the machine: the configuration may use any.
 */
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/config.h"
#include "lib/libc_names.h"
#include "lib/program_impl.h"
#include "lib/util.h"

#define TEXT_MAX 8192

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

/* Whether @text, a path or an expression, begins somewhere at @name: as a word that is no member. */
static bool mentions(const char *text, const char *name, size_t len)
{
	char before = ' ';

	while (text && *text) {
		size_t word = strspn(text, LETTERS);

		if (word == len && !strncmp(text, name, len) && before != '.' && before != '>')
			return true;
		text += word ? word : 1;
		if (text[-1] != ' ')
			before = text[-1];
	}
	return false;
}

static bool is_mentioned(const struct config_func *func, const char *name, size_t len)
{
	bool found = false;

	for (size_t i = 0; i < func->rules_cnt && !found; i++) {
		const struct rule *rule = &func->rules[i];

		found = mentions(rule->path, name, len) || mentions(rule->bytes_text, name, len) ||
			mentions(rule->count_text, name, len);
	}
	for (size_t i = 0; i < func->key_cnt && !found; i++)
		found = mentions(func->key[i], name, len);
	for (size_t i = 0; i < func->compare.cnt && !found; i++)
		found = mentions(func->compare.row[i].path, name, len);
	return found;
}

/* The first name of "n|len|length" that the configuration uses, else the first. */
static void choose(const struct config_func *func, const char *names, size_t len, const char **out,
		   size_t *out_len)
{
	*out = names;
	*out_len = MIN(strcspn(names, "|"), len);
	for (size_t at = 0; at < len;) {
		size_t one = MIN(strcspn(names + at, "|"), len - at);

		if (is_mentioned(func, names + at, one)) {
			*out = names + at;
			*out_len = one;
			return;
		}
		at += one + 1;
	}
}

void program_name_params(struct debug_func *debug, const struct config_func *func)
{
	const char *params = libc_params(func->symbol);
	size_t used = 0;

	while (*params && used < sizeof(debug->params)) {
		size_t len = strcspn(params, " "), name_len;
		const char *name;

		choose(func, params, len, &name, &name_len);
		used += snprintf(debug->params + used, sizeof(debug->params) - used, "%s%.*s",
				 used ? " " : "", (int)name_len, name);
		params += len + (params[len] == ' ');
	}
}

/* The place of the name among the parameters' first ones, or -1. */
static int place_of(const char *params, const char *name, size_t len)
{
	for (int i = 0; *params; i++) {
		size_t all = strcspn(params, " ");

		if (strcspn(params, "| ") == len && !strncmp(params, name, len))
			return i;
		params += all + (params[all] == ' ');
	}
	return -1;
}

static void put_name(struct buf *out, const char *params, int place)
{
	for (; place && *params; place--) {
		params += strcspn(params, " ");
		params += *params == ' ';
	}
	buf_put(out, params, strcspn(params, " "));
}

char *program_rename(const char *text, const char *symbol, const char *params)
{
	auto_buf struct buf out;
	const char *known = libc_params(symbol);
	char before = ' ';

	buf_init(&out, TEXT_MAX);
	while (*text) {
		size_t word = strspn(text, LETTERS), len = word ? word : 1;
		int place = word && before != '.' && before != '>' ? place_of(known, text, word) : -1;

		if (place >= 0 && *params)
			put_name(&out, params, place);
		else
			buf_put(&out, text, len);
		text += len;
		if (text[-1] != ' ')
			before = text[-1];
	}
	buf_put_u8(&out, 0);
	return out.failed ? NULL : (char *)TAKE_PTR(out.data);
}
