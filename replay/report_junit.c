// SPDX-License-Identifier: BSD-3-Clause
/*
 * JUnit's XML as Jenkins, GitLab and GitHub's reporters read it: a test case a recording, its class the
 * category. What differs is a failure, what could not be compared an error. The head holds counts that are
 * known at the end: it is written with room for them, and once more.
 */
#include <cjson/cJSON.h>
#include <stdint.h>
#include <string.h>

#include "lib/json.h"
#include "lib/util.h"
#include "replay/equalizer.h"
#include "replay/report_impl.h"

#define HEAD_BYTES 256

/* XML 1.0 has no other control characters, not even escaped. */
static void put(FILE *file, const char *text, size_t max)
{
	static const char *const escapes[256] = {['&'] = "&amp;",  ['<'] = "&lt;",   ['>'] = "&gt;",
						 ['"'] = "&quot;", ['\n'] = "&#10;", ['\t'] = "&#9;"};

	for (size_t i = 0; text[i] && i < max; i++)
		if (escapes[(uint8_t)text[i]])
			fputs(escapes[(uint8_t)text[i]], file);
		else
			fputc((uint8_t)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i], file);
}

static void put_head(FILE *file, const struct equalizer_totals *totals)
{
	const size_t *by = totals->by_verdict;
	int len = fprintf(
		file,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<testsuites>\n<testsuite name=\"tapedeck\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">",
		totals->total, by[VERDICT_DIFFERENT] + by[VERDICT_FAILED] + by[VERDICT_FIXED],
		by[VERDICT_EQUALIZER_FAILURE]);

	fprintf(file, "%*s\n", HEAD_BYTES - len - 1, "");
}

static void begin(struct report *report)
{
	static const struct equalizer_totals none;

	put_head(report->file, &none);
}

static void put_side(FILE *file, const char *what, const cJSON *value)
{
	autofree char *text = value ? json_print(value) : NULL;

	fputs(what, file);
	put(file, text ?: "not there", REPORT_VALUE_MAX);
}

static void put_calls(FILE *file, char *const *texts, size_t cnt, const char *what)
{
	for (size_t i = 0; i < cnt; i++) {
		put(file, texts[i], SIZE_MAX);
		fputs(what, file);
	}
}

static void put_said(FILE *file, const char *what, const cJSON *value)
{
	if (!value)
		return;
	put_side(file, what, value);
	fputc('\n', file);
}

static void put_body(FILE *file, const struct comparison *comparison)
{
	const struct differences *differences = &comparison->differences;
	size_t cnt = MIN(differences->cnt, (size_t)REPORT_DIFFS_MAX);

	for (size_t i = 0; i < cnt; i++) {
		put(file, differences->row[i].path, SIZE_MAX);
		put_side(file, ": recorded ", differences->row[i].recorded);
		put_side(file, ", replayed ", differences->row[i].replayed);
		fputc('\n', file);
	}
	if (differences->cnt - cnt + differences->more)
		fprintf(file, "and %zu more differences\n", differences->cnt - cnt + differences->more);
	put_said(file, "metadata: ", comparison->metadata);
	put_said(file, "data: ", comparison->data);
	put_said(file, "results: ", comparison->results);
	put_calls(file, comparison->missing, comparison->missing_cnt, ": recorded, but not made\n");
	put_calls(file, comparison->extra, comparison->extra_cnt, ": made, but not recorded\n");
}

static int add(struct report *report, const struct comparison *comparison, struct err *err)
{
	const char *tag = comparison->verdict == VERDICT_EQUALIZER_FAILURE ? "error" : "failure";
	char id[CATEGORY_MAX + 48];
	FILE *file = report->file;

	recording_key_text(&comparison->key, id);
	fprintf(file, "<testcase classname=\"");
	put(file, comparison->key.category, SIZE_MAX);
	fprintf(file, "\" name=\"");
	put(file, id, SIZE_MAX);
	fprintf(file, "\" time=\"%.6f\"", comparison->replayed_ns / 1e9);
	if (comparison->verdict == VERDICT_EQUAL) {
		fputs("/>\n", file);
		return 0;
	}
	fprintf(file, ">\n<%s type=\"%s\" message=\"", tag, verdict_name(comparison->verdict));
	put(file, comparison->reason, SIZE_MAX);
	fputs("\">", file);
	put_body(file, comparison);
	fprintf(file, "</%s>\n</testcase>\n", tag);
	return 0;
}

static void end(struct report *report, const struct equalizer_totals *totals)
{
	fputs("</testsuite>\n</testsuites>\n", report->file);
	rewind(report->file);
	put_head(report->file, totals);
}

const struct report_kind report_junit = {"junit", begin, add, end};
