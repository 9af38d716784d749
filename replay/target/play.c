// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/play.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "replay/target/carrier.h"
#include "replay/target/clock.h"
#include "replay/target/dispatch.h"
#include "replay/target/engine.h"
#include "replay/target/install.h"
#include "replay/target/invoke.h"
#include "replay/target/module.h"
#include "replay/target/reach.h"
#include "replay/target/report.h"
#include "replay/target/serve.h"
#include "replay/target/shadow.h"
#include "replay/target/start.h"
#include "replay/target/syscalls.h"
#include "replay/target/thunk.h"

static ENGINE_WRITTEN int player;	/* process id */
static ENGINE_WRITTEN int is_fork_ours; /* the next fork is the fork server's */

/* What the operation forks is a program of its own. */
static void forked(void)
{
	if (!is_fork_ours && engine.state == ENGINE_PLAYING)
		engine.state = ENGINE_PLAIN;
	is_fork_ours = 0;
}

/* Each may start more: the count is that of all of them, and the one too many ends the case. */
static void forks(void)
{
	int is_ours = is_fork_ours || (engine.state != ENGINE_PLAYING && engine.state != ENGINE_PLAIN);

	if (is_ours || __atomic_add_fetch(&engine.outcome->forks_cnt, 1, __ATOMIC_RELAXED) <= PATCH_FORKS_MAX)
		return;
	report_fault(OUTCOME_BLOCKED, SYS_fork, 0, (uint64_t)__builtin_frame_address(0), 0);
	syscalls_kill(player, SIGKILL);
	engine_exit(engine.end_status);
}

void play_comes_next(void)
{
	for (unsigned i = 0; i < engine.patch->modules_cnt; i++)
		engine.outcome->bases[i] = module_is_loaded(i) ? module_base(i) : PATCH_NOT_LOADED;
	is_fork_ours = !(engine.how & PATCH_RUN_HERE);
}

int play_is_here(void)
{
	return engine.state == ENGINE_PLAYING && syscalls_getpid() == player;
}

static int makes_sense(const struct case_header *played)
{
	return played->bytes >= sizeof(*played) && played->bytes <= PATCH_CASE_BYTES &&
	       engine_is_inside(played->calls, played->calls_cnt, sizeof(struct case_call), played->bytes) &&
	       played->stack_words <= PATCH_STACK_WORDS;
}

/* @stack: room for PATCH_STACK_WORDS. */
static void build_arguments(struct report *report, uint64_t *stack)
{
	const struct case_header *played = engine.played;
	struct serve serve = {.call = PATCH_NONE};

	if (!makes_sense(played))
		report_trouble(OUTCOME_TROUBLE, NULL, "the case makes no sense");
	memcpy(serve.args, played->args, sizeof(played->args));
	memcpy(serve.args + 6, played->stack, sizeof(played->stack));
	if (serve_run(&serve, played->ops, played->ops_cnt))
		report_trouble(OUTCOME_TROUBLE, NULL, "%s", serve.trouble);
	memcpy(report->args, serve.args, sizeof(report->args));
	memcpy(stack, serve.args + 6, sizeof(played->stack));
}

/* enum _Unwind_Action and _Unwind_Reason_Code */
#define UNWIND_SEARCH  1
#define UNWIND_HANDLER 4
#define UNWIND_FOUND   6
#define UNWIND_GO_ON   8

int thunk_caught(int version, int actions, uint64_t exception_class, void *exception, void *context)
{
	if (actions & UNWIND_SEARCH)
		return UNWIND_FOUND;
	if (!(actions & UNWIND_HANDLER))
		return UNWIND_GO_ON;
	dispatch_enter();
	report_end(OUTCOME_LEFT, NULL, 0);
}

/* By pthread_exit, with what it unwound behind it. */
static void on_thread_end(void *unused __attribute__((unused)))
{
	dispatch_enter();
	if (play_is_here())
		report_end(OUTCOME_EXIT, NULL, 0);
	dispatch_leave();
}

static void watch_thread_end(void)
{
	pthread_key_t key;

	if (!pthread_key_create(&key, on_thread_end))
		pthread_setspecific(key, &player);
}

void play_prepare(void)
{
	pthread_atfork(forks, NULL, forked);
	start_watch_exit();
	watch_thread_end();
}

/* Any process of the user may attach to it, where the kernel asks. */
static void stop_for_debugger(struct func *func)
{
	install_restore(func);
	install_for_debugger();
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	syscalls_tgkill(syscalls_getpid(), syscalls_gettid(), SIGSTOP);
}

void play_case(void)
{
	struct func *func = &engine.funcs[engine.patch->operation];
	struct invocation operation = {.report = {.func = func, .served = PATCH_NONE}};
	int error_number;

	clock_look();
	player = syscalls_getpid();
	engine.state = ENGINE_PLAYING;
	if (!func->original)
		report_trouble(OUTCOME_TROUBLE, func, "the code of '%s' cannot be moved", func->patch->name);
	build_arguments(&operation.report, operation.stack + 1);
	invoke_prepare(&operation, (const uint64_t *)engine.played->xmm, engine.played->stack_words);
	report_entry(&operation.report);
	carrier_add(func, operation.report.args, operation.report.rsp);
	reach_forget();
	if (engine.how & PATCH_RUN_DEBUGGED)
		stop_for_debugger(func);
	dispatch_play((uint64_t)__builtin_frame_address(0));
	error_number = invoke_call(&operation, func->original);
	if (!play_is_here()) /* a child that the operation forked came back, too: here is nobody for it */
		engine_exit(0);
	invoke_report_return(&operation, error_number);
	report_end(OUTCOME_DONE, NULL, 0);
}
