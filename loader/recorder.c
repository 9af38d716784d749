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
#include "loader/attach.h"
#include "loader/budget.h"
#include "loader/drain.h"
#include "loader/files.h"
#include "loader/newcomers.h"
#include "loader/package.h"
#include "loader/process.h"
#include "loader/reload.h"
#include "loader/startup.h"

#define POLL_IDLE_US 1000
#define PROGRESS_NS  200000000ull
#define IN_FLIGHT_NS                                                                                         \
	2000000000ull /* how long operations that have begun may take to end when recording stops */
#define NS_PER_S     1000000000ull
#define FINAL_PASSES 4
#define WEIGH_NS     1000000000ull /* between looks at what probes cost */
#define PAUSE_NS     300000000ull  /* how long operations may take to end when a probe is taken off */
#define FLUSH_NS     30000000000ull

struct recorder {
	const struct recorder_opts *opts;
	struct config *config;
	sig_atomic_t reloads; /* that were done */
	const struct program *program;
	struct process *process;
	struct package_context context;
	struct attach *attach; /* the kernel's side; where that is the source */
	struct source *source;
	bool has_said_end;
	struct drain *drain;
	struct assemble *assemble;
	struct files *files; /* NULL: nothing names any */
	struct upload *upload;
	struct startup *startup; /* NULL: nothing is stored, or the schema has no room for it */
	struct budget *budget;	 /* NULL: there is none */
	uint64_t weighed_ns;
	uint64_t loads;		    /* libraries that came or went, as far as they were looked at */
	bool is_unprobed[FUNC_MAX]; /* over budget */
	struct cassette *cassette;  /* NULL: nothing is stored */
	struct recorder_summary *summary;
	uint64_t drained;
	struct err *err;
};

static int on_event(const struct event *event, void *ctx)
{
	struct recorder *recorder = ctx;

	recorder->drained++;
	if (recorder->files && files_add(recorder->files, &event, recorder->err))
		return -ENOMEM;
	return assemble_event(recorder->assemble, event, recorder->err);
}

static void say(const struct recorder *recorder, const char *fmt, ...)
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
		say(recorder, "%s", processes.ended);
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

/* One pass over all rings; how many events there were. */
static int pass(struct recorder *recorder)
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

/* --- the budget --- */

static void change_rate(struct recorder *recorder, const struct budget_advice *advice)
{
	const struct config_func *func = recorder->program->funcs[advice->func].config;
	double allowed = budget_allowed(recorder->budget);

	attach_rate(recorder->attach, advice->func, advice->rate);
	if (advice->share > allowed)
		say(recorder,
		    "over budget: probes take %.2f%% of a core, %.2f%% is allowed; '%s' is sampled at %.2g "
		    "from here on",
		    advice->share * 100, allowed * 100, func->name, advice->rate);
	else if (advice->rate >= func->sampling.rate)
		say(recorder, "'%s' is sampled at its configured rate of %.2g again", func->name,
		    advice->rate);
}

/* Operations that have begun and not ended; the start-up ends with the first. */
static size_t open_operations(const struct recorder *recorder)
{
	return assemble_open_cnt(recorder->assemble) - startup_is_open(recorder->startup);
}

/* Let what is open end; what does not will lack calls. */
static int pause_recording(struct recorder *recorder)
{
	uint64_t deadline = clock_ns() + PAUSE_NS;
	int r = recorder->source->ops->enable(recorder->source, false, recorder->err);

	while (r >= 0 && open_operations(recorder) && clock_ns() < deadline) {
		r = pass(recorder);
		if (r == 0)
			usleep(POLL_IDLE_US);
	}
	return r < 0 ? r
		     : assemble_mark(recorder->assemble, "a probe was taken off meanwhile: over budget",
				     recorder->err);
}

static bool is_an_operation_left(const struct recorder *recorder)
{
	for (size_t i = 0; i < recorder->program->funcs_cnt; i++)
		if (recorder->program->funcs[i].config->role == ROLE_OPERATION && !recorder->is_unprobed[i])
			return true;
	return false;
}

static int take_probe_off(struct recorder *recorder, const struct budget_advice *advice)
{
	const struct config_func *func = recorder->program->funcs[advice->func].config;
	bool is_operation = func->role == ROLE_OPERATION;
	int r = pause_recording(recorder);

	if (r == 0)
		r = attach_unprobe(recorder->attach, advice->func, recorder->err);
	if (r == 0)
		r = recorder->source->ops->enable(recorder->source, true, recorder->err);
	if (r < 0)
		return r;
	recorder->is_unprobed[advice->func] = true;
	recorder->summary->over_budget = !is_an_operation_left(recorder);
	say(recorder,
	    "over budget: probes take %.2f%% of a core, %.2f%% is allowed; the probe on '%s' is taken off, %.0f "
	    "hits a second cost %.2f%%%s",
	    advice->share * 100, budget_allowed(recorder->budget) * 100, func->name, advice->hits,
	    advice->cost * 100,
	    is_operation ? "" : "; recordings lack its calls from here on, and are incomplete");
	return 0;
}

static int weigh(struct recorder *recorder)
{
	struct budget_advice advice;
	uint64_t now = clock_ns();
	int r;

	if (!recorder->budget || now - recorder->weighed_ns < WEIGH_NS)
		return 0;
	recorder->weighed_ns = now;
	r = recorder->source->ops->counts(recorder->source, recorder->summary->counts, recorder->err);
	if (r < 0)
		return r;
	budget_weigh(recorder->budget, recorder->summary->counts, now, &advice);
	recorder->summary->overhead_now = advice.share;
	recorder->summary->overhead = budget_share(recorder->budget);
	if (advice.kind == BUDGET_RATE)
		change_rate(recorder, &advice);
	return advice.kind == BUDGET_UNPROBE ? take_probe_off(recorder, &advice) : 0;
}

/* --- libraries that come while it runs --- */

#define PROCESSES_MAX 4096 /* that are looked at */

/* Returns that are hooked, and something that unwinds the stack, do not go together. */
static int look_at_newcomers(struct recorder *recorder)
{
	uint64_t loads = recorder->attach ? attach_loads(recorder->attach) : recorder->loads;
	autofree pid_t *pids = NULL;
	char name[NEWCOMER_NAME_MAX];
	size_t cnt;
	int r = 0;

	if (loads == recorder->loads)
		return 0;
	pids = calloc(PROCESSES_MAX, sizeof(*pids));
	if (!pids)
		return err_nomem(recorder->err);
	recorder->loads = loads;
	cnt = attach_followed(recorder->attach, pids, PROCESSES_MAX);
	for (size_t i = 0; i < cnt && !r; i++)
		r = newcomers_look(name, recorder->process, pids[i], recorder->program, recorder->err);
	if (r == 0)
		attach_trust(recorder->attach, loads);
	else
		recorder->source->ops->detach(recorder->source);
	attach_resume(recorder->attach, pids, cnt);
	if (r <= 0)
		return r;
	recorder->summary->is_unwinding = true;
	say(recorder,
	    "'%s' was loaded, which may throw: exceptions would not pass functions whose return is hooked, so "
	    "recording ends; record again, and returns are seen at 'ret' instructions",
	    name);
	return 0;
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
		say(recorder, "the configuration stays as it was: %s", err.msg);
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
		int r = look_at_newcomers(recorder), events = r < 0 ? r : pass(recorder);

		if (events < 0)
			return events;
		r = weigh(recorder);
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

	while (r >= 0 && !is_detached && !recorder->summary->process_ended && open_operations(recorder) &&
	       clock_ns() < deadline) {
		if (has_ended(recorder))
			recorder->summary->process_ended = true;
		r = pass(recorder);
		if (r == 0)
			usleep(POLL_IDLE_US);
	}
	recorder->source->ops->detach(recorder->source);
	for (int i = 0; r >= 0 && (i < FINAL_PASSES || r > 0); i++)
		r = pass(recorder);
	return r < 0 ? r : assemble_finish(recorder->assemble, why, recorder->err);
}

/* Every event handed to a ring must have been drained; what probes could not hand over they counted. */
static int account(struct recorder *recorder)
{
	struct recorder_summary *summary = recorder->summary;
	struct assemble_counts assembled;
	uint64_t emitted = 0, lost = 0, missing;
	int r = recorder->source->ops->counts(recorder->source, summary->counts, recorder->err);

	assemble_counts(recorder->assemble, &assembled);
	summary->abandoned_rings = drain_abandoned(recorder->drain);
	summary->discarded = assembled.discarded;
	summary->lost_operations = assembled.overflow + assembled.no_entry;
	if (r < 0) {
		summary->loss_unknown = true;
		summary->lost_events = assembled.lost_events;
		return r;
	}
	for (size_t i = 0; i < recorder->program->funcs_cnt; i++) {
		const struct func_count *count = &summary->counts[i];

		emitted += count->emitted;
		lost += count->dropped + count->no_slot + count->no_state;
	}
	missing = emitted > recorder->drained ? emitted - recorder->drained : 0;
	summary->lost_events = lost + (summary->abandoned_rings ? missing : 0);
	summary->unaccounted_events = (summary->abandoned_rings ? 0 : missing) +
				      (recorder->drained > emitted ? recorder->drained - emitted : 0);
	return 0;
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

/* Until all is stored, or the caller has enough of waiting. */
static void store_queued(struct recorder *recorder, recorder_progress_fn progress, void *ctx)
{
	const volatile sig_atomic_t *stop = recorder->opts->stop;
	struct recorder_summary *summary = recorder->summary;
	/* What ended recording may have been a Ctrl-C, or not. */
	sig_atomic_t told = stop ? MIN(*stop, 1) : 0;
	struct upload_counts counts;
	uint64_t last = 0;

	summary->is_over = true;
	for (;;) {
		upload_counts(recorder->upload, &counts);
		summary->stored = counts.stored;
		summary->queued = counts.queued;
		if (!counts.queued)
			return;
		if (stop && *stop > told)
			return upload_give_up(recorder->upload);
		if (progress && clock_ns() - last >= PROGRESS_NS) {
			last = clock_ns();
			progress(summary, ctx);
		}
		usleep(POLL_IDLE_US);
	}
}

static void close_upload(struct recorder *recorder)
{
	struct recorder_summary *summary = recorder->summary;
	struct upload_counts counts = {};

	upload_close(recorder->upload, &counts);
	recorder->upload = NULL;
	summary->queued = 0;
	summary->stored = counts.stored;
	summary->kept_out += counts.sampled_out;
	summary->dropped = counts.dropped;
	summary->failed = counts.failed;
	summary->bytes = counts.bytes;
	snprintf(summary->storage_error, sizeof(summary->storage_error), "%s", counts.error);
}

/* What waits in a spool is passed on, for as long as some of it arrives now and then; the rest stays there.
 */
static void pass_on_waiting(struct recorder *recorder, struct cassette *cassette,
			    recorder_progress_fn progress, void *ctx)
{
	const volatile sig_atomic_t *stop = recorder->opts->stop;
	struct recorder_summary *summary = recorder->summary;
	uint64_t patience = recorder->opts->flush_ns ? recorder->opts->flush_ns : FLUSH_NS;
	uint64_t moved = clock_ns(), last = 0, passed_on = 0;

	for (;;) {
		cassette_progress(cassette, &summary->storage);
		if (summary->storage.passed_on != passed_on) {
			passed_on = summary->storage.passed_on;
			moved = clock_ns();
		}
		if (!summary->storage.waiting || (stop && *stop > 1) || clock_ns() - moved >= patience)
			return;
		if (progress && clock_ns() - last >= PROGRESS_NS) {
			last = clock_ns();
			progress(summary, ctx);
		}
		usleep(POLL_IDLE_US);
	}
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
			store_queued(&recorder, progress, ctx);
		close_upload(&recorder);
		if (cassette)
			pass_on_waiting(&recorder, cassette, progress, ctx);
		if (r == 0)
			r = account(&recorder);
	} else {
		close_upload(&recorder);
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

int recorder_rates(double *rates, const struct config *config, struct program *program,
		   struct process *process, uint64_t duration_ns, struct err *err)
{
	const struct attach_opts opts = {.count_only = true};
	autofree struct func_count *counts = calloc(program->funcs_cnt, sizeof(*counts));
	struct attach *attach = NULL;
	uint64_t begun;
	int r;

	if (!counts)
		return err_nomem(err);
	r = attach_new(&attach, config, program, process, &opts, err);
	if (r < 0)
		return r;
	r = attach_enable(attach, true, err);
	begun = clock_ns();
	while (r == 0 && clock_ns() - begun < duration_ns && !process_has_ended(process))
		usleep(POLL_IDLE_US);
	if (r == 0)
		r = attach_counts(attach, counts, err);
	for (size_t i = 0; r == 0 && i < program->funcs_cnt; i++)
		rates[i] = counts[i].hits / ((clock_ns() - begun) / (double)NS_PER_S);
	attach_detach(attach);
	attach_free(attach);
	return r;
}
