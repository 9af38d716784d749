// SPDX-License-Identifier: BSD-3-Clause
/*
 * Many recordings: one thread lists them, workers take them in order, and their comparisons leave in order
 * through a bounded window. Nothing here grows with how many there are.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/util.h"
#include "replay/equalizer_impl.h"
#include "replay/unrecorded.h"

#define JOBS_MAX   256
#define WAIT_NS	   100000000
#define WINDOW_MAX 256	 /* comparisons that may wait for an earlier one */
#define AHEAD_MAX  16384 /* recordings that are listed before they are taken */
#define STOPPED	   1	 /* the listing, by us */

/* A recording to be replayed. */
struct listed {
	struct recording_key key;
	bool is_unreadable; /* its metadata cannot be read: nobody knows whether it was asked for */
};

struct run {
	struct equalizer *equalizer;
	const struct selection *selection;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct listed *ahead; /* AHEAD_MAX */
	size_t listed;	      /* so far */
	bool is_listed;	      /* there are no more */
	size_t next;	      /* to be taken */
	size_t emitted;	      /* comparisons handed on */
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

static bool is_told_to_stop(const struct run *run)
{
	const volatile sig_atomic_t *stop = run->equalizer->opts.stop;

	return run->stopped || (stop && *stop);
}

static bool must_wait(const struct run *run)
{
	if (is_told_to_stop(run))
		return false;
	return run->next == run->listed ? !run->is_listed : run->next >= run->emitted + WINDOW_MAX;
}

/* The next one and its number; false: there is none. */
static bool take(struct run *run, size_t *idx, struct listed *one)
{
	bool is_taken;

	pthread_mutex_lock(&run->lock);
	while (must_wait(run))
		pthread_cond_wait(&run->changed, &run->lock);
	is_taken = !is_told_to_stop(run) && run->next < run->listed;
	if (is_taken) {
		*idx = run->next++;
		*one = run->ahead[*idx % AHEAD_MAX];
		pthread_cond_broadcast(&run->changed);
	}
	pthread_mutex_unlock(&run->lock);
	return is_taken;
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

/* What is lost may be what was asked for: it counts. */
static void give_unreadable(struct run *run, size_t idx, const struct recording_key *key)
{
	struct comparison comparison = {.key = *key, .verdict = VERDICT_EQUALIZER_FAILURE};

	snprintf(comparison.reason, sizeof(comparison.reason),
		 "its metadata cannot be read; named by its ID it is replayed all the same");
	give(run, idx, &comparison);
}

static int play_all(struct worker *worker, struct err *err)
{
	struct run *run = worker->run;
	const struct player_opts opts = equalizer_player_opts(run->equalizer, worker->cpu);
	auto_cassette struct cassette *cassette = NULL;
	struct player *player = NULL;
	struct listed one;
	size_t idx;
	int r = 0;

	while (r == 0 && take(run, &idx, &one)) {
		struct comparison comparison;

		if (one.is_unreadable) {
			give_unreadable(run, idx, &one.key);
			continue;
		}
		/* A cassette is one thread's, so each worker opens its own. */
		if (!cassette)
			r = cassette_open(&cassette, cassette_url(run->equalizer->cassette), false, err);
		if (r == 0 && !player)
			r = player_new(&player, &opts, cassette, err);
		if (r == 0)
			r = player_play(player, &one.key, &comparison, err);
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
	return NULL;
}

/* --- listing --- */

static int add(const struct recording_key *key, bool is_unreadable, struct run *run)
{
	bool is_over;

	pthread_mutex_lock(&run->lock);
	while (!is_told_to_stop(run) && run->listed - run->next == AHEAD_MAX)
		pthread_cond_wait(&run->changed, &run->lock);
	is_over = is_told_to_stop(run);
	if (!is_over) {
		run->ahead[run->listed++ % AHEAD_MAX] = (struct listed){*key, is_unreadable};
		pthread_cond_broadcast(&run->changed);
	}
	pthread_mutex_unlock(&run->lock);
	return is_over ? STOPPED : 0;
}

static int add_found(const struct found *found, void *ctx)
{
	return add(&found->key, !found->metadata, ctx);
}

static int list_all(struct run *run, struct err *err)
{
	const struct selection *selection = run->selection;
	struct lookup lookup = *selection->lookup;
	int r = 0;

	lookup.with_unreadable = true;
	if (!selection->keys_cnt)
		return lookup_each(run->equalizer->cassette, &lookup, NULL, add_found, run, err);
	for (size_t i = 0; i < selection->keys_cnt && r == 0; i++)
		r = add(&selection->keys[i], false, run);
	return r;
}

static void *list(void *arg)
{
	struct run *run = arg;
	struct err err = {};
	int r = list_all(run, &err);

	if (r < 0)
		fail(run, r, &err);
	pthread_mutex_lock(&run->lock);
	run->is_listed = r == 0;
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
	return NULL;
}

/* --- handing on --- */

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

static void sum(struct equalizer_totals *totals, const struct comparison *comparison)
{
	totals->total++;
	totals->by_verdict[comparison->verdict]++;
	totals->not_compared += comparison->differences.unavailable;
	unrecorded_sum(totals->unrecorded, comparison);
}

/* Hand comparisons on in order until the last key, a failure, or the caller's word. What was begun when told
 * to stop still comes. */
static int emit_all(struct run *run, comparison_fn fn, void *ctx, struct equalizer_totals *totals)
{
	int r = 0;

	pthread_mutex_lock(&run->lock);
	while (!(run->is_listed && run->emitted == run->listed) && r == 0) {
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
		totals->found = run->listed;
		totals->is_listed = run->is_listed;
		pthread_cond_broadcast(&run->changed);
		pthread_mutex_unlock(&run->lock);
		sum(totals, &comparison);
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
	const struct selection *selection = run->selection;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t jobs = run->equalizer->opts.jobs ? (size_t)run->equalizer->opts.jobs : (size_t)MAX(cores, 1),
	       most = selection->keys_cnt ?: selection->lookup->limit ?: SIZE_MAX;

	return MIN(MIN(jobs, (size_t)JOBS_MAX), most);
}

static int play_many(struct run *run, comparison_fn fn, void *ctx, struct equalizer_totals *totals,
		     struct err *err)
{
	int jobs = jobs_of(run), cores = sysconf(_SC_NPROCESSORS_ONLN), started = 0, r;
	struct worker workers[JOBS_MAX];
	pthread_t lister;

	if (pthread_create(&lister, NULL, list, run))
		return err_set(err, -EAGAIN, "cannot start a thread to list recordings in");
	for (; started < jobs; started++) {
		workers[started] = (struct worker){.run = run, .cpu = jobs <= cores ? started : -1};
		if (pthread_create(&workers[started].thread, NULL, work, &workers[started]))
			break;
	}
	if (!started)
		fail(run, err_set(&run->err, -EAGAIN, "cannot start a thread to replay in"), &run->err);
	r = emit_all(run, fn, ctx, totals);
	for (int i = 0; i < started; i++)
		pthread_join(workers[i].thread, NULL);
	pthread_join(lister, NULL);
	for (size_t i = 0; i < WINDOW_MAX; i++)
		if (run->window[i].is_done)
			comparison_release(&run->window[i].comparison);
	totals->found = run->listed;
	totals->is_listed = run->is_listed;
	return run->status ? err_pass(err, run->status, &run->err) : r;
}

int equalizer_run(struct equalizer *equalizer, const struct selection *selection, comparison_fn fn, void *ctx,
		  struct equalizer_totals *totals, struct err *err)
{
	struct run *run = calloc(1, sizeof(*run));
	int r;

	*totals = (struct equalizer_totals){};
	if (run)
		run->ahead = calloc(AHEAD_MAX, sizeof(*run->ahead));
	if (!run || !run->ahead) {
		free(run);
		return err_nomem(err);
	}
	run->equalizer = equalizer;
	run->selection = selection;
	pthread_mutex_init(&run->lock, NULL);
	pthread_cond_init(&run->changed, NULL);
	r = play_many(run, fn, ctx, totals, err);
	pthread_cond_destroy(&run->changed);
	pthread_mutex_destroy(&run->lock);
	free(run->ahead);
	free(run);
	return r;
}
