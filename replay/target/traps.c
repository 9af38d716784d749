// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/traps.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <ucontext.h>

#include "replay/target/dispatch.h"
#include "replay/target/engine.h"
#include "replay/target/fence.h"
#include "replay/target/filter.h"
#include "replay/target/guard.h"
#include "replay/target/install.h"
#include "replay/target/play.h"
#include "replay/target/report.h"
#include "replay/target/syscalls.h"

/* A crash by stack overflow is handled on a stack of its own; AVX-512 frames alone take 4 KB. */
#define STACK_BYTES (64u * 1024)
#define PAGE	    4096u
#define NEARLY	    16 /* all but a sixteenth */

static uint64_t get(const void *context, int reg)
{
	return ((const ucontext_t *)context)->uc_mcontext.gregs[reg];
}

static void set(void *context, int reg, uint64_t value)
{
	((ucontext_t *)context)->uc_mcontext.gregs[reg] = value;
}

/* Of the signal that this handler is for: it stays blocked until the handler returns. */
static void die_of(int number)
{
	struct sigaction by_default = {.sa_handler = SIG_DFL};

	sigaction(number, &by_default, NULL);
	syscalls_tgkill(syscalls_getpid(), syscalls_gettid(), number);
}

/* malloc fails, and nobody looks: the program's own reason to crash. */
static void look_at_memory(void)
{
	struct rlimit limit;
	char text[64] = "";
	uint64_t used;
	int fd;

	if (getrlimit(RLIMIT_AS, &limit) || limit.rlim_cur == RLIM_INFINITY)
		return;
	fd = SYSCALL(SYS_open, "/proc/self/statm", O_RDONLY | O_CLOEXEC, 0, 0);
	if (fd < 0)
		return;
	if (syscalls_read(fd, text, sizeof(text) - 1) > 0) {
		used = strtoull(text, NULL, 10) * PAGE;
		if (used + limit.rlim_cur / NEARLY > limit.rlim_cur)
			engine.outcome->used_up_bytes = limit.rlim_cur;
	}
	syscalls_close(fd);
}

/* Beyond the recorded objects there is nothing. */
static void look_at_access(const void *context, uint64_t addr)
{
	const struct fenced *object = fence_find(addr);

	engine.outcome->is_write = get(context, REG_ERR) >> 1 & 1;
	if (!object)
		return;
	engine.outcome->object = object->lay_at;
	engine.outcome->object_call = object->call;
	engine.outcome->distance = addr - object->live;
}

/* One of ours at @at; 0: it is not. */
static int take_breakpoint(uint64_t at, void *context)
{
	uint64_t slot = install_trap_slot(at), *sp;

	if (slot) {
		set(context, REG_RIP, slot);
		return 1;
	}
	if (at != install_watched())
		return 0;
	install_loaded();
	/* The function does nothing: it returns. */
	sp = (uint64_t *)get(context, REG_RSP);
	set(context, REG_RIP, *sp);
	set(context, REG_RSP, (uint64_t)(sp + 1));
	return 1;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	uint64_t ip = get(context, REG_RIP), resume = guard_resume(ip);

	if (number == SIGILL && engine.how & PATCH_RUN_DEBUGGED && take_breakpoint(ip, context))
		return;
	if (resume && (number == SIGSEGV || number == SIGBUS)) {
		set(context, REG_RIP, resume);
		return;
	}
	if (play_is_here())
		look_at_memory();
	if (play_is_here() && number == SIGSEGV && info->si_code > 0)
		look_at_access(context, (uint64_t)info->si_addr);
	if (play_is_here())
		report_fault(OUTCOME_SIGNAL, number, ip, get(context, REG_RSP),
			     info->si_code > 0 ? (uint64_t)info->si_addr : 0);
	die_of(number);
}

static void on_breakpoint(int number, siginfo_t *info, void *context)
{
	if (!take_breakpoint(get(context, REG_RIP) - 1, context))
		on_fault(number, info, context);
}

static long as_asked(const void *context)
{
	return thunk_syscall(get(context, REG_RAX), get(context, REG_RDI), get(context, REG_RSI),
			     get(context, REG_RDX), get(context, REG_R10), get(context, REG_R8),
			     get(context, REG_R9));
}

static uint64_t argument(const void *context, int idx)
{
	static const int regs[] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};

	return get(context, regs[idx]);
}

_Noreturn static void end_blocked(const void *context, int number)
{
	report_fault(OUTCOME_BLOCKED, number, get(context, REG_RIP), get(context, REG_RSP), 0);
	engine_exit(engine.end_status);
}

/* What the file's own permissions refuse looks the same: it is not the program's to write either way. */
static long change_file(const void *context, int number, int path)
{
	long r = as_asked(context);

	if ((r == -EACCES || r == -EPERM || r == -EROFS) && dispatch_is_playing()) {
		report_path(argument(context, path));
		end_blocked(context, number);
	}
	return r;
}

static long refuse_memory(const void *context)
{
	engine.outcome->refused_bytes = argument(context, 1);
	return -ENOMEM;
}

/* A process may signal itself, and threads that were there before the operation keep doing what they did. */
static long answer(const void *context, int number)
{
	int path = filter_path(number);

	if (path >= 0)
		return change_file(context, number, path);
	if (number == SYS_mmap)
		return refuse_memory(context);
	if (number == SYS_kill && (int)get(context, REG_RDI) == syscalls_getpid())
		return as_asked(context);
	if (dispatch_is_playing())
		end_blocked(context, number);
	return engine.state == ENGINE_PLAIN ? -EACCES : as_asked(context);
}

static void on_blocked(int number, siginfo_t *info, void *context)
{
	int saved = errno;

	if (info->si_code <= 0 && play_is_here()) {
		/* From the fork server: time is up. */
		report_place(get(context, REG_RIP), get(context, REG_RSP));
		engine_exit(engine.end_status);
	}
	set(context, REG_RAX, info->si_syscall);
	set(context, REG_RAX, answer(context, info->si_syscall));
	errno = saved;
}

static void handle(int number, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	sigaction(number, &action, NULL);
}

void traps_install_breakpoints(void)
{
	handle(SIGTRAP, on_breakpoint);
}

void traps_install(void)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	static char memory[STACK_BYTES];
	stack_t stack = {.ss_sp = memory, .ss_size = sizeof(memory)};

	sigaltstack(&stack, NULL);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		handle(faults[i], on_fault);
	handle(SIGSYS, on_blocked);
	traps_install_breakpoints();
}
