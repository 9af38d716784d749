// SPDX-License-Identifier: BSD-3-Clause
#include "lib/json_edit.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/json.h"

/* --- over text that is known to be JSON with comments --- */

struct text {
	const char *at;
	size_t len;
};

static char char_at(const struct text *text, size_t at)
{
	return at < text->len ? text->at[at] : '\0';
}

/* Behind the comment that begins at @at. */
static size_t skip_comment(const struct text *text, size_t at)
{
	bool is_block = char_at(text, at + 1) == '*';

	at += 2;
	while (at < text->len &&
	       (is_block ? text->at[at] != '*' || char_at(text, at + 1) != '/' : text->at[at] != '\n'))
		at++;
	return is_block ? at + 2 : at;
}

static size_t skip_space(const struct text *text, size_t at)
{
	for (;;) {
		if (at < text->len && strchr(" \t\r\n", text->at[at]))
			at++;
		else if (char_at(text, at) == '/')
			at = skip_comment(text, at);
		else
			return at;
	}
}

static size_t skip_string(const struct text *text, size_t at)
{
	for (at++; at < text->len && text->at[at] != '"'; at++)
		at += text->at[at] == '\\';
	return at + 1;
}

static size_t skip_value(const struct text *text, size_t at)
{
	int depth = 0;

	do {
		char c = char_at(text, at);

		if (c == '"')
			at = skip_string(text, at);
		else if (c == '/')
			at = skip_comment(text, at);
		else
			at++;
		depth += (c == '{' || c == '[') - (c == '}' || c == ']');
	} while (at < text->len && (depth > 0 || !strchr(",]} \t\r\n/", text->at[at])));
	return at;
}

/* --- members --- */

struct member {
	size_t key, value, end;
};

static bool is_key(const struct text *text, const struct member *member, const char *key)
{
	size_t end = skip_string(text, member->key);
	cJSON *name = cJSON_ParseWithLength(text->at + member->key, end - member->key);
	bool is_it = name && !strcmp(cJSON_GetStringValue(name) ?: "", key);

	cJSON_Delete(name);
	return is_it;
}

/* The next member behind @at, which is behind '{' or a member. */
static bool next_member(const struct text *text, size_t at, struct member *out)
{
	at = skip_space(text, at);
	if (char_at(text, at) == ',')
		at = skip_space(text, at + 1);
	if (char_at(text, at) != '"')
		return false;
	out->key = at;
	at = skip_space(text, skip_string(text, at));
	out->value = skip_space(text, at + 1);
	out->end = skip_value(text, out->value);
	return true;
}

/* In the object at @at; *@last is its last member, key 0 when it has none. */
static bool find_member(const struct text *text, size_t at, const char *key, struct member *out,
			struct member *last)
{
	*last = (struct member){};
	at++;
	while (next_member(text, at, out)) {
		if (is_key(text, out, key))
			return true;
		*last = *out;
		at = out->end;
	}
	return false;
}

/* --- the new text --- */

/* "key": {"key": VALUE} */
static void put_member(struct buf *out, const char *const *way, size_t cnt, const char *value)
{
	for (size_t i = 0; i < cnt; i++) {
		json_put_string(out, way[i]);
		buf_printf(out, i + 1 < cnt ? ": {" : ": ");
	}
	buf_put(out, value, strlen(value));
	for (size_t i = 1; i < cnt; i++)
		buf_put_u8(out, '}');
}

static size_t line_start(const struct text *text, size_t at)
{
	while (at && text->at[at - 1] != '\n')
		at--;
	return at;
}

/* Nothing but blanks stand before it on its line. */
static bool begins_line(const struct text *text, size_t at)
{
	for (size_t i = line_start(text, at); i < at; i++)
		if (!strchr(" \t", text->at[i]))
			return false;
	return true;
}

/* Behind what belongs to a member on the rest of its line: comments. */
static size_t rest_of_line(const struct text *text, size_t at)
{
	size_t end = at;

	while (end < text->len && strchr(" \t\r", text->at[end]))
		end++;
	if (char_at(text, end) == '/' && char_at(text, end + 1) == '/')
		return skip_comment(text, end);
	return char_at(text, end) == '\n' ? end : at;
}

/* Behind @last, which may have a line of its own. */
static void append_member(struct buf *out, const struct text *text, const struct member *last,
			  const char *const *way, size_t cnt, const char *value)
{
	size_t start = line_start(text, last->key), behind;

	buf_put(out, text->at, last->end);
	buf_put_u8(out, ',');
	if (!begins_line(text, last->key)) {
		buf_put_u8(out, ' ');
		put_member(out, way, cnt, value);
		buf_put(out, text->at + last->end, text->len - last->end);
		return;
	}
	behind = rest_of_line(text, last->end);
	buf_put(out, text->at + last->end, behind - last->end);
	buf_put_u8(out, '\n');
	buf_put(out, text->at + start, last->key - start);
	put_member(out, way, cnt, value);
	buf_put(out, text->at + behind, text->len - behind);
}

/* @out = @text with @from to @to replaced by a member, or by a value when @cnt is 0. */
static void replace(struct buf *out, const struct text *text, size_t from, size_t to, const char *const *way,
		    size_t cnt, const char *value)
{
	buf_put(out, text->at, from);
	put_member(out, way, cnt, value);
	buf_put(out, text->at + to, text->len - to);
}

static int edit(struct buf *out, const struct text *text, const char *const *way, size_t cnt,
		const char *instead, const char *value, struct err *err)
{
	size_t at = skip_space(text, 0);
	struct member member, last, old;

	for (size_t i = 0; i < cnt; i++) {
		if (char_at(text, at) != '{')
			return err_usage(err, -EINVAL, "'%s' is no object, and cannot have '%s'",
					 i ? way[i - 1] : "it", way[i]);
		if (find_member(text, at, way[i], &member, &last)) {
			at = member.value;
			continue;
		}
		if (i + 1 == cnt && instead && find_member(text, at, instead, &old, &member))
			replace(out, text, old.key, old.end, way + i, 1, value);
		else if (last.key)
			append_member(out, text, &last, way + i, cnt - i, value);
		else
			replace(out, text, at + 1, at + 1, way + i, cnt - i, value);
		return 0;
	}
	replace(out, text, at, skip_value(text, at), NULL, 0, value);
	return 0;
}

int json_edit_set(struct buf *out, const char *text, size_t len, const char *const *way, size_t cnt,
		  const char *instead, const char *value, struct err *err)
{
	const struct text from = {text, len};
	int r = edit(out, &from, way, cnt, instead, value, err);

	if (r == 0 && out->failed)
		r = err_set(err, out->failed, "the changed text is larger than %zu bytes", out->max);
	return r;
}
