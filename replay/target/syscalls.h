/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * System calls past libc, whose names the program may define itself, and past the seccomp filter. Each
 * returns -errno.
 */
#pragma once

#include <sys/syscall.h>

#include "replay/target/thunk.h"

#define SYSCALL(nr, a, b, c, d) thunk_syscall(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

#define syscalls_read(fd, data, len)	    SYSCALL(SYS_read, fd, data, len, 0)
#define syscalls_write(fd, data, len)	    SYSCALL(SYS_write, fd, data, len, 0)
#define syscalls_close(fd)		    SYSCALL(SYS_close, fd, 0, 0, 0)
#define syscalls_poll(fds, cnt, timeout_ms) SYSCALL(SYS_poll, fds, cnt, timeout_ms, 0)
#define syscalls_getpid()		    SYSCALL(SYS_getpid, 0, 0, 0, 0)
#define syscalls_gettid()		    SYSCALL(SYS_gettid, 0, 0, 0, 0)
#define syscalls_kill(pid, number)	    SYSCALL(SYS_kill, pid, number, 0, 0)
#define syscalls_tgkill(pid, tid, number)   SYSCALL(SYS_tgkill, pid, tid, number, 0)
#define syscalls_setpgid(pid, group)	    SYSCALL(SYS_setpgid, pid, group, 0, 0)
#define syscalls_pidfd_open(pid)	    SYSCALL(SYS_pidfd_open, pid, 0, 0, 0)
#define syscalls_waitid(which, id, info, flags)                                                              \
	thunk_syscall(SYS_waitid, which, id, (long)(info), flags, 0, 0)
#define syscalls_wait4(pid, status)	 SYSCALL(SYS_wait4, pid, status, 0, 0)
#define syscalls_readlink(path, to, len) SYSCALL(SYS_readlink, path, to, len, 0)
#define syscalls_pause()		 SYSCALL(SYS_pause, 0, 0, 0, 0)
#define syscalls_exit_group(status)	 SYSCALL(SYS_exit_group, status, 0, 0, 0)
