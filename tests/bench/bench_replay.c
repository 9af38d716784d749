// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a replay costs: against a bare fork + exit + wait, and what a stubbed call costs: against a bare thunk
 * that saves the registers. Driver and target share one processor, as a pinned worker's do.
 */
#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/lookup.h"
#include "lib/program.h"
#include "lib/store.h"
#include "lib/util.h"
#include "replay/displaced.h"
#include "replay/image.h"
#include "replay/notes.h"
#include "replay/patchfile.h"
#include "replay/player.h"
#include "replay/server.h"
#include "replay/target/patch.h"
#include "replay/verdict.h"
#include "tests/bench/ratio.h"

#define ROUNDS	    9
#define REPLAYS	    300 /* of a round */
#define BIG_REPLAYS 40
#define CALLS	    20000
#define BIG_MB	    "1000"
#define CPU	    0
#define TIMEOUT_MS  10000
#define PATCH_MAX   (64u << 20)
#define KEYS_MAX    8
#define NS_PER_S    1000000000ull

/* A build, a configuration and the recordings that are played in it. */
struct scene {
	const char *exe, *engine, *config_path, *tape;
	char *const *args;
	struct config *config;
	struct program *program;
	struct cassette *cassette;
	struct store *store;
	struct recording_key keys[KEYS_MAX];
	size_t keys_cnt, operation;
	struct notes notes;
	struct buf patch, data;
	struct server *server;
};

static struct err err;

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(3);
}

static void must(int r)
{
	if (r < 0)
		die("bench: %s", err.msg);
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * (double)NS_PER_S + ts.tv_nsec;
}

static void pin(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(CPU, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("bench: cannot stay on processor %d: %s", CPU, strerror(errno));
}

/* --- scenes --- */

static int on_found(const struct found *found, void *ctx)
{
	struct scene *scene = ctx;

	if (scene->keys_cnt < KEYS_MAX)
		scene->keys[scene->keys_cnt++] = found->key;
	return 0;
}

static size_t operation_of(const struct scene *scene)
{
	for (size_t i = 0; i < scene->program->funcs_cnt; i++)
		if (scene->program->funcs[i].config->role == ROLE_OPERATION &&
		    !strcmp(scene->program->funcs[i].config->category, scene->keys[0].category))
			return i;
	die("bench: '%s' has no operation '%s'", scene->config_path, scene->keys[0].category);
}

static void scene_open(struct scene *scene)
{
	const struct lookup lookup = {.limit = KEYS_MAX, .now_s = time(NULL)};
	struct program_file *files;
	size_t cnt;

	notes_init(&scene->notes);
	buf_init(&scene->patch, PATCH_MAX);
	buf_init(&scene->data, PATCH_CASE_BYTES);
	must(config_load(&scene->config, scene->config_path, &err));
	must(program_files(&files, &cnt, scene->exe, &err));
	must(program_open(&scene->program, scene->config, files, cnt, &err));
	must(program_usable(scene->program, &err));
	must(cassette_open(&scene->cassette, scene->tape, false, &err));
	must(store_new(&scene->store, scene->cassette, &err));
	must(lookup_each(scene->cassette, &lookup, NULL, on_found, scene, &err));
	if (!scene->keys_cnt)
		die("bench: no recordings in '%s'", scene->tape);
	scene->operation = operation_of(scene);
}

static void scene_close(struct scene *scene)
{
	if (scene->server)
		server_stop(scene->server);
	buf_release(&scene->data);
	buf_release(&scene->patch);
	store_free(scene->store);
	cassette_close(scene->cassette);
	program_free(scene->program);
	config_free(scene->config);
	notes_release(&scene->notes);
}

/* A server with the first recording's case. */
static void scene_serve(struct scene *scene)
{
	const struct patchfile_opts patch_opts = {.operation = scene->operation};
	struct server_opts opts = {.exe = scene->exe,
				   .engine = scene->engine,
				   .args = scene->args,
				   .ready_timeout_ms = SERVER_READY_MS,
				   .cpu = CPU};
	auto_recording struct recording *recording = NULL;
	const struct schema *schema;
	const struct patch_span *spans;
	struct displaced displaced;
	size_t cnt;

	must(patchfile_write(&scene->patch, scene->config, scene->program, &patch_opts, &err));
	opts.patch = scene->patch.data;
	opts.patch_len = scene->patch.len;
	must(server_start(&scene->server, &opts, &err));
	spans = server_spans(scene->server, &cnt);
	displaced_init(&displaced, spans, cnt);
	must(store_get(scene->store, &scene->keys[0], &recording, &schema, &err));
	must(image_write(&scene->data, recording, schema, scene->store, scene->config, scene->program,
			 scene->operation, &displaced, &scene->notes, &err));
}

/* --- what is measured: ns for one --- */

static double serve(struct scene *scene, int count)
{
	double begun = now_ns();

	for (int i = 0; i < count; i++) {
		struct server_result result;

		must(server_run(scene->server, scene->data.data, scene->data.len, TIMEOUT_MS, 0, &result,
				&err));
		if (!WIFEXITED(result.wait_status) || result.timed_out)
			die("bench: a replay in '%s' did not end well", scene->exe);
	}
	return (now_ns() - begun) / count;
}

static double play(struct scene *scene, struct player *player, int count)
{
	double begun = now_ns();

	for (int i = 0; i < count; i++) {
		struct comparison comparison = {};

		must(player_play(player, &scene->keys[i % scene->keys_cnt], &comparison, &err));
		if (comparison.verdict != VERDICT_EQUAL)
			die("bench: %s: %s", verdict_name(comparison.verdict), comparison.reason);
		comparison_release(&comparison);
	}
	return (now_ns() - begun) / count;
}

/* Nanoseconds a replayed call of the operation took, by the target's own clock; the best of some. */
static double stubbed(struct scene *scene, struct player *player)
{
	double best = 1e18;

	for (int i = 0; i < 5; i++) {
		struct comparison comparison = {};

		must(player_play(player, &scene->keys[0], &comparison, &err));
		if (comparison.verdict != VERDICT_EQUAL)
			die("bench: %s: %s", verdict_name(comparison.verdict), comparison.reason);
		best = MIN(best, comparison.replayed_ns);
		comparison_release(&comparison);
	}
	return best;
}

struct bare {
	FILE *to, *from;
};

static struct bare bare_start(const char *path)
{
	int to[2], from[2];

	if (pipe(to) || pipe(from))
		die("bench: no pipes");
	if (fork() == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		close(to[1]);
		close(from[0]);
		execl(path, path, NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	return (struct bare){fdopen(to[1], "w"), fdopen(from[0], "r")};
}

static double bare_fork(struct bare *bare, int count)
{
	char line[64];

	fprintf(bare->to, "%d\n", count);
	fflush(bare->to);
	if (!fgets(line, sizeof(line), bare->from))
		die("bench: the bare program has ended");
	return strtod(line, NULL) / count;
}

/* A thunk that does nothing but what every thunk must: keep all registers that a callee may not change for
 * its caller under -fipa-ra, and call. */
void bare_dispatch(void);
__attribute__((noinline)) void bare_dispatch(void)
{
	asm volatile("");
}
void bare_thunk(void);
asm(".pushsection .text, \"ax\", @progbits\n"
    ".globl bare_thunk\n"
    ".type bare_thunk, @function\n"
    "bare_thunk:\n"
    "	push %rbp\n"
    "	mov %rsp, %rbp\n"
    "	and $-64, %rsp\n"
    "	sub $4096, %rsp\n"
    "	mov %rdi, 3072(%rsp)\n"
    "	mov %rsi, 3080(%rsp)\n"
    "	mov %rdx, 3088(%rsp)\n"
    "	mov %rcx, 3096(%rsp)\n"
    "	mov %r8, 3104(%rsp)\n"
    "	mov %r9, 3112(%rsp)\n"
    "	mov %r10, 3120(%rsp)\n"
    "	mov %r11, 3128(%rsp)\n"
    "	movq $0, 512(%rsp)\n"
    "	movq $0, 520(%rsp)\n"
    "	movq $0, 528(%rsp)\n"
    "	movq $0, 536(%rsp)\n"
    "	movq $0, 544(%rsp)\n"
    "	movq $0, 552(%rsp)\n"
    "	movq $0, 560(%rsp)\n"
    "	movq $0, 568(%rsp)\n"
    "	mov $0xe6, %eax\n"
    "	xor %edx, %edx\n"
    "	xsavec (%rsp)\n"
    "	call bare_dispatch\n"
    "	mov $0xe6, %eax\n"
    "	xor %edx, %edx\n"
    "	xrstor (%rsp)\n"
    "	mov 3072(%rsp), %rdi\n"
    "	mov 3080(%rsp), %rsi\n"
    "	mov 3088(%rsp), %rdx\n"
    "	mov 3096(%rsp), %rcx\n"
    "	mov 3104(%rsp), %r8\n"
    "	mov 3112(%rsp), %r9\n"
    "	mov 3120(%rsp), %r10\n"
    "	mov 3128(%rsp), %r11\n"
    "	leave\n"
    "	ret\n"
    ".size bare_thunk, . - bare_thunk\n"
    ".popsection\n");

static double bare_thunks(void)
{
	double begun = now_ns();

	for (int i = 0; i < 20000; i++)
		bare_thunk();
	return (now_ns() - begun) / 20000;
}

/* --- the table --- */

static bool compare_forks(struct scene *orders, const char *bare_path)
{
	struct ratio served = {.what = "a replay in the fork server", .limit = 2.5};
	struct ratio whole = {.what = "read, replayed and compared, in the sandbox", .limit = 4};
	struct bare bare = bare_start(bare_path);
	const struct player_opts opts = {.config = orders->config,
					 .program = orders->program,
					 .exe = orders->exe,
					 .engine = orders->engine,
					 .timeout_ms = TIMEOUT_MS,
					 .cpu = CPU,
					 .notes = &orders->notes};
	struct player *player;
	bool is_held;

	must(player_new(&player, &opts, orders->cassette, &err));
	scene_serve(orders);
	for (int i = -1; i < ROUNDS; i++) {
		double reference = bare_fork(&bare, REPLAYS), replay = serve(orders, REPLAYS);
		double compared = play(orders, player, REPLAYS);

		if (i < 0)
			continue;
		ratio_add(&served, replay, reference);
		ratio_add(&whole, compared, reference);
	}
	ratio_print_head("ns; the reference is a bare fork + exit + wait");
	is_held = ratio_print(&served) & ratio_print(&whole);
	player_free(player);
	fclose(bare.to);
	fclose(bare.from);
	return is_held;
}

static bool compare_sizes(struct scene *toys, struct scene *big)
{
	struct ratio ratio = {.what = "a replay with " BIG_MB " MB resident", .limit = 5};

	scene_serve(toys);
	scene_serve(big);
	for (int i = -1; i < ROUNDS; i++) {
		double reference = serve(toys, BIG_REPLAYS), ours = serve(big, BIG_REPLAYS);

		if (i >= 0)
			ratio_add(&ratio, ours, reference);
	}
	ratio_print_head("ns; the reference is the same, small");
	return ratio_print(&ratio);
}

/* The difference between many calls and few is what the calls cost. */
static bool compare_calls(struct scene *few, struct scene *many)
{
	struct ratio ratio = {.what = "a stubbed call", .limit = 1.5};
	const struct scene *scenes[] = {few, many};
	struct player *players[2];

	for (int i = 0; i < 2; i++) {
		const struct player_opts opts = {.config = scenes[i]->config,
						 .program = scenes[i]->program,
						 .exe = scenes[i]->exe,
						 .engine = scenes[i]->engine,
						 .timeout_ms = TIMEOUT_MS,
						 .cpu = CPU,
						 .notes = &((struct scene *)scenes[i])->notes};

		must(player_new(&players[i], &opts, scenes[i]->cassette, &err));
	}
	for (int i = -1; i < ROUNDS; i++) {
		double reference = bare_thunks(),
		       ours = (stubbed(many, players[1]) - stubbed(few, players[0])) / CALLS;

		if (i >= 0)
			ratio_add(&ratio, ours, reference);
	}
	ratio_print_head("ns; the reference is a thunk that saves registers");
	for (int i = 0; i < 2; i++)
		player_free(players[i]);
	return ratio_print(&ratio);
}

/* argv: ENGINE BARE, then EXE CONFIG TAPE of the orders, of the toys; the tape of the toys with CALLS more
 * calls; the part to measure, if not all: forks, calls or sizes. */
int main(int argc, char *argv[])
{
	char *const big_args[] = {BIG_MB, NULL};
	struct scene orders, few, many, big;
	const char *part = argc == 11 ? argv[10] : NULL;
	bool is_held = true;

	if (argc != 10 && argc != 11)
		die("usage: bench_replay ENGINE BARE ORDERS CONFIG TAPE TOYS CONFIG FEW MANY [PART]");
	setvbuf(stdout, NULL, _IOLBF, 0);
	orders = (struct scene){.engine = argv[1], .exe = argv[3], .config_path = argv[4], .tape = argv[5]};
	few = (struct scene){.engine = argv[1], .exe = argv[6], .config_path = argv[7], .tape = argv[8]};
	many = few;
	many.tape = argv[9];
	big = few;
	big.args = big_args;
	pin();
	scene_open(&orders);
	scene_open(&few);
	scene_open(&many);
	scene_open(&big);
	if (!part || !strcmp(part, "forks"))
		is_held &= compare_forks(&orders, argv[2]);
	if (!part || !strcmp(part, "calls"))
		is_held &= compare_calls(&few, &many);
	if (!part || !strcmp(part, "sizes"))
		is_held &= compare_sizes(&few, &big);
	scene_close(&orders);
	scene_close(&few);
	scene_close(&many);
	scene_close(&big);
	return is_held ? 0 : 1;
}
