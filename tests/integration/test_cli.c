// SPDX-License-Identifier: BSD-3-Clause
/* Bad input, and what it gets: a status, one line that says what, one that says what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/util.h"
#include "tests/integration/desk.h"

struct bad {
	const char *args[12];
	int status;
	const char *message, *hint;
};

static void expect_all(const struct bad *cases, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		struct command command;

		desk_run(&command, cases[i].args);
		desk_expect(&command, cases[i].status, cases[i].message, cases[i].hint);
	}
}

#define C "-c", "~/desk.json"

static void words_that_are_none_are_usage_errors(void **state)
{
	static const struct bad cases[] = {
		{{"frobnicate"},
		 2,
		 "there is no command 'frobnicate'",
		 "hint: 'tapedeck help' lists them all"},
		{{"recrod"}, 2, "there is no command 'recrod'", "hint: did you mean 'record'?"},
		{{"check", "--conifg", "x"},
		 2,
		 "'check' has no option '--conifg'",
		 "did you mean '--config'?"},
		{{"ls", "-x", "file:~/tape"},
		 2,
		 "'ls' has no option '-x'",
		 "'tapedeck ls --help' lists them"},
		{{"ls"}, 2, "'ls' needs CASSETTE", "'tapedeck ls --help' shows how it is called"},
		{{"show", "file:~/tape"}, 2, "'show' needs CASSETTE ID", "'tapedeck show --help'"},
		{{"ls", "file:~/tape", "more"}, 2, "'ls' does not take 'more'", "'tapedeck ls --help'"},
		{{"ls", "file:~/tape", "--", "x"}, 2, "'ls' takes nothing behind '--'", NULL},
		{{"check", "-c"}, 2, "'-c' needs a value", NULL},
		{{"check", C, "-p", "0"}, 2, "--pid takes 1 to 2147483647, not '0'", NULL},
		{{"equalize", C, "--timeout", "0"}, 2, "--timeout takes at least 1ms, not '0'", NULL},
		{{"check", C, "-p", "12x"}, 2, "--pid takes a number, not '12x'", NULL},
		{{"record", C, "-p", "1", "--duration", "soon"}, 2, "--duration takes a duration", NULL},
		{{"ls", "file:~/tape", "--since", "soon"}, 2, "since 'soon' is no point of time", "write 7d"},
		{{"ls", "file:~/tape", "--where", "id"}, 2, "condition 'id': no comparison", "NAME=VALUE"},
		{{"check", C}, 2, "nothing to check", "give a binary, -p PID, or \"binary\""},
		{{"check", C, "-p", "1", "~/desk"}, 2, "-p and a binary exclude each other", NULL},
		{{"check", C, "--rate", "~/desk"}, 2, "--rate needs a running process", NULL},
		{{"record", C, "--to", "file:~/x"}, 2, "'record' needs a process", "-p PID, or -- COMMAND"},
		{{"record", C, "-p", "1"}, 2, "no cassette to record to", "give --to file:DIR"},
		{{"record", C, "-p", "1", "--to", "file:~/x", "--", "ls"}, 2, "exclude each other", NULL},
		{{"equalize", C, "file:~/tape"}, 2, "'equalize' needs --exe BUILD", NULL},
		{{"replay", C, "file:~/tape", "x"}, 2, "'replay' needs --exe BUILD", NULL},
		{{"equalize", C, "--exe", "~/desk", "--lib", "x", "file:~/tape"}, 2, "SONAME=PATH", NULL},
		{{"equalize", C, "--exe", "~/desk", "--lib", "x.so=y", "file:~/tape"},
		 2,
		 "cannot open library 'y'",
		 NULL},
		{{"equalize", C, "--exe", "~/desk", "--lib", "x.so=/lib64/ld-linux-x86-64.so.2",
		  "file:~/tape"},
		 2,
		 "does not load that library",
		 NULL},
		{{"equalize", C, "--exe", "~/desk", "--ready", "never", "file:~/tape"},
		 2,
		 "--ready names 'never'",
		 NULL},
	};

	expect_all(cases, ARRAY_SIZE(cases));
}

static void a_cassette_that_cannot_be_used_says_why(void **state)
{
	static const struct bad cases[] = {
		{{"ls", "tape"}, 2, "'tape' is not a cassette: it has no scheme", "write 'file:tape'"},
		{{"ls", "fiel:tape"}, 2, "unknown scheme 'fiel'", "did you mean 'file:tape'?"},
		{{"ls", "file:"}, 2, "'file:' names no directory", "write 'file:DIRECTORY'"},
		{{"ls", "file:~/nowhere"}, 3, "cannot open '~/nowhere': no such directory", "check the path"},
		{{"ls", "file:~/desk.json"}, 3, "cannot open '~/desk.json': not a directory", NULL},
		{{"record", C, "--to", "file:~/desk.json", "--", "~/desk"}, 3, "not a directory", NULL},
		{{"record", C, "--to", "file:/proc/tape", "--", "~/desk"},
		 3,
		 "cannot make '/proc/tape'",
		 NULL},
		{{"equalize", C, "--exe", "~/desk", "file:~/nowhere"}, 3, "no such directory", NULL},
	};

	expect_all(cases, ARRAY_SIZE(cases));
}

static void an_id_that_names_nothing_says_why(void **state)
{
	static const struct bad cases[] = {
		{{"show", "file:~/tape", "42"},
		 2,
		 "'42' is not the id of a recording",
		 "<category>/<yyyymmdd>"},
		{{"show", "file:~/tape", "../../etc/passwd"}, 2, "is not the id of a recording", NULL},
		{{"show", "file:~/tape", "00112233445566778899aabbccddeeff"},
		 3,
		 "no recording '00112233445566778899aabbccddeeff' in 'file:~/tape'",
		 "'tapedeck ls --incomplete file:~/tape' lists what is there"},
		{{"replay", C, "--exe", "~/desk", "file:~/tape",
		  "x/20251125/00112233445566778899aabbccddeeff"},
		 3,
		 "no recording 'x/20251125/00112233445566778899aabbccddeeff'",
		 NULL},
		{{"equalize", C, "--exe", "~/desk", "file:~/tape", "--where", "id=77"},
		 3,
		 "no recording in 'file:~/tape' matches",
		 "'tapedeck ls file:~/tape' lists what is there"},
	};

	expect_all(cases, ARRAY_SIZE(cases));
}

static void the_digits_of_an_id_are_enough_until_two_have_them(void **state)
{
	char ids[DESK_RECORDINGS][256], copy[512];
	const char *digits;

	assert_int_equal(desk_ids("file:~/tape", ids, DESK_RECORDINGS), DESK_RECORDINGS);
	digits = strrchr(ids[0], '/') + 1;
	DESK_EXPECT(0, NULL, NULL, "show", "file:~/tape", digits);
	snprintf(copy, sizeof(copy),
		 "cp -r ~/tape ~/twice && cd ~/twice/tape_recorder_recordings && for k in full metadata; do "
		 "mkdir -p $k/other/20200101 && cp $k/%s $k/other/20200101/; done",
		 ids[0]);
	struct command shell;
	desk_start_program(&shell, ARGV("sh", "-c", copy));
	assert_int_equal(command_wait(&shell, 10), 0);
	DESK_EXPECT(2, "names two recordings", "give the whole id of the one that is meant", "show",
		    "file:~/twice", digits);
	DESK_EXPECT(0, NULL, NULL, "show", "file:~/twice", ids[0]);
}

static void a_file_that_is_no_program_is_refused(void **state)
{
	static const struct bad cases[] = {
		{{"check", C, "~/none"}, 3, "cannot open '~/none': No such file or directory", NULL},
		{{"check", C, "~"}, 3, "cannot open '~': Is a directory", NULL},
		{{"check", C, "~/desk.json"}, 3, "'~/desk.json' is not an ELF file", NULL},
		{{"check", C, "~/script"}, 3, "'~/script' is a script, run by '/bin/sh'", "name the program"},
		{{"check", C, "~/elf32"}, 3, "'~/elf32' is for 32-bit x86, not for x86-64", NULL},
		{{"check", C, "~/arm"}, 3, "'~/arm' is for aarch64, not for x86-64", NULL},
		{{"check", C, "~/torn"}, 3, "'~/torn'", NULL},
		{{"check", C, "~/empty"}, 3, "'~/empty' is not an ELF file", NULL},
		{{"check", C, "~/stripped"},
		 3,
		 "no debug information for '~/stripped'",
		 "build it with -g, install its debug symbols, or describe the function by a \"prototype\""},
		{{"equalize", C, "--exe", "~/stripped", "file:~/tape"}, 3, "no debug information", NULL},
		{{"equalize", C, "--exe", "~/none", "file:~/tape"}, 3, "cannot open '~/none'", NULL},
		{{"record", C, "--to", "file:~/x", "--", "~/none"},
		 3,
		 "cannot run '~/none'",
		 "give its path"},
		{{"record", C, "--to", "file:~/x", "--", "~/script-run"},
		 3,
		 "the command '~/script-run' is run by '/",
		 "give the program itself"},
		{{"record", C, "--to", "file:~/x", "--", "~/desk.json"}, 3, "cannot run", "chmod +x"},
		{{"record", C, "--to", "file:~/x", "--", "~/stripped"}, 3, "no debug information", NULL},
	};
	static const char elf32[] = "\x7f"
				    "ELF\1\1\1\0\0\0\0\0\0\0\0\0\2\0\3\0\1\0\0\0";
	char header[256] = {};
	struct command shell;

	memcpy(header, elf32, sizeof(elf32) - 1);
	desk_write(desk_path("~/elf32"), header, sizeof(header));
	desk_write_text("~/script", "#!/bin/sh\nexec desk\n");
	desk_write_text("~/script-run", "#!/bin/sh\nexec ~/desk\n");
	desk_write_text("~/empty", "");
	desk_start_program(&shell,
			   ARGV("sh", "-c",
				"chmod +x ~/script-run; head -c 3000 ~/desk > ~/torn; cp ~/desk ~/arm; "
				"printf '\\267' | dd of=~/arm bs=1 seek=18 conv=notrunc 2>/dev/null"));
	assert_int_equal(command_wait(&shell, 10), 0);
	expect_all(cases, ARRAY_SIZE(cases));
}

static void a_process_that_cannot_be_recorded_says_why(void **state)
{
	static const struct bad cases[] = {
		{{"record", C, "--to", "file:~/x", "-p", "2147483647"}, 3, "no process 2147483647", "pgrep"},
		{{"record", C, "--to", "file:~/x", "-p", "2"}, 3, "process 2 is a kernel thread", "pgrep"},
		{{"check", C, "-p", "2147483647"}, 3, "no process 2147483647", "pgrep"},
	};

	expect_all(cases, ARRAY_SIZE(cases));
}

/* --- the configuration --- */

static void a_mistake_in_the_configuration_has_its_place(void **state)
{
	static const struct {
		const char *text;
		int status;
		const char *message, *hint;
	} cases[] = {
		{"{ \"servcie\": \"x\" }", 2, "~/bad.json:1:3: unknown key 'servcie'",
		 "did you mean 'service'?"},
		{"{\n \"operations\": {\n  \"answer_question\": { \"ailas\": 1 }\n }\n}", 2,
		 "~/bad.json:3:24: unknown key 'ailas'", "did you mean 'alias'?"},
		{"{\n \"operations\": {\n  \"answer_qestion\": {}\n }\n}", 2,
		 "~/bad.json:3:3: unknown function 'answer_qestion' in 'desk'",
		 "did you mean 'answer_question'?"},
		{"{ \"operations\": { \"answer_question\": {} },\n  \"inputs\": { \"words_of\": {} } }", 3,
		 "no out-of-line copy of 'words_of': inlined at desk.c:", "__attribute__((noinline))"},
		{"{ \"operations\": { \"answer_question\": {\n  \"args\": { \"question->iid\": {} } } } }", 2,
		 "~/bad.json:2:13: ", "did you mean 'id'?"},
		{"{ \"operations\": { \"answer_question\": {\n  \"args\": { \"questoin\": { \"depth\": 1 } } } } }",
		 2, "~/bad.json:2:13: ", "did you mean 'question'?"},
		{"{ \"operations\": { \"answer_question\": {\n  \"metadata\": { \"who\": \"question->hwo\" } } } }",
		 2, "~/bad.json:2:17: 'who': no member 'hwo' in 'struct question'", "did you mean 'who'?"},
		{"{ \"operations\": { \"answer_question\": {} },\n"
		 "  \"types\": { \"struct qestion\": {} } }",
		 2, "~/bad.json:2:14: no type 'struct qestion'", "did you mean 'struct question'?"},
		{"{ \"operations\": { \"answer_question\": {\n"
		 "  \"args\": { \"answer\": { \"bytes\": \"lenn(\" } } } } }",
		 2, "~/bad.json:2:", NULL},
		{"{ \"operations\": { \"answer_question\": {\n"
		 "  \"args\": { \"answer\": { \"direction\": \"sideways\" } } } } }",
		 2, "~/bad.json:2:25: ", NULL},
		{"{ \"operations\": { \"answer_question\": {} }\n  \"inputs\": {} }", 2,
		 "~/bad.json:2:3: expected ',' or '}'", NULL},
		{"", 2, "~/bad.json:1:1: ", NULL},
		{"{ \"operations\": { \"answer_question\": {} },\n  \"inputs\": { \"clock_gettime\": {} } }",
		 2, "~/bad.json:2:15: unknown function 'clock_gettime'", "write 'libc.so.6:clock_gettime'"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		desk_write_text("~/bad.json", cases[i].text);
		DESK_EXPECT(cases[i].status, cases[i].message, cases[i].hint, "check", "-c", "~/bad.json",
			    "~/desk");
		DESK_EXPECT(cases[i].status, cases[i].message, cases[i].hint, "record", "-c", "~/bad.json",
			    "--to", "file:~/never", "--", "~/desk");
		DESK_EXPECT(cases[i].status, cases[i].message, cases[i].hint, "equalize", "-c", "~/bad.json",
			    "--exe", "~/desk", "file:~/tape");
	}
	DESK_EXPECT(2, "cannot open '~/no.json': No such file or directory", NULL, "check", "-c", "~/no.json",
		    "~/desk");
	DESK_EXPECT(2, "cannot open 'tapedeck.json'", "name the configuration with -c FILE", "check",
		    "~/desk");
	assert_int_equal(access(desk_path("~/never"), F_OK), -1);
}

/* --- privileges --- */

#define NOBODY "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"

static void as_nobody(struct command *command, const char *const args[], int status, const char *message,
		      const char *hint)
{
	desk_start_program(command, args);
	desk_expect(command, status, message, hint);
}

static void without_privileges_it_says_which_are_missing(void **state)
{
	struct command roots, nobodys, command;
	char root_pid[16], nobody_pid[16];

	desk_start_program(&roots, ARGV("~/desk", "serve"));
	desk_start_program(&nobodys, ARGV(NOBODY, "~/desk", "serve"));
	assert_true(command_says(&roots, "SIGPIPE", 10));
	assert_true(command_says(&nobodys, "SIGPIPE", 10));
	snprintf(root_pid, sizeof(root_pid), "%d", roots.pid);
	snprintf(nobody_pid, sizeof(nobody_pid), "%d", nobodys.pid);
	as_nobody(&command, ARGV(NOBODY, "~/tapedeck", "record", C, "-p", root_pid, "--to", "file:/tmp/x"), 3,
		  "no permission to look into process", "run as root, or with CAP_SYS_PTRACE");
	as_nobody(&command, ARGV(NOBODY, "~/tapedeck", "record", C, "-p", nobody_pid, "--to", "file:~/tape"),
		  3, "cannot open '~/tape': permission denied", "be that user, or root");
	assert_int_equal(mkdir(desk_path("~/open"), 0777), 0);
	assert_int_equal(chmod(desk_path("~/open"), 0777), 0);
	as_nobody(&command, ARGV(NOBODY, "~/tapedeck", "record", C, "-p", nobody_pid, "--to", "file:~/open"),
		  3, "CAP_BPF", "run as root");
	as_nobody(
		&command,
		ARGV(NOBODY, "~/tapedeck", "record", C, "--to", "file:~/open", "--", "~/desk", "answer", "1"),
		3, "CAP_BPF", "run as root");
	as_nobody(&command, ARGV(NOBODY, "~/tapedeck", "ls", "file:~/tape"), 3, "permission denied", NULL);
	as_nobody(&command, ARGV(NOBODY, "~/tapedeck", "check", C, "~/desk"), 0, NULL, NULL);
	assert_true(command_runs(&roots));
	assert_true(command_runs(&nobodys));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_that_are_none_are_usage_errors),
		cmocka_unit_test(a_cassette_that_cannot_be_used_says_why),
		cmocka_unit_test(an_id_that_names_nothing_says_why),
		cmocka_unit_test(the_digits_of_an_id_are_enough_until_two_have_them),
		cmocka_unit_test(a_file_that_is_no_program_is_refused),
		cmocka_unit_test(a_process_that_cannot_be_recorded_says_why),
		cmocka_unit_test(a_mistake_in_the_configuration_has_its_place),
		cmocka_unit_test(without_privileges_it_says_which_are_missing),
	};

	return cmocka_run_group_tests(tests, desk_setup, desk_teardown);
}
