// SPDX-License-Identifier: BSD-3-Clause
#include "replay/cause.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "replay/verdict.h"

#define TEXT_MAX 1024

void causes_release(struct causes *causes)
{
	for (size_t i = 0; i < causes->cnt; i++)
		free(causes->text[i]);
	free(causes->text);
	*causes = (struct causes){};
}

/* Without the numbers in "[12]" and "#3]". */
static void put_place(struct buf *out, const char *path)
{
	for (const char *at = path; *at; at++) {
		size_t digits = strspn(at + 1, "0123456789");
		bool is_number = digits && at[1 + digits] == ']';

		if (*at != '#' || !is_number)
			buf_put_u8(out, *at);
		if ((*at == '[' || *at == '#') && is_number)
			at += digits;
	}
}

#define HEX_DIGITS "0123456789abcdef"
#define ID_MIN	   16 /* digits of what is a recording's name, or a build's, and no word */

/* What a number is differs from recording to recording; "0x" and what follows is one, too, and so is what
 * names a recording. */
static void put_reason(struct buf *out, const char *reason)
{
	for (const char *at = reason; *at; at++) {
		size_t digits = strspn(at, HEX_DIGITS);
		bool is_id = digits >= ID_MIN && !isalnum((unsigned char)at[digits]) &&
			     (at == reason || !isalnum((unsigned char)at[-1]));

		if (is_id) {
			buf_put_u8(out, 'N');
			at += digits - 1;
			continue;
		}
		if (!isdigit((unsigned char)*at)) {
			buf_put_u8(out, *at);
			continue;
		}
		buf_put_u8(out, 'N');
		at += strspn(at, at[0] == '0' && at[1] == 'x' ? "0123456789abcdefx" : "0123456789") - 1;
	}
}

static int add(struct causes *causes, void (*put)(struct buf *, const char *), const char *text,
	       const char *what, struct err *err)
{
	auto_buf struct buf buf;
	char *copy;

	if (causes->cnt == CAUSES_MAX)
		return 0;
	buf_init(&buf, TEXT_MAX);
	put(&buf, text);
	buf_printf(&buf, "%s", what);
	copy = buf.failed ? strdup(text) : strndup((const char *)buf.data, buf.len);
	if (!copy)
		return err_nomem(err);
	for (size_t i = 0; i < causes->cnt; i++)
		if (!strcmp(causes->text[i], copy)) {
			free(copy);
			return 0;
		}
	causes->text[causes->cnt++] = copy;
	return 0;
}

int causes_find(struct causes *out, const struct comparison *comparison, struct err *err)
{
	int r = 0;

	*out = (struct causes){.text = calloc(CAUSES_MAX, sizeof(*out->text))};
	if (!out->text)
		return err_nomem(err);
	if (comparison->verdict == VERDICT_EQUAL)
		return 0;
	if (comparison->first == FIRST_MISSING && comparison->missing_cnt)
		r = add(out, put_place, comparison->missing[0], " not made", err);
	if (comparison->first == FIRST_EXTRA && comparison->extra_cnt)
		r = add(out, put_place, comparison->extra[0], " made and not recorded", err);
	for (size_t i = 0; i < comparison->differences.cnt && !r; i++)
		r = add(out, put_place, comparison->differences.row[i].path, " differs", err);
	for (size_t i = 0; i < comparison->missing_cnt && !r; i++)
		r = add(out, put_place, comparison->missing[i], " not made", err);
	for (size_t i = 0; i < comparison->extra_cnt && !r; i++)
		r = add(out, put_place, comparison->extra[i], " made and not recorded", err);
	if (!r && (!out->cnt || comparison->verdict == VERDICT_FAILED ||
		   comparison->verdict == VERDICT_EQUALIZER_FAILURE))
		r = add(out, put_reason, comparison->reason, "", err);
	return r;
}
