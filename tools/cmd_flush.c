// SPDX-License-Identifier: BSD-3-Clause
/* What recorders left on this disk, to the cassettes where it belongs. */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cassette.h"
#include "lib/err.h"
#include "lib/util.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/json_schema.h"
#include "tools/status.h"

#define LOOK_US	    20000
#define PATIENCE_NS 30000000000ull
#define URL_MAX	    2048

struct flush_opts {
	const char *spool;
	uint64_t flush_ns;
	bool json;
};

static void wait_for(struct cassette *cassette, uint64_t patience_ns, struct status_line *status,
		     struct cassette_progress *out)
{
	uint64_t moved = status_now_ns(), passed_on = 0;

	for (;;) {
		cassette_progress(cassette, out);
		if (out->passed_on != passed_on) {
			passed_on = out->passed_on;
			moved = status_now_ns();
		}
		if (!out->waiting || common_stop || status_now_ns() - moved >= patience_ns)
			return;
		if (status_is_due(status))
			status_show(status, "%llu have arrived, %llu wait%s%s",
				    (unsigned long long)out->passed_on, (unsigned long long)out->waiting,
				    out->is_away ? ": " : "", out->is_away ? out->error : "");
		usleep(LOOK_US);
	}
}

static int report(const char *url, const struct cassette_progress *progress, bool json, struct err *err)
{
	cJSON *line;

	if (json) {
		line = cJSON_CreateObject();
		cJSON_AddStringToObject(line, "type", "spool");
		cJSON_AddStringToObject(line, "cassette", url);
		cJSON_AddStringToObject(line, "spool", progress->where);
		cJSON_AddNumberToObject(line, "passed_on", progress->passed_on);
		cJSON_AddNumberToObject(line, "waiting", progress->waiting);
		cJSON_AddNumberToObject(line, "rejected", progress->rejected);
		if (*progress->error)
			cJSON_AddStringToObject(line, "storage_error", progress->error);
		return common_print_json(line, err);
	}
	printf("%s: %llu recordings have arrived", url, (unsigned long long)progress->passed_on);
	if (progress->rejected)
		printf(", %llu are kept aside in '%s/rejected'", (unsigned long long)progress->rejected,
		       progress->where);
	if (progress->waiting)
		printf(", %llu wait: %s", (unsigned long long)progress->waiting, progress->error);
	puts("");
	return 0;
}

/* Returns a status, or -errno. */
static int flush_one(const struct flush_opts *opts, const char *url, struct err *err)
{
	struct cassette_progress progress;
	autofree char *spooled = NULL;
	auto_cassette struct cassette *cassette = NULL;
	struct status_line status;
	int r = common_spool_url(&spooled, opts->spool, 0, url, err);

	if (r == 0)
		r = cassette_open(&cassette, spooled, false, err);
	if (r < 0)
		return r;
	status_init(&status);
	wait_for(cassette, opts->flush_ns ? opts->flush_ns : PATIENCE_NS, &status, &progress);
	status_clear(&status);
	r = report(url, &progress, opts->json, err);
	if (r < 0)
		return r;
	return progress.waiting ? STATUS_FAILED : STATUS_DONE;
}

/* The cassette that a folder of the spool is for; false when it is none. */
static bool read_url(char url[URL_MAX], const char *dir, const char *name)
{
	char path[PATH_MAX];
	FILE *file;
	bool is_read;

	snprintf(path, sizeof(path), "%s/%s/cassette", dir, name);
	file = fopen(path, "re");
	if (!file)
		return false;
	is_read = fgets(url, URL_MAX, file);
	fclose(file);
	url[strcspn(url, "\n")] = '\0';
	return is_read && *url;
}

static int flush_all(const struct flush_opts *opts, struct err *err)
{
	char usual[2048], url[URL_MAX];
	const char *dir = opts->spool;
	struct dirent **entries;
	int cnt, worst = STATUS_DONE;

	if (!dir)
		common_spool_dir(usual);
	dir = dir ? dir : usual;
	cnt = scandir(dir, &entries, NULL, alphasort);
	if (cnt < 0 && errno == ENOENT)
		cnt = 0;
	else if (cnt < 0)
		return err_set(err, -errno, "cannot list '%s': %s", dir, strerror(errno));
	for (int i = 0; i < cnt; i++) {
		struct err one = {};
		int r = 0;

		if (entries[i]->d_name[0] != '.' && read_url(url, dir, entries[i]->d_name))
			r = common_stop ? STATUS_FAILED : flush_one(opts, url, &one);
		if (r < 0)
			fprintf(stderr, "tapedeck: %s: %s\n", url, one.msg);
		if (r)
			worst = STATUS_FAILED;
		free(entries[i]);
	}
	if (cnt)
		free(entries);
	return worst;
}

static int run(const void *arg, const struct words *words, struct err *err)
{
	const struct flush_opts *opts = arg;

	common_catch_signals(1);
	return words->cnt ? flush_one(opts, words->arg[0], err) : flush_all(opts, err);
}

static const struct opt opts_table[] = {
	{OPT_STR, 0, "spool", "DIR", "where recorders left them; default: where record puts them",
	 offsetof(struct flush_opts, spool)},
	{OPT_DURATION, 0, "flush", "TIME", "wait so long for a cassette that takes nothing; default 30s",
	 offsetof(struct flush_opts, flush_ns), 1},
	{OPT_FLAG, 0, "json", NULL, "a JSON object a cassette", offsetof(struct flush_opts, json)},
	{OPT_END},
};

const struct command cmd_flush = {
	.name = "flush",
	.words = "[CASSETTE]",
	.summary = "pass on what recorders left on this disk",
	.words_min = 0,
	.words_max = 1,
	.opts = opts_table,
	.json = lines_flush,
	.opts_size = sizeof(struct flush_opts),
	.run = run,
};
