// SPDX-License-Identifier: BSD-3-Clause
/*
 * The engine: calls wait, are in flight, or are over.
 *
 * A call that is worth another try waits for a random time up to a bound that doubles with each try (full
 * jitter), and counts against the window while it does: when nothing succeeds, the window shrinks until one
 * call alone probes the store. The window doubles until the first sign of congestion, then grows by one for
 * each of its lengths, and halves once for all that was in flight when a sign came.
 */
#include "lib/s3.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/s3_impl.h"
#include "lib/util.h"

#define WINDOW_FIRST   8
#define DELAY_FIRST_MS 100
#define DELAY_MAX_MS   20000
#define IDLE_MS	       250   /* between looks whether to stop */
#define PATIENCE_MS    30000 /* of a call, while the store does not answer at all */
#define RESIGNS_MAX    2     /* of a call: for the clock, for the region */

enum state { WAITING, FLYING, OVER };

struct slot {
	struct run *run;
	struct s3_call *call;
	enum state state;
	unsigned tries, resigns;
	bool renew;
	uint64_t first_ms, sent_ms, due_ms;
	struct s3_wire wire;
};

struct run {
	struct s3 *s3;
	struct slot *slots;
	size_t cnt, fresh; /* the first that was never started */
	size_t open;	   /* waiting, of those that were */
	size_t flying;
	size_t failed; /* the first that failed; cnt: none did */
	int away;      /* the store does not answer: the result of what it was not yet asked */
	struct err *err, away_err;
};

/* --- life --- */

static void text_default(char *text, size_t len, const char *value)
{
	if (!*text && value)
		snprintf(text, len, "%s", value);
}

int s3_open(struct s3 **out, const struct s3_url *url, struct err *err)
{
	auto_s3 struct s3 *s3 = calloc(1, sizeof(*s3));
	const struct chain_opts chain_opts = {
		.profile = *url->profile ? url->profile : NULL,
		.region = *url->region ? url->region : NULL,
		.ca_file = *url->ca ? url->ca : NULL,
	};
	struct http_opts http_opts = {};
	int r;

	if (!s3)
		return err_nomem(err);
	s3->url = *url;
	s3->window = WINDOW_FIRST;
	s3->is_probing = true;
	r = chain_new(&s3->chain, &chain_opts, err);
	if (r)
		return r;
	text_default(s3->url.region, sizeof(s3->url.region), chain_region(s3->chain));
	text_default(s3->url.region, sizeof(s3->url.region), "us-east-1");
	text_default(s3->url.endpoint, sizeof(s3->url.endpoint), chain_endpoint(s3->chain, "s3"));
	text_default(s3->url.ca, sizeof(s3->url.ca), chain_ca_file(s3->chain));
	r = s3_locate(s3, err);
	http_opts.ca_file = *s3->url.ca ? s3->url.ca : NULL;
	if (!r)
		r = http_new(&s3->http, &http_opts, err);
	if (r)
		return r;
	*out = TAKE_PTR(s3);
	return 0;
}

void s3_close(struct s3 *s3)
{
	if (!s3)
		return;
	http_free(s3->http);
	chain_free(s3->chain);
	explicit_bzero(&s3->key, sizeof(s3->key));
	free(s3);
}

void s3_closep(struct s3 **s3)
{
	s3_close(*s3);
}

void s3_stop_by(struct s3 *s3, const volatile sig_atomic_t *stop)
{
	s3->stop = stop;
}

const struct s3_url *s3_url(const struct s3 *s3)
{
	return &s3->url;
}

void s3_counts(const struct s3 *s3, struct s3_counts *out)
{
	*out = s3->counts;
}

void s3_troubles(const struct s3 *s3, uint64_t *retries, uint64_t *throttled)
{
	/* In this order the part is never more than the whole. */
	*throttled = __atomic_load_n(&s3->counts.throttled, __ATOMIC_ACQUIRE);
	*retries = __atomic_load_n(&s3->counts.retries, __ATOMIC_RELAXED);
}

static void count(uint64_t *n)
{
	__atomic_fetch_add(n, 1, __ATOMIC_RELEASE);
}

/* --- the window --- */

static unsigned window_max(const struct s3 *s3)
{
	return s3->url.connections ? s3->url.connections : S3_CONNECTIONS;
}

static void widen(struct s3 *s3)
{
	s3->window = MIN(s3->window + (s3->is_probing ? 1 : 1 / s3->window), window_max(s3));
}

static void narrow(struct s3 *s3, const struct slot *slot)
{
	if (slot->sent_ms <= s3->halved_ms && s3->halved_ms)
		return;
	s3->halved_ms = clock_ms();
	s3->window = MAX(s3->window / 2, 1);
	s3->is_probing = false;
}

/* --- a call --- */

static void end(struct slot *slot, const struct err *err)
{
	struct run *run = slot->run;
	size_t at = slot - run->slots;
	int result = slot->call->result;

	slot->state = OVER;
	s3_wire_release(&slot->wire);
	slot->wire = (struct s3_wire){};
	if (!result || result == -ENOENT || at >= run->failed)
		return;
	run->failed = at;
	if (run->err && err)
		*run->err = *err;
}

static void wait_for(struct slot *slot, uint64_t delay_ms)
{
	slot->state = WAITING;
	slot->due_ms = clock_ms() + delay_ms;
	slot->run->open++;
	s3_wire_release(&slot->wire);
	slot->wire = (struct s3_wire){};
}

static uint64_t delay_ms(unsigned tries, const struct http_answer *answer)
{
	uint64_t bound = MIN((uint64_t)DELAY_FIRST_MS << MIN(tries - 1, 10u), DELAY_MAX_MS);
	char text[32];

	if (!answer->code && http_header(answer, "retry-after", text, sizeof(text)))
		return MIN(strtoull(text, NULL, 10) * 1000, DELAY_MAX_MS);
	return random_bits() % (bound + 1);
}

static void try_later(struct slot *slot, bool is_throttled, const struct http_answer *answer,
		      const struct err *err)
{
	struct run *run = slot->run;
	struct s3 *s3 = run->s3;
	unsigned tries_max = s3->url.tries ? s3->url.tries : S3_TRIES;
	bool is_away = s3->success_ms < slot->first_ms;
	bool is_patient = !is_away || clock_ms() - slot->first_ms < PATIENCE_MS;

	if (slot->tries < tries_max && is_patient && !run->away) {
		count(&s3->counts.retries);
		if (is_throttled)
			count(&s3->counts.throttled);
		wait_for(slot, delay_ms(slot->tries, answer));
		return;
	}
	/* Nothing has succeeded all the while that this was tried. */
	if (!run->away && is_away) {
		run->away = slot->call->result;
		run->away_err = *err;
	}
	end(slot, err);
}

static void keep_answer(struct slot *slot, struct http_answer *answer)
{
	struct s3_call *call = slot->call;

	slot->run->s3->counts.got_bytes += answer->body.len;
	if (!http_header(answer, "etag", call->etag, sizeof(call->etag)))
		call->etag[0] = '\0';
	buf_put_u8(&answer->body, 0);
	if (answer->body.failed) {
		call->result = -ENOMEM;
		return;
	}
	call->answer = (struct blob){answer->body.data, answer->body.len - 1};
	buf_init(&answer->body, 0);
}

static void on_done(struct http_answer *answer, void *ctx)
{
	struct slot *slot = ctx;
	struct s3 *s3 = slot->run->s3;
	struct err err = {};
	enum s3_meaning meaning = s3_judge(s3, slot->call, answer, &err);

	slot->run->flying--;
	if ((meaning == S3_RENEW || meaning == S3_RESIGN) && slot->resigns++ < RESIGNS_MAX) {
		slot->renew = meaning == S3_RENEW;
		wait_for(slot, 0);
		return;
	}
	if (meaning == S3_LATER || meaning == S3_THROTTLE) {
		narrow(s3, slot);
		try_later(slot, meaning == S3_THROTTLE, answer, &err);
		return;
	}
	s3->success_ms = clock_ms();
	if (meaning == S3_DONE) {
		widen(s3);
		keep_answer(slot, answer);
	}
	end(slot, &err);
}

static void begin(struct slot *slot)
{
	struct s3 *s3 = slot->run->s3;
	struct err err = {};
	int r = s3_wire_make(&slot->wire, s3, slot->call, slot->renew, &err);

	slot->renew = false;
	slot->tries++;
	slot->sent_ms = clock_ms();
	if (slot->tries == 1)
		slot->first_ms = slot->sent_ms;
	if (!r)
		r = http_start(s3->http, &slot->wire.request, on_done, slot, &err);
	if (r) {
		slot->call->result = r;
		end(slot, &err);
		return;
	}
	s3->counts.requests++;
	s3->counts.sent_bytes += slot->call->len;
	slot->state = FLYING;
	slot->run->flying++;
}

/* --- the run --- */

static void give_up(struct run *run)
{
	for (size_t i = 0; i < run->cnt; i++) {
		struct slot *slot = &run->slots[i];

		if (slot->state != WAITING)
			continue;
		slot->call->result = run->away;
		end(slot, &run->away_err);
	}
	run->open = 0;
	run->fresh = run->cnt;
}

/* Begin what is due and fits the window; returns how long there is nothing else to begin. */
static unsigned begin_due(struct run *run)
{
	uint64_t now = clock_ms(), next = now + IDLE_MS;
	size_t open = run->open;

	for (size_t i = 0; open && i < run->fresh; i++) {
		struct slot *slot = &run->slots[i];

		if (slot->state != WAITING)
			continue;
		open--;
		if (slot->due_ms > now || run->flying >= run->s3->window) {
			next = MIN(next, MAX(slot->due_ms, now));
			continue;
		}
		run->open--;
		begin(slot);
	}
	while (run->fresh < run->cnt && run->flying + run->open < run->s3->window)
		begin(&run->slots[run->fresh++]);
	if (run->flying >= run->s3->window)
		next = now + IDLE_MS; /* something must end first */
	return next - now;
}

static int cancel(struct run *run)
{
	http_drop(run->s3->http);
	for (size_t i = 0; i < run->cnt; i++) {
		struct slot *slot = &run->slots[i];

		s3_wire_release(&slot->wire);
		if (slot->state != OVER)
			slot->call->result = -ECANCELED;
	}
	return err_set(run->err, -ECANCELED, "stopped while speaking with '%s'", run->s3->base);
}

int s3_calls(struct s3 *s3, struct s3_call *calls, size_t cnt, struct err *err)
{
	autofree struct slot *slots = calloc(cnt + 1, sizeof(*slots));
	struct run run = {.s3 = s3, .slots = slots, .cnt = cnt, .failed = cnt, .err = err};
	int r = 0;

	if (!slots)
		return err_nomem(err);
	for (size_t i = 0; i < cnt; i++) {
		slots[i] = (struct slot){.run = &run, .call = &calls[i]};
		calls[i].result = 0;
		calls[i].answer = (struct blob){};
	}
	while (!r && (run.fresh < cnt || run.open || run.flying)) {
		unsigned idle_ms;

		if (s3->stop && *s3->stop)
			return cancel(&run);
		if (run.away)
			give_up(&run);
		idle_ms = begin_due(&run);
		if (run.flying)
			r = http_wait(s3->http, idle_ms, err);
		else if (run.open)
			usleep(MIN(idle_ms, IDLE_MS) * 1000);
	}
	if (r)
		http_drop(s3->http);
	for (size_t i = 0; i < cnt; i++) {
		s3_wire_release(&slots[i].wire);
		if (r && slots[i].state != OVER)
			calls[i].result = r;
	}
	if (r)
		return r;
	return run.failed < cnt ? calls[run.failed].result : 0;
}
