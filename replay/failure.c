// SPDX-License-Identifier: BSD-3-Clause
#include "replay/failure.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/buf.h"
#include "lib/object.h"
#include "lib/program.h"
#include "lib/util.h"
#include "replay/server.h"
#include "replay/target/patch.h"

#define TEXT_MAX 2048
#define SAID_MAX 160 /* characters of the last line that it wrote */

/* The calls by which a program reaches outside; others are told by number. */
static const struct {
	int number;
	const char *name;
} syscalls[] = {
	{SYS_socket, "socket"},
	{SYS_connect, "connect"},
	{SYS_bind, "bind"},
	{SYS_listen, "listen"},
	{SYS_accept, "accept"},
	{SYS_accept4, "accept4"},
	{SYS_sendto, "sendto"},
	{SYS_sendmsg, "sendmsg"},
	{SYS_sendmmsg, "sendmmsg"},
	{SYS_recvfrom, "recvfrom"},
	{SYS_recvmsg, "recvmsg"},
	{SYS_socketpair, "socketpair"},
	{SYS_kill, "kill"},
	{SYS_tkill, "tkill"},
	{SYS_tgkill, "tgkill"},
	{SYS_open, "open"},
	{SYS_openat, "openat"},
	{SYS_openat2, "openat2"},
	{SYS_creat, "creat"},
	{SYS_write, "write"},
	{SYS_writev, "writev"},
	{SYS_pwrite64, "pwrite64"},
	{SYS_pwritev, "pwritev"},
	{SYS_unlink, "unlink"},
	{SYS_unlinkat, "unlinkat"},
	{SYS_rename, "rename"},
	{SYS_renameat, "renameat"},
	{SYS_mkdir, "mkdir"},
	{SYS_mkdirat, "mkdirat"},
	{SYS_rmdir, "rmdir"},
	{SYS_truncate, "truncate"},
	{SYS_ftruncate, "ftruncate"},
	{SYS_chmod, "chmod"},
	{SYS_fchmod, "fchmod"},
	{SYS_chown, "chown"},
	{SYS_fork, "fork"},
	{SYS_vfork, "vfork"},
	{SYS_clone, "clone"},
	{SYS_clone3, "clone3"},
	{SYS_execve, "execve"},
	{SYS_execveat, "execveat"},
	{SYS_ptrace, "ptrace"},
	{SYS_mount, "mount"},
	{SYS_ioctl, "ioctl"},
	{SYS_shmget, "shmget"},
	{SYS_msgget, "msgget"},
	{SYS_semget, "semget"},
	{SYS_shmat, "shmat"},
	{SYS_bpf, "bpf"},
	{SYS_io_uring_setup, "io_uring_setup"},
	{SYS_process_vm_writev, "process_vm_writev"},
	{SYS_pidfd_send_signal, "pidfd_send_signal"},
	{SYS_rt_sigqueueinfo, "rt_sigqueueinfo"},
};

static void put_syscall(struct buf *out, int number)
{
	for (size_t i = 0; i < ARRAY_SIZE(syscalls); i++)
		if (syscalls[i].number == number) {
			buf_printf(out, "%s()", syscalls[i].name);
			return;
		}
	buf_printf(out, "system call %d", number);
}

/* " in 'price_of+0x1c'", or the file and address where no function is known. */
static void put_address(struct buf *out, const char *how, const struct program *program, unsigned module,
			uint64_t pc, bool is_return)
{
	const struct symbol *symbol;

	if (!pc)
		return;
	if (module >= program->files_cnt) {
		buf_printf(out, " %s 0x%" PRIx64, how, pc);
		return;
	}
	symbol = object_func_at(program->objects[module], pc - is_return);
	if (symbol)
		buf_printf(out, " %s '%s+0x%" PRIx64 "'", how, symbol->name, pc - symbol->addr);
	else
		buf_printf(out, " %s '%s' at 0x%" PRIx64, how, program->files[module].name, pc);
	if (symbol && module)
		buf_printf(out, " (%s)", program->files[module].name);
}

void failure_function(char *out, size_t len, const struct outcome_header *outcome,
		      const struct program *program)
{
	bool is_called = outcome->caller && outcome->pc_module != outcome->caller_module;
	unsigned module = is_called ? outcome->caller_module : outcome->pc_module;
	uint64_t pc = is_called ? outcome->caller - 1 : outcome->pc;
	const struct symbol *symbol =
		module < program->files_cnt ? object_func_at(program->objects[module], pc) : NULL;

	if (symbol)
		snprintf(out, len, "%s", symbol->name);
	else if (module < program->files_cnt)
		snprintf(out, len, "%s at 0x%" PRIx64, program->files[module].name, pc);
	else
		snprintf(out, len, "0x%" PRIx64, pc);
}

static void put_place(struct buf *out, const struct outcome_header *outcome, const struct program *program)
{
	put_address(out, "in", program, outcome->pc_module, outcome->pc, false);
}

/* Where a call returns to: that may be the next function, behind one that never returns. */
static void put_caller(struct buf *out, const char *how, const struct outcome_header *outcome,
		       const struct program *program)
{
	put_address(out, how, program, outcome->caller_module, outcome->caller, true);
}

static void put_where(struct buf *out, const struct outcome_header *outcome, const struct program *program)
{
	put_place(out, outcome, program);
	if (outcome->caller && outcome->pc_module != outcome->caller_module)
		put_caller(out, "called from", outcome, program);
}

static void put_signal_name(struct buf *out, int number)
{
	const char *name = sigabbrev_np(number);

	if (name)
		buf_printf(out, "SIG%s", name);
	else
		buf_printf(out, "signal %d", number);
}

static void put_signal(struct buf *out, const struct outcome_header *outcome, const struct program *program)
{
	put_signal_name(out, outcome->number);
	if (outcome->number != SIGABRT)
		buf_printf(out, " at address 0x%llx", outcome->addr);
	put_where(out, outcome, program);
}

static void put_printable(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_put_u8(out, (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i]);
}

static void put_blocked(struct buf *out, const struct outcome_header *outcome, const struct program *program)
{
	if (outcome->number == SYS_fork) {
		buf_printf(out, "the operation started more than %d processes, the last one",
			   PATCH_FORKS_MAX);
	} else {
		put_syscall(out, outcome->number);
		if (outcome->text[0])
			buf_printf(out, " of '");
		put_printable(out, outcome->text, strnlen(outcome->text, SAID_MAX));
		buf_printf(out, "%s would have left the sandbox and was blocked",
			   outcome->text[0] ? "'" : "");
	}
	if (outcome->caller)
		put_caller(out, "called from", outcome, program);
	else
		put_place(out, outcome, program);
}

/* The child could not say what happened to it. */
static void put_silent_end(struct buf *out, const struct server_result *result, const struct program *program)
{
	const struct outcome_header *outcome = result->outcome;
	int status = result->wait_status;

	if (result->timed_out) {
		buf_printf(out, "the operation did not end within the time limit");
		if (result->timeout_ms)
			buf_printf(out, " of %d ms", result->timeout_ms);
		if (outcome->pc)
			buf_printf(out, " and was");
		put_where(out, outcome, program);
	} else if (WIFSIGNALED(status)) {
		buf_printf(out, "the program was killed by ");
		put_signal_name(out, WTERMSIG(status));
	} else {
		buf_printf(out, "the program ended without a word (exit status %d)", WEXITSTATUS(status));
	}
}

/* The last line that it wrote to stderr, as far as it can be printed. */
static void put_said(struct buf *out, const char *said)
{
	size_t len = said ? strlen(said) : 0, from;

	while (len && (said[len - 1] == '\n' || said[len - 1] == ' '))
		len--;
	for (from = len; from && said[from - 1] != '\n';)
		from--;
	if (from == len)
		return;
	buf_printf(out, "; it said '");
	put_printable(out, said + from, MIN(len - from, (size_t)SAID_MAX));
	buf_printf(out, "'");
}

static void put_end(struct buf *out, const struct server_result *result, const struct program *program)
{
	const struct outcome_header *outcome = result->outcome;

	switch (outcome->end) {
	case OUTCOME_SIGNAL:
		put_signal(out, outcome, program);
		break;
	case OUTCOME_BLOCKED:
		put_blocked(out, outcome, program);
		break;
	case OUTCOME_EXIT:
		buf_printf(out, "the program called %s(%d)", "exit", outcome->number);
		put_caller(out, "in", outcome, program);
		break;
	case OUTCOME_LEFT:
		buf_printf(out, "the operation was left by longjmp or an exception");
		break;
	default:
		put_silent_end(out, result, program);
	}
}

static void put_memory(struct buf *out, const struct outcome_header *outcome)
{
	if (outcome->refused_bytes)
		buf_printf(out, "; the sandbox has no %llu bytes of memory at once, which it asked for",
			   outcome->refused_bytes);
	if (outcome->used_up_bytes)
		buf_printf(out, "; it had used most of the sandbox's %llu GiB of memory",
			   outcome->used_up_bytes >> 30);
}

void failure_memory(char *reason, size_t len, const struct outcome_header *outcome)
{
	auto_buf struct buf buf = {};
	size_t at = strlen(reason);

	buf_init(&buf, TEXT_MAX);
	put_memory(&buf, outcome);
	buf_put_u8(&buf, 0);
	if (!buf.failed)
		snprintf(reason + at, len - at, "%s", (const char *)buf.data);
}

void failure_text(char *out, size_t len, const struct server_result *result, const struct program *program,
		  const char *last_call)
{
	auto_buf struct buf buf = {};

	out[0] = '\0';
	if (result->outcome->end == OUTCOME_DONE)
		return;
	buf_init(&buf, TEXT_MAX);
	put_end(&buf, result, program);
	put_memory(&buf, result->outcome);
	if (last_call)
		buf_printf(&buf, "; the last call served was '%s'", last_call);
	put_said(&buf, result->said);
	buf_put_u8(&buf, 0);
	if (!buf.failed)
		snprintf(out, len, "%s", (const char *)buf.data);
}
