// SPDX-License-Identifier: BSD-3-Clause
/* One page with its data, styles and script in it: replay/report.html, where the data goes between two
 * halves. */
#include <cjson/cJSON.h>
#include <string.h>
#include <time.h>

#include "lib/json.h"
#include "lib/err.h"
#include "lib/timestamp.h"
#include "lib/util.h"
#include "replay/cause.h"
#include "replay/equalizer.h"
#include "replay/report_impl.h"

#define MARK "@DATA@"

asm(".pushsection .rodata\n"
    "report_page:\n"
    "	.incbin \"replay/report.html\"\n"
    "	.byte 0\n"
    ".popsection\n");
extern const char page[] asm("report_page");

static void begin(struct report *report)
{
	const char *mark = strstr(page, MARK);
	auto_cjson cJSON *head = cJSON_CreateObject();
	char now[TIMESTAMP_LEN + 1];

	fwrite(page, 1, mark - page, report->file);
	timestamp_text(time(NULL) * TIMESTAMP_S, now);
	strcpy(now + strlen("2026-11-25T10:00:00"), "Z");
	cJSON_AddStringToObject(head, "type", "head");
	cJSON_AddStringToObject(head, "build", report->head.build);
	cJSON_AddStringToObject(head, "cassette", report->head.cassette);
	cJSON_AddStringToObject(head, "made_at", now);
	report_put_json(report, head, true, NULL);
}

/* As text: a page has no use for a tree, and its size must have a bound. */
static void add_side(cJSON *row, const char *name, const cJSON *value)
{
	autofree char *text = value ? json_print(value) : strdup("not there");
	size_t len = text ? strlen(text) : 0;

	if (len > REPORT_VALUE_MAX) {
		len = REPORT_VALUE_MAX;
		while (len && (text[len] & 0xc0) == 0x80)
			len--;
		strcpy(text + len, "");
	}
	cJSON_AddStringToObject(row, name, text ?: "");
}

static void add_differences(cJSON *json, const struct differences *differences)
{
	cJSON *rows = cJSON_AddArrayToObject(json, "differences");
	size_t cnt = MIN(differences->cnt, (size_t)REPORT_DIFFS_MAX),
	       more = differences->cnt - cnt + differences->more;

	for (size_t i = 0; i < cnt; i++) {
		cJSON *row = cJSON_CreateObject();

		cJSON_AddStringToObject(row, "path", differences->row[i].path);
		add_side(row, "recorded", differences->row[i].recorded);
		add_side(row, "replayed", differences->row[i].replayed);
		cJSON_AddItemToArray(rows, row);
	}
	if (more)
		cJSON_AddNumberToObject(json, "more", more);
}

static void add_span(cJSON *row, const struct timeline_span *span)
{
	cJSON_AddItemToArray(row,
			     cJSON_CreateNumber(span->from_ns == TIMELINE_NONE ? -1 : (double)span->from_ns));
	cJSON_AddItemToArray(row, cJSON_CreateNumber(span->took_ns));
}

/* [text, role, recorded from, took, replayed from, took]; -1: not made */
static void add_calls(cJSON *json, const struct timeline *timeline)
{
	cJSON *rows = cJSON_AddArrayToObject(json, "calls");

	for (size_t i = 0; i < timeline->cnt; i++) {
		const struct timeline_call *call = &timeline->row[i];
		cJSON *row = cJSON_CreateArray();

		cJSON_AddItemToArray(row, cJSON_CreateString(call->text));
		cJSON_AddItemToArray(row, cJSON_CreateNumber(call->role));
		add_span(row, &call->recorded);
		add_span(row, &call->replayed);
		cJSON_AddItemToArray(rows, row);
	}
}

static int add_causes(cJSON *json, const struct comparison *comparison, struct err *err)
{
	auto_causes struct causes causes = {};
	cJSON *list = cJSON_AddArrayToObject(json, "causes");
	int r = causes_find(&causes, comparison, err);

	for (size_t i = 0; i < causes.cnt; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(causes.text[i]));
	return r;
}

/* What a plug-in said, and what was kept. */
static void add_said(cJSON *json, const struct comparison *comparison)
{
	const struct {
		const char *name;
		const cJSON *value;
	} rows[] = {{"metadata", comparison->metadata},
		    {"data", comparison->data},
		    {"results", comparison->results}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!rows[i].value)
			continue;
		cJSON_DeleteItemFromObject(json, rows[i].name);
		add_side(json, rows[i].name, rows[i].value);
	}
}

static int add(struct report *report, const struct comparison *comparison, struct err *err)
{
	auto_cjson cJSON *json = NULL;
	bool is_equal = comparison->verdict == VERDICT_EQUAL;
	int r = 0;

	if (report->rows_cnt >= REPORT_ROWS_MAX || (is_equal && report->equal_cnt >= REPORT_EQUAL_MAX))
		return 0;
	report->rows_cnt++;
	report->equal_cnt += is_equal;
	json = comparison_json(comparison);
	if (!json)
		return err_nomem(err);
	cJSON_DeleteItemFromObject(json, "differences");
	add_said(json, comparison);
	if (!is_equal) {
		add_differences(json, &comparison->differences);
		add_calls(json, &comparison->timeline);
		r = add_causes(json, comparison, err);
	}
	return r < 0 ? r : report_put_json(report, json, true, err);
}

static void end(struct report *report, const struct equalizer_totals *totals)
{
	auto_cjson cJSON *json = equalizer_totals_json(totals);

	report_put_json(report, json, true, NULL);
	fputs(strstr(page, MARK) + strlen(MARK), report->file);
}

const struct report_kind report_html = {"html", begin, add, end};
