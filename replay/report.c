// SPDX-License-Identifier: BSD-3-Clause
#include "replay/report.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/util.h"
#include "replay/equalizer.h"
#include "replay/report_impl.h"

static const struct report_kind *const kinds[] = {&report_html, &report_junit, &report_json};

static const struct report_kind *kind_of(const char *spec, const char **path)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t len = strlen(kinds[i]->name);

		if (!strncmp(spec, kinds[i]->name, len) && spec[len] == ':' && spec[len + 1]) {
			*path = spec + len + 1;
			return kinds[i];
		}
	}
	return NULL;
}

void report_abandon(struct report *report)
{
	if (!report)
		return;
	if (report->file)
		fclose(report->file);
	if (report->temporary)
		unlink(report->temporary);
	free(report->temporary);
	free(report->path);
	free(report);
}

static int make_file(struct report *report, struct err *err)
{
	mode_t mask = umask(0);
	int fd;

	umask(mask);
	fd = mkstemp(report->temporary);
	if (fd < 0)
		return err_set(err, -errno, "cannot write '%s': %s", report->path, strerror(errno));
	fchmod(fd, 0666 & ~mask);
	report->file = fdopen(fd, "w");
	return report->file ? 0 : err_nomem(err);
}

int report_open(struct report **out, const char *spec, const struct report_head *head, struct err *err)
{
	const char *path = NULL;
	const struct report_kind *kind = kind_of(spec, &path);
	struct report *report;
	int r;

	if (!kind) {
		err_usage(err, -EINVAL, "'%s' is no report", spec);
		err_hint(err, "write html:FILE, junit:FILE or json:FILE");
		return -EINVAL;
	}
	report = calloc(1, sizeof(*report));
	if (!report)
		return err_nomem(err);
	*report = (struct report){.kind = kind, .head = *head, .path = strdup(path)};
	if (asprintf(&report->temporary, "%s.XXXXXX", path) < 0)
		report->temporary = NULL;
	r = report->path && report->temporary ? make_file(report, err) : err_nomem(err);
	if (r < 0) {
		free(TAKE_PTR(report->temporary));
		report_abandon(report);
		return r;
	}
	kind->begin(report);
	*out = report;
	return 0;
}

int report_add(struct report *report, const struct comparison *comparison, struct err *err)
{
	return report->kind->add(report, comparison, err);
}

int report_close(struct report *report, const struct equalizer_totals *totals, struct err *err)
{
	bool is_written;
	int r = 0;

	report->kind->end(report, totals);
	is_written = !ferror(report->file);
	is_written &= !fclose(TAKE_PTR(report->file));
	if (!is_written)
		r = err_set(err, -EIO, "cannot write '%s': %s", report->path, strerror(errno));
	else if (rename(report->temporary, report->path))
		r = err_set(err, -errno, "cannot write '%s': %s", report->path, strerror(errno));
	else
		free(TAKE_PTR(report->temporary));
	report_abandon(report);
	return r;
}

int report_put_json(struct report *report, const struct cJSON *json, bool in_html, struct err *err)
{
	autofree char *text = json ? json_print(json) : NULL;

	if (!text)
		return err_nomem(err);
	for (const char *at = text; *at; at++)
		if (in_html && *at == '<')
			fputs("\\u003c", report->file);
		else
			fputc(*at, report->file);
	fputc('\n', report->file);
	return 0;
}

/* --- json: the lines of --json --- */

static void json_begin(struct report *report)
{
}

static int json_add(struct report *report, const struct comparison *comparison, struct err *err)
{
	auto_cjson cJSON *json = comparison_json(comparison);

	return report_put_json(report, json, false, err);
}

static void json_end(struct report *report, const struct equalizer_totals *totals)
{
	auto_cjson cJSON *json = equalizer_totals_json(totals);

	report_put_json(report, json, false, NULL);
}

const struct report_kind report_json = {"json", json_begin, json_add, json_end};
