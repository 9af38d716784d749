// SPDX-License-Identifier: BSD-3-Clause
#include "tools/common.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/util.h"

volatile sig_atomic_t common_stop;

int common_config(struct config **out, const char *path, struct err *err)
{
	int r = config_load(out, path ? path : CONFIG_DEFAULT, err);

	if (r == -ENOENT && !path)
		err_hint(err, "name the configuration with -c FILE");
	return r;
}

struct lookup common_lookup(const struct filter_opts *filter)
{
	struct lookup lookup = {
		.category = filter->category,
		.since = filter->since,
		.until = filter->until,
		.where_cnt = filter->where.cnt,
		.limit = filter->limit,
		.random = filter->random,
		.with_incomplete = filter->incomplete,
		.seed = filter->seed,
		.now_s = time(NULL),
	};

	for (size_t i = 0; i < filter->where.cnt; i++)
		lookup.where[i] = filter->where.item[i];
	return lookup;
}

int common_print_json(cJSON *json, struct err *err)
{
	autofree char *text = json ? json_print(json) : NULL;

	cJSON_Delete(json);
	if (!text)
		return err_nomem(err);
	puts(text);
	return 0;
}

static int signals_max;

static void on_signal(int sig)
{
	common_stop++;
	if (common_stop >= signals_max)
		signal(sig, SIG_DFL);
}

void common_catch_signals(int max)
{
	struct sigaction action = {.sa_handler = on_signal};

	signals_max = max;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

int common_engine(char *path, size_t len, struct err *err)
{
	static const char *const places[] = {"", "/../lib/tapedeck", "/../lib"};
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *dir;

	if (n < 0)
		return err_set(err, -errno, "cannot find this program's own folder: %s", strerror(errno));
	self[n] = '\0';
	dir = dirname(self);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, len, "%s%s/libtapedeck-replay.so", dir, places[i]);
		if (access(path, R_OK) == 0)
			return 0;
	}
	err_set(err, -ENOENT, "no libtapedeck-replay.so beside '%s'", dir);
	err_hint(err, "run 'make' or 'make install' again");
	return -ENOENT;
}

void common_unreadable(size_t cnt)
{
	if (cnt)
		fprintf(stderr, "tapedeck: %zu recording%s metadata that cannot be read\n", cnt,
			cnt == 1 ? " has" : "s have");
}

#define MINUTES_FROM_NS 120000000000ull

static void scaled(double value, const char *const units[], double step, char text[32])
{
	while (value >= step && units[1]) {
		value /= step;
		units++;
	}
	snprintf(text, 32, value < 10 ? "%.1f %s" : "%.0f %s", value, *units);
}

void common_duration(uint64_t ns, char text[32])
{
	static const char *const units[] = {"ns", "us", "ms", "s", NULL};

	if (ns >= MINUTES_FROM_NS)
		snprintf(text, 32, "%llu min", (unsigned long long)(ns / 60000000000ull));
	else
		scaled(ns, units, 1000, text);
}

void common_size(uint64_t bytes, char text[32])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", NULL};

	scaled(bytes, units, 1024, text);
}
