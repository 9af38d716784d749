// SPDX-License-Identifier: BSD-3-Clause
#include "loader/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/util.h"

#define STACK_ROUND 16 /* the verifier rounds a frame up to this, */
#define STACK_MAX   64 /* and gives it a per-CPU stack from this on */

/*
 * From 6.13 on, a program with a frame of 64 bytes or more gets a stack that is per CPU. Ours sleep, so
 * another of them could run on it meanwhile and both would be corrupted. The verifier prints the frames:
 * "stack depth 16+48+8".
 */
int frames_check(const char *name, const char *log, struct err *err)
{
	const char *p = strstr(log, "stack depth ");
	char *end;

	if (!p)
		return err_set(err, -EINVAL, "cannot tell the stack use of BPF program '%s'", name);
	p += strlen("stack depth ");
	for (;; p = end + 1) {
		unsigned long depth = strtoul(p, &end, 10);

		if (end == p || ALIGN_UP(depth, STACK_ROUND) >= STACK_MAX)
			return err_set(err, -EINVAL,
				       "BPF program '%s' has a stack frame of %lu bytes: not safe to run",
				       name, depth);
		if (*end != '+')
			return 0;
	}
}
