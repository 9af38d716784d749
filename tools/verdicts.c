// SPDX-License-Identifier: BSD-3-Clause
#include "tools/verdicts.h"

#include <cjson/cJSON.h>
#include <stdio.h>

#include "lib/buf.h"
#include "replay/equalizer.h"
#include "replay/notes.h"
#include "tools/common.h"
#include "tools/serve.h"
#include "tools/text.h"

#define VALUE_TEXT_MAX (1 << 20)

static void print_difference(const struct difference *difference)
{
	auto_buf struct buf text;

	buf_init(&text, VALUE_TEXT_MAX);
	text_sides(&text, difference->recorded, difference->replayed);
	printf("    %s: %.*s\n", difference->path, (int)text.len, (const char *)text.data);
}

static void print_not_compared(size_t cnt, const char *before)
{
	if (cnt)
		printf("%s%zu value%s not compared: neither side captured %s", before, cnt,
		       cnt == 1 ? " was" : "s were", cnt == 1 ? "it" : "them");
}

/* What a plug-in said. */
static void print_said(const char *what, const cJSON *value)
{
	auto_buf struct buf text = {};

	if (!value)
		return;
	buf_init(&text, VALUE_TEXT_MAX);
	text_value(&text, value);
	printf("    %s: %.*s\n", what, (int)text.len, (const char *)text.data);
}

void verdicts_print(const struct comparison *comparison)
{
	char id[CATEGORY_MAX + 48], recorded[32], replayed[32];

	recording_key_text(&comparison->key, id);
	common_took(comparison->recorded_ns, recorded);
	common_took(comparison->replayed_ns, replayed);
	printf("%s: %s (recorded in %s, replayed in %s)%s%s\n", id, verdict_name(comparison->verdict),
	       recorded, replayed, comparison->reason[0] ? ": " : "", comparison->reason);
	for (size_t i = 0; i < comparison->differences.cnt; i++)
		print_difference(&comparison->differences.row[i]);
	if (comparison->differences.more)
		printf("    and %zu more differences\n", comparison->differences.more);
	for (size_t i = 0; i < comparison->missing_cnt; i++)
		printf("    %s: recorded, but not made\n", comparison->missing[i]);
	for (size_t i = 0; i < comparison->extra_cnt; i++)
		printf("    %s: made, but not recorded\n", comparison->extra[i]);
	for (size_t i = 0; i < comparison->reordered_cnt; i++)
		printf("    %s: made in another order\n", comparison->reordered[i]);
	print_said("metadata", comparison->metadata);
	print_said("data", comparison->data);
	if (comparison->advice)
		printf("    lay this over the configuration and record again: %s\n", comparison->advice);
	print_not_compared(comparison->differences.unavailable, "    ");
	if (comparison->differences.unavailable)
		printf("\n");
}

void verdicts_print_unrecorded(const struct equalizer_totals *totals)
{
	const struct serve_function *function;
	unsigned groups = 0;

	for (size_t i = 0; (function = serve_function_at(i)); i++) {
		if (!totals->unrecorded[i])
			continue;
		fprintf(stderr, "%s %s (%llu)",
			groups ? "," : "note: called without a record, other in each run:", function->name,
			totals->unrecorded[i]);
		groups |= 1u << function->group;
	}
	if (groups)
		serve_print_advice(stderr, groups);
}

void verdicts_print_summary(const struct equalizer_totals *totals)
{
	const char *before = "";

	printf("%zu replayed: ", totals->total);
	for (int i = 0; i < VERDICT_CNT; i++) {
		if (!totals->by_verdict[i] && i != VERDICT_EQUAL)
			continue;
		printf("%s%zu %s", before, totals->by_verdict[i], verdict_name(i));
		before = ", ";
	}
	print_not_compared(totals->not_compared, "; ");
	printf("\n");
}

void verdicts_print_notes(const struct notes *notes)
{
	for (size_t i = 0; i < notes->cnt; i++)
		fprintf(stderr, "note: %s\n", notes->text[i]);
}
