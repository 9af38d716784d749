// SPDX-License-Identifier: BSD-3-Clause
#include "loader/frames.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/util.h"

static void the_verifiers_words_are_understood(void **state)
{
	static const char unknown[] = "cannot tell the stack use of BPF program 'session'";
	static const struct {
		const char *log, *want; /* NULL: safe */
	} cases[] = {
		{"verification time 601 usec\nstack depth 0+0+48+8\nprocessed 691 insns\n", NULL},
		{"stack depth 48\n", NULL},
		{"stack depth 8+64+8\n",
		 "BPF program 'session' has a stack frame of 64 bytes: not safe to run"},
		{"stack depth 8+56\n",
		 "BPF program 'session' has a stack frame of 56 bytes: not safe to run"},
		{"stack depth 8+\n", unknown},
		{"stack depth \n", unknown},
		{"stack depth max 32\n", unknown},
		/* 7.3 */
		{"stack depth max 96\nsubprog 0 (session) main insns_self 24 insns_total 691 stack 0\n"
		 "subprog 1 (kick) static insns_self 130 insns_total 130 stack 48\nprocessed 691 insns\n",
		 NULL},
		{"stack depth max 136\nsubprog 0 (session) main insns_self 24 insns_total 691 stack 16\n"
		 "subprog 1 (kick) static insns_self 130 insns_total 130 stack 120\n",
		 "BPF program 'session' has a stack frame of 120 bytes: not safe to run"},
		{"subprog 0 (session) main insns_self 24\nsubprog 1 (kick) static stack 0\n", unknown},
		{"subprog 0 (session) main stack\n", unknown},
		{"processed 691 insns\n", unknown},
		{"", unknown},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = {};
		int r = frames_check("session", cases[i].log, &err);

		assert_int_equal(r, cases[i].want ? -EINVAL : 0);
		assert_string_equal(err.msg, cases[i].want ? cases[i].want : "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_verifiers_words_are_understood),
	};

	return cmocka_run_group_tests_name("frames", tests, NULL, NULL);
}
