// SPDX-License-Identifier: BSD-3-Clause
/* How the engine makes a program ready, how cases end, and the walls around both. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/util.h"
#include "replay/sandbox.h"
#include "tests/engine/fixture.h"
#include "tests/engine/victim.h"

/* --- ends --- */

static void a_crash_is_an_outcome_with_its_place(void **state)
{
	fixture_run(&shared, CASE(.args = {DO_CRASH}));
	assert_int_equal(shared.outcome->end, OUTCOME_SIGNAL);
	assert_int_equal(shared.outcome->number, SIGSEGV);
	assert_int_equal(shared.outcome->addr, 8);
	assert_int_equal(shared.outcome->pc_module, 0);
	assert_true(WIFSIGNALED(shared.result.wait_status));
	assert_int_equal(WTERMSIG(shared.result.wait_status), SIGSEGV);

	fixture_run(&shared, CASE(.args = {DO_LIBC_CRASH}));
	assert_int_equal(shared.outcome->end, OUTCOME_SIGNAL);
	assert_int_equal(shared.outcome->pc_module, 1);
	assert_int_equal(shared.outcome->caller_module, 0);

	fixture_run(&shared, CASE(.args = {DO_ABORT}));
	assert_int_equal(shared.outcome->end, OUTCOME_SIGNAL);
	assert_int_equal(shared.outcome->number, SIGABRT);
	assert_int_equal(shared.outcome->caller_module, 0);

	fixture_run(&shared, CASE(.args = {DO_OVERFLOW}));
	assert_int_equal(shared.outcome->end, OUTCOME_SIGNAL);
	assert_int_equal(shared.outcome->number, SIGSEGV);
}

static void a_hang_is_killed_at_the_limit(void **state)
{
	struct err err = {};

	kit_case_write(&shared.data, CASE(.args = {DO_HANG}), &shared.patch);
	assert_int_equal(
		server_run(shared.server, shared.data.data, shared.data.len, 100, 0, &shared.result, &err),
		0);
	assert_true(shared.result.timed_out);
	assert_int_equal(shared.result.outcome->end, OUTCOME_NONE);
	assert_int_equal(shared.result.outcome->events_cnt, 1);
}

static void exits_are_outcomes_with_their_status(void **state)
{
	fixture_run(&shared, CASE(.args = {DO_EXIT}));
	assert_int_equal(shared.outcome->end, OUTCOME_EXIT);
	assert_int_equal(shared.outcome->number, 3);
	fixture_run(&shared, CASE(.args = {DO_UNDERSCORE_EXIT}));
	assert_int_equal(shared.outcome->end, OUTCOME_EXIT);
	assert_int_equal(shared.outcome->number, 4);
}

static void leaving_by_longjmp_is_an_outcome(void **state)
{
	fixture_run(&shared, CASE(.args = {DO_LONGJMP}));
	assert_int_equal(shared.outcome->end, OUTCOME_LEFT);
	assert_false(shared.result.timed_out);
}

static void a_blocked_call_names_its_caller(void **state)
{
	fixture_run(&shared, CASE(.args = {DO_CONNECT}));
	assert_int_equal(shared.outcome->end, OUTCOME_BLOCKED);
	assert_int_equal(shared.outcome->number, SYS_connect);
	assert_int_equal(shared.outcome->pc_module, 1);
	assert_int_equal(shared.outcome->caller_module, 0);
}

/* --- becoming ready --- */

static void ready_is_where_the_program_waits(void **state)
{
	assert_string_equal(server_ready_at(shared.server), "accept");
	assert_false(server_has_threads(shared.server));
}

static void start_up_runs_for_real(void **state)
{
	struct fixture f;

	fixture_start_or_fail(&f, "real");
	fixture_run(&f, CASE(.args = {DO_STATIC, 5}, .calls = {{"price_of", .key = {5}, .rax = 1}}));
	fixture_assert_done(&f, 2);
	fixture_stop(&f);
}

static void other_ways_to_be_ready_work(void **state)
{
	static const struct {
		const char *how, *want;
		unsigned ready_main;
	} table[] = {
		{"call", "operation", 0},	   {"nothing", "main", 1},
		{"nothing", "the end of main", 2}, {"closes", "accept", 0},
		{"workers", "accept", 0},	   {"background", "accept", 0},
		{"idle", "the end of main", 0},	   {"leaves", "the end of main", 0},
		{"leaves", "the end of main", 2},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct fixture f;
		struct err err = {};

		if (fixture_start(&f, fixture_funcs, FIXTURE_FUNCS, table[i].ready_main, table[i].how, &err))
			fail_msg("%s: %s", table[i].how, err.msg);
		assert_string_equal(server_ready_at(f.server), table[i].want);
		for (int k = 0; k < 2; k++) {
			fixture_run(&f, CASE(.args = {DO_STATIC, 5},
					     .calls = {{"price_of", .key = {5}, .rax = 10 + k}}));
			fixture_assert_done(&f, 11 + k);
		}
		fixture_stop(&f);
	}
}

static void failing_to_be_ready_is_said_in_words(void **state)
{
	static const struct {
		const char *how, *msg, *hint;
	} table[] = {
		{"early", "main returned 7 before 'operation' or accept was reached",
		 "give it the arguments that it needs behind --; 'main' or 'end' of --ready replay at the "
		 "start of main or at its end"},
		{"exit", "the program exited with status 9 before 'operation' or accept was reached",
		 "it wrote: cannot read victim.conf"},
		{"crash", "the program was killed by Aborted before it was ready",
		 "it wrote: no configuration"},
		{"hang", "the program was not ready within 300 ms",
		 "say with --ready where it waits for work, or 'main' to replay at its start"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct fixture f;
		struct err err = {};

		assert_true(fixture_start(&f, fixture_funcs, FIXTURE_FUNCS, 0, table[i].how, &err) < 0);
		assert_string_equal(err.msg, table[i].msg);
		assert_string_equal(err.hint, table[i].hint);
		fixture_stop(&f);
	}
}

/* Opens the copy in the folder @arg for writing as soon as it is there, and holds it for a while. */
static void *hold_copy(void *arg)
{
	char pattern[PATH_MAX];
	glob_t found = {};
	int fd = -1;

	snprintf(pattern, sizeof(pattern), "%s/tapedeck-replay-*/victim", (char *)arg);
	for (int tries = 0; fd < 0 && tries < 20000; tries++) {
		if (!glob(pattern, 0, NULL, &found))
			fd = open(found.gl_pathv[0], O_WRONLY | O_CLOEXEC);
		globfree(&found);
	}
	if (fd < 0)
		return NULL;
	usleep(100 * 1000);
	close(fd);
	return arg;
}

/* As a fork of another thread does, which has not come to its exec: the kernel runs no file that is written.
 */
static void a_copy_that_somebody_still_holds_is_waited_for(void **state)
{
	char dir[] = "/tmp/test-engine-XXXXXX";
	void *was_held = NULL;

	assert_non_null(mkdtemp(dir));
	setenv("TMPDIR", dir, 1);
	for (int i = 0; i < 20 && !was_held; i++) {
		struct fixture f;
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, hold_copy, dir), 0);
		fixture_start_or_fail(&f, "accept");
		assert_int_equal(pthread_join(thread, &was_held), 0);
		fixture_stop(&f);
	}
	unsetenv("TMPDIR");
	rmdir(dir);
	assert_non_null(was_held);
}

static void another_file_than_the_examined_is_refused(void **state)
{
	const struct server_opts base = {.exe = fixture_victim, .engine = fixture_engine, .cpu = -1};
	struct server_opts opts = base;
	struct kit_patch patch;
	struct server *server = NULL;
	struct patch_module *module;
	struct err err = {};

	kit_patch_init(&patch, fixture_victim, fixture_funcs, FIXTURE_FUNCS, 0);
	module = (void *)(patch.file.data + ((struct patch_header *)patch.file.data)->modules);
	module->build_id[0] ^= 0xff;
	opts.patch = patch.file.data;
	opts.patch_len = patch.file.len;
	assert_int_equal(server_start(&server, &opts, &err), -ECANCELED);
	assert_non_null(strstr(err.msg, "the executable is not the file that was examined: build id "));
	((struct patch_header *)patch.file.data)->version = 99;
	assert_int_equal(server_start(&server, &opts, &err), -ECANCELED);
	assert_string_equal(err.msg, "the patch file has version 99, this library plays version 5");
	((struct patch_header *)patch.file.data)->version = PATCH_VERSION;
	((struct patch_header *)patch.file.data)->funcs = 1 << 30;
	assert_int_equal(server_start(&server, &opts, &err), -ECANCELED);
	assert_string_equal(err.msg, "the patch file makes no sense");
	assert_null(server);
	kit_patch_release(&patch);
}

static void threads_at_ready_get_a_process_each(void **state)
{
	struct fixture f;

	fixture_start_or_fail(&f, "threads");
	assert_true(server_has_threads(f.server));
	for (int i = 0; i < 3; i++) {
		fixture_run(&f,
			    CASE(.args = {DO_STATIC, 5}, .calls = {{"price_of", .key = {5}, .rax = 10 + i}}));
		fixture_assert_done(&f, 11 + i);
	}
	fixture_run(&f, CASE(.args = {DO_THREADS}, .calls = {{"price_of", .key = {3}, .rax = 1000},
							     {"price_of", .key = {2}, .rax = 100},
							     {"price_of", .key = {1}, .rax = 10},
							     {"price_of", .key = {0}, .rax = 1}}));
	fixture_assert_done(&f, 1111);
	fixture_run(&f, CASE(.args = {DO_CRASH}));
	assert_int_equal(f.outcome->end, OUTCOME_SIGNAL);
	assert_int_equal(WTERMSIG(f.result.wait_status), SIGSEGV);
	kit_case_write(&f.data, CASE(.args = {DO_HANG}), &f.patch);
	assert_int_equal(server_run(f.server, f.data.data, f.data.len, 100, 0, &f.result, NULL), 0);
	assert_true(f.result.timed_out);
	fixture_run(&f, CASE(.args = {DO_CONNECT}));
	assert_int_equal(f.outcome->end, OUTCOME_BLOCKED);
	fixture_stop(&f);
}

static void threads_at_ready_run_no_operation_of_their_own(void **state)
{
	struct fixture f;

	fixture_start_or_fail(&f, "operations");
	fixture_run(&f, CASE(.args = {DO_PAUSE, 200000}));
	fixture_assert_done(&f, 0);
	fixture_assert_nothing_real(&f);
	fixture_stop(&f);
}

static void threads_that_others_start_are_not_the_operations(void **state)
{
	struct fixture f;

	fixture_start_or_fail(&f, "starter");
	fixture_run(&f, CASE(.args = {DO_PAUSE, 200000}));
	fixture_assert_done(&f, 0);
	assert_int_equal(f.outcome->calls_cnt, 0);
	fixture_stop(&f);
}

static void a_program_that_sleeps_or_joins_is_not_ready(void **state)
{
	static const struct kit_func waits[] = {{"select", PATCH_READY, .is_import = 1},
						{"poll", PATCH_READY, .is_import = 1},
						{"pthread_join", PATCH_READY, .is_import = 1}};
	struct kit_func funcs[FIXTURE_FUNCS + ARRAY_SIZE(waits)];
	struct fixture f;

	memcpy(funcs, fixture_funcs, sizeof(fixture_funcs));
	memcpy(funcs + FIXTURE_FUNCS, waits, sizeof(waits));
	assert_int_equal(fixture_start(&f, funcs, ARRAY_SIZE(funcs), 0, "sleeps", NULL), 0);
	fixture_run(&f, CASE(.args = {DO_PREPARED}));
	fixture_assert_done(&f, 3);
	fixture_stop(&f);
}

static void a_thread_at_ready_is_served_what_it_does_for_the_operation(void **state)
{
	struct fixture f;

	fixture_start_or_fail(&f, "worker");
	fixture_run(&f, CASE(.args = {DO_HAND_ON},
			     .ops = {{.kind = SERVE_ALLOC, .dst = 8, .len = 16},
				     {.kind = SERVE_ARG, .off = 2, .src = 8}},
			     .calls = {{"get_reply", .key = {3}, .rax = 7}}));
	fixture_assert_done(&f, 37);
	assert_string_equal(f.result.said, "REAL get_reply");
	fixture_stop(&f);
}

/* What the victim says of its walls; false when it did not get that far. */
static bool try_walls(struct err *err)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/test-engine-XXXXXX";
	char *args[] = {"walls", dir, NULL};
	struct server_opts opts = {.exe = fixture_victim, .engine = fixture_engine, .args = args, .cpu = -1};
	struct server *server = NULL;
	struct kit_patch patch;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	assert_non_null(mkdtemp(dir));
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/socket", dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	kit_patch_init(&patch, fixture_victim, fixture_funcs, FIXTURE_FUNCS, 0);
	opts.patch = patch.file.data;
	opts.patch_len = patch.file.len;
	r = server_start(&server, &opts, err);
	server_stop(server);
	kit_patch_release(&patch);
	close(fd);
	unlink(at.sun_path);
	/* What it wrote there is not there. */
	assert_int_equal(rmdir(dir), 0);
	return r == -ECANCELED &&
	       !strcmp(err->msg, "main returned 5 before 'operation' or accept was reached");
}

static void start_up_reaches_nothing_outside(void **state)
{
	struct err err = {};

	assert_true(try_walls(&err));
	assert_string_equal(
		err.hint,
		"it wrote: unix 13; datagram 13; pair 13; stream pair 0; bluetooth 97; inet 13; "
		"udp 0; outside 13; argument 0; inside 0; null 0; read 0; preload 2; parent 1; host 1; self 0; ");
}

static void refuse_namespaces(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = ARRAY_SIZE(code), .filter = code};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(9);
}

/* 0, or the number of the claim that is wrong. */
static int look_without_namespaces(void)
{
	struct kit_case made = {.args = {DO_STATIC, 5}, .calls = {{"price_of", .key = {5}, .rax = 1}}};
	struct err err = {};
	struct fixture f;

	refuse_namespaces();
	if (!try_walls(&err)) {
		print_error("%s (%s)\n", err.msg, err.hint);
		return 1;
	}
	/* No socket for datagrams at all; that it is the parent of another group is Landlock's to hide. */
	if (!strstr(err.hint, "unix 13; datagram 13; pair 13; stream pair 0; bluetooth 97; inet 13; udp 13; "
			      "outside 13; argument 13; inside 0;"))
		return 2;
	if (fixture_start(&f, fixture_funcs, FIXTURE_FUNCS, 0, "accept", &err))
		return 3;
	if (server_layers(f.server) != (1 << SANDBOX_LANDLOCK | 1 << SANDBOX_SECCOMP))
		return 4;
	kit_case_write(&f.data, &made, &f.patch);
	if (server_run(f.server, f.data.data, f.data.len, FIXTURE_TIMEOUT_MS, 0, &f.result, &err) ||
	    f.result.outcome->end != OUTCOME_DONE)
		return 5;
	fixture_stop(&f);
	return 0;
}

static void without_namespaces_the_network_is_closed_by_the_other_walls(void **state)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(look_without_namespaces());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void the_sandbox_has_all_its_layers_here(void **state)
{
	const unsigned all = (1 << SANDBOX_CNT) - 1;

	assert_int_equal(sandbox_probe(), all);
	assert_int_equal(server_layers(shared.server), all);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crash_is_an_outcome_with_its_place),
		cmocka_unit_test(a_hang_is_killed_at_the_limit),
		cmocka_unit_test(exits_are_outcomes_with_their_status),
		cmocka_unit_test(leaving_by_longjmp_is_an_outcome),
		cmocka_unit_test(a_blocked_call_names_its_caller),
		cmocka_unit_test(ready_is_where_the_program_waits),
		cmocka_unit_test(start_up_runs_for_real),
		cmocka_unit_test(other_ways_to_be_ready_work),
		cmocka_unit_test(failing_to_be_ready_is_said_in_words),
		cmocka_unit_test(another_file_than_the_examined_is_refused),
		cmocka_unit_test(threads_at_ready_get_a_process_each),
		cmocka_unit_test(threads_at_ready_run_no_operation_of_their_own),
		cmocka_unit_test(threads_that_others_start_are_not_the_operations),
		cmocka_unit_test(a_program_that_sleeps_or_joins_is_not_ready),
		cmocka_unit_test(a_thread_at_ready_is_served_what_it_does_for_the_operation),
		cmocka_unit_test(a_copy_that_somebody_still_holds_is_waited_for),
		cmocka_unit_test(start_up_reaches_nothing_outside),
		cmocka_unit_test(without_namespaces_the_network_is_closed_by_the_other_walls),
		cmocka_unit_test(the_sandbox_has_all_its_layers_here),
	};

	fixture_init(argc, argv);
	return cmocka_run_group_tests_name("engine: ready", tests, fixture_setup, fixture_teardown);
}
