// SPDX-License-Identifier: BSD-3-Clause
/*
 * What the same data costs the program by other tools: six registers and the result of each call of a
 * function. They and we watch a process each, in turn, and what the call costs unwatched is taken off.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/util.h"
#include "loader/attach.h"
#include "loader/drain.h"
#include "tests/bench/ratio.h"
#include "tests/bench/stage.h"

#define TOY	   "registers_push"
#define ROUNDS	   7
#define CALLS	   4000 /* ours, of a round */
#define READY_S	   20
#define LOOK_US	   100000
#define RING_BYTES (16 * 1024 * 1024)
#define SCRIPT_MAX 2048

static const char config[] =
	"{\"operations\": {\"toy_operation\": {\"prototype\": \"int toy_operation(long idx, long count)\"}}, "
	"\"inputs\": {\"toy_registers_push\": {\"args\": {\"a\": {\"opaque\": true}}, \"prototype\": "
	"\"int toy_registers_push(void *a, void *b, void *c, void *d, long e, long f)\"}}}";

/* @script becomes a file: its %s are the toys; of the arguments %P is the process, %S the script. */
static const struct peer {
	const char *name, *script;
	const char *argv[10];
	int calls; /* of a round */
	double limit;
} peers[] = {
	{"bpftrace",
	 "uprobe:%s:toy_" TOY
	 " { printf(\"%%d %%d %%d %%d %%d %%d\\n\", arg0, arg1, arg2, arg3, arg4, arg5) }\n"
	 "uretprobe:%s:toy_" TOY " { printf(\"%%d\\n\", retval) }\n",
	 {"bpftrace", "-p", "%P", "%S"},
	 1000,
	 10},
	{"ltrace", "", {"ltrace", "-p", "%P", "-x", "toy_" TOY}, 500, 50},
	/* The return is 7 bytes behind the entry, see toys.c. */
	{"gdb",
	 "set pagination off\nset confirm off\n"
	 "break *toy_" TOY "\ncommands\nsilent\n"
	 "printf \"%%ld %%ld %%ld %%ld %%ld %%ld\\n\", $rdi, $rsi, $rdx, $rcx, $r8, $r9\ncontinue\nend\n"
	 "break *(toy_" TOY "+7)\ncommands\nsilent\nprintf \"%%ld\\n\", $rax\ncontinue\nend\ncontinue\n",
	 {"gdb", "-q", "-nx", "-batch", "-p", "%P", "-x", "%S"},
	 200,
	 100},
};

struct bench {
	struct stage ours, theirs;
	struct drain *drain;
	char script[32], said[32]; /* files */
	double bare_ns;
};

static int pass_over(const struct event *event __attribute__((unused)), void *ctx __attribute__((unused)))
{
	return 0;
}

static void begin(struct bench *bench, const char *toys)
{
	struct stage *stage = &bench->ours;

	stage_start(stage, toys);
	bench->bare_ns = stage_run(stage, TOY " %d", CALLS) / CALLS;
	stage_attach(stage, config, RING_BYTES);
	stage_must(stage,
		   drain_new(&bench->drain, attach_source(stage->attach), pass_over, NULL, &stage->err));
	stage_must(stage, attach_enable(stage->attach, true, &stage->err));
}

static double measure_ours(struct bench *bench)
{
	double ns = stage_run(&bench->ours, TOY " %d", CALLS) / CALLS;

	stage_must(&bench->ours, drain_pass(bench->drain, &bench->ours.err));
	return ns - bench->bare_ns;
}

static double measure_theirs(struct bench *bench, const struct peer *peer)
{
	return stage_run(&bench->theirs, TOY " %d", peer->calls) / peer->calls - bench->bare_ns;
}

static void make_file(char *path, size_t size, const char *fmt, const char *toys)
{
	char text[SCRIPT_MAX];
	int len = snprintf(text, sizeof(text), fmt, toys, toys), fd;

	snprintf(path, size, "/tmp/tapedeck-bench-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0 || write(fd, text, len) != len)
		stage_die("bench: cannot write '%s': %s", path, strerror(errno));
	close(fd);
}

static pid_t start_peer(struct bench *bench, const struct peer *peer)
{
	char pid[16], *argv[ARRAY_SIZE(peer->argv) + 1] = {};
	pid_t child;

	snprintf(pid, sizeof(pid), "%d", bench->theirs.pid);
	for (size_t i = 0; i < ARRAY_SIZE(peer->argv) && peer->argv[i]; i++)
		argv[i] = !strcmp(peer->argv[i], "%P")	 ? pid
			  : !strcmp(peer->argv[i], "%S") ? bench->script
							 : (char *)peer->argv[i];
	child = fork();
	if (child == 0) {
		int out = open(bench->said, O_WRONLY | O_APPEND), in = open("/dev/null", O_RDONLY);

		dup2(in, 0);
		dup2(out, 1);
		dup2(out, 2);
		execvp(argv[0], argv);
		_exit(127);
	}
	return child;
}

static off_t said(const struct bench *bench)
{
	struct stat st;

	return stat(bench->said, &st) ? 0 : st.st_size;
}

/* It is ready when calls make it say more than it says by itself. */
static bool is_watching(struct bench *bench, const struct peer *peer)
{
	for (int i = 0; i < READY_S * 1000000 / LOOK_US; i++) {
		off_t before = said(bench);

		stage_run(&bench->theirs, TOY " %d", peer->calls);
		usleep(LOOK_US);
		if (said(bench) - before > peer->calls)
			return true;
	}
	return false;
}

static bool compare(struct bench *bench, const struct peer *peer, const char *toys)
{
	struct ratio ratio = {.what = peer->name, .limit = peer->limit, .is_least = true};
	pid_t child;

	stage_start(&bench->theirs, toys);
	make_file(bench->script, sizeof(bench->script), peer->script, toys);
	make_file(bench->said, sizeof(bench->said), "", NULL);
	child = start_peer(bench, peer);
	if (!is_watching(bench, peer))
		stage_die("bench: '%s' shows no calls (make bench-packages)", peer->name);
	for (int i = 0; i < ROUNDS; i++) {
		double ours = measure_ours(bench);

		ratio_add(&ratio, measure_theirs(bench, peer), ours);
	}
	stage_end(&bench->theirs);
	bench->theirs = (struct stage){};
	kill(child, SIGINT);
	waitpid(child, NULL, 0);
	unlink(bench->script);
	unlink(bench->said);
	return ratio_print(&ratio);
}

int main(int argc, char *argv[])
{
	struct bench bench = {};
	bool is_held = true;

	if (argc != 3)
		stage_die("usage: bench_peers TOYS COPY");
	setvbuf(stdout, NULL, _IOLBF, 0);
	begin(&bench, argv[1]);
	ratio_print_head("ns a call; the reference is ours");
	for (size_t i = 0; i < ARRAY_SIZE(peers); i++)
		is_held &= compare(&bench, &peers[i], argv[2]);
	drain_free(bench.drain);
	stage_end(&bench.ours);
	return is_held ? 0 : 1;
}
