// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/guard.h"

#include "replay/target/thunk.h"

size_t guard_read(void *to, uint64_t from, size_t len)
{
	return len - thunk_copy(to, (const void *)from, len);
}

size_t guard_write(uint64_t to, const void *from, size_t len)
{
	return len - thunk_copy((void *)to, from, len);
}

uint64_t guard_resume(uint64_t ip)
{
	return ip == (uint64_t)thunk_copy_insn ? (uint64_t)thunk_copy_fault : 0;
}
