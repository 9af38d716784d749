// SPDX-License-Identifier: BSD-3-Clause
#include "tests/integration/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/capability.h>

#include "lib/err.h"
#include "lib/insn.h"
#include "lib/object.h"
#include "lib/program.h"
#include "lib/util.h"
#include "loader/drain.h"
#include "loader/process.h"

#define POLL_MS	   1
#define ANSWER_MAX 128
#define PASSES	   4
#define NOBODY	   65534

struct rig {
	struct process process;
	int to, from; /* pipes */
	struct program program;
	struct program_file file;
	struct config_func *configs;
	struct attach_opts attach_opts;
	struct attach *attach;
	struct drain *drain;
	struct assemble *assemble;
	struct func_count *counts;
	uint64_t drained;
	rig_fn fn;
	void *ctx;
	struct err err;
	bool is_killed;
};

#define must(rig, r)                                                                                         \
	do {                                                                                                 \
		if ((r) < 0)                                                                                 \
			fail_msg("%s", (rig)->err.msg);                                                      \
	} while (0)

static void read_line(struct rig *rig, char *line)
{
	size_t len = 0;

	while (len < ANSWER_MAX - 1 && read(rig->from, line + len, 1) == 1 && line[len] != '\n')
		len++;
	line[len] = '\0';
}

static void start_victim(struct rig *rig)
{
	int to[2], from[2];
	char line[ANSWER_MAX];

	assert_int_equal(pipe2(to, O_CLOEXEC) | pipe2(from, O_CLOEXEC), 0);
	rig->process.pid = fork();
	if (rig->process.pid == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		execl(rig->file.path, "victim", NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	rig->to = to[1];
	rig->from = from[0];
	read_line(rig, line);
	assert_int_equal(sscanf(line, "ready %d", &rig->process.errno_off), 1);
}

static void add_plan(struct plan *plan, const struct probe *probe)
{
	plan->flags = probe->flags | PLAN_F_RETURN;
	plan->in_cnt = probe->in_cnt;
	plan->out = probe->in_cnt;
	plan->out_cnt = probe->out_cnt;
	plan->ops_cnt = plan->in_cnt + plan->out_cnt;
	if (probe->in_cnt)
		memcpy(plan->ops, probe->in, probe->in_cnt * sizeof(*plan->ops));
	if (probe->out_cnt)
		memcpy(plan->ops + plan->out, probe->out, probe->out_cnt * sizeof(*plan->ops));
}

static void describe(struct rig *rig, const struct probe *probes, size_t cnt, const struct rig_opts *opts)
{
	auto_object struct object *object = NULL;

	rig->program = (struct program){.files = &rig->file, .files_cnt = 1, .funcs_cnt = cnt};
	rig->program.funcs = calloc(cnt, sizeof(*rig->program.funcs));
	rig->configs = calloc(cnt, sizeof(*rig->configs));
	rig->counts = calloc(cnt, sizeof(*rig->counts));
	must(rig, object_open(&object, rig->file.path, &rig->err));
	for (size_t i = 0; i < cnt; i++) {
		struct program_func *func = &rig->program.funcs[i];
		const struct symbol *symbol = object_find_func(object, probes[i].symbol, NULL, NULL);

		assert_non_null(symbol);
		rig->configs[i] = (struct config_func){.name = (char *)probes[i].symbol,
						       .role = probes[i].role,
						       .sampling = {.rate = opts->rate ? opts->rate : 1,
								    .max_per_second = opts->max_per_second}};
		func->config = &rig->configs[i];
		func->plan = calloc(1, sizeof(*func->plan));
		add_plan(func->plan, &probes[i]);
		must(rig, site_choose(&func->site, object, symbol->addr, symbol->size, false, &rig->err));
		must(rig, object_offset(object, func->site.addr, &func->offset));
	}
}

static int on_recording(struct recording *recording, const struct assembled *about, void *ctx)
{
	struct rig *rig = ctx;

	rig->fn(recording, rig->ctx);
	recording_free(recording);
	return 0;
}

static int on_event(const struct event *event, void *ctx)
{
	struct rig *rig = ctx;

	rig->drained++;
	assert_int_equal(event->tgid, rig->process.pid);
	return assemble_event(rig->assemble, event, &rig->err);
}

void rig_attach(struct rig *rig)
{
	must(rig, attach_new(&rig->attach, NULL, &rig->program, &rig->process, &rig->attach_opts, &rig->err));
	must(rig, drain_new(&rig->drain, attach_source(rig->attach), on_event, rig, &rig->err));
	must(rig, assemble_new(&rig->assemble, on_recording, rig, &rig->err));
	must(rig, attach_enable(rig->attach, true, &rig->err));
}

void rig_attach_to_nobody(struct rig *rig, const char *message)
{
	struct process nobody = {.pid = INT32_MAX};
	struct attach *attach = NULL;

	assert_int_equal(attach_new(&attach, NULL, &rig->program, &nobody, &rig->attach_opts, &rig->err),
			 -ESRCH);
	assert_null(attach);
	assert_string_equal(rig->err.msg, message);
}

/* Keep @capabilities as another user. */
static int become(uint64_t capabilities)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{.effective = capabilities, .permitted = capabilities},
		{.effective = capabilities >> 32, .permitted = capabilities >> 32},
	};

	return prctl(PR_SET_KEEPCAPS, 1) || setresgid(NOBODY, NOBODY, NOBODY) ||
	       setresuid(NOBODY, NOBODY, NOBODY) || syscall(__NR_capset, &header, data);
}

static bool attaches_as_said(struct rig *rig, const char *message)
{
	struct attach *attach = NULL;
	int r = attach_new(&attach, NULL, &rig->program, &rig->process, &rig->attach_opts, &rig->err);

	attach_free(attach);
	if (!message)
		return r == 0;
	return r == -EPERM && !strcmp(rig->err.msg, message);
}

void rig_attach_with(struct rig *rig, uint64_t capabilities, const char *message)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		bool is_right = !become(capabilities) && attaches_as_said(rig, message);

		if (!is_right)
			fprintf(stderr, "%s\n", rig->err.msg);
		_exit(!is_right);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

struct rig *rig_start(const struct probe *probes, size_t cnt, const struct rig_opts *opts, rig_fn fn,
		      void *ctx)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	const char *victim = getenv("VICTIM");

	if (!victim)
		fail_msg("VICTIM is not set: run 'make test-integration'");
	signal(SIGPIPE, SIG_IGN);
	rig->file = (struct program_file){.path = (char *)victim, .name = "victim"};
	rig->attach_opts = opts->attach;
	rig->fn = fn;
	rig->ctx = ctx;
	describe(rig, probes, cnt, opts);
	start_victim(rig);
	rig_attach(rig);
	return rig;
}

static int pass(struct rig *rig)
{
	int events = drain_pass(rig->drain, &rig->err);

	must(rig, events);
	must(rig, assemble_pass_done(rig->assemble, &rig->err));
	return events;
}

void rig_ask(struct rig *rig, const char *command, const char *answer)
{
	struct pollfd poll_fd = {.fd = rig->from, .events = POLLIN};
	char line[ANSWER_MAX];

	assert_int_equal(dprintf(rig->to, "%s\n", command), strlen(command) + 1);
	while (!poll(&poll_fd, 1, POLL_MS))
		pass(rig);
	read_line(rig, line);
	assert_string_equal(line, answer);
	pass(rig);
}

void rig_do(struct rig *rig, const char *command)
{
	rig_ask(rig, command, "done");
}

void rig_do_blind(struct rig *rig, const char *command)
{
	char line[ANSWER_MAX];

	assert_int_equal(dprintf(rig->to, "%s\n", command), strlen(command) + 1);
	read_line(rig, line);
	assert_string_equal(line, "done");
}

void rig_run(struct rig *rig, unsigned ms)
{
	for (struct timespec begun, now = {};
	     clock_gettime(CLOCK_MONOTONIC, now.tv_sec ? &now : &begun), 1;) {
		if (!now.tv_sec)
			now = begun;
		if ((now.tv_sec - begun.tv_sec) * 1000 + (now.tv_nsec - begun.tv_nsec) / 1000000 >= ms)
			return;
		if (!pass(rig))
			usleep(1000);
	}
}

void rig_kill(struct rig *rig)
{
	kill(rig->process.pid, SIGKILL);
	waitpid(rig->process.pid, NULL, 0);
	rig->is_killed = true;
}

static void add(struct func_count *sum, const struct func_count *count)
{
	for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++)
		((uint64_t *)sum)[i] += ((const uint64_t *)count)[i];
}

void rig_finish(struct rig *rig, struct func_count *sum, struct assemble_counts *assembled)
{
	*sum = (struct func_count){};
	must(rig, attach_enable(rig->attach, false, &rig->err));
	attach_detach(rig->attach);
	for (int i = 0; i < PASSES; i++)
		pass(rig);
	must(rig, assemble_finish(rig->assemble, "recording stopped", &rig->err));
	assemble_counts(rig->assemble, assembled);
	must(rig, attach_counts(rig->attach, rig->counts, &rig->err));
	for (size_t i = 0; i < rig->program.funcs_cnt; i++)
		add(sum, &rig->counts[i]);
	if (drain_abandoned(rig->drain))
		assert_true(sum->emitted > rig->drained);
	else
		assert_int_equal(sum->emitted, rig->drained);
	assert_int_equal(drain_malformed(rig->drain), 0);
	assert_int_equal(assemble_open_cnt(rig->assemble), 0);
}

struct drain *rig_drain(struct rig *rig)
{
	return rig->drain;
}

int rig_ring(const struct rig *rig, int cpu)
{
	return attach_ring_fd(rig->attach, cpu);
}

uint64_t rig_drained(const struct rig *rig)
{
	return rig->drained;
}

const struct func_count *rig_count(const struct rig *rig, const char *symbol)
{
	for (size_t i = 0; i < rig->program.funcs_cnt; i++)
		if (!strcmp(rig->configs[i].name, symbol))
			return &rig->counts[i];
	fail_msg("no function '%s'", symbol);
	return NULL;
}

void rig_detach(struct rig *rig)
{
	struct assemble_counts assembled;
	struct func_count sum;

	rig_finish(rig, &sum, &assembled);
	drain_free(rig->drain);
	assemble_free(rig->assemble);
	attach_free(rig->attach);
	rig->drain = NULL;
	rig->assemble = NULL;
	rig->attach = NULL;
	rig->drained = 0;
}

void rig_end(struct rig *rig)
{
	int status = 0;

	drain_free(rig->drain);
	assemble_free(rig->assemble);
	attach_free(rig->attach);
	close(rig->to);
	close(rig->from);
	if (!rig->is_killed) {
		assert_int_equal(waitpid(rig->process.pid, &status, 0), rig->process.pid);
		assert_int_equal(status, 0);
	}
	for (size_t i = 0; i < rig->program.funcs_cnt; i++)
		free(rig->program.funcs[i].plan);
	free(rig->program.funcs);
	free(rig->configs);
	free(rig->counts);
	free(rig);
}
