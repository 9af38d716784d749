// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cassette.h"
#include "lib/config.h"
#include "lib/config_sizes.h"
#include "lib/err.h"
#include "lib/program.h"
#include "lib/redact_key.h"
#include "lib/util.h"
#include "loader/features.h"
#include "loader/preload.h"
#include "loader/process.h"
#include "loader/process_find.h"
#include "loader/recorder.h"
#include "loader/source.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/inside.h"
#include "tools/json_schema.h"
#include "tools/record_summary.h"
#include "tools/sites.h"
#include "tools/status.h"

struct record_opts {
	const char *config, *to, *schema, *budget, *spool, *engine;
	uint64_t spool_bytes, flush_ns;
	bool no_spool;
	uint64_t pid, duration_ns, count, ring_bytes, seed;
	bool dry_run, json, two_links, follow;
};

/* -p PID, else a command, else whoever runs the configuration's "binary". */
static int open_process(struct process **out, const struct record_opts *opts, const struct config *config,
			const struct words *words, struct err *err)
{
	pid_t pid;
	int r;

	if (opts->pid && words->rest)
		return err_usage(err, -EINVAL, "-p and a command after '--' exclude each other");
	if (opts->pid)
		return process_open(out, opts->pid, err);
	if (words->rest && words->rest[0])
		return process_spawn(out, words->rest, err);
	if (config->binary) {
		r = process_find(&pid, config->binary, opts->follow, err);
		return r < 0 ? r : process_open(out, pid, err);
	}
	err_usage(err, -EINVAL, "'record' needs a process");
	err_hint(err, "give -p PID, or -- COMMAND ARGS..., or \"binary\" in the configuration");
	return -EINVAL;
}

/* @is_hooking: the kernel hooks every return that a probe is on. */
static int open_program(struct program **out, struct config *config, struct process *process,
			const char *schema, bool is_hooking, struct err *err)
{
	struct program_file *files;
	size_t cnt;
	int r;

	r = process_files(process, &files, &cnt, err);
	if (r == 0)
		r = common_program(out, config, files, cnt, schema, err);
	if (r == 0 && is_hooking)
		r = program_spare_stacks(*out, err);
	if (r == 0)
		r = program_recordable(*out, err);
	if (r == 0)
		r = process_layout(process, *out, err);
	return r < 0 ? r : process_check(process, *out, err);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A script, or what only starts another program: nothing in it is what was configured. */
static int blame_command(const struct process *process, const char *command, int r, struct err *err)
{
	char link[64], exe[PATH_MAX] = "";

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)process->pid);
	if (readlink(link, exe, sizeof(exe) - 1) < 0 || !strcmp(base_name(exe), base_name(command)))
		return r;
	err_wrap(err, r, "the command '%s' is run by '%s'", command, exe);
	err_hint(err, "give the program itself, where that only starts it");
	return r;
}

struct progress {
	pid_t pid;
	const char *cassette;
	double budget; /* 0: none */
	struct status_line status;
	bool said_storing, said_passing_on;
};

/* All is safe on this disk, and the cassette behind the spool takes it as it can. */
static void show_passing_on(struct progress *progress, const struct cassette_progress *storage)
{
	if (!progress->said_passing_on) {
		status_clear(&progress->status);
		fprintf(stderr,
			"recording has stopped; %llu recordings are on their way from '%s'; Ctrl-C again leaves "
			"them there\n",
			(unsigned long long)storage->waiting, storage->where);
	}
	progress->said_passing_on = true;
	status_show(&progress->status, "%llu have arrived, %llu wait%s%s",
		    (unsigned long long)storage->passed_on, (unsigned long long)storage->waiting,
		    storage->is_away ? ": " : "", storage->is_away ? storage->error : "");
}

/* Everything was taken, and storage is behind: what Ctrl-C means now must be said. */
static void show_storing(struct progress *progress, const struct recorder_summary *so_far)
{
	if (!progress->said_storing) {
		status_clear(&progress->status);
		fprintf(stderr,
			"recording has stopped; storing %llu recordings that are queued; "
			"Ctrl-C again gives them up\n",
			(unsigned long long)so_far->queued);
	}
	progress->said_storing = true;
	status_show(&progress->status, "%llu stored, %llu queued", (unsigned long long)so_far->stored,
		    (unsigned long long)so_far->queued);
}

static void on_progress(const struct recorder_summary *so_far, void *ctx)
{
	struct progress *progress = ctx;
	char duration[32], overhead[96] = "", waiting[64] = "";

	if (!so_far->duration_ns) {
		fprintf(stderr, "recording process %d into %s; Ctrl-C stops\n", progress->pid,
			progress->cassette);
		if (so_far->fp_trouble)
			fprintf(stderr,
				"tapedeck: values in floating-point registers are not available: %s\n",
				so_far->fp_trouble);
		return;
	}
	if (so_far->is_over && !so_far->queued && so_far->storage.waiting)
		return show_passing_on(progress, &so_far->storage);
	if (so_far->is_over)
		return show_storing(progress, so_far);
	common_duration(so_far->duration_ns, duration);
	if (so_far->storage.waiting)
		snprintf(waiting, sizeof(waiting), ", %llu waiting%s",
			 (unsigned long long)so_far->storage.waiting,
			 so_far->storage.is_away ? " (away)" : "");
	if (progress->budget > 0)
		snprintf(overhead, sizeof(overhead), "; probes take %.2f%% of a core (%.2f%% allowed)",
			 so_far->overhead_now * 100, progress->budget * 100);
	status_show(&progress->status,
		    "%s: %llu recordings, %.0f a second; %llu stored, %llu queued%s, %llu events lost%s",
		    duration, (unsigned long long)so_far->taken, so_far->taken * 1e9 / so_far->duration_ns,
		    (unsigned long long)so_far->stored, (unsigned long long)so_far->queued, waiting,
		    (unsigned long long)so_far->lost_events, overhead);
}

static void on_say(const char *text, void *ctx)
{
	struct progress *progress = ctx;

	status_clear(&progress->status);
	fprintf(stderr, "tapedeck: %s\n", text);
}

/* Of a command that we started: its exit status as a shell gives it, once it has ended; -1 while it runs. */
static int command_status(struct process *process)
{
	int status;

	if (!process->is_ours || !process_has_ended(process))
		return -1;
	status = process_status(process);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool is_any_called(const struct program *program, const struct recorder_summary *summary)
{
	for (size_t i = 0; i < program->funcs_cnt; i++)
		if (program->funcs[i].config->role == ROLE_OPERATION && summary->counts[i].hits)
			return true;
	return false;
}

static void say_what_became(const struct record_opts *opts, const struct program *program,
			    const struct recorder_summary *summary, const struct process *process, int status)
{
	if (status >= 0)
		fprintf(stderr, "tapedeck: the command ended with status %d\n", status);
	else if (process->is_ours)
		fprintf(stderr, "tapedeck: the command runs on, untraced, as process %d\n", process->pid);
	else if (summary->process_ended && !summary->execs)
		fprintf(stderr, "tapedeck: process %d ended\n", process->pid);
	if (summary->over_budget)
		fprintf(stderr, "tapedeck: recording ended: within the budget no operation can be probed\n");
	if (summary->processes)
		fprintf(stderr, "tapedeck: %llu children were followed\n",
			(unsigned long long)summary->processes);
	if (summary->unfollowed)
		fprintf(stderr, "tapedeck: %llu children were too many to follow\n",
			(unsigned long long)summary->unfollowed);
	if (summary->execs)
		fprintf(stderr,
			"tapedeck: %llu processes run another program by now: recording of them ended\n",
			(unsigned long long)summary->execs);
	if (!summary->taken && !summary->kept_out && !summary->discarded && !summary->incomplete)
		fprintf(stderr, "tapedeck: no operation was taken: %s\n",
			is_any_called(program, summary) ? "see 'hits' and 'sampled out'"
			: opts->follow			? "none was called"
				       : "none was called in this process; --follow looks at its "
					 "children, too");
}

static int report(const struct record_opts *opts, const struct program *program,
		  const struct recorder_summary *summary, struct process *process, const char *cassette,
		  struct err *err)
{
	int status = command_status(process), r = 0;

	if (opts->json)
		r = record_summary_json(program, summary, cassette, status, err);
	else
		record_summary_print(program, summary, cassette);
	say_what_became(opts, program, summary, process, status);
	if (r < 0)
		return r;
	if (summary->loss_unknown || summary->unaccounted_events)
		return err_set(err, -EIO, "loss could not be counted: %llu events are unaccounted for",
			       (unsigned long long)summary->unaccounted_events);
	if (summary->taken && !summary->stored && (summary->failed || summary->dropped))
		return err_set(err, -EIO, "nothing could be stored in '%s': %s", cassette,
			       summary->storage_error[0] ? summary->storage_error : "the queue was full");
	return STATUS_DONE;
}

/* What lies behind a network is written to this disk first, unless that is not wanted. */
static int open_cassette(struct cassette **out, const struct record_opts *opts, const char *url,
			 struct size_rates *rates, struct err *err)
{
	const struct cassette_opts cassette_opts = {
		.create = true, .sample = rates ? size_rates_share : NULL, .sample_ctx = rates};
	autofree char *spooled = NULL;
	int r;

	if (opts->no_spool || (!opts->spool && strncmp(url, "s3:", 3) != 0))
		return cassette_open_with(out, url, &cassette_opts, err);
	r = common_spool_url(&spooled, opts->spool, opts->spool_bytes, url, err);
	return r < 0 ? r : cassette_open_with(out, spooled, &cassette_opts, err);
}

static int record(const struct record_opts *opts, struct config *config, struct program *program,
		  struct process *process, struct preload *preload, const char *url, struct err *err)
{
	struct progress progress = {
		.pid = process->pid, .cassette = url, .budget = preload ? 0 : config->budget};
	const struct recorder_opts recorder_opts = {
		.duration_ns = opts->duration_ns,
		.flush_ns = opts->flush_ns,
		.count = opts->count,
		.ring_bytes = opts->ring_bytes,
		.budget = preload ? 0 : config->budget,
		.source = preload ? preload_source(preload) : NULL,
		.two_links = opts->two_links,
		.follow = opts->follow,
		.is_seeded = opts->seed != 0,
		.seed = opts->seed,
		.stop = &common_stop,
		.reload = &common_hangups,
		.say = on_say,
		.say_ctx = &progress,
	};
	auto_size_rates struct size_rates *rates = NULL;
	auto_cassette struct cassette *cassette = NULL;
	struct recorder_summary summary = {};
	int r;

	r = size_rates_new(&rates, config, err);
	if (r == 0)
		r = open_cassette(&cassette, opts, url, rates, err);
	if (r < 0)
		return r;
	common_warn(cassette);
	status_init(&progress.status);
	common_catch_signals(2);
	common_catch_hangup();
	r = recorder_run(&summary, config, program, process, cassette, &recorder_opts, on_progress, &progress,
			 err);
	status_clear(&progress.status);
	if (r == 0)
		r = report(opts, program, &summary, process, url, err);
	free(summary.counts);
	return r;
}

static int read_engine(bool *is_inside, const struct record_opts *opts, const struct words *words,
		       struct err *err)
{
	const struct {
		bool is_given;
		const char *name;
	} others[] = {{opts->pid, "-p"}, {opts->two_links, "--two-links"}, {opts->budget, "--budget"}};

	if (!opts->engine || !strcmp(opts->engine, "bpf"))
		return 0;
	if (strcmp(opts->engine, "preload"))
		return err_usage(err, -EINVAL, "--engine '%s': it is 'bpf' or 'preload'", opts->engine);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (others[i].is_given)
			return err_usage(err, -EINVAL, "%s needs --engine bpf", others[i].name);
	if (!words->rest || !words->rest[0])
		return err_usage(err, -EINVAL, "--engine preload needs a command: -- COMMAND ARGS...");
	*is_inside = true;
	return 0;
}

/* From inside the program: the engine is there before it starts. */
static int run_inside(const struct record_opts *opts, struct config *config, const struct words *words,
		      const char *url, struct err *err)
{
	const struct inside_opts inside = {.schema = opts->schema,
					   .ring_bytes = opts->ring_bytes,
					   .seed = opts->seed,
					   .follow = opts->follow};
	auto_process struct process *process = NULL;
	auto_program struct program *program = NULL;
	auto_preload struct preload *preload = NULL;
	int r = inside_open(&program, config, words->rest, &inside, err);

	if (r < 0)
		return r;
	if (opts->dry_run)
		return sites_print(program, NULL, opts->json, err);
	if (config->budget > 0)
		fprintf(stderr, "tapedeck: the configuration's budget is kept with --engine bpf alone\n");
	r = inside_start(&preload, &process, config, program, words->rest, &inside, err);
	return r < 0 ? r : record(opts, config, program, process, preload, url, err);
}

static int run(const void *arg, const struct words *words, struct err *err)
{
	const struct record_opts *opts = arg;
	auto_config struct config *config = NULL;
	auto_process struct process *process = NULL;
	auto_program struct program *program = NULL;
	bool is_inside = false;
	const char *url;
	int r = read_engine(&is_inside, opts, words, err);

	if (r < 0)
		return r;
	r = common_config(&config, opts->config, err);
	if (r < 0)
		return r;
	r = opts->budget ? config_share(&config->budget, opts->budget, err) : 0;
	if (r < 0)
		return err_wrap(err, r, "--budget");
	url = opts->to ? opts->to : config->cassette;
	if (!url && !opts->dry_run) {
		err_usage(err, -EINVAL, "no cassette to record to");
		err_hint(err, "give --to file:DIR, or \"cassette\" in the configuration");
		return -EINVAL;
	}
	r = opts->dry_run ? 0 : redact_key_load(config, true, err);
	if (r < 0)
		return r;
	if (is_inside)
		return run_inside(opts, config, words, url, err);
	r = open_process(&process, opts, config, words, err);
	if (r == 0)
		r = open_program(&program, config, process, opts->schema, features_hook_all(opts->two_links),
				 err);
	if (r < 0)
		return process && words->rest ? blame_command(process, words->rest[0], r, err) : r;
	if (opts->dry_run)
		return sites_print(program, NULL, opts->json, err);
	return record(opts, config, program, process, NULL, url, err);
}

#define AT(field) offsetof(struct record_opts, field)
static const struct opt opts_table[] = {
	{OPT_STR, 'c', "config", "FILE", "what to record; default " CONFIG_DEFAULT, AT(config)},
	{OPT_UINT, 'p', "pid", "PID", "the running process to record", AT(pid), 1, INT32_MAX},
	{OPT_STR, 0, "to", "CASSETTE", "where recordings go; default: the configuration's", AT(to)},
	{OPT_STR, 0, "spool", "DIR", "where recordings are safe before they are in S3", AT(spool)},
	{OPT_BYTES, 0, "spool-size", "SIZE", "of what may wait there; default 4G", AT(spool_bytes), 1 << 20,
	 INT64_MAX},
	{OPT_FLAG, 0, "no-spool", NULL, "store in S3 directly; what it does not take in time is dropped",
	 AT(no_spool)},
	{OPT_DURATION, 0, "flush", "TIME",
	 "wait so long at the end for a cassette that takes nothing; default 30s", AT(flush_ns), 1},
	{OPT_DURATION, 0, "duration", "TIME", "stop after this time: 60s, 5m", AT(duration_ns), 1},
	{OPT_UINT, 0, "count", "N", "stop after N recordings", AT(count), 1, UINT32_MAX},
	{OPT_UINT, 0, "seed", "N", "of sampling: the same calls are taken each time", AT(seed), 1,
	 UINT64_MAX},
	{OPT_STR, 0, "budget", "SHARE", "what probes may cost, of one core: 2%; default: the configuration's",
	 AT(budget)},
	{OPT_BYTES, 0, "ring-size", "SIZE", "of each CPU's event ring; a power of two, default 16M",
	 AT(ring_bytes), 4096, RING_BYTES_MAX},
	{OPT_STR, 0, "engine", "bpf|preload",
	 "by the kernel (default), or from inside the command, without privileges", AT(engine)},
	{OPT_STR, 0, "schema", "FILE", "by a compiled schema rather than debug information", AT(schema)},
	{OPT_FLAG, 0, "follow", NULL, "record the process's children, too, and theirs", AT(follow)},
	{OPT_FLAG, 0, "two-links", NULL, "entry and return probes apart, as before Linux 6.13",
	 AT(two_links)},
	{OPT_FLAG, 0, "dry-run", NULL, "show what would be probed, and attach nothing", AT(dry_run)},
	{OPT_FLAG, 0, "json", NULL, "the summary as a JSON object", AT(json)},
	{OPT_END},
};

const struct command cmd_record = {
	.name = "record",
	.words = "",
	.summary = "record the operations of a running process, or of a command",
	.rest = "COMMAND ARGS...",
	.opts = opts_table,
	.json = lines_record,
	.opts_size = sizeof(struct record_opts),
	.run = run,
};
