// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/guard.h"

#include <sys/uio.h>

#include "replay/target/engine.h"
#include "replay/target/syscalls.h"
#include "replay/target/thunk.h"

#define PAGE 4096u

static ENGINE_WRITTEN int is_watched;

void guard_is_watched(void)
{
	is_watched = 1;
}

/* Before that the kernel copies: it tells what is not there. */
static size_t ask_kernel(int call, void *own, uint64_t other, size_t len)
{
	struct iovec here = {own, len}, there = {(void *)other, len};
	long n = thunk_syscall(call, syscalls_getpid(), (long)&here, 1, (long)&there, 1, 0);

	return n > 0 ? n : 0;
}

size_t guard_read(void *to, uint64_t from, size_t len)
{
	if (!is_watched)
		return ask_kernel(SYS_process_vm_readv, to, from, len);
	return len - thunk_copy(to, (const void *)from, len);
}

size_t guard_write(uint64_t to, const void *from, size_t len)
{
	if (!is_watched)
		return ask_kernel(SYS_process_vm_writev, (void *)from, to, len);
	return len - thunk_copy((void *)to, from, len);
}

/* Of what crosses into a page that is not there, the kernel need not copy the first part. */
size_t guard_peek(void *to, uint64_t from, size_t len)
{
	size_t got = ask_kernel(SYS_process_vm_readv, to, from, len);

	while (got < len) {
		size_t step = PAGE - (from + got) % PAGE, n;

		step = step < len - got ? step : len - got;
		n = ask_kernel(SYS_process_vm_readv, (char *)to + got, from + got, step);
		got += n;
		if (n < step)
			break;
	}
	return got;
}

uint64_t guard_resume(uint64_t ip)
{
	return ip == (uint64_t)thunk_copy_insn ? (uint64_t)thunk_copy_fault : 0;
}
