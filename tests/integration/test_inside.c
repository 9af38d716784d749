// SPDX-License-Identifier: BSD-3-Clause
/*
 * The engine inside the program against eBPF: what both record of the same run is the same. And what the
 * first one alone does: it needs no privileges, and refuses by name.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/json.h"
#include "lib/util.h"
#include "tests/hard/mask.h"
#include "tests/support/command.h"

#define TIMEOUT_S      60
#define RECORDINGS_MAX 512

static const char *tapedeck(void)
{
	return command_text("%s/tapedeck", command_build());
}

static const char *victim(const char *name)
{
	return command_text("%s/tests/integration/victims/%s", command_build(), name);
}

/* --- what was recorded --- */

static const char *text_of(const cJSON *json, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name)) ?: "";
}

static int compare_text(const void *a, const void *b)
{
	autofree char *left = json_print(*(cJSON *const *)a), *right = json_print(*(cJSON *const *)b);

	return strcmp(left, right);
}

static void drop(cJSON *json, const char *name)
{
	cJSON *item;

	cJSON_DeleteItemFromObject(json, name);
	cJSON_ArrayForEach(item, json) drop(item, name);
}

/* What no two runs have in common: what the clock said, and which thread was free. */
static void drop_chance(cJSON *recording)
{
	cJSON *call;

	drop(recording, "worker");
	drop(recording, "created_ms");

	cJSON_ArrayForEach(call, cJSON_GetObjectItemCaseSensitive(recording, "calls"))
	{
		if (strstr(text_of(call, "function"), "clock_gettime"))
			cJSON_DeleteItemFromObject(call, "out");
	}
}

static cJSON *shown(const char *url, const char *id)
{
	autofree char *text = NULL;
	auto_cjson cJSON *json = NULL;
	struct command command;
	cJSON *masked;

	command_must(&command, ARGV(tapedeck(), "show", "--json", url, id), 0, TIMEOUT_S);
	text = command_file(command.out);
	json = cJSON_Parse(text);
	assert_non_null(json);
	masked = mask_recording(json);
	drop_chance(masked);
	return masked;
}

/* All recordings, without what says when and where, in an order of their own. */
static cJSON *tape(const char *url)
{
	cJSON *all[RECORDINGS_MAX], *array = cJSON_CreateArray();
	autofree char *text = NULL;
	struct command command;
	char *save, *line;
	size_t cnt = 0;

	command_must(&command, ARGV(tapedeck(), "ls", "--json", "--incomplete", url), 0, TIMEOUT_S);
	text = command_file(command.out);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		auto_cjson cJSON *json = cJSON_Parse(line);

		assert_true(cnt < RECORDINGS_MAX);
		all[cnt++] = shown(url, text_of(json, "id"));
	}
	qsort(all, cnt, sizeof(all[0]), compare_text);
	for (size_t i = 0; i < cnt; i++)
		cJSON_AddItemToArray(array, all[i]);
	return array;
}

static void assert_alike(const cJSON *bpf, const cJSON *preload, int cnt)
{
	autofree char *difference = mask_difference(bpf, preload);

	assert_int_equal(cJSON_GetArraySize(bpf), cnt);
	if (difference)
		fail_msg("what eBPF recorded should be what was recorded inside, but %s", difference);
}

/* --- one run by each engine --- */

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static const char *options = ""; /* of record */

/* Run @line in a shell, $RECORD standing for the recorder up to "--". */
static cJSON *recorded(const char *engine, const char *config, const char *line)
{
	const char *folder = command_folder();
	const char *url = command_text("file:%s/%s", folder, engine);
	autofree char *err = NULL;
	struct command command;

	write_file(command_text("%s/config.json", folder), config);
	command_run(
		&command,
		ARGV("sh", "-c",
		     command_text(
			     "rm -rf %s/%s; RECORD='%s record -c %s/config.json --to %s --engine %s %s --'; %s",
			     folder, engine, tapedeck(), folder, url, engine, options, line)),
		TIMEOUT_S);
	err = command_file(command.err);
	if (command.status || !strstr(err, "the command ended with status 0"))
		fail_msg("--engine %s: status %d: %s", engine, command.status, err);
	return tape(url);
}

static void assert_both_alike(const char *config, const char *line, int cnt)
{
	auto_cjson cJSON *bpf = recorded("bpf", config, line);
	auto_cjson cJSON *preload = recorded("preload", config, line);

	assert_alike(bpf, preload, cnt);
}

#define IN_GET "\"in_get\": {\"args\": {\"buf\": {\"direction\": \"out\", \"bytes\": \"return\"}}}"
static const char victim_config[] =
	"{\"operations\": {\"op_work\": {}, \"op_deep\": {}, \"op_calls_deep\": {}, \"op_jump\": {}, \"op_escape\": {}, "
	"\"op_tail\": {\"args\": {\"buf\": {\"direction\": \"out\", \"bytes\": \"return\"}}}, \"op_fork\": {}, "
	"\"op_fork_return\": {\"compare\": {\"ignore\": [\"return\"]}}, \"op_thread_exit\": {}, \"op_many\": {}, "
	"\"op_memory\": {\"args\": {\"big\": {\"bytes\": \"40000\"}}}},"
	"\"inputs\": {" IN_GET ", \"in_deep\": {}, \"in_jump\": {}}, \"outputs\": {\"out_put\": {}}}";

static void calls_are_paired_alike(void **state)
{
	static const struct {
		const char *orders;
		int cnt;
	} rows[] = {
		{"work 2 20", 40}, {"deep 5", 2}, {"deep 60", 2},  {"jump 16", 1},     {"jump 600", 1},
		{"tail", 1},	   {"memory", 1}, {"many 300", 1}, {"thread_exit", 1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_both_alike(victim_config,
				  command_text("echo '%s' | $RECORD %s", rows[i].orders, victim("victim")),
				  rows[i].cnt);
	}
}

/* --- the example --- */

#define ORDERS	    60
#define ORDERS_PATH "examples/orders/orders.json"

/* One customer, so that the orders come one after another. */
static cJSON *recorded_orders(const char *engine)
{
	const char *folder = command_folder(), *orders = command_text("%s/examples/orders", command_build());
	struct command recorder, load;
	char url[256];
	autofree char *out = NULL;
	int pid = 0, port = 0;

	snprintf(url, sizeof(url), "file:%s/orders-%s", folder, engine);
	command_start(&recorder, ARGV(tapedeck(), "record", "-c", ORDERS_PATH, "--engine", engine, "--to",
				      url, "--", command_text("%s/ordersd", orders), "--db",
				      command_text("%s/orders-%s.db", folder, engine)));
	assert_true(command_says(&recorder, "listening on ", TIMEOUT_S));
	out = command_file(recorder.out);
	assert_int_equal(sscanf(strstr(out, "listening on "), "listening on %d", &port), 1);
	free(out);
	out = command_file(recorder.err);
	assert_int_equal(sscanf(strstr(out, "recording process "), "recording process %d", &pid), 1);
	command_must(&load,
		     ARGV(command_text("%s/orderload", orders), "--port", command_text("%d", port),
			  "--connections", "1", "--orders", command_text("%d", ORDERS)),
		     0, TIMEOUT_S);
	command_signal(&recorder, SIGTERM);
	assert_int_equal(command_wait(&recorder, TIMEOUT_S), 0);
	assert_int_equal(kill(pid, 0), 0); /* it runs on */
	kill(pid, SIGKILL);
	return tape(url);
}

static void orders_are_recorded_alike(void **state)
{
	auto_cjson cJSON *bpf = recorded_orders("bpf"), *preload = recorded_orders("preload");

	assert_alike(bpf, preload, ORDERS);
}

/* --- what is there anyway --- */

static const char libc_config[] =
	"{\"operations\": {\"libc.so.6:setlocale\": {}, \"libc.so.6:fopen\": {}, \"libc.so.6:opendir\": {}, "
	"\"libc.so.6:fclose\": {}, \"libc.so.6:openat\": {}}, \"inputs\": {\"libc.so.6:read\": {}, "
	"\"libc.so.6:open\": {}, \"libc.so.6:close\": {}, \"libc.so.6:fstat\": {}, \"libc.so.6:getenv\": {}, "
	"\"libc.so.6:isatty\": {}, \"libc.so.6:lseek\": {}, \"libc.so.6:time\": {}, \"libc.so.6:clock_gettime\": {}, "
	"\"libc.so.6:getline\": {}, \"libc.so.6:readdir\": {}, \"libc.so.6:strtol\": {}, \"libc.so.6:getpid\": {}}, "
	"\"outputs\": {\"libc.so.6:write\": {}, \"libc.so.6:fflush\": {}, \"libc.so.6:fwrite\": {}}}";

/* Of each function how often it was hit, taken, and could not be read. */
static cJSON *counts_of(const char *engine, const char *line)
{
	static const char *const kept[] = {"function", "hits", "taken", "faults", "truncated"};
	cJSON *counts = cJSON_CreateArray();
	const cJSON *function;
	auto_cjson cJSON *summary = NULL;
	autofree char *out = NULL;
	struct command command;

	write_file(command_text("%s/libc.json", command_folder()), libc_config);
	command_must(&command,
		     ARGV("sh", "-c",
			  command_text("%s record --json --engine %s -c %s/libc.json --to mem: -- %s",
				       tapedeck(), engine, command_folder(), line)),
		     0, TIMEOUT_S);
	out = command_file(command.out);
	summary = cJSON_Parse(strstr(out, "{\"type\":\"summary\""));
	assert_non_null(summary);
	cJSON_ArrayForEach(function, cJSON_GetObjectItemCaseSensitive(summary, "functions"))
	{
		cJSON *row = cJSON_CreateObject();

		for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
			cJSON_AddItemToObject(
				row, kept[i],
				cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(function, kept[i]), true));
		cJSON_AddItemToArray(counts, row);
	}
	return counts;
}

static void programs_are_seen_alike(void **state)
{
	static const char *const lines[] = {
		"sort /etc/passwd",
		"find /etc/apt",
		"sed s/a/b/ /etc/passwd",
		"bash -c 'for i in 1 2; do echo $i; cat /etc/hostname; done'",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		auto_cjson cJSON *bpf = counts_of("bpf", lines[i]), *preload = counts_of("preload", lines[i]);
		autofree char *difference = mask_difference(bpf, preload);

		if (difference)
			fail_msg("%s: what eBPF saw should be what was seen inside, but %s", lines[i],
				 difference);
	}
}

/* --- without eBPF --- */

#define NOBODY "setpriv --reuid=65534 --regid=65534 --clear-groups"

static void an_ordinary_user_records(void **state)
{
	const char *folder = command_folder();
	struct command command;
	autofree char *out = NULL;

	assert_int_equal(chmod(folder, 0777), 0);
	write_file(command_text("%s/work.json", folder), victim_config);
	command_must(&command,
		     ARGV("sh", "-c",
			  command_text("echo 'work 2 20' | " NOBODY
				       " %s record --json -c %s/work.json --engine preload "
				       "--to file:%s/nobody -- %s",
				       tapedeck(), folder, folder, victim("victim"))),
		     0, TIMEOUT_S);
	out = command_file(command.out);
	assert_non_null(strstr(out, "\"taken\":40"));
	assert_non_null(strstr(out, "\"lost_events\":0"));
	assert_non_null(strstr(out, "\"exit_status\":0"));
}

static void where_ebpf_is_not_permitted_the_other_engine_is_named(void **state)
{
	struct command command;
	autofree char *err = NULL;

	command_run(&command,
		    ARGV("sh", "-c",
			 command_text(NOBODY " %s record -c %s/work.json --to mem: -- %s </dev/null",
				      tapedeck(), command_folder(), victim("victim"))),
		    TIMEOUT_S);
	err = command_file(command.err);
	assert_int_equal(command.status, 3);
	assert_non_null(strstr(err, "--engine preload"));
}

/* --- loss, and ends --- */

static const cJSON *number(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

/* A ring of a page, and threads that fill it faster than it is read: what is lost is counted. */
static void what_finds_no_room_is_counted(void **state)
{
	autofree char *out = NULL;
	auto_cjson cJSON *summary = NULL;
	struct command command;
	const cJSON *function;
	double lost, events = 0;

	command_must(
		&command,
		ARGV("sh", "-c",
		     command_text("echo 'work 8 500' | %s record --json -c %s/work.json --engine preload "
				  "--ring-size 4096 --to mem: -- %s",
				  tapedeck(), command_folder(), victim("victim"))),
		0, TIMEOUT_S);
	out = command_file(command.out);
	summary = cJSON_Parse(strrchr(out, '{') ? strstr(out, "{\"type\":\"summary\"") : "");
	assert_non_null(summary);
	lost = number(summary, "lost_events")->valuedouble;
	assert_true(lost > 0);
	assert_true(number(summary, "incomplete")->valuedouble +
			    number(summary, "lost_operations")->valuedouble >
		    0);
	assert_true(number(summary, "unaccounted_events")->valuedouble == 0);
	/* Of each operation six events: in a ring, or lost. And one is the end of the start-up. */
	cJSON_ArrayForEach(function, number(summary, "functions")) events +=
		number(function, "events")->valuedouble + number(function, "lost")->valuedouble;
	assert_true(events == 6 * 4000 + 1);
}

/* The program goes on, and does what is right, when its recorder is killed or told to stop. */
static void the_program_outlives_its_recorder(void **state)
{
	static const int signals[] = {SIGKILL, SIGINT};

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		const char *said = command_text("%s/said%zu", command_folder(), i);
		const char *fifo = command_text("%s/fifo%zu", command_folder(), i);
		struct command recorder, writer;

		assert_int_equal(mkfifo(fifo, 0600), 0);
		command_start(
			&recorder,
			ARGV("sh", "-c",
			     command_text("exec %s record -c %s/work.json --engine preload --ring-size 64K "
					  "--to mem: -- %s < %s > %s",
					  tapedeck(), command_folder(), victim("victim"), fifo, said)));
		command_start(
			&writer,
			ARGV("sh", "-c",
			     command_text("exec > %s; echo 'work 4 100'; sleep 0.5; kill -%d %d; sleep 0.3; "
					  "echo 'work 4 500'; echo 'work 1 5'",
					  fifo, signals[i], recorder.pid)));
		command_wait(&writer, TIMEOUT_S);
		command_wait(&recorder, TIMEOUT_S);
		for (int k = 0; k < 100; k++) {
			autofree char *text = command_file(said);
			char *last = strstr(text, "done");

			last = last ? strstr(last + 1, "done") : NULL;
			assert_null(strstr(text, "wrong"));
			if (last && strstr(last + 1, "done"))
				break;
			assert_int_not_equal(k, 99);
			usleep(100000);
		}
	}
}

#define INSIDE                                                                                               \
	"{\"operations\": {\"op_work\": {}, \"op_exit\": {}, \"op_quick\": {}}, \"inputs\": {\"in_get\": {}}}"

static void an_operation_may_end_the_process(void **state)
{
	assert_both_alike(INSIDE, command_text("$RECORD %s exit", victim("inside")), 1);
	assert_both_alike(INSIDE, command_text("$RECORD %s quick", victim("inside")), 1);
}

static void children_and_daemons_are_followed_alike(void **state)
{
	options = "--follow";
	assert_both_alike(INSIDE, command_text("$RECORD %s daemon", victim("inside")), 15);
	options = "";
}

/* A system call of ours that it does not allow would end it. */
static void a_program_that_confines_itself_is_let_go(void **state)
{
	static const char *const ways[] = {"prctl", "syscall"};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		auto_cjson cJSON *recordings =
			recorded("preload", INSIDE, command_text("$RECORD %s %s", victim("inside"), ways[i]));

		assert_int_equal(cJSON_GetArraySize(recordings), 1);
	}
}

static void the_program_finds_nothing_of_us(void **state)
{
	static const char *const before[] = {"", "libz.so.1"};

	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		const char *found = *before[i] ? before[i] : "nothing";
		autofree char *out = NULL;
		struct command command;

		write_file(command_text("%s/config.json", command_folder()), INSIDE);
		command_must(
			&command,
			ARGV("sh", "-c",
			     command_text("%s%s %s record -c %s/config.json --engine preload --to mem: -- %s",
					  *before[i] ? "LD_PRELOAD=" : "", before[i], tapedeck(),
					  command_folder(), victim("inside"))),
			0, TIMEOUT_S);
		out = command_file(command.out);
		assert_non_null(strstr(out, command_text("preloaded: %s\n", found)));
		assert_non_null(strstr(out, command_text("child: %s\n", found)));
	}
}

/* Its library must be loaded before ours. */
static void a_build_with_a_sanitizer_is_recorded(void **state)
{
	const char *program = command_text("%s/inside-asan", command_folder());
	struct command command;

	command_must(&command,
		     ARGV("gcc", "-g", "-O0", "-D_GNU_SOURCE", "-fsanitize=address", "-o", program,
			  "tests/integration/victims/inside.c"),
		     0, TIMEOUT_S);
	assert_both_alike(INSIDE, command_text("$RECORD %s exit", program), 1);
}

static void what_cannot_be_recorded_from_inside_is_refused_by_name(void **state)
{
	static const struct {
		const char *options, *command, *words;
		int status;
	} rows[] = {
		{"--engine preload -p 1", "", "-p needs --engine bpf", 2},
		{"--engine preload --budget 2%", "-- true", "--budget needs --engine bpf", 2},
		{"--engine preload", "", "--engine preload needs a command", 2},
		{"--engine kernel", "-- true", "it is 'bpf' or 'preload'", 2},
		{"-c $WIDE --engine preload", "-- $INSIDE", "take more than 512 bytes of stack", 3},
		{"--engine preload", "-- no-such-command-here", "cannot run 'no-such-command-here'", 3},
	};

	const char *wide = command_text("%s/wide.json", command_folder());

	write_file(wide, "{\"operations\": {\"op_wide\": {}}}");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		autofree char *err = NULL;
		struct command command;

		command_run(&command,
			    ARGV("sh", "-c",
				 command_text("WIDE=%s INSIDE=%s; %s record -c %s/work.json --to mem: %s %s",
					      wide, victim("inside"), tapedeck(), command_folder(),
					      rows[i].options, rows[i].command)),
			    TIMEOUT_S);
		err = command_file(command.err);
		if (command.status != rows[i].status || !strstr(err, rows[i].words))
			fail_msg("'%s %s': status %d: %s", rows[i].options, rows[i].command, command.status,
				 err);
	}
}

static int teardown(void **state)
{
	command_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_are_paired_alike),
		cmocka_unit_test(orders_are_recorded_alike),
		cmocka_unit_test(programs_are_seen_alike),
		cmocka_unit_test(an_ordinary_user_records),
		cmocka_unit_test(where_ebpf_is_not_permitted_the_other_engine_is_named),
		cmocka_unit_test(what_finds_no_room_is_counted),
		cmocka_unit_test(the_program_outlives_its_recorder),
		cmocka_unit_test(an_operation_may_end_the_process),
		cmocka_unit_test(children_and_daemons_are_followed_alike),
		cmocka_unit_test(a_program_that_confines_itself_is_let_go),
		cmocka_unit_test(the_program_finds_nothing_of_us),
		cmocka_unit_test(a_build_with_a_sanitizer_is_recorded),
		cmocka_unit_test(what_cannot_be_recorded_from_inside_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
