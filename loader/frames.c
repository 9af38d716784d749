// SPDX-License-Identifier: BSD-3-Clause
#include "loader/frames.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/util.h"

#define STACK_ROUND 16 /* the verifier rounds a frame up to this, */
#define STACK_MAX   64 /* and gives it a per-CPU stack from this on */

static int check(const char *name, const char *at, char **end, struct err *err)
{
	unsigned long depth = strtoul(at, end, 10);

	if (*end == at)
		return err_set(err, -EINVAL, "cannot tell the stack use of BPF program '%s'", name);
	if (ALIGN_UP(depth, STACK_ROUND) >= STACK_MAX)
		return err_set(err, -EINVAL,
			       "BPF program '%s' has a stack frame of %lu bytes: not safe to run", name,
			       depth);
	return 0;
}

/* "stack depth 16+48+8", a number a function */
static int check_sum(const char *name, const char *p, struct err *err)
{
	char *end;
	int r;

	do {
		r = check(name, p, &end, err);
		p = end + 1;
	} while (!r && *end == '+');
	return r;
}

/* "stack depth max 32", then "subprog 0 (session) main insns_self 24 insns_total 691 stack 16", a line a
 * function; from 7.3 on. */
static int check_lines(const char *name, const char *log, struct err *err)
{
	static const char word[] = " stack ";
	bool is_known = false;
	int r = 0;

	for (const char *line = log; line && !r; line = strchr(line, '\n')) {
		const char *end, *p;
		char *rest;

		line += *line == '\n';
		if (strncmp(line, "subprog ", 8))
			continue;
		end = line + strcspn(line, "\n");
		p = strstr(line, word);
		r = p && p < end ? check(name, p + strlen(word), &rest, err) : check(name, "", &rest, err);
		is_known = true;
	}
	if (!is_known)
		return err_set(err, -EINVAL, "cannot tell the stack use of BPF program '%s'", name);
	return r;
}

/*
 * From 6.13 on, a program with a frame of 64 bytes or more gets a stack that is per CPU. Ours sleep, so
 * another of them could run on it meanwhile and both would be corrupted. The verifier prints the frames.
 */
int frames_check(const char *name, const char *log, struct err *err)
{
	static const char sum[] = "stack depth ";
	const char *p = strstr(log, sum);

	return p && isdigit((unsigned char)p[strlen(sum)]) ? check_sum(name, p + strlen(sum), err)
							   : check_lines(name, log, err);
}
