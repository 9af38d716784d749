/* SPDX-License-Identifier: BSD-3-Clause */
/* gdb on a process that has stopped itself before its operation. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct err;

/* Where it is to stop: by name, so that gdb passes the prologue; by live address where no symbol has one. */
struct debugger_stop {
	const char *symbol; /* NULL: none */
	uint64_t addr;
};

/* Wait until @pid has stopped itself; -ETIMEDOUT. */
int debugger_await(pid_t pid, int timeout_ms, struct err *err);
/* Run gdb on @pid, whose executable is @exe, at the terminal of this process, until its user leaves it. The
 * process goes on, unless gdb was told to kill it. */
int debugger_run(pid_t pid, const char *exe, const struct debugger_stop *stop, struct err *err);
