// SPDX-License-Identifier: BSD-3-Clause
/*
 * Another cassette behind a spool: what is put is safe on this disk when the call returns, and a thread takes
 * it on, for as long as that takes.
 *
 * The cassette behind may be slow or away for hours; the caller notices it only when the spool is full. What
 * is left at the end waits for the next who opens the spool of the same cassette.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/cassette_compound.h"
#include "lib/cassette_driver.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/spool.h"
#include "lib/util.h"

#define DELAY_FIRST_MS 250
#define DELAY_MAX_MS   30000
#define REJECT_TRIES                                                                                         \
	3 /* what the cassette calls impossible so often, while it takes others, is kept aside               \
	   */
#define NS_PER_MS     1000000
#define NS_PER_S      1000000000ll
#define FLUSH_LOOK_MS 50

/* Schemas that the cassette behind has for certain. */
struct known {
	struct known *next;
	char sha256[DIGEST_HEX_LEN + 1];
};

struct spooled {
	struct cassette cassette;
	struct cassette *target;
	pthread_mutex_t target_lock; /* it is used by one thread at a time */
	struct spool *spool;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	volatile sig_atomic_t closing;
	uint64_t serial; /* of what was appended */
	struct cassette_progress progress;
	struct known *known; /* the thread's, and under the target's lock */
};

static struct spooled *to_spooled(struct cassette *cassette)
{
	return container_of(cassette, struct spooled, cassette);
}

/* --- the thread --- */

static void wait_ms(struct spooled *spooled, uint64_t ms)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * NS_PER_MS;
	if (until.tv_nsec >= NS_PER_S) {
		until.tv_sec++;
		until.tv_nsec -= NS_PER_S;
	}
	pthread_mutex_lock(&spooled->lock);
	while (!spooled->closing && !r)
		r = pthread_cond_timedwait(&spooled->changed, &spooled->lock, &until);
	pthread_mutex_unlock(&spooled->lock);
}

static void note_failure(struct spooled *spooled, const struct err *err)
{
	pthread_mutex_lock(&spooled->lock);
	spooled->progress.failures++;
	spooled->progress.is_away = true;
	snprintf(spooled->progress.error, sizeof(spooled->progress.error), "%s", err->msg);
	pthread_mutex_unlock(&spooled->lock);
}

static void note_success(struct spooled *spooled, uint64_t recordings)
{
	pthread_mutex_lock(&spooled->lock);
	spooled->progress.is_away = false;
	spooled->progress.passed_on += recordings;
	pthread_mutex_unlock(&spooled->lock);
}

/* The target's lock is held. */
static int put_schema(struct spooled *spooled, const char *sha256, const struct blob *blob, struct err *err)
{
	struct known *known = spooled->known;
	int r;

	while (known && strcmp(known->sha256, sha256) != 0)
		known = known->next;
	if (known)
		return 0;
	r = cassette_put_schema(spooled->target, sha256, blob->data, blob->len, err);
	if (r)
		return r;
	known = calloc(1, sizeof(*known));
	if (!known)
		return err_nomem(err);
	snprintf(known->sha256, sizeof(known->sha256), "%s", sha256);
	known->next = spooled->known;
	spooled->known = known;
	return 0;
}

/* What the cassette will not take however often it is asked. */
static bool is_impossible(int result)
{
	return result == -EINVAL || result == -EFBIG || result == -ENAMETOOLONG || result == -EBADMSG;
}

struct pass {
	struct spool_frame *frames;
	bool *is_done;
	size_t cnt, done, recordings; /* recordings: of those that are done */
	unsigned tries;
};

/* One attempt at what is left; the target's lock is held. Schemas stand before what names them. */
static int try_frames(struct spooled *spooled, struct pass *pass, struct err *err)
{
	struct cassette_item items[SPOOL_BATCH];
	size_t which[SPOOL_BATCH], cnt = 0;
	int r = 0;

	for (size_t i = 0; i < pass->cnt && !r; i++) {
		struct spool_frame *frame = &pass->frames[i];

		if (pass->is_done[i])
			continue;
		if (frame->kind == SPOOL_RECORDING) {
			items[cnt] = frame->item;
			which[cnt++] = i;
			continue;
		}
		r = put_schema(spooled, frame->schema, &frame->item.full, err);
		pass->is_done[i] = !r;
		pass->done += !r;
	}
	if (r || !cnt)
		return r;
	r = cassette_put_many(spooled->target, items, cnt, err);
	for (size_t i = 0; i < cnt; i++) {
		/* Which of them were stored it then does not say; storing them again is harmless. */
		if (r == -ENOMEM)
			items[i].result = r;
		pass->frames[which[i]].item.result = items[i].result;
		pass->is_done[which[i]] = !items[i].result;
		pass->done += !items[i].result;
		pass->recordings += !items[i].result;
	}
	return r;
}

static void reject_impossible(struct spooled *spooled, struct pass *pass)
{
	struct err err = {};

	for (size_t i = 0; i < pass->cnt; i++) {
		struct spool_frame *frame = &pass->frames[i];

		if (pass->is_done[i] || frame->kind != SPOOL_RECORDING ||
		    !is_impossible(frame->item.result) || spool_reject(spooled->spool, frame, &err))
			continue;
		pass->is_done[i] = true;
		pass->done++;
		pthread_mutex_lock(&spooled->lock);
		spooled->progress.rejected++;
		pthread_mutex_unlock(&spooled->lock);
	}
}

/* A cassette that took something is right in itself; of another, its name may be wrong in all that is tried.
 */
static bool has_taken(const struct spooled *spooled)
{
	return spooled->known || spooled->progress.passed_on;
}

static uint64_t delay_ms(unsigned tries)
{
	uint64_t bound = MIN((uint64_t)DELAY_FIRST_MS << MIN(tries, 10u), DELAY_MAX_MS);

	return random_bits() % (bound + 1);
}

/* Until all of it is where it should be, or the end comes. */
static bool pass_on(struct spooled *spooled, struct spool_frame *frames, size_t cnt)
{
	bool is_done[SPOOL_BATCH] = {};
	struct pass pass = {frames, is_done, cnt};

	while (pass.done < cnt && !spooled->closing) {
		size_t before = pass.done, recordings = pass.recordings;
		struct err err = {};
		int r;

		pthread_mutex_lock(&spooled->target_lock);
		r = try_frames(spooled, &pass, &err);
		pthread_mutex_unlock(&spooled->target_lock);
		if (pass.done > before)
			note_success(spooled, pass.recordings - recordings);
		if (!r)
			continue;
		if (++pass.tries >= REJECT_TRIES && has_taken(spooled))
			reject_impossible(spooled, &pass);
		note_failure(spooled, &err);
		wait_ms(spooled, delay_ms(pass.tries));
	}
	return pass.done == cnt;
}

static void wait_for_more(struct spooled *spooled, uint64_t seen)
{
	pthread_mutex_lock(&spooled->lock);
	while (!spooled->closing && spooled->serial == seen)
		pthread_cond_wait(&spooled->changed, &spooled->lock);
	pthread_mutex_unlock(&spooled->lock);
}

static void *work(void *arg)
{
	struct spooled *spooled = arg;

	while (!spooled->closing) {
		struct spool_frame *frames;
		struct err err = {};
		uint64_t seen;
		size_t cnt;

		pthread_mutex_lock(&spooled->lock);
		seen = spooled->serial;
		pthread_mutex_unlock(&spooled->lock);
		if (spool_take(spooled->spool, &frames, &cnt, &err)) {
			note_failure(spooled, &err);
			wait_ms(spooled, DELAY_MAX_MS);
			continue;
		}
		if (!cnt)
			wait_for_more(spooled, seen);
		else if (pass_on(spooled, frames, cnt))
			spool_taken(spooled->spool);
	}
	return NULL;
}

/* --- opening --- */

static void spooled_close(struct cassette *cassette)
{
	struct spooled *spooled = to_spooled(cassette);

	pthread_mutex_lock(&spooled->lock);
	spooled->closing = 1;
	pthread_cond_broadcast(&spooled->changed);
	pthread_mutex_unlock(&spooled->lock);
	pthread_join(spooled->thread, NULL);
	spool_close(spooled->spool);
	cassette_close(spooled->target);
	for (struct known *known = spooled->known, *next; known; known = next) {
		next = known->next;
		free(known);
	}
	pthread_mutex_destroy(&spooled->lock);
	pthread_mutex_destroy(&spooled->target_lock);
	pthread_cond_destroy(&spooled->changed);
	free(spooled);
}

/* "size=BYTES" */
static int parse_size(const char *query, uint64_t *bytes, struct err *err)
{
	char *end;

	*bytes = SPOOL_BYTES_MAX;
	if (!*query)
		return 0;
	if (strncmp(query, "size=", 5) == 0) {
		*bytes = strtoull(query + 5, &end, 10);
		if (*bytes && !*end)
			return 0;
	}
	return err_usage(err, -EINVAL, "spool: takes '?size=BYTES', not '?%s'", query);
}

static int begin(struct spooled *spooled, const char *dir, const char *url, uint64_t bytes_max,
		 struct err *err)
{
	struct spool_state state;
	int r = spool_open(&spooled->spool, dir, url, bytes_max, err);

	if (r)
		return r;
	spool_state(spooled->spool, &state);
	spooled->progress.adopted = state.adopted;
	if (state.damaged)
		snprintf(
			spooled->cassette.warning, sizeof(spooled->cassette.warning),
			"%llu files of the spool are damaged, and what they hold cannot be passed on: they stay in "
			"'%s'",
			(unsigned long long)state.damaged, spool_dir(spooled->spool));
	pthread_mutex_init(&spooled->lock, NULL);
	pthread_mutex_init(&spooled->target_lock, NULL);
	pthread_cond_init(&spooled->changed, NULL);
	r = pthread_create(&spooled->thread, NULL, work, spooled);
	if (!r)
		return 0;
	spool_close(spooled->spool);
	return err_set(err, -r, "cannot start the thread that empties the spool");
}

static int spooled_open(struct cassette **out, const char *rest, const struct cassette_opts *opts,
			struct err *err)
{
	autofree struct spooled *spooled = calloc(1, sizeof(*spooled));
	struct cassette_opts target_opts = *opts;
	char folder[17], dir[sizeof(((struct compound *)0)->dir) + 32];
	struct compound compound;
	uint64_t bytes_max;
	int r;

	if (!spooled)
		return err_nomem(err);
	r = compound_parse(&compound, "spool", rest, err);
	if (!r)
		r = parse_size(compound.query, &bytes_max, err);
	if (r)
		return r;
	if (opts->transient)
		return err_usage(err, -EINVAL, "a spool cannot be transient: what it holds outlives it");
	compound_folder(compound.url, opts->prefix, folder);
	snprintf(dir, sizeof(dir), "%s/%s", compound.dir, folder);
	target_opts.stop = &spooled->closing;
	/* What was sampled once is not sampled again. */
	target_opts.sample = NULL;
	r = cassette_open_with(&spooled->target, compound.url, &target_opts, err);
	if (r)
		return r;
	r = begin(spooled, dir, compound.url, bytes_max, err);
	if (r) {
		cassette_close(spooled->target);
		return r;
	}
	*out = &TAKE_PTR(spooled)->cassette;
	return 0;
}

/* --- putting --- */

static int append(struct spooled *spooled, const struct spool_frame *frames, size_t cnt, struct err *err)
{
	int r = spool_append(spooled->spool, frames, cnt, err);

	pthread_mutex_lock(&spooled->lock);
	spooled->serial++;
	pthread_cond_broadcast(&spooled->changed);
	pthread_mutex_unlock(&spooled->lock);
	return r;
}

static int spooled_put_recordings(struct cassette *cassette, struct cassette_item *items, size_t cnt,
				  struct err *err)
{
	autofree struct spool_frame *frames = calloc(cnt + 1, sizeof(*frames));
	size_t made = 0;
	int r;

	if (!frames)
		return err_nomem(err);
	for (size_t i = 0; i < cnt; i++) {
		if (items[i].result)
			continue;
		frames[made].kind = SPOOL_RECORDING;
		frames[made++].item = items[i];
	}
	r = made ? append(to_spooled(cassette), frames, made, err) : 0;
	for (size_t i = 0; i < cnt; i++)
		if (!items[i].result)
			items[i].result = r;
	return r;
}

static bool is_passing(int result)
{
	return result == -EBUSY || result == -ECONNREFUSED || result == -ECONNRESET || result == -ETIMEDOUT ||
	       result == -EHOSTUNREACH || result == -EIO;
}

/*
 * A schema goes before everything else, so it is tried at once: a wrong name or key is then said when
 * recording begins, and not kept on disk for ever.
 */
static int spooled_put(struct cassette *cassette, const char *key, const void *data, size_t len,
		       struct err *err)
{
	struct spooled *spooled = to_spooled(cassette);
	struct spool_frame frame = {.kind = SPOOL_SCHEMA, .item.full = {(void *)data, len}};
	struct err now = {};
	int r;

	if (strncmp(key, "schema/", 7) != 0)
		return err_set(err, -ENOTSUP, "cannot write '%s' through a spool", key);
	snprintf(frame.schema, sizeof(frame.schema), "%s", key + 7);
	pthread_mutex_lock(&spooled->target_lock);
	r = put_schema(spooled, frame.schema, &frame.item.full, &now);
	pthread_mutex_unlock(&spooled->target_lock);
	if (r && !is_passing(r))
		return err_pass(err, r, &now);
	if (r)
		note_failure(spooled, &now);
	return append(spooled, &frame, 1, err);
}

/* What is on its way is not looked for. */
static int spooled_get(struct cassette *cassette, const char *key, struct blob *out, struct err *err)
{
	struct spooled *spooled = to_spooled(cassette);
	int r;

	if (strncmp(key, "schema/", 7) == 0)
		return -ENOENT; /* put_schema looks */
	pthread_mutex_lock(&spooled->target_lock);
	r = spooled->target->ops->get(spooled->target, key, out, err);
	pthread_mutex_unlock(&spooled->target_lock);
	return r;
}

static int spooled_remove(struct cassette *cassette, const char *key, struct err *err)
{
	return err_set(err, -ENOTSUP, "cannot remove '%s' through a spool", key);
}

static int spooled_list(struct cassette *cassette, const char *prefix, int (*fn)(const char *name, void *ctx),
			void *ctx, struct err *err)
{
	return err_set(err, -ENOTSUP, "a spool is not listed: list the cassette behind it");
}

/* --- the way on --- */

static void spooled_progress(struct cassette *cassette, struct cassette_progress *out)
{
	struct spooled *spooled = to_spooled(cassette);
	struct cassette_progress behind;
	struct spool_state state;

	spool_state(spooled->spool, &state);
	cassette_progress(spooled->target, &behind);
	pthread_mutex_lock(&spooled->lock);
	*out = spooled->progress;
	pthread_mutex_unlock(&spooled->lock);
	out->retries = behind.retries;
	out->throttled = behind.throttled;
	out->waiting = state.waiting;
	out->waiting_bytes = state.waiting_bytes;
	snprintf(out->where, sizeof(out->where), "%s", spool_dir(spooled->spool));
}

const struct cassette_ops cassette_spool_ops = {
	.scheme = "spool",
	.open = spooled_open,
	.close = spooled_close,
	.put = spooled_put,
	.get = spooled_get,
	.remove = spooled_remove,
	.list = spooled_list,
	.put_recordings = spooled_put_recordings,
	.progress = spooled_progress,
};
