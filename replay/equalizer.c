// SPDX-License-Identifier: BSD-3-Clause
#include "replay/equalizer.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/object.h"
#include "lib/program.h"
#include "lib/util.h"
#include "replay/notes.h"
#include "replay/player.h"
#include "replay/target/patch.h"
#include "replay/unrecorded.h"

#define JOBS_MAX   256
#define WAIT_NS	   100000000
#define WINDOW_MAX 256 /* comparisons that may wait for an earlier one */

struct equalizer {
	struct config *config;
	struct cassette *cassette;
	struct equalizer_opts opts;
	struct program *program;
	struct notes notes;
	struct player *player; /* of equalizer_one */
};

/* --- opening the build --- */

static struct program_file *find_lib(struct program_file *files, size_t cnt, const char *name, size_t len)
{
	for (size_t i = 0; i < cnt; i++)
		if (strlen(files[i].name) == len && !strncmp(files[i].name, name, len))
			return &files[i];
	return NULL;
}

/* SONAME=PATH: that file instead of what the loader would find, or beside it: a plug-in. */
static int place_lib(struct program_file **files, size_t *cnt, const char *lib, struct err *err)
{
	const char *equals = strchr(lib, '=');
	struct program_file *file, *more;
	char *path;

	if (!equals || equals == lib)
		return err_usage(err, -EINVAL, "--lib takes SONAME=PATH, not '%s'", lib);
	if (access(equals + 1, R_OK))
		return err_usage(err, -errno, "cannot open library '%s': %s", equals + 1, strerror(errno));
	file = find_lib(*files, *cnt, lib, equals - lib);
	if (!file) {
		more = realloc(*files, (*cnt + 1) * sizeof(**files));
		if (!more)
			return err_nomem(err);
		*files = more;
		file = &more[*cnt];
		*file = (struct program_file){.name = strndup(lib, equals - lib)};
		(*cnt)++;
	}
	path = strdup(equals + 1);
	if (!path || !file->name) {
		free(path);
		return err_nomem(err);
	}
	free(file->path);
	file->path = path;
	return 0;
}

static int place_libs(struct program_file **files, size_t *cnt, char *const *libs, struct err *err)
{
	int r = 0;

	for (; r == 0 && libs && *libs; libs++)
		r = place_lib(files, cnt, *libs, err);
	return r;
}

static bool has_use(const struct program *program, size_t module)
{
	for (size_t i = 0; i < program->funcs_cnt; i++)
		if (program->funcs[i].module == module ||
		    object_import_slots(program->objects[module], program->funcs[i].symbol, NULL, 0))
			return true;
	return false;
}

/* A plug-in has something to do with what is replayed; else the name is that of no library. */
static int check_libs(const struct program *program, size_t needed_cnt, struct err *err)
{
	for (size_t i = needed_cnt; i < program->files_cnt; i++)
		if (!has_use(program, i)) {
			err_usage(err, -ENOENT,
				  "--lib '%s': the program does not load that library, and it has to do with "
				  "no configured function",
				  program->files[i].name);
			return -ENOENT;
		}
	return 0;
}

static int note_inlined(struct equalizer *equalizer, struct err *err)
{
	for (size_t i = 0; i < equalizer->program->funcs_cnt; i++) {
		const struct program_func *func = &equalizer->program->funcs[i];

		if (!func->warning[0])
			continue;
		if (equalizer->opts.strict && func->debug.inlined) {
			err_set(err, -ENOTSUP, "'%s': %s", func->config->name, func->warning);
			err_hint(err, "mark it __attribute__((noinline)) or build with -fno-inline");
			return -ENOTSUP;
		}
		notes_add(&equalizer->notes, "%s: %s", func->config->name, func->warning);
	}
	return 0;
}

/* What was recorded is a digest, and nobody here can make the same of what is replayed. */
static void drop_hashed(struct equalizer *equalizer)
{
	struct program *program = equalizer->program;

	for (size_t i = 0; i < program->funcs_cnt && !equalizer->config->redact_key; i++)
		for (uint16_t k = 0; k < program->funcs[i].shape->nodes_cnt; k++) {
			struct shape_node *node = &program->funcs[i].shape->nodes[k];

			if (node->redact != REDACT_HMAC)
				continue;
			node->redact = REDACT_DROP;
			notes_add(&equalizer->notes,
				  "what '%s' redacts by \"hmac\" is not compared: its key is not here",
				  program->funcs[i].config->name);
		}
}

static int open_build(struct equalizer *equalizer, struct config *config, struct err *err)
{
	const struct equalizer_opts *opts = &equalizer->opts;
	struct program_file *files;
	size_t cnt, needed_cnt;
	int r;

	r = program_files(&files, &cnt, opts->exe, err);
	if (r < 0)
		return r;
	needed_cnt = cnt;
	r = place_libs(&files, &cnt, opts->libs, err);
	if (r < 0) {
		program_files_free(files, cnt);
		return r;
	}
	r = program_open(&equalizer->program, config, files, cnt, err);
	if (r == 0)
		r = program_usable(equalizer->program, err);
	r = r ?: check_libs(equalizer->program, needed_cnt, err);
	if (r < 0)
		return r;
	if (!object_interp(equalizer->program->objects[0]) &&
	    !object_find_symbol(equalizer->program->objects[0], PATCH_LINKED_IN)) {
		err_set(err, -ENOTSUP,
			"'%s' is statically linked: the replay engine cannot be loaded into it", opts->exe);
		err_hint(err, "link the engine into it: 'pkg-config --libs tapedeck-replay' says how");
		return -ENOTSUP;
	}
	drop_hashed(equalizer);
	return note_inlined(equalizer, err);
}

int equalizer_new(struct equalizer **out, struct config *config, struct cassette *cassette,
		  const struct equalizer_opts *opts, struct err *err)
{
	struct equalizer *equalizer = calloc(1, sizeof(*equalizer));
	int r;

	if (!equalizer)
		return err_nomem(err);
	notes_init(&equalizer->notes);
	equalizer->config = config;
	equalizer->cassette = cassette;
	equalizer->opts = *opts;
	if (!equalizer->opts.timeout_ms)
		equalizer->opts.timeout_ms = EQUALIZER_TIMEOUT_MS;
	r = open_build(equalizer, config, err);
	if (r < 0) {
		equalizer_free(equalizer);
		return r;
	}
	*out = equalizer;
	return 0;
}

void equalizer_free(struct equalizer *equalizer)
{
	if (!equalizer)
		return;
	player_free(equalizer->player);
	program_free(equalizer->program);
	notes_release(&equalizer->notes);
	free(equalizer);
}

const struct notes *equalizer_notes(const struct equalizer *equalizer)
{
	return &equalizer->notes;
}

const struct program *equalizer_program(const struct equalizer *equalizer)
{
	return equalizer->program;
}

static struct player_opts player_opts(struct equalizer *equalizer, int cpu)
{
	const struct equalizer_opts *opts = &equalizer->opts;

	return (struct player_opts){.config = equalizer->config,
				    .program = equalizer->program,
				    .exe = opts->exe,
				    .engine = opts->engine,
				    .ready = opts->ready,
				    .init = opts->init,
				    .args = opts->args,
				    .libs = opts->libs,
				    .timeout_ms = opts->timeout_ms,
				    .cpu = cpu,
				    .keep = opts->keep,
				    .goes_on = opts->goes_on,
				    .is_debugged = opts->is_debugged,
				    .is_checked = opts->is_checked,
				    .notes = &equalizer->notes};
}

int equalizer_one(struct equalizer *equalizer, const struct recording_key *key, struct comparison *out,
		  struct err *err)
{
	const struct player_opts opts = player_opts(equalizer, -1);
	int r = 0;

	if (!equalizer->player)
		r = player_new(&equalizer->player, &opts, equalizer->cassette, err);
	return r < 0 ? r : player_play(equalizer->player, key, out, err);
}

/* --- many: workers take keys in order; comparisons leave in order through a bounded window --- */

struct run {
	struct equalizer *equalizer;
	struct recording_key *keys;
	size_t keys_cnt, keys_cap;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t next;	/* key to be taken */
	size_t emitted; /* comparisons handed on */
	struct done {
		struct comparison comparison;
		bool is_done;
	} window[WINDOW_MAX];
	bool stopped;
	int status; /* of the first failure */
	struct err err;
};

struct worker {
	pthread_t thread;
	struct run *run;
	int cpu;
};

static int add_key(const struct found *found, void *ctx)
{
	struct run *run = ctx;

	if (run->keys_cnt == run->keys_cap) {
		size_t cap = run->keys_cap ? 2 * run->keys_cap : 1024;
		struct recording_key *more = realloc(run->keys, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		run->keys = more;
		run->keys_cap = cap;
	}
	run->keys[run->keys_cnt++] = found->key;
	return 0;
}

static bool is_told_to_stop(const struct run *run)
{
	const volatile sig_atomic_t *stop = run->equalizer->opts.stop;

	return run->stopped || (stop && *stop);
}

/* The next key's number, or keys_cnt when there is none. */
static size_t take(struct run *run)
{
	size_t idx;

	pthread_mutex_lock(&run->lock);
	while (!is_told_to_stop(run) && run->next < run->keys_cnt && run->next >= run->emitted + WINDOW_MAX)
		pthread_cond_wait(&run->changed, &run->lock);
	idx = is_told_to_stop(run) || run->next == run->keys_cnt ? run->keys_cnt : run->next++;
	pthread_mutex_unlock(&run->lock);
	return idx;
}

static void fail(struct run *run, int status, const struct err *err)
{
	pthread_mutex_lock(&run->lock);
	if (!run->status) {
		run->status = status;
		run->err = *err;
	}
	run->stopped = true;
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
}

static void give(struct run *run, size_t idx, const struct comparison *comparison)
{
	pthread_mutex_lock(&run->lock);
	run->window[idx % WINDOW_MAX] = (struct done){*comparison, true};
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
}

static int play_all(struct worker *worker, struct err *err)
{
	struct run *run = worker->run;
	const struct player_opts opts = player_opts(run->equalizer, worker->cpu);
	auto_cassette struct cassette *cassette = NULL;
	struct player *player = NULL;
	size_t idx;
	int r;

	/* A cassette is one thread's, so each worker opens its own. */
	r = cassette_open(&cassette, cassette_url(run->equalizer->cassette), false, err);
	if (r == 0)
		r = player_new(&player, &opts, cassette, err);
	while (r == 0 && (idx = take(run)) < run->keys_cnt) {
		struct comparison comparison;

		r = player_play(player, &run->keys[idx], &comparison, err);
		if (r == 0)
			give(run, idx, &comparison);
	}
	player_free(player);
	return r;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct err err = {};
	int r = play_all(worker, &err);

	if (r < 0)
		fail(worker->run, r, &err);
	pthread_mutex_lock(&worker->run->lock);
	pthread_cond_broadcast(&worker->run->changed);
	pthread_mutex_unlock(&worker->run->lock);
	return NULL;
}

/* A signal handler cannot wake a waiter: look again now and then. */
static void wait_a_moment(struct run *run)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += WAIT_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&run->changed, &run->lock, &until);
}

/* Hand comparisons on in order until the last key, a failure, or the caller's word. What was begun when told
 * to stop still comes. */
static int emit_all(struct run *run, comparison_fn fn, void *ctx, struct equalizer_totals *totals)
{
	int r = 0;

	pthread_mutex_lock(&run->lock);
	while (run->emitted < run->keys_cnt && r == 0) {
		struct done *done = &run->window[run->emitted % WINDOW_MAX];
		struct comparison comparison;

		if (!done->is_done && (run->status || (is_told_to_stop(run) && run->emitted >= run->next)))
			break;
		if (!done->is_done) {
			wait_a_moment(run);
			continue;
		}
		comparison = done->comparison;
		*done = (struct done){};
		run->emitted++;
		pthread_cond_broadcast(&run->changed);
		pthread_mutex_unlock(&run->lock);
		totals->total++;
		totals->by_verdict[comparison.verdict]++;
		totals->not_compared += comparison.differences.unavailable;
		unrecorded_sum(totals->unrecorded, &comparison);
		r = fn(&comparison, ctx);
		comparison_release(&comparison);
		pthread_mutex_lock(&run->lock);
	}
	run->stopped = true;
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
	return r;
}

static int jobs_of(const struct run *run)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t jobs = run->equalizer->opts.jobs ? (size_t)run->equalizer->opts.jobs : (size_t)MAX(cores, 1);

	return MIN(MIN(jobs, (size_t)JOBS_MAX), MAX(run->keys_cnt, 1u));
}

static int play_many(struct run *run, comparison_fn fn, void *ctx, struct equalizer_totals *totals,
		     struct err *err)
{
	int jobs = jobs_of(run), cores = sysconf(_SC_NPROCESSORS_ONLN), started = 0, r;
	struct worker workers[JOBS_MAX];

	for (; started < jobs; started++) {
		workers[started] = (struct worker){.run = run, .cpu = jobs <= cores ? started : -1};
		if (pthread_create(&workers[started].thread, NULL, work, &workers[started]))
			break;
	}
	if (!started)
		return err_set(err, -EAGAIN, "cannot start a thread to replay in");
	r = emit_all(run, fn, ctx, totals);
	for (int i = 0; i < started; i++)
		pthread_join(workers[i].thread, NULL);
	for (size_t i = 0; i < WINDOW_MAX; i++)
		if (run->window[i].is_done)
			comparison_release(&run->window[i].comparison);
	if (run->status && err)
		*err = run->err;
	return run->status ? run->status : r;
}

int equalizer_run(struct equalizer *equalizer, const struct lookup *lookup, comparison_fn fn, void *ctx,
		  struct equalizer_totals *totals, struct err *err)
{
	struct run *run = calloc(1, sizeof(*run));
	int r;

	if (!run)
		return err_nomem(err);
	run->equalizer = equalizer;
	pthread_mutex_init(&run->lock, NULL);
	pthread_cond_init(&run->changed, NULL);
	*totals = (struct equalizer_totals){};
	r = lookup_each(equalizer->cassette, lookup, &totals->unreadable, add_key, run, err);
	totals->found = run->keys_cnt;
	if (r == 0 && run->keys_cnt)
		r = play_many(run, fn, ctx, totals, err);
	pthread_cond_destroy(&run->changed);
	pthread_mutex_destroy(&run->lock);
	free(run->keys);
	free(run);
	return r;
}

struct cJSON *equalizer_totals_json(const struct equalizer_totals *totals)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "type", "summary");
	cJSON_AddNumberToObject(json, "total", totals->total);
	for (int i = 0; i < VERDICT_CNT; i++)
		cJSON_AddNumberToObject(json, verdict_name(i), totals->by_verdict[i]);
	if (totals->not_compared)
		cJSON_AddNumberToObject(json, "not_compared", totals->not_compared);
	unrecorded_add_totals(json, totals->unrecorded);
	return json;
}
