// SPDX-License-Identifier: BSD-3-Clause
/*
 * What our side of the rings costs: events drained, assembled, made recordings and written to a file, by one
 * thread, against a bare copy and write of the same bytes. And whether that keeps up with two threads that do
 * nothing but make events.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/object.h"
#include "lib/program.h"
#include "lib/recording.h"
#include "lib/schema.h"
#include "lib/util.h"
#include "loader/assemble.h"
#include "loader/attach.h"
#include "loader/drain.h"
#include "loader/package.h"
#include "tests/bench/ratio.h"
#include "tests/bench/stage.h"

#define ROUNDS	   9
#define CALLS	   100	 /* of an operation */
#define OPERATIONS 500	 /* of a round: their events fit in the ring */
#define BUSY	   10000 /* operations of each busy thread: their events do not */
#define RING_BYTES (64 * 1024 * 1024)
#define WRITE_AT   (1024 * 1024)
#define IDLE_US	   1000
#define NS_PER_S   1000000000.0

static const char config[] =
	"{\"operations\": {\"toy_operation\": {\"prototype\": \"int toy_operation(long idx, long count)\"}}, "
	"\"inputs\": {\"toy_registers_push\": {\"args\": {\"a\": {\"opaque\": true}}, \"prototype\": "
	"\"int toy_registers_push(void *a, void *b, void *c, void *d, long e, long f)\"}}}";

/* What becomes of events. */
enum work {
	COPY_AND_WRITE,
	MAKE_RECORDINGS,
	WRITE_RECORDINGS,
};

struct bench {
	struct stage stage;
	struct drain *drain;
	struct assemble *assemble;
	struct package_context context;
	char schema[SCHEMA_ID_LEN + 1];
	enum work work;
	struct buf out;
	int fd;
	uint64_t events, recordings, incomplete;
};

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static void write_out(struct bench *bench)
{
	if (bench->out.failed ||
	    pwrite(bench->fd, bench->out.data, bench->out.len, 0) != (ssize_t)bench->out.len)
		stage_die("bench: cannot write: %s", strerror(errno));
	bench->out.len = 0;
}

static int on_event(const struct event *event, void *ctx)
{
	struct bench *bench = ctx;

	bench->events++;
	if (bench->work != COPY_AND_WRITE)
		return assemble_event(bench->assemble, event, &bench->stage.err);
	buf_put(&bench->out, event, event->len);
	if (bench->out.len >= WRITE_AT)
		write_out(bench);
	return 0;
}

static int on_operation(struct recording *recording, const struct assembled *about, void *ctx)
{
	struct bench *bench = ctx;
	const struct package_source source = {
		.pid = about->tgid, .number = about->number, .started_ns = about->started_ns};
	auto_recording struct recording *owned = recording;
	bool keep;
	int r = package_recording(owned, &bench->context, &source, &keep, &bench->stage.err);

	if (r == 0 && bench->work == WRITE_RECORDINGS)
		r = recording_write(&bench->out, owned, &bench->stage.err);
	bench->recordings++;
	bench->incomplete += !owned->complete;
	if (bench->out.len >= WRITE_AT)
		write_out(bench);
	return r;
}

static int pass(struct bench *bench)
{
	int events = drain_pass(bench->drain, &bench->stage.err);

	stage_must(&bench->stage, events);
	if (bench->work != COPY_AND_WRITE)
		stage_must(&bench->stage, assemble_pass_done(bench->assemble, &bench->stage.err));
	return events;
}

static void begin(struct bench *bench, const char *toys)
{
	struct stage *stage = &bench->stage;
	char path[] = "/tmp/tapedeck-bench-XXXXXX";

	bench->fd = mkstemp(path);
	unlink(path);
	buf_init(&bench->out, 64 * WRITE_AT);
	stage_start(stage, toys);
	stage_attach(stage, config, RING_BYTES);
	stage_must(stage, schema_id(stage->program->schema, bench->schema, &stage->err));
	bench->context = (struct package_context){.config = stage->config,
						  .program = stage->program,
						  .schema_id = bench->schema,
						  .host = "bench",
						  .build_id = object_build_id(stage->program->objects[0])};
	stage_must(stage, assemble_new(&bench->assemble, on_operation, bench, &stage->err));
	stage_must(stage,
		   drain_new(&bench->drain, attach_source(stage->attach), on_event, bench, &stage->err));
	stage_must(stage, attach_enable(stage->attach, true, &stage->err));
}

/* ns an event, of a ring that is filled first. */
static double measure(struct bench *bench, enum work work)
{
	double begun;
	int events = 0, more;

	stage_run(&bench->stage, "registers_push %d one %d", CALLS, OPERATIONS);
	bench->work = work;
	begun = now_ns();
	while ((more = pass(bench)))
		events += more;
	write_out(bench);
	return (now_ns() - begun) / events;
}

static bool compare(struct bench *bench)
{
	struct ratio made = {.what = "drained, assembled and made recordings"};
	struct ratio written = {.what = "and compressed and written", .limit = 2};

	for (int i = -1; i < ROUNDS; i++) {
		double bare = measure(bench, COPY_AND_WRITE);
		double make = measure(bench, MAKE_RECORDINGS), write = measure(bench, WRITE_RECORDINGS);

		if (i < 0) /* warms up */
			continue;
		ratio_add(&made, make, bare);
		ratio_add(&written, write, bare);
	}
	ratio_print_head("ns an event; the reference is copy and write");
	ratio_print(&made);
	return ratio_print(&written);
}

struct busy {
	struct stage *stage;
	double ns;
	int has_ended;
};

static void *be_busy(void *arg)
{
	struct busy *busy = arg;

	busy->ns = stage_run(busy->stage, "registers_push %d both %d", CALLS, BUSY);
	__atomic_store_n(&busy->has_ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* Our thread and theirs share the processors; as in the recorder, another one would write. */
static bool keep_up(struct bench *bench)
{
	struct busy busy = {.stage = &bench->stage};
	uint64_t before = bench->events, events, lost;
	bool has_ended = false;
	pthread_t thread;

	bench->work = MAKE_RECORDINGS;
	bench->recordings = bench->incomplete = 0;
	if (pthread_create(&thread, NULL, be_busy, &busy))
		stage_die("bench: no thread");
	while (pass(bench) || !has_ended) {
		has_ended = __atomic_load_n(&busy.has_ended, __ATOMIC_ACQUIRE);
		if (!has_ended)
			usleep(IDLE_US);
	}
	pthread_join(thread, NULL);
	events = bench->events - before;
	lost = stage_lost(&bench->stage);
	printf("\ntwo busy threads: %llu events, %.2f million a second, %llu lost, %llu of %llu recordings "
	       "incomplete: %s\n",
	       (unsigned long long)events, events / busy.ns * 1000, (unsigned long long)lost,
	       (unsigned long long)bench->incomplete, (unsigned long long)bench->recordings,
	       lost ? "OVER" : "ok");
	return !lost;
}

int main(int argc, char *argv[])
{
	struct bench bench = {};
	bool is_held;

	if (argc != 2)
		stage_die("usage: bench_drain TOYS");
	setvbuf(stdout, NULL, _IOLBF, 0);
	begin(&bench, argv[1]);
	is_held = compare(&bench);
	is_held &= keep_up(&bench);
	drain_free(bench.drain);
	assemble_free(bench.assemble);
	buf_release(&bench.out);
	close(bench.fd);
	stage_end(&bench.stage);
	return is_held ? 0 : 1;
}
