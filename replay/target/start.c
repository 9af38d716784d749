// SPDX-License-Identifier: BSD-3-Clause
/*
 * The constructor runs before every other (the library is linked with -z initfirst), but after all
 * relocation: what it writes into GOT slots stays, given that the driver sets LD_BIND_NOW. libc has no
 * environment yet, so envp comes from the loader.
 */
#include "replay/target/start.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/tape.h"
#include "replay/target/clock.h"
#include "replay/target/dispatch.h"
#include "replay/target/engine.h"
#include "replay/target/forkserver.h"
#include "replay/target/install.h"
#include "replay/target/match.h"
#include "replay/target/module.h"
#include "replay/target/play.h"
#include "replay/target/record.h"
#include "replay/target/report.h"
#include "replay/target/syscalls.h"
#include "replay/target/traps.h"

#define EXPORT	      __attribute__((visibility("default")))
#define VARIABLE      "TAPEDECK_REPLAY="
#define READY_SHOWN   2
#define STATUS_FAILED 1

typedef int main_fn(int argc, char **argv, char **envp);
typedef int start_fn(main_fn *program, int argc, char **argv, main_fn *init, void (*fini)(void),
		     void (*rtld_fini)(void), void *stack_end);
typedef void exit_fn(int status);

static struct func all_funcs[PATCH_FUNCS_MAX];
ENGINE_WRITTEN struct engine engine = {.funcs = all_funcs};
static main_fn *program_main;
static int program_pid;
static ENGINE_WRITTEN int has_forked;

void engine_exit(int status)
{
	for (;;)
		syscalls_exit_group(status);
}

void engine_fail(const char *fmt, ...)
{
	struct patch_message message = {.kind = MESSAGE_FAILED};
	va_list args;

	va_start(args, fmt);
	vsnprintf(message.text, sizeof(message.text), fmt, args);
	va_end(args);
	if (engine.tape) {
		memcpy(engine.tape->text, message.text, sizeof(message.text));
		__atomic_store_n(&engine.tape->state, TAPE_FAILED, __ATOMIC_RELEASE);
	} else {
		syscalls_write(engine.socket, &message, sizeof(message));
	}
	engine_exit(STATUS_FAILED);
}

/* --- the patch file --- */

static int plan_makes_sense(const struct patch_func *func)
{
	const struct plan *plan = (void *)((char *)engine.patch + func->plan);
	uint64_t bytes = engine.patch->bytes;

	if (!func->plan)
		return 1;
	if (!engine_is_inside(func->plan, 1, offsetof(struct plan, ops), bytes))
		return 0;
	bytes -= func->plan + offsetof(struct plan, ops);
	return plan->ops_cnt <= PLAN_OPS_MAX && plan->ops_cnt <= bytes / sizeof(struct plan_op) &&
	       plan->in + plan->in_cnt <= plan->ops_cnt && plan->out + plan->out_cnt <= plan->ops_cnt &&
	       plan->key + plan->key_cnt <= plan->ops_cnt;
}

static int gate_makes_sense(const struct patch_func *func)
{
	const struct plan_gate *gate = (void *)((char *)engine.patch + func->gate);
	uint64_t bytes = engine.patch->bytes;

	if (!func->gate)
		return 1;
	if (!engine_is_inside(func->gate, 1, offsetof(struct plan_gate, ops), bytes))
		return 0;
	bytes -= func->gate + offsetof(struct plan_gate, ops);
	return gate->cnt <= PLAN_GATE_OPS && gate->cnt <= bytes / sizeof(struct plan_op);
}

static int funcs_make_sense(const struct patch_header *patch)
{
	const struct patch_func *funcs = (void *)((char *)patch + patch->funcs);
	const struct patch_slot *slots = (void *)((char *)patch + patch->slots);
	const struct patch_site *sites = (void *)((char *)patch + patch->sites);
	const struct patch_counters *counters = (void *)((char *)patch + patch->counters);

	for (unsigned i = 0; i < patch->funcs_cnt; i++)
		if (funcs[i].module >= patch->modules_cnt || funcs[i].fallbacks_cnt > 4 ||
		    !memchr(funcs[i].name, '\0', sizeof(funcs[i].name)) || !plan_makes_sense(&funcs[i]) ||
		    !gate_makes_sense(&funcs[i]))
			return 0;
	for (unsigned i = 0; i < patch->sites_cnt; i++)
		if (sites[i].module >= patch->modules_cnt || sites[i].func >= patch->funcs_cnt)
			return 0;
	for (unsigned i = 0; i < patch->slots_cnt; i++)
		if (slots[i].module >= patch->modules_cnt || slots[i].func >= patch->funcs_cnt)
			return 0;
	for (unsigned i = 0; i < patch->counters_cnt; i++)
		if (counters[i].module >= patch->modules_cnt || counters[i].cnt > PATCH_COUNTERS_MAX)
			return 0;
	return 1;
}

static void check_patch(const struct patch_header *patch, size_t len)
{
	const struct patch_module *modules = (void *)((char *)patch + patch->modules);

	if (len < sizeof(*patch) || patch->magic != PATCH_MAGIC)
		engine_fail("the patch file is not one");
	if (patch->version != PATCH_VERSION)
		engine_fail("the patch file has version %u, this library plays version %u", patch->version,
			    PATCH_VERSION);
	if (patch->bytes != len || patch->modules_cnt > PATCH_MODULES_MAX ||
	    patch->funcs_cnt > PATCH_FUNCS_MAX || patch->operation >= patch->funcs_cnt ||
	    (patch->has_init && patch->init_module >= patch->modules_cnt) ||
	    !engine_is_inside(patch->modules, patch->modules_cnt, sizeof(struct patch_module), len) ||
	    !engine_is_inside(patch->funcs, patch->funcs_cnt, sizeof(struct patch_func), len) ||
	    !engine_is_inside(patch->slots, patch->slots_cnt, sizeof(struct patch_slot), len) ||
	    !engine_is_inside(patch->sites, patch->sites_cnt, sizeof(struct patch_site), len) ||
	    !engine_is_inside(patch->counters, patch->counters_cnt, sizeof(struct patch_counters), len))
		engine_fail("the patch file makes no sense");
	for (unsigned i = 0; i < patch->modules_cnt; i++)
		if (!memchr(modules[i].name, '\0', sizeof(modules[i].name)) ||
		    modules[i].build_id_len > sizeof(modules[i].build_id))
			engine_fail("the patch file makes no sense");
	engine.patch = patch;
	if (!funcs_make_sense(patch))
		engine_fail("the patch file makes no sense");
}

static void use_patch(const struct patch_header *patch, size_t len)
{
	check_patch(patch, len);
	engine.modules = (void *)((char *)patch + patch->modules);
	for (unsigned i = 0; i < patch->funcs_cnt; i++) {
		const struct patch_func *func = (struct patch_func *)((char *)patch + patch->funcs) + i;

		engine.funcs[i].patch = func;
		engine.funcs[i].plan = func->plan ? (void *)((char *)patch + func->plan) : NULL;
		engine.funcs[i].gate = func->gate ? (void *)((char *)patch + func->gate) : NULL;
	}
}

static void *map(int fd, size_t len, int prot)
{
	void *at = mmap(NULL, len, prot, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		engine_fail("cannot map what the driver handed over: %m");
	return at;
}

static size_t file_len(int fd)
{
	long len = SYSCALL(SYS_lseek, fd, 0, SEEK_END, 0);

	if (len <= 0)
		engine_fail("the patch file is empty");
	return len;
}

/* --- the start --- */

/* Take "NAME=..." out of the environment; returns its value, or NULL. */
static const char *take_variable(char **envp, const char *name)
{
	const char *value = NULL;
	char **to = envp;

	for (; *envp; envp++) {
		if (!strncmp(*envp, name, strlen(name)))
			value = *envp + strlen(name);
		else
			*to++ = *envp;
	}
	*to = NULL;
	return value;
}

/* The program, and its children, find LD_PRELOAD as it was. */
static void restore_preload(char **envp)
{
	take_variable(envp, "LD_PRELOAD=");
	for (; *envp; envp++)
		if (!strncmp(*envp, TAPE_PRELOAD_ENV, strlen(TAPE_PRELOAD_ENV)))
			*envp += strlen("TAPEDECK_");
}

/* Whether @text is @cnt numbers. Not by libc: where a sanitizer is linked into the program, libc's function
 * is its, and not ready yet. */
static int read_numbers(const char *text, int *const numbers[], int cnt)
{
	for (int i = 0; i < cnt; i++) {
		while (*text == ' ')
			text++;
		if (*text < '0' || *text > '9')
			return 0;
		for (*numbers[i] = 0; *text >= '0' && *text <= '9'; text++)
			*numbers[i] = *numbers[i] * 10 + *text - '0';
	}
	return 1;
}

static void start_recording(const char *value, char **envp)
{
	int patch_fd, tape_fd, error_number = errno;
	size_t len;

	if (!read_numbers(value, (int *const[]){&patch_fd, &tape_fd}, 2))
		return;
	restore_preload(envp);
	record_map(tape_fd);
	len = file_len(patch_fd);
	use_patch(map(patch_fd, len, PROT_READ), len);
	syscalls_close(patch_fd);
	thunk_init();
	module_find_all();
	install_all();
	record_start(envp);
	/* main finds it as it would without us. */
	errno = error_number;
}

/* Of a sanitizer that is linked into the program, and stands before libc: it must be ready before we are. */
extern void __tsan_init(void) __attribute__((weak));

/* Linked in, the earliest that a program may ask for. */
__attribute__((constructor(101))) static void start(int argc, char **argv, char **envp)
{
	const char *value = take_variable(envp, VARIABLE), *recording = take_variable(envp, TAPE_ENV "=");
	int patch_fd, case_fd;
	size_t len;

	if ((value || recording) && __tsan_init)
		__tsan_init();
	if (recording) {
		start_recording(recording, envp);
		return;
	}
	if (!value ||
	    !read_numbers(value, (int *const[]){&patch_fd, &case_fd, &engine.outcome_fd, &engine.socket}, 4))
		return;
	take_variable(envp, "LD_PRELOAD=");
	take_variable(envp, "LD_BIND_NOW=");
	SYSCALL(SYS_fcntl, engine.socket, F_SETFD, FD_CLOEXEC, 0);
	SYSCALL(SYS_fcntl, engine.outcome_fd, F_SETFD, FD_CLOEXEC, 0);
	len = file_len(patch_fd);
	use_patch(map(patch_fd, len, PROT_READ), len);
	engine.played = map(case_fd, PATCH_CASE_BYTES, PROT_READ);
	engine.outcome = map(engine.outcome_fd, PATCH_OUTCOME_BYTES, PROT_READ | PROT_WRITE);
	syscalls_close(patch_fd);
	syscalls_close(case_fd);
	engine.server =
		mmap(NULL, sizeof(*engine.server), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (engine.server == MAP_FAILED)
		engine_fail("out of memory");
	clock_look();
	match_prepare();
	thunk_init();
	module_find_all();
	install_all();
	if (install_has_traps())
		traps_install_breakpoints();
	program_pid = syscalls_getpid();
	engine.state = ENGINE_STARTING;
}

/* "'handle_order', accept or epoll_wait" */
static const char *awaited(void)
{
	static char text[384];
	unsigned shown = 0;
	int len;

	if (engine.patch->ready_main == 1)
		return "main";
	len = snprintf(text, sizeof(text), "'%s'", engine.funcs[engine.patch->operation].patch->name);
	for (unsigned i = 0; i < engine.patch->funcs_cnt && shown < READY_SHOWN; i++)
		if (engine.funcs[i].patch->role & PATCH_READY)
			len += snprintf(text + len, sizeof(text) - len, "%s%s", shown++ ? ", " : " or ",
					engine.funcs[i].patch->name);
	return text;
}

/* The first process ends before ready; not when it goes to the background. */
static int is_failing(int status)
{
	return engine.state == ENGINE_STARTING && syscalls_getpid() == program_pid && (status || !has_forked);
}

static void heard_exit(int status)
{
	if (engine.state == ENGINE_RECORDING)
		record_ends();
	if (is_failing(status))
		engine_fail("the program exited with status %d before %s was reached", status, awaited());
	if (play_is_here()) {
		report_place(0, (uint64_t)__builtin_frame_address(0));
		report_end(OUTCOME_EXIT, NULL, status);
	}
}

static void on_program_exit(int status, void *unused)
{
	if (is_failing(status))
		fflush(NULL); /* its last words are the driver's best hint */
	heard_exit(status);
}

void start_watch_exit(void)
{
	on_exit(on_program_exit, NULL);
}

static void on_program_fork(void)
{
	has_forked = 1;
}

static void serve_from_main(const char *where)
{
	dispatch_enter();
	forkserver_run(where);
	dispatch_leave();
}

/* What it returns, if anything, nobody knows: it may be a void function. */
static int run_init(void)
{
	if (!module_is_loaded(engine.patch->init_module))
		engine_fail("'%s' is not loaded, and the function of --init is in it",
			    engine.modules[engine.patch->init_module].name);
	((void (*)(void))(module_base(engine.patch->init_module) + engine.patch->init))();
	return 0;
}

/* A program that had nothing to do, as a filter without input, is set up all the same. */
static int is_ready_at_end(int status)
{
	return engine.patch->ready_main == 2 || (engine.patch->end_will_do && !status && is_failing(status));
}

/* In the place of main. Where the engine is linked in, its constructor ran after this was put there. */
static int run_main(int argc, char **argv, char **envp)
{
	if (engine.state != ENGINE_STARTING)
		return program_main(argc, argv, envp);
	start_watch_exit();
	pthread_atfork(NULL, on_program_fork, NULL);
	if (engine.patch->ready_main == 1)
		serve_from_main("main");
	engine.main_result = engine.patch->has_init ? run_init() : program_main(argc, argv, envp);
	if (engine.state == ENGINE_STARTING && engine.patch->has_init)
		serve_from_main("the end of --init");
	if (engine.state == ENGINE_STARTING && is_ready_at_end(engine.main_result))
		serve_from_main(READY_END);
	if (is_failing(engine.main_result))
		fflush(NULL);
	if (is_failing(engine.main_result))
		engine_fail("main returned %d before %s was reached", engine.main_result, awaited());
	if (play_is_here())
		report_end(OUTCOME_LEFT, NULL, 0);
	return engine.main_result;
}

#ifdef LINKED_IN
/* By -Wl,--wrap=__libc_start_main; the driver knows by this mark that the engine is there. A program that was
 * linked without -Wl,--wrap=exit has no __real_exit, and its exit is not ours. */
EXPORT start_fn __wrap___libc_start_main;
extern start_fn __real___libc_start_main EXPORT;
EXPORT _Noreturn exit_fn __wrap_exit;
extern exit_fn __real_exit EXPORT __attribute__((weak));
EXPORT const char tapedeck_replay_linked_in[] = "tapedeck-replay";
#define START	     __wrap___libc_start_main
#define REAL_START() &__real___libc_start_main
#define EXIT	     __wrap_exit
#define REAL_EXIT()  &__real_exit
#else
EXPORT start_fn __libc_start_main;
EXPORT _Noreturn exit_fn exit;
#define START	     __libc_start_main
#define REAL_START() (start_fn *)dlsym(RTLD_NEXT, "__libc_start_main")
#define EXIT	     exit
#define REAL_EXIT()  (exit_fn *)dlsym(RTLD_NEXT, "exit")
#endif

int START(main_fn *program, int argc, char **argv, main_fn *init, void (*fini)(void), void (*rtld_fini)(void),
	  void *stack_end)
{
	start_fn *real = REAL_START();

	engine.has_entered = 1;
	program_main = program;
	return real(run_main, argc, argv, init, fini, rtld_fini, stack_end);
}

EXPORT _Noreturn void _exit(int status);
EXPORT _Noreturn void _Exit(int status);

void _exit(int status)
{
	heard_exit(status);
	engine_exit(status);
}

void _Exit(int status)
{
	_exit(status);
}

/* With 0, the end of main in other words, else mostly a failure. libc itself comes by here where it is linked
 * in, too, when main has returned. */
void EXIT(int status)
{
	exit_fn *real = REAL_EXIT();

	if (!status && engine.state == ENGINE_STARTING && syscalls_getpid() == program_pid &&
	    is_ready_at_end(status))
		serve_from_main(READY_END);
	real(status);
	__builtin_unreachable();
}
