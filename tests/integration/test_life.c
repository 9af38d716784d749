// SPDX-License-Identifier: BSD-3-Clause
/* Operations that live in several threads, on several stacks, and are chosen by what they are given. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/cassette.h"
#include "lib/err.h"
#include "lib/lookup.h"
#include "lib/recording_json.h"
#include "lib/store.h"
#include "lib/util.h"
#include "tests/support/command.h"

#define RECORDINGS_MAX 8192

static const char *engine = "--engine=bpf";

static bool is_inside(void)
{
	return strcmp(engine, "--engine=bpf") != 0;
}

/* What one run of `tapedeck record` gave. */
struct taken {
	cJSON *summary;
	cJSON *recording[RECORDINGS_MAX];
	size_t cnt;
};

static const char *path(const char *name)
{
	static char text[8][256];
	static unsigned at;
	char *out = text[at++ % 8];

	snprintf(out, 256, "%s/%s", name[0] == '@' ? command_build() : command_folder(),
		 name + (name[0] == '@'));
	return out;
}

static const cJSON *get(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

static double num(const cJSON *json, const char *name)
{
	return cJSON_GetNumberValue(get(json, name));
}

static const char *str(const cJSON *json, const char *name)
{
	const char *text = cJSON_GetStringValue(get(json, name));

	return text ? text : "(none)";
}

/* --- recording --- */

struct reading {
	struct store *store;
	struct taken *taken;
};

static int read_one(const struct found *found, void *ctx)
{
	struct reading *reading = ctx;
	auto_recording struct recording *recording = NULL;
	const struct schema *schema;
	struct err err = {};

	assert_true(reading->taken->cnt < RECORDINGS_MAX);
	if (store_get(reading->store, &found->key, &recording, &schema, &err) < 0 ||
	    recording_json(&reading->taken->recording[reading->taken->cnt++], &found->key, recording, schema,
			   reading->store, &err) < 0)
		fail_msg("%s", err.msg);
	return 0;
}

static void read_all(struct taken *taken, const char *url)
{
	auto_cassette struct cassette *cassette = NULL;
	auto_store struct store *store = NULL;
	struct lookup lookup = {.with_incomplete = true};
	struct reading reading = {.taken = taken};
	struct err err = {};

	if (cassette_open(&cassette, url, false, &err) < 0 || store_new(&store, cassette, &err) < 0)
		fail_msg("%s", err.msg);
	reading.store = store;
	if (lookup_each(cassette, &lookup, NULL, read_one, &reading, &err) < 0)
		fail_msg("%s", err.msg);
}

/* @option: of record, or NULL. */
static void record_with(struct taken *taken, const char *config, const char *command, const char *option)
{
	static unsigned number;
	struct command run;
	char url[300], file[256];
	autofree char *out = NULL, *err = NULL;
	FILE *f;

	*taken = (struct taken){};
	snprintf(file, sizeof(file), "%s/life%u.json", command_folder(), ++number);
	snprintf(url, sizeof(url), "file:%s/life%u", command_folder(), number);
	f = fopen(file, "w");
	fputs(config, f);
	fclose(f);
	command_run(&run,
		    ARGV(path("@/tapedeck"), "record", "-c", file, "--to", url, "--json",
			 option ? option : "--ring-size=16M", engine, "--",
			 path("@/tests/integration/victims/life"), command),
		    60);
	out = command_file(run.out);
	err = command_file(run.err);
	taken->summary = cJSON_Parse(out);
	if (run.status || !taken->summary)
		fail_msg("status %d: %s", run.status, err);
	if (get(taken->summary, "exit_status"))
		assert_int_equal(num(taken->summary, "exit_status"), 0); /* the victim found nothing wrong */
	assert_int_equal(num(taken->summary, "lost_events"), 0);
	assert_int_equal(num(taken->summary, "unaccounted_events"), 0);
	read_all(taken, url);
	assert_int_equal(taken->cnt, num(taken->summary, "taken"));
}

static void record(struct taken *taken, const char *config, const char *command)
{
	record_with(taken, config, command, NULL);
}

static void release(struct taken *taken)
{
	cJSON_Delete(taken->summary);
	for (size_t i = 0; i < taken->cnt; i++)
		cJSON_Delete(taken->recording[i]);
}

static const cJSON *function(const struct taken *taken, const char *name)
{
	const cJSON *function;

	cJSON_ArrayForEach(function, get(taken->summary, "functions"))
	{
		if (!strcmp(str(function, "function"), name))
			return function;
	}
	fail_msg("no function '%s'", name);
	return NULL;
}

static const char *reason(const cJSON *recording)
{
	const char *text = cJSON_GetStringValue(cJSON_GetArrayItem(get(recording, "incomplete"), 0));

	return text ? text : "";
}

/* --- threads --- */

#define POOL                                                                                                 \
	"\"inputs\": {\"fetch\": {\"joins\": {\"by\": \"job\"}, \"args\": {\"job\": {\"opaque\": true}}}},"  \
	"\"outputs\": {\"store\": {}%s}"
#define OPAQUE_NEXT "\"args\": {\"job->next\": {\"opaque\": true}}"

/* Five calls of another thread with this operation's number, in order, then the output of its own. */
static void check_pool(const cJSON *recording, long id, int before)
{
	const cJSON *calls = get(recording, "calls"), *call;
	int i = 0;

	assert_true(cJSON_IsTrue(get(recording, "complete")));
	assert_int_equal(cJSON_GetArraySize(calls), before + 6);
	cJSON_ArrayForEach(call, calls)
	{
		int step = i - before;

		assert_int_equal(num(call, "seq"), ++i);
		if (step < 0)
			continue;
		assert_string_equal(str(call, "function"), step < 5 ? "fetch" : "store");
		assert_int_equal(num(call, "thread"), step < 5 ? 1 : 0);
		assert_string_equal(str(call, "left"), "return");
		if (step < 5)
			assert_int_equal(num(call, "return"), id * 1000 + step);
		else
			assert_int_equal(num(get(call, "args"), "id"), id);
	}
}

static void calls_in_other_threads_join_the_operation_that_carries_their_value(void **state)
{
	char config[512];
	struct taken taken;

	snprintf(config, sizeof(config),
		 "{\"operations\": {\"handle\": {\"carrier\": \"job\", " OPAQUE_NEXT "}}, " POOL "}", "");
	record(&taken, config, "pool");
	assert_int_equal(taken.cnt, 64 * 50);
	for (size_t i = 0; i < taken.cnt; i++)
		check_pool(taken.recording[i],
			   num(get(get(get(taken.recording[i], "operation"), "args"), "job"), "id"), 0);
	/* Those of the operations that are not configured. */
	assert_int_equal(num(function(&taken, "fetch"), "unjoined"), 64 * 50 * 5);
	release(&taken);
}

static void a_call_that_hands_work_on_carries_its_value(void **state)
{
	char config[512];
	struct taken taken;

	snprintf(config, sizeof(config), "{\"operations\": {\"order\": {}}, " POOL "}",
		 ", \"submit\": {\"carrier\": \"job\", " OPAQUE_NEXT "}");
	record(&taken, config, "pool");
	assert_int_equal(taken.cnt, 64 * 50);
	for (size_t i = 0; i < taken.cnt; i++)
		check_pool(taken.recording[i], num(get(get(taken.recording[i], "operation"), "args"), "id"),
			   1);
	release(&taken);
}

static void operations_that_carry_the_same_say_so(void **state)
{
	static const char config[] =
		"{\"operations\": {\"shared\": {\"carrier\": \"value\"}, \"hasty\": {\"carrier\": \"job\"}},"
		" \"inputs\": {\"linger\": {\"joins\": {\"by\": \"job\"}}}}";
	struct taken taken;

	record(&taken, config, "carriers");
	assert_int_equal(taken.cnt, 3);
	for (size_t i = 0; i < taken.cnt; i++) {
		const cJSON *recording = taken.recording[i];

		if (!strcmp(str(recording, "category"), "shared"))
			assert_non_null(
				strstr(reason(recording), "another operation carried the same value"));
		else /* its call began before it */
			assert_int_equal(cJSON_GetArraySize(get(recording, "calls")), 0);
	}
	assert_int_equal(num(function(&taken, "linger"), "unjoined"), 1);
	release(&taken);
}

static void a_call_that_outlives_its_operation_is_said_so(void **state)
{
	static const char config[] = "{\"operations\": {\"hasty\": {\"carrier\": \"job\"}},"
				     " \"inputs\": {\"linger\": {\"joins\": {\"by\": \"job\"}}}}";
	const cJSON *recording;
	struct taken taken;

	record(&taken, config, "late");
	assert_int_equal(taken.cnt, 1);
	recording = taken.recording[0];
	assert_string_equal(reason(recording), "call 1 had not ended when the operation did");
	assert_string_equal(str(cJSON_GetArrayItem(get(recording, "calls"), 0), "left"), "unknown");
	assert_int_equal(num(function(&taken, "linger"), "late"), 1);
	release(&taken);
}

/* --- what decides at entry --- */

static void predicates_decide_before_anything_is_copied(void **state)
{
	static const struct {
		const char *only_if;
		size_t taken;
	} cases[] = {
		{"kind == 3", 40},
		{"kind < 3 && job", 40},    /* of kinds 0 to 2, the odd one has a job */
		{"job->id > 395", 200 + 2}, /* without a job nothing can be read, and it is taken */
		{"job && job->id > 395", 2},
		{"customer == 'customer 7'", 10},
		{"customer != 'customer 7'", 390},
		{"!(kind % 2) || customer == \"customer 39\"", 210},
	};
	char config[256];
	struct taken taken;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char quoted[128] = "";

		for (const char *p = cases[i].only_if; *p; p++)
			snprintf(quoted + strlen(quoted), sizeof(quoted) - strlen(quoted),
				 *p == '"' ? "\\%c" : "%c", *p);
		snprintf(config, sizeof(config), "{\"operations\": {\"choose\": {\"if\": \"%s\"}}}", quoted);
		print_message("  %s\n", cases[i].only_if);
		record(&taken, config, "gate");
		assert_int_equal(taken.cnt, cases[i].taken);
		assert_int_equal(num(function(&taken, "choose"), "unwanted"), 400 - cases[i].taken);
		release(&taken);
	}
}

static void sampling_by_a_value_takes_all_of_it_or_nothing(void **state)
{
	static const char config[] =
		"{\"operations\": {\"choose\": {\"sample\": {\"rate\": 0.5, \"by\": \"customer\"}}}}";
	unsigned seen[40] = {}, first[40] = {}, others = 0;
	struct taken taken;

	for (int round = 0; round < 3; round++) {
		record_with(&taken, config, "gate", round == 2 ? "--seed=99" : NULL);
		memset(seen, 0, sizeof(seen));
		for (size_t i = 0; i < taken.cnt; i++) {
			const cJSON *args = get(get(taken.recording[i], "operation"), "args");
			int number = atoi(str(args, "customer") + strlen("customer "));

			assert_in_range(number, 0, 39);
			seen[number]++;
		}
		for (int i = 0; i < 40; i++) {
			assert_true(!seen[i] || seen[i] == 10);
			if (round == 1)
				assert_int_equal(seen[i], first[i]);
			others += round == 2 && seen[i] != first[i];
		}
		assert_in_range(taken.cnt, 50, 350);
		if (!round)
			memcpy(first, seen, sizeof(first));
		release(&taken);
	}
	assert_true(others > 0);
}

static void seeded_sampling_takes_the_same_calls_again(void **state)
{
	static const char config[] = "{\"operations\": {\"choose\": {\"sample\": {\"rate\": 0.3}}}}";
	unsigned sums[3] = {};

	for (int round = 0; round < 3; round++) {
		struct taken taken;

		record_with(&taken, config, "gate", round == 2 ? "--seed=8" : "--seed=7");
		assert_in_range(taken.cnt, 60, 180);
		for (size_t i = 0; i < taken.cnt; i++) {
			const cJSON *args = get(get(taken.recording[i], "operation"), "args");
			unsigned id = num(get(args, "job"), "id");

			sums[round] += cJSON_IsNull(get(args, "job")) ? 1 : id * id;
		}
		release(&taken);
	}
	assert_int_equal(sums[0], sums[1]);
	assert_int_not_equal(sums[0], sums[2]);
}

static void what_is_switched_off_is_not_recorded(void **state)
{
	static const char config[] = "{\"operations\": {\"choose\": {\"enabled\": false}, \"hasty\": {}}}";
	struct taken taken;

	record(&taken, config, "gate");
	assert_int_equal(taken.cnt, 0);
	assert_int_equal(num(function(&taken, "choose"), "hits"), 400);
	release(&taken);
}

/* --- the end --- */

static void what_begins_while_recording_ends_is_not_counted(void **state)
{
	const char *config = path("end.json");
	struct taken taken = {};
	struct command run;
	autofree char *out = NULL;
	FILE *f = fopen(config, "w");

	fputs("{\"operations\": {\"lasting\": {}, \"brief\": {}}}", f);
	fclose(f);
	command_run(&run,
		    ARGV(path("@/tapedeck"), "record", "-c", config, "--to", "mem:", "--json",
			 "--duration=200ms", engine, "--", path("@/tests/integration/victims/life"),
			 "finishing"),
		    60);
	out = command_file(run.out);
	taken.summary = cJSON_Parse(out);
	assert_int_equal(run.status, 0);
	assert_int_equal(num(function(&taken, "lasting"), "taken"), 1);
	assert_in_range(num(function(&taken, "brief"), "taken"), 10, 400);
	assert_int_equal(num(function(&taken, "brief"), "hits"), num(function(&taken, "brief"), "taken"));
	release(&taken);
}

/* --- stacks --- */

/* Where the kernel would take the main stack's returns for abandoned, the handler's is not hooked. */
static void a_handler_on_its_own_stack_neither_ends_the_operation_nor_the_program(void **state)
{
	static const char config[] = "{\"operations\": {\"interrupted\": {}}, \"inputs\": {\"fetch\": {}}}";
	bool is_above = *state != NULL, is_unseen = is_above && !is_inside();
	struct taken taken;

	record(&taken, config, is_above ? "stack_above" : "stack_below");
	assert_int_equal(taken.cnt, 10);
	for (size_t i = 0; i < taken.cnt; i++) {
		const cJSON *recording = taken.recording[i], *calls = get(recording, "calls");

		assert_string_equal(str(get(recording, "operation"), "left"), "return");
		assert_int_equal(num(get(recording, "operation"), "return"), 6002);
		assert_int_equal(cJSON_GetArraySize(calls), 3);
		assert_int_equal(num(cJSON_GetArrayItem(calls, 0), "return"), 3000);
		assert_int_equal(num(cJSON_GetArrayItem(calls, 2), "return"), 3002);
		assert_string_equal(str(cJSON_GetArrayItem(calls, 1), "left"),
				    is_unseen ? "unknown" : "return");
		assert_string_equal(reason(recording),
				    is_unseen ? "the return of call 2 could not be observed" : "");
	}
	release(&taken);
}

/* --- coming and going --- */

static const char steady_config[] =
	"{\"operations\": {\"handle\": {\"carrier\": \"job\", " OPAQUE_NEXT "}},"
	" \"inputs\": {\"fetch\": {\"joins\": {\"by\": \"job\"}, \"args\": {\"job\": {\"opaque\": true}}}},"
	" \"outputs\": {\"store\": {}, \"submit\": {" OPAQUE_NEXT "}}}";

static void start_recorder(struct command *recorder, struct command *victim, const char *duration)
{
	const char *file = path("steady.json");
	char pid[16];
	FILE *f = fopen(file, "w");

	fputs(steady_config, f);
	fclose(f);
	snprintf(pid, sizeof(pid), "%d", victim->pid);
	command_start(recorder, ARGV(path("@/tapedeck"), "record", "-c", file, "-p", pid, "--to",
				     "mem:", "--duration", duration, "--json"));
}

static void a_busy_program_bears_recorders_that_come_and_go_and_die(void **state)
{
	struct command victim, recorder;

	command_start(&victim, ARGV(path("@/tests/integration/victims/life"), "steady"));
	assert_true(command_says(&victim, "ready", 10));
	for (int i = 0; i < 20; i++) {
		autofree char *out = NULL;
		cJSON *summary;

		start_recorder(&recorder, &victim, "60ms");
		assert_int_equal(command_wait(&recorder, 30), 0);
		out = command_file(recorder.out);
		summary = cJSON_Parse(out);
		assert_true(num(summary, "taken") > 0);
		assert_int_equal(num(summary, "unaccounted_events"), 0);
		cJSON_Delete(summary);
	}
	for (int i = 0; i < 3; i++) {
		start_recorder(&recorder, &victim, "60s");
		assert_true(command_says(&recorder, "recording process", 10));
		usleep(100000);
		command_signal(&recorder, SIGKILL);
		command_wait(&recorder, 10);
	}
	usleep(200000); /* the kernel takes the probes off when the dead recorder's files are closed */
	command_signal(&victim, SIGTERM);
	assert_int_equal(command_wait(&victim, 20), 0); /* nothing wrong, and its code is as it was */
}

/* One operation has begun before its probes are there, one is recorded whole, one goes on when they leave. */
static void what_is_in_flight_at_attach_is_not_taken_and_at_detach_is_said_so(void **state)
{
	struct command victim, recorder;
	struct taken taken = {};
	const char *file = path("held.json");
	char pid[16], url[300];
	FILE *f = fopen(file, "w");

	fputs("{\"operations\": {\"held\": {}}, \"outputs\": {\"store\": {}}}", f);
	fclose(f);
	command_start(&victim, ARGV(path("@/tests/integration/victims/life"), "holding"));
	assert_true(command_says(&victim, "inside 1", 10));
	snprintf(pid, sizeof(pid), "%d", victim.pid);
	snprintf(url, sizeof(url), "file:%s/held", command_folder());
	command_start(&recorder, ARGV(path("@/tapedeck"), "record", "-c", file, "-p", pid, "--to", url));
	assert_true(command_says(&recorder, "recording process", 10));
	command_signal(&victim, SIGUSR2);
	assert_true(command_says(&victim, "inside 2", 10));
	command_signal(&victim, SIGUSR2);
	assert_true(command_says(&victim, "inside 3", 10));
	command_signal(&recorder, SIGINT);
	assert_int_equal(command_wait(&recorder, 30), 0);
	command_signal(&victim, SIGUSR2);
	assert_int_equal(command_wait(&victim, 10), 0); /* its return was hooked, and leads where it should */
	read_all(&taken, url);
	assert_int_equal(taken.cnt, 2);
	for (size_t i = 0; i < taken.cnt; i++) {
		const cJSON *operation = get(taken.recording[i], "operation");
		int n = num(get(operation, "args"), "n"), is_whole = n == 2;

		assert_in_range(n, 2, 3);
		assert_int_equal(cJSON_IsTrue(get(taken.recording[i], "complete")), is_whole);
		assert_string_equal(str(operation, "left"), is_whole ? "return" : "unknown");
		assert_string_equal(reason(taken.recording[i]), is_whole ? "" : "recording stopped");
		assert_int_equal(cJSON_GetArraySize(get(taken.recording[i], "calls")), is_whole ? 2 : 1);
	}
	release(&taken);
}

/* --- what it may cost --- */

#define TICK(sample) "{\"operations\": {\"tick\": {" sample "}, \"tock\": {}}, \"outputs\": {\"store\": {}}}"

static void write_config(const char *file, const char *text)
{
	FILE *f = fopen(file, "w");

	fputs(text, f);
	fclose(f);
}

/* A thousand calls a second are over a ten-thousandth of a core, whatever a probe costs. */
static void a_budget_is_held_and_each_step_is_said(void **state)
{
	struct command victim, recorder;
	autofree char *out = NULL, *err = NULL;
	char pid[16], url[300];
	cJSON *summary;

	command_start(&victim, ARGV(path("@/tests/integration/victims/life"), "ticks"));
	assert_true(command_says(&victim, "ready", 10));
	write_config(path("budget.json"), TICK(""));
	snprintf(pid, sizeof(pid), "%d", victim.pid);
	snprintf(url, sizeof(url), "file:%s/budget", command_folder());
	command_start(&recorder, ARGV(path("@/tapedeck"), "record", "-c", path("budget.json"), "-p", pid,
				      "--to", url, "--duration", "20s", "--budget", "0.01%", "--json"));
	assert_true(command_says(&recorder, "over budget: probes take ", 20));
	assert_int_equal(command_wait(&recorder, 120), 0); /* before its time: nothing is left */
	err = command_file(recorder.err);
	assert_non_null(strstr(err, "is taken off"));
	assert_non_null(strstr(err, "within the budget no operation can be probed"));
	out = command_file(recorder.out);
	summary = cJSON_Parse(out);
	assert_true(num(summary, "overhead") > 0.0001);
	assert_int_equal(num(summary, "unaccounted_events"), 0);
	cJSON_Delete(summary);
	command_signal(&victim, SIGTERM);
	assert_int_equal(command_wait(&victim, 20), 0);
}

/* --- children --- */

#define SERVE                                                                                                \
	"{\"operations\": {\"%s\": {}}, \"inputs\": {\"fetch\": {\"args\": {\"job\": {\"opaque\": true}}}}," \
	" \"outputs\": {\"store\": {}}}"

static void a_server_that_forks_for_each_request_is_followed(void **state)
{
	char config[256];
	unsigned seen[2000] = {}, pids = 0;
	double last = 0;
	struct taken taken;

	snprintf(config, sizeof(config), SERVE, "serve");
	record_with(&taken, config, "forking", "--follow");
	assert_int_equal(taken.cnt, 40 + 20 + 1);
	assert_int_equal(num(taken.summary, "processes"), 60);
	for (size_t i = 0; i < taken.cnt; i++) {
		const cJSON *recording = taken.recording[i];
		int id = num(get(get(recording, "operation"), "args"), "id");
		double pid = num(get(recording, "metadata"), "pid");

		assert_in_range(id, 1, 1999);
		assert_int_equal(seen[id]++, 0);
		assert_true(cJSON_IsTrue(get(recording, "complete")));
		assert_int_equal(num(get(recording, "operation"), "return"), id * 1000 + 1);
		assert_int_equal(cJSON_GetArraySize(get(recording, "calls")), 2);
		pids += pid != last;
		last = pid;
	}
	assert_true(pids > 30);
	release(&taken);
	record(&taken, config, "forking"); /* the process alone */
	assert_int_equal(taken.cnt, 1);
	release(&taken);
}

static void workers_that_were_forked_before_are_followed(void **state)
{
	struct command victim, recorder;
	autofree char *out = NULL;
	FILE *config;
	char pid[16];
	cJSON *summary;

	command_start(&victim, ARGV(path("@/tests/integration/victims/life"), "prefork"));
	assert_true(command_says(&victim, "ready", 10));
	snprintf(pid, sizeof(pid), "%d", victim.pid);
	config = fopen(path("prefork.json"), "w");
	fputs("{\"operations\": {\"serve\": {}}}", config);
	fclose(config);
	command_start(&recorder, ARGV(path("@/tapedeck"), "record", "-c", path("prefork.json"), "-p", pid,
				      "--to", "mem:", "--follow", "--json"));
	assert_true(command_says(&recorder, "recording process", 20));
	command_signal(&victim, SIGUSR1);
	assert_int_equal(command_wait(&victim, 10), 0);
	assert_int_equal(command_wait(&recorder, 20), 0);
	out = command_file(recorder.out);
	summary = cJSON_Parse(out);
	assert_int_equal(num(summary, "taken"), 3);
	assert_int_equal(num(summary, "processes"), 3);
	assert_true(cJSON_IsTrue(get(summary, "process_ended")));
	cJSON_Delete(summary);
}

static void a_child_forked_inside_an_operation_is_not_in_it(void **state)
{
	static const char *const options[] = {"--follow", NULL};
	char config[256];
	struct taken taken;

	snprintf(config, sizeof(config), SERVE, "forked_inside");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		record_with(&taken, config, "inside", options[i]);
		assert_int_equal(taken.cnt, 1);
		assert_true(cJSON_IsTrue(get(taken.recording[0], "complete")));
		assert_int_equal(cJSON_GetArraySize(get(taken.recording[0], "calls")), 1);
		assert_int_equal(num(get(taken.recording[0], "operation"), "return"), 3001);
		release(&taken);
	}
}

static void another_program_in_the_process_ends_recording(void **state)
{
	static const char *const options[] = {"--follow", NULL};
	char config[256];

	snprintf(config, sizeof(config),
		 "{\"operations\": {\"serve\": {}, \"transform\": {}}, \"inputs\": {\"fetch\": {}}}");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		struct taken taken;
		bool is_seen = false;

		record_with(&taken, config, "executing", options[i]);
		assert_int_equal(taken.cnt, 2); /* not that of the other program */
		for (size_t k = 0; k < taken.cnt; k++) {
			const cJSON *operation = get(taken.recording[k], "operation");

			if (strcmp(str(operation, "function"), "transform"))
				continue;
			assert_string_equal(str(operation, "left"), "exit");
			assert_true(cJSON_IsTrue(get(taken.recording[k], "complete")));
			is_seen = true;
		}
		assert_true(is_seen);
		assert_int_equal(num(taken.summary, "execs"), 1);
		release(&taken);
	}
}

/* --- changes while recording --- */

static void reread(struct command *recorder, const char *file, const char *text, const char *says)
{
	write_config(file, text);
	command_signal(recorder, SIGHUP);
	if (!command_says(recorder, says, 10))
		fail_msg("'%s' is not said", says);
}

static void sampling_changes_when_the_configuration_is_read_again(void **state)
{
	struct command victim, recorder;
	autofree char *out = NULL;
	char pid[16], url[300], file[256];
	cJSON *summary;
	unsigned kinds[4] = {};
	struct taken taken = {};

	snprintf(file, sizeof(file), "%s/reread.json", command_folder());
	snprintf(url, sizeof(url), "file:%s/reread", command_folder());
	write_config(file, TICK("\"if\": \"phase == 0\""));
	command_start(&victim, ARGV(path("@/tests/integration/victims/life"), "ticks"));
	assert_true(command_says(&victim, "ready", 10));
	snprintf(pid, sizeof(pid), "%d", victim.pid);
	command_start(&recorder,
		      ARGV(path("@/tapedeck"), "record", "-c", file, "-p", pid, "--to", url, "--json"));
	assert_true(command_says(&recorder, "recording process", 20));

	usleep(300000);
	command_signal(&victim, SIGUSR2); /* phase 1: nothing is taken */
	usleep(200000);
	reread(&recorder, file, TICK("\"if\": \"phase =\""), "stays as it was: ");
	reread(&recorder, file, TICK("\"if\": \"phas == 1\""), "no parameter 'phas'");
	reread(&recorder, file, TICK("\"enabled\": false"), "'tick' is not recorded from here on");
	usleep(100000);
	reread(&recorder, file, TICK("\"metadata\": {\"a\": \"phase\"}, \"if\": \"phase == 2\""),
	       "'tick' is recorded from here on");
	assert_true(
		command_says(&recorder, "'tick': what is captured of it cannot change while recording", 10));
	reread(&recorder, file, "{\"operations\": {\"tick\": {\"if\": \"phase == 2\"}}}",
	       "'tock' is no longer in the configuration: it is not recorded from here on");
	command_signal(&victim, SIGUSR2); /* phase 2 */
	usleep(500000);
	command_signal(&victim, SIGTERM);
	assert_int_equal(command_wait(&victim, 20), 0);
	assert_int_equal(command_wait(&recorder, 30), 0);
	out = command_file(recorder.out);
	summary = cJSON_Parse(out);
	assert_int_equal(num(summary, "unaccounted_events"), 0);
	read_all(&taken, url);
	for (size_t i = 0; i < taken.cnt; i++) {
		int phase = num(get(get(taken.recording[i], "operation"), "args"), "phase");
		bool is_tick = !strcmp(str(taken.recording[i], "category"), "tick");

		assert_in_range(phase, 0, 2);
		kinds[is_tick ? phase : 3] += 1;
		assert_true(is_tick || phase < 2);
	}
	assert_true(kinds[0] > 0 && kinds[2] > 0 && kinds[3] > 0);
	assert_int_equal(kinds[1], 0);
	cJSON_Delete(summary);
	release(&taken);
}

static int teardown(void **state)
{
	command_cleanup();
	return 0;
}

/* --- by the engine inside --- */

static int go_inside(void **state)
{
	engine = "--engine=preload";
	return 0;
}

static int come_out(void **state)
{
	engine = "--engine=bpf";
	return 0;
}

#define INSIDE(name, test, state)                                                                            \
	{                                                                                                    \
		"inside: " name, test, go_inside, come_out, state                                            \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_in_other_threads_join_the_operation_that_carries_their_value),
		cmocka_unit_test(a_call_that_hands_work_on_carries_its_value),
		cmocka_unit_test(operations_that_carry_the_same_say_so),
		cmocka_unit_test(a_call_that_outlives_its_operation_is_said_so),
		cmocka_unit_test(predicates_decide_before_anything_is_copied),
		cmocka_unit_test(sampling_by_a_value_takes_all_of_it_or_nothing),
		cmocka_unit_test(seeded_sampling_takes_the_same_calls_again),
		cmocka_unit_test(what_is_switched_off_is_not_recorded),
		cmocka_unit_test(what_begins_while_recording_ends_is_not_counted),
		cmocka_unit_test(a_busy_program_bears_recorders_that_come_and_go_and_die),
		cmocka_unit_test(a_budget_is_held_and_each_step_is_said),
		cmocka_unit_test(a_server_that_forks_for_each_request_is_followed),
		cmocka_unit_test(workers_that_were_forked_before_are_followed),
		cmocka_unit_test(a_child_forked_inside_an_operation_is_not_in_it),
		cmocka_unit_test(what_is_in_flight_at_attach_is_not_taken_and_at_detach_is_said_so),
		cmocka_unit_test(another_program_in_the_process_ends_recording),
		cmocka_unit_test(sampling_changes_when_the_configuration_is_read_again),
		{"a handler on a stack above",
		 a_handler_on_its_own_stack_neither_ends_the_operation_nor_the_program, NULL, NULL,
		 (void *)1},
		{"a handler on a stack below",
		 a_handler_on_its_own_stack_neither_ends_the_operation_nor_the_program, NULL, NULL, NULL},
		INSIDE("predicates", predicates_decide_before_anything_is_copied, NULL),
		INSIDE("sampling by a value", sampling_by_a_value_takes_all_of_it_or_nothing, NULL),
		INSIDE("seeded sampling", seeded_sampling_takes_the_same_calls_again, NULL),
		INSIDE("switched off", what_is_switched_off_is_not_recorded, NULL),
		INSIDE("the end", what_begins_while_recording_ends_is_not_counted, NULL),
		INSIDE("a server that forks", a_server_that_forks_for_each_request_is_followed, NULL),
		INSIDE("a child", a_child_forked_inside_an_operation_is_not_in_it, NULL),
		INSIDE("a handler on a stack above",
		       a_handler_on_its_own_stack_neither_ends_the_operation_nor_the_program, (void *)1),
		INSIDE("a handler on a stack below",
		       a_handler_on_its_own_stack_neither_ends_the_operation_nor_the_program, NULL),
	};

	if (getenv("FILTER"))
		cmocka_set_test_filter(getenv("FILTER"));
	return cmocka_run_group_tests(tests, NULL, teardown);
}
