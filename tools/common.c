// SPDX-License-Identifier: BSD-3-Clause
#include "tools/common.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/compiled.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/program.h"
#include "lib/redact_key.h"
#include "lib/util.h"

volatile sig_atomic_t common_stop, common_hangups;

int common_config(struct config **out, const char *path, struct err *err)
{
	int r = config_load(out, path ? path : CONFIG_DEFAULT, err);

	if (r == -ENOENT && !path)
		err_hint(err, "name the configuration with -c FILE");
	return r < 0 ? r : redact_key_load(*out, false, err);
}

int common_build_config(struct config **out, const struct build_opts *opts, struct err *err)
{
	auto_config struct config *config = NULL;
	int r = common_config(&config, opts->config, err);

	for (size_t i = 0; i < opts->plugins.cnt && r == 0; i++)
		r = config_set_plugin(config, opts->plugins.item[i], err);
	if (r == 0)
		*out = TAKE_PTR(config);
	return r;
}

int common_program(struct program **out, struct config *config, struct program_file *files, size_t cnt,
		   const char *schema, struct err *err)
{
	struct compiled *compiled = NULL;
	int r = schema ? compiled_load(&compiled, schema, err) : 0;

	if (r == 0)
		return program_open_compiled(out, config, files, cnt, compiled, err);
	program_files_free(files, cnt);
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
		.spread = filter->spread,
		.distinct = filter->distinct,
		.with_incomplete = filter->incomplete,
		.seed = filter->seed,
		.now_s = time(NULL),
	};

	for (size_t i = 0; i < filter->where.cnt; i++)
		lookup.where[i] = filter->where.item[i];
	return lookup;
}

bool common_has_filter(const struct filter_opts *filter)
{
	return filter->category || filter->since || filter->until || filter->where.cnt || filter->limit ||
	       filter->random || filter->spread || filter->incomplete || filter->distinct;
}

void common_spool_dir(char dir[2048])
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (geteuid() == 0)
		snprintf(dir, 2048, "/var/lib/tapedeck/spool");
	else if (state && *state == '/')
		snprintf(dir, 2048, "%s/tapedeck/spool", state);
	else
		snprintf(dir, 2048, "%s/.local/state/tapedeck/spool", home ? home : "");
}

int common_spool_url(char **out, const char *dir, uint64_t bytes, const char *url, struct err *err)
{
	char size[32] = "", usual[2048];

	if (!dir)
		common_spool_dir(usual);
	if (bytes)
		snprintf(size, sizeof(size), "?size=%llu", (unsigned long long)bytes);
	if (asprintf(out, "spool:%s%s+%s", dir ? dir : usual, size, url) >= 0)
		return 0;
	*out = NULL;
	return err_nomem(err);
}

void common_warn(const struct cassette *cassette)
{
	if (cassette && cassette_warning(cassette))
		fprintf(stderr, "tapedeck: %s\n", cassette_warning(cassette));
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
	struct sigaction action = {.sa_handler = on_signal}, hangup;

	signals_max = max;
	sigaction(SIGINT, &action, NULL);
	/* A terminal that goes away ends us in good order, unless nohup said that it must not. */
	if (!sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static bool had_terminal;

static bool has_terminal(void)
{
	autoclose int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);

	return fd >= 0;
}

static void on_hangup(int sig)
{
	int error = errno;

	if (had_terminal && !has_terminal())
		on_signal(sig);
	else
		common_hangups++;
	errno = error;
}

void common_catch_hangup(void)
{
	struct sigaction action = {.sa_handler = on_hangup}, before;

	/* Under nohup a terminal that goes away is nothing. */
	had_terminal = !sigaction(SIGHUP, NULL, &before) && before.sa_handler != SIG_IGN && has_terminal();
	sigaction(SIGHUP, &action, NULL);
}

int common_beside(char *path, size_t len, const char *name, struct err *err)
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
		snprintf(path, len, "%s%s/%s", dir, places[i], name);
		if (access(path, R_OK) == 0)
			return 0;
	}
	err_set(err, -ENOENT, "no %s beside '%s'", name, dir);
	err_hint(err, "run 'make' or 'make install' again");
	return -ENOENT;
}

int common_engine(char *path, size_t len, struct err *err)
{
	return common_beside(path, len, "libtapedeck-replay.so", err);
}

void common_alike(size_t cnt)
{
	if (cnt)
		fprintf(stderr, "tapedeck: %zu recordings were left out, which are like others\n", cnt);
}

void common_unreadable(size_t cnt)
{
	if (cnt)
		fprintf(stderr, "tapedeck: %zu recording%s metadata that cannot be read\n", cnt,
			cnt == 1 ? " has" : "s have");
}

#define NS_PER_MIN	60e9
#define MINUTES_FROM_NS (2 * NS_PER_MIN)

static void scaled(double value, const char *const units[], double step, char text[32])
{
	while (value >= step && units[1]) {
		value /= step;
		units++;
	}
	snprintf(text, 32, value < 10 ? "%.1f %s" : "%.0f %s", value, *units);
}

void common_duration(double ns, char text[32])
{
	static const char *const units[] = {"ns", "us", "ms", "s", NULL};

	if (!ns)
		snprintf(text, 32, "0 ns");
	else if (ns >= MINUTES_FROM_NS)
		snprintf(text, 32, "%.0f min", ns / NS_PER_MIN);
	else
		scaled(ns, units, 1000, text);
}

void common_took(double ns, char text[32])
{
	if (ns > 0)
		common_duration(ns, text);
	else
		snprintf(text, 32, "?");
}

void common_size(uint64_t bytes, char text[32])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", NULL};

	scaled(bytes, units, 1024, text);
}
