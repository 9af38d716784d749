// SPDX-License-Identifier: BSD-3-Clause
#include "replay/valgrind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/util.h"

static void the_first_error_is_found_and_all_are_counted(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", ""},
		{"hello\n== == \n==3==\n==3== \n==x== Invalid\n", ""},
		{"--2-- WARNING: unhandled amd64-linux syscall: 434\nplain\n"
		 "==3== Invalid write of size 4\n==3==    at 0x1091BA: handle (a.c:23)\n==3==    by 0x2: main (a.c:27)\n"
		 "==3==  Address 0x18f850b0 is 0 bytes inside a block of size 72 free'd\n==3==    at 0x484417B: free (in /usr/x.so)\n"
		 "==3==    by 0x1091B2: handle (a.c:20)\n==3== \n",
		 "valgrind: Invalid write of size 4 at a.c:23 in handle"},
		{"==3== Conditional jump or move depends on uninitialised value(s)\n==3==    at 0x48: strlen (in /usr/x.so)\n"
		 "==3==    by 0x12: name(int, char*) (b.cpp:7)\n==3==    by 0x13: main (b.cpp:9)\n==3== \n"
		 "==3== Invalid read of size 1\n==3==    at 0x1: f (b.cpp:1)\n==3== \n"
		 "==3== Process terminating with default action of signal 11 (SIGSEGV)\n==3==    at 0x1: f (b.cpp:1)\n",
		 "valgrind: Conditional jump or move depends on uninitialised value(s) at b.cpp:7 in name(int, char*) (2 errors)"},
		{"==3== Jump to the invalid address stated on the next line\n==3==    at 0x10: ???\n",
		 "valgrind: Jump to the invalid address stated on the next line"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char out[256];

		assert_int_equal(valgrind_report(out, sizeof(out), cases[i].text), cases[i].want[0] != 0);
		assert_string_equal(out, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_error_is_found_and_all_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
