// SPDX-License-Identifier: BSD-3-Clause
#include "loader/recorder.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/config.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/object.h"
#include "lib/program.h"
#include "lib/schema.h"
#include "lib/store.h"
#include "lib/util.h"
#include "loader/assemble.h"
#include "loader/attach.h"
#include "loader/budget.h"
#include "loader/drain.h"
#include "loader/files.h"
#include "loader/package.h"
#include "loader/process.h"
#include "loader/recorder_impl.h"
#include "loader/reload.h"
#include "loader/startup.h"
#include "loader/upload.h"

#define IN_FLIGHT_NS                                                                                         \
	2000000000ull /* how long operations that have begun may take to end when recording stops */
#define FINAL_PASSES 4

static int on_event(const struct event *event, void *ctx)
{
	struct recorder *recorder = ctx;

	recorder->drained++;
	if (recorder->files && files_add(recorder->files, &event, recorder->err))
		return -ENOMEM;
	return assemble_event(recorder->assemble, event, recorder->err);
}

void recorder_say(const struct recorder *recorder, const char *fmt, ...)
{
	char text[ERR_MSG_MAX + 128];
	va_list args;

	if (!recorder->opts->say)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	recorder->opts->say(text, recorder->opts->say_ctx);
}

/* Nothing more will come. */
static bool has_ended(struct recorder *recorder)
{
	struct source_processes processes;

	recorder->source->ops->processes(recorder->source, &processes);
	recorder->summary->processes = processes.seen;
	recorder->summary->execs = processes.execs;
	recorder->summary->unfollowed = processes.unfollowed;
	if (processes.ended && !recorder->has_said_end)
		recorder_say(recorder, "%s", processes.ended);
	recorder->has_said_end |= processes.ended != NULL;
	if (recorder->opts->follow)
		return !processes.alive;
	return processes.ended || processes.execs || process_has_ended(recorder->process);
}

static bool is_enough(const struct recorder *recorder)
{
	return recorder->opts->count && recorder->summary->taken >= recorder->opts->count;
}

static int add_unprobed(struct recorder *recorder, struct recording *recording)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < recorder->program->funcs_cnt; i++)
		if (recorder->is_unprobed[i])
			r = recording_add_incomplete(recording, recorder->err,
						     "'%s' was not probed any more: over budget",
						     recorder->program->funcs[i].config->name);
	return r;
}

/* Whether the source works as yet. */
static int check_source(struct recorder *recorder)
{
	struct source *source = recorder->source;

	return source->ops->check ? source->ops->check(source, recorder->err) : 0;
}

/* 32 bits by chance, or by the seed. */
static uint32_t draw(const struct recorder *recorder, uint64_t number)
{
	uint64_t bits = recorder->opts->is_seeded ? plan_mix(recorder->opts->seed + number) : random_bits();

	return bits >> 32;
}

static int on_operation(struct recording *recording, const struct assembled *about, void *ctx)
{
	struct recorder *recorder = ctx;
	const struct package_source source = {
		.pid = recorder->opts->follow ? about->tgid : (uint32_t)recorder->process->pid,
		.number = about->number,
		.started_ns = about->started_ns,
		.draw = draw(recorder, about->number),
		.is_kept = about->is_kept,
	};
	struct recorder_summary *summary = recorder->summary;
	auto_recording struct recording *owned = recording;
	bool keep = true;
	int r;

	if (startup_is(recorder->startup, recording))
		return startup_keep(recorder->startup, TAKE_PTR(owned),
				    recorder->source->ops->startup_cut(recorder->source), recorder->err);
	if (is_enough(recorder)) {
		summary->kept_out++;
		return 0;
	}
	r = check_source(recorder);
	if (r == 0)
		r = add_unprobed(recorder, recording);
	if (r < 0)
		return r;
	r = package_recording(recording, &recorder->context, &source, &keep, recorder->err);
	if (r < 0)
		return r;
	if (!keep) {
		summary->kept_out++;
		return 0;
	}
	summary->taken++;
	summary->incomplete += !recording->complete;
	if (!recorder->upload)
		return 0;
	upload_put(recorder->upload, TAKE_PTR(owned));
	if (recorder->startup)
		startup_put(recorder->startup, recorder->upload);
	return 0;
}

int recorder_pass(struct recorder *recorder)
{
	int r = check_source(recorder), events;

	if (r < 0)
		return r;
	events = drain_pass(recorder->drain, recorder->err);
	if (events < 0)
		return events;
	r = assemble_pass_done(recorder->assemble, recorder->err);
	return r < 0 ? r : events;
}

size_t recorder_open_operations(const struct recorder *recorder)
{
	return assemble_open_cnt(recorder->assemble) - startup_is_open(recorder->startup);
}

static void show_progress(struct recorder *recorder, recorder_progress_fn progress, void *ctx, uint64_t begun,
			  uint64_t *last)
{
	struct assemble_counts assembled;
	struct upload_counts uploaded = {};
	uint64_t now = clock_ns();

	if (!progress || now - *last < PROGRESS_NS)
		return;
	*last = now;
	assemble_counts(recorder->assemble, &assembled);
	if (recorder->upload)
		upload_counts(recorder->upload, &uploaded);
	recorder->summary->duration_ns = now - begun;
	recorder->summary->stored = uploaded.stored;
	recorder->summary->queued = uploaded.queued;
	if (recorder->cassette)
		cassette_progress(recorder->cassette, &recorder->summary->storage);
	recorder->summary->lost_events = assembled.lost_events;
	progress(recorder->summary, ctx);
}

/* A configuration that is wrong changes nothing. */
static void reload_when_told(struct recorder *recorder)
{
	const struct recorder_opts *opts = recorder->opts;
	struct err err = {};

	if (!opts->reload || *opts->reload == recorder->reloads)
		return;
	recorder->reloads = *opts->reload;
	if (reload(recorder->config, recorder->program, recorder->source, opts->say, opts->say_ctx, &err))
		recorder_say(recorder, "the configuration stays as it was: %s", err.msg);
	else if (recorder->budget)
		budget_forget(recorder->budget);
}

static int record_until_told(struct recorder *recorder, recorder_progress_fn progress, void *ctx)
{
	const struct recorder_opts *opts = recorder->opts;
	uint64_t begun = clock_ns(), last = begun;

	if (progress)
		progress(recorder->summary, ctx);
	for (;;) {
		int r = recorder_look_at_newcomers(recorder), events = r < 0 ? r : recorder_pass(recorder);

		if (events < 0)
			return events;
		r = recorder_weigh(recorder);
		if (r < 0)
			return r;
		show_progress(recorder, progress, ctx, begun, &last);
		reload_when_told(recorder);
		if (is_enough(recorder) || recorder->summary->over_budget ||
		    recorder->summary->is_unwinding || (opts->stop && *opts->stop))
			break;
		if (opts->duration_ns && clock_ns() - begun >= opts->duration_ns)
			break;
		if (has_ended(recorder)) {
			recorder->summary->process_ended = true;
			break;
		}
		if (!events)
			usleep(POLL_IDLE_US);
	}
	recorder->summary->duration_ns = clock_ns() - begun;
	return 0;
}

/* Take nothing new, let what has begun end, unhook, and read the rings to their end. */
static int wind_down(struct recorder *recorder)
{
	uint64_t deadline = clock_ns() + IN_FLIGHT_NS;
	const char *why = recorder->summary->process_ended ? "the process ended" : "recording stopped";
	bool is_detached = recorder->summary->is_unwinding;
	int r = is_detached ? 0 : recorder->source->ops->enable(recorder->source, false, recorder->err);

	while (r >= 0 && !is_detached && !recorder->summary->process_ended &&
	       recorder_open_operations(recorder) && clock_ns() < deadline) {
		if (has_ended(recorder))
			recorder->summary->process_ended = true;
		r = recorder_pass(recorder);
		if (r == 0)
			usleep(POLL_IDLE_US);
	}
	recorder->source->ops->detach(recorder->source);
	for (int i = 0; r >= 0 && (i < FINAL_PASSES || r > 0); i++)
		r = recorder_pass(recorder);
	return r < 0 ? r : assemble_finish(recorder->assemble, why, recorder->err);
}

/* A cassette that cannot be written is told before anything is touched. */
static int put_schema(struct recorder *recorder, struct cassette *cassette)
{
	auto_store struct store *store = NULL;
	int r = store_new(&store, cassette, recorder->err);

	return r < 0 ? r : store_put_schema(store, recorder->program->schema, recorder->err);
}

/* Whether there is a start-up of which calls will be seen. */
static bool is_starting(const struct recorder *recorder)
{
	return recorder->process->is_held && !recorder->opts->discard &&
	       recorder->program->funcs_cnt < SCHEMA_FUNCS_MAX;
}

static int prepare_startup(struct recorder *recorder)
{
	int r;

	if (recorder->program->funcs_cnt == SCHEMA_FUNCS_MAX)
		return 0;
	r = startup_new(&recorder->startup, &recorder->context, recorder->process, is_starting(recorder),
			recorder->err);
	if (r == 0)
		recorder->context.startup = startup_id(recorder->startup);
	return r;
}

static int start_probes(struct recorder *recorder, const struct config *config)
{
	const struct recorder_opts *opts = recorder->opts;
	const struct attach_opts attach_opts = {
		.ring_bytes = opts->ring_bytes,
		.two_links = opts->two_links,
		.is_following = opts->follow,
		.is_timed = opts->budget > 0,
		.is_starting = is_starting(recorder),
		.is_seeded = opts->is_seeded,
		.seed = opts->seed,
		.name_key = {recorder->context.name_key[0], recorder->context.name_key[1]}};
	int r = attach_new(&recorder->attach, config, recorder->program, recorder->process, &attach_opts,
			   recorder->err);

	if (r == 0)
		recorder->summary->fp_trouble = attach_fp_trouble(recorder->attach);
	return r;
}

static int start(struct recorder *recorder, const struct config *config, struct cassette *cassette)
{
	const struct recorder_opts *opts = recorder->opts;
	int r;

	if (!opts->discard) {
		r = put_schema(recorder, cassette);
		if (r == 0)
			r = prepare_startup(recorder);
		if (r < 0)
			return r;
	}
	r = opts->source ? 0 : start_probes(recorder, config);
	if (r < 0)
		return r;
	recorder->source = opts->source ? opts->source : attach_source(recorder->attach);
	if (opts->source)
		opts->source->ops->begin(opts->source, is_starting(recorder), recorder->context.name_key);
	r = files_new(&recorder->files, recorder->program, recorder->err);
	if (r == 0)
		r = drain_new(&recorder->drain, recorder->source, on_event, recorder, recorder->err);
	if (r < 0)
		return r;
	r = assemble_new(&recorder->assemble, on_operation, recorder, recorder->err);
	if (r == 0 && startup_is_open(recorder->startup))
		r = startup_begin(recorder->startup, recorder->assemble, recorder->err);
	if (r == 0 && opts->budget > 0)
		r = budget_new(&recorder->budget, recorder->program, opts->budget,
			       attach_site_ns(recorder->attach), recorder->err);
	if (r < 0)
		return r;
	if (!opts->discard) {
		r = upload_new(&recorder->upload, cassette, recorder->program->schema, recorder->err);
		if (r < 0)
			return r;
	}
	r = recorder->source->ops->enable(recorder->source, true, recorder->err);
	if (r == 0 && recorder->process->is_held)
		r = process_release(recorder->process, recorder->err);
	return r;
}

int recorder_run(struct recorder_summary *out, struct config *config, struct program *program,
		 struct process *process, struct cassette *cassette, const struct recorder_opts *opts,
		 recorder_progress_fn progress, void *ctx, struct err *err)
{
	char host[256] = "", schema_id_text[SCHEMA_ID_LEN + 1];
	struct recorder recorder = {.opts = opts,
				    .config = config,
				    .program = program,
				    .process = process,
				    .cassette = cassette,
				    .summary = out,
				    .err = err};
	int r;

	*out = (struct recorder_summary){.counts = calloc(program->funcs_cnt, sizeof(*out->counts))};
	if (!out->counts)
		return err_nomem(err);
	r = schema_id(program->schema, schema_id_text, err);
	if (r < 0)
		return r;
	gethostname(host, sizeof(host) - 1);
	recorder.context = (struct package_context){
		.config = config,
		.program = program,
		.schema_id = schema_id_text,
		.host = host,
		.build_id = object_build_id(program->objects[0]),
		.name_key = {random_bits(), random_bits()},
		.realtime_offset_ns = clock_wall_ns() - (int64_t)clock_ns(),
	};
	r = start(&recorder, config, cassette);
	if (r == 0) {
		r = record_until_told(&recorder, progress, ctx);
		if (r == 0)
			r = wind_down(&recorder);
		else
			recorder.source->ops->detach(recorder.source);
		if (recorder.upload)
			recorder_store_queued(&recorder, progress, ctx);
		recorder_close_upload(&recorder);
		if (cassette)
			recorder_pass_on_waiting(&recorder, cassette, progress, ctx);
		if (r == 0)
			r = recorder_account(&recorder);
	} else {
		recorder_close_upload(&recorder);
	}
	budget_free(recorder.budget);
	assemble_free(recorder.assemble);
	drain_free(recorder.drain);
	files_free(recorder.files);
	startup_free(recorder.startup);
	out->fp_trouble = NULL;
	attach_free(recorder.attach);
	return r;
}
