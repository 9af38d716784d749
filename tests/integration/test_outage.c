// SPDX-License-Identifier: BSD-3-Clause
/*
 * The example service recorded into S3 while the store throttles, dies, hangs, and while the recorder dies:
 * what was reported as taken is there in the end, once, and can be read.
 */
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

#include "lib/err.h"
#include "lib/json.h"
#include "lib/spool.h"
#include "lib/util.h"
#include "tests/support/command.h"
#include "tests/support/s3_server.h"

#define CONNECTIONS    "4"
#define EACH	       "250"
#define ORDERS	       1000
#define DELAY_US       "5000"
#define HWM_MAX_KB     (128 * 1024) /* with rings of 16 MiB a CPU; what is recorded is not held */
#define OUTAGE_US      2000000
#define TOGETHER_LINES 100000

static struct s3_server server;
static struct command service, load, recorder;
static char service_pid[16], port[16], url[320], spool[256];

static const char *path(const char *name)
{
	return command_text("%s/%s", name[0] == '@' ? command_build() : command_folder(),
			    name + (name[0] == '@'));
}

/* --- a recorder under load --- */

static void start_recorder(void)
{
	command_start(&recorder,
		      ARGV(path("@/tapedeck"), "record", "-c", "examples/orders/orders.json", "-p",
			   service_pid, "--to", url, "--spool", spool, "--json", "--ring-size", "16M"));
	if (!command_says(&recorder, "recording process", 60)) {
		autofree char *said = command_file(recorder.err);

		fail_msg("%s", said);
	}
}

/* A place of its own in the store, and half of the orders' time ahead. */
static void begin(const char *name, const char *params)
{
	s3_server_url(&server, url, "http", command_text("suite/%s", name), params);
	snprintf(spool, sizeof(spool), "%s", path(command_text("spool-%s", name)));
	start_recorder();
	command_start(&load, ARGV(path("@/examples/orders/orderload"), "--port", port, "--connections",
				  CONNECTIONS, "--orders", EACH, "--delay", DELAY_US));
}

static uint64_t hwm_kb(pid_t pid)
{
	autofree char *status = command_file(command_text("/proc/%d/status", pid));
	const char *line = strstr(status, "VmHWM:");

	assert_non_null(line);
	return strtoull(line + strlen("VmHWM:"), NULL, 10);
}

/* End the recorder, once all orders are placed; its summary. */
static cJSON *finish(void)
{
	autofree char *said = NULL, *text = NULL;
	uint64_t kb;
	cJSON *summary;

	assert_int_equal(command_wait(&load, 120), 0);
	kb = hwm_kb(recorder.pid);
	command_signal(&recorder, SIGINT);
	command_wait(&recorder, 120);
	said = command_file(recorder.err);
	if (recorder.status)
		fail_msg("record ended with %d: %s", recorder.status, said);
	if (kb > HWM_MAX_KB)
		fail_msg("the recorder took %llu KiB", (unsigned long long)kb);
	text = command_file(recorder.out);
	summary = cJSON_Parse(text);
	assert_non_null(summary);
	return summary;
}

static uint64_t num(const cJSON *json, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);

	if (!cJSON_IsNumber(item))
		fail_msg("there is no '%s'", name);
	return item->valuedouble;
}

/* --- what is in the store --- */

struct held {
	unsigned recordings;
	bool has_order[ORDERS + 1];
	char *ids; /* the listing, to look an id up in */
};

static void held_release(struct held *held)
{
	free(held->ids);
}

#define auto_held __attribute__((cleanup(held_release)))

/* Every recording is listed, of an order of its own, and is read and found right. */
static void assert_held(struct held *held)
{
	struct command ls;
	char *save, *line;
	autofree char *text = NULL;

	*held = (struct held){};
	command_must(&ls, ARGV(path("@/tapedeck"), "ls", url, "--incomplete", "--json"), 0, 60);
	held->ids = command_file(ls.out);
	text = strdup(held->ids);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		auto_cjson cJSON *json = cJSON_Parse(line);
		const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(json, "metadata");
		uint64_t order = num(cJSON_GetObjectItemCaseSensitive(metadata, "user"), "order");

		assert_in_range(order, 1, ORDERS);
		if (held->has_order[order])
			fail_msg("order %llu is there twice", (unsigned long long)order);
		held->has_order[order] = true;
		held->recordings++;
	}
	command_must(&(struct command){}, ARGV(path("@/tapedeck"), "verify", url), 0, 120);
}

/* All orders were taken and are there, and the summary says so. */
static void assert_all_arrived(const cJSON *summary)
{
	auto_held struct held held;

	assert_int_equal(num(summary, "taken"), ORDERS);
	assert_int_equal(num(summary, "stored"), ORDERS);
	assert_int_equal(num(summary, "waiting"), 0);
	assert_int_equal(num(summary, "failed") + num(summary, "dropped") + num(summary, "rejected"), 0);
	assert_held(&held);
	assert_int_equal(held.recordings, ORDERS);
}

static void a_store_that_throttles_gets_all_in_its_own_time(void **state)
{
	auto_cjson cJSON *summary = NULL;

	s3_server_kill_gateway(&server);
	s3_server_start_throttled(&server, 2);
	begin("throttled", "");
	summary = finish();
	assert_true(num(summary, "throttled_requests") > 0);
	assert_true(num(summary, "retried_requests") >= num(summary, "throttled_requests"));
	assert_all_arrived(summary);
	s3_server_kill_gateway(&server);
	s3_server_start_gateway(&server);
}

static void a_gateway_that_is_killed_and_comes_back_has_all(void **state)
{
	auto_cjson cJSON *summary = NULL;

	begin("killed", "&tries=2");
	usleep(OUTAGE_US / 4);
	s3_server_kill_gateway(&server);
	usleep(OUTAGE_US);
	s3_server_start_gateway(&server);
	summary = finish();
	assert_true(num(summary, "storage_failures") > 0);
	assert_non_null(
		strstr(cJSON_GetStringValue(cJSON_GetObjectItem(summary, "storage_error")), "connect"));
	assert_all_arrived(summary);
}

static void a_gateway_and_a_disk_that_hang_get_all_when_they_wake(void **state)
{
	auto_cjson cJSON *summary = NULL;

	begin("hung", "&timeout=1&tries=1");
	usleep(OUTAGE_US / 4);
	command_signal(&server.gateway, SIGSTOP);
	usleep(OUTAGE_US);
	command_signal(&server.gateway, SIGCONT);
	command_signal(&server.disk, SIGSTOP);
	usleep(OUTAGE_US);
	command_signal(&server.disk, SIGCONT);
	summary = finish();
	assert_true(num(summary, "storage_failures") > 0);
	assert_all_arrived(summary);
}

/* What is in the spool now, by a copy of it, so that it stays what it is. */
static char *spooled_ids(void)
{
	struct spool_frame *frames;
	struct spool *copy;
	struct err err = {};
	autofree char *folder = NULL;
	size_t len = 0, cnt;
	char *ids = calloc(1, TOGETHER_LINES);
	struct command command;

	command_must(
		&command,
		ARGV("sh", "-c", command_text("cp -r %s %s-copy && ls -d %s-copy/*", spool, spool, spool)), 0,
		10);
	folder = command_file(command.out);
	folder[strcspn(folder, "\n")] = '\0';
	if (spool_open(&copy, folder, url, SPOOL_BYTES_MAX, &err))
		fail_msg("%s", err.msg);
	while (!spool_take(copy, &frames, &cnt, &err) && cnt) {
		for (size_t i = 0; i < cnt; i++)
			if (frames[i].kind == SPOOL_RECORDING)
				len += snprintf(ids + len, TOGETHER_LINES - len, "%s\n",
						frames[i].item.key.id);
		spool_taken(copy);
	}
	spool_close(copy);
	return ids;
}

static void kill_the_recorder(const char *name, const char *params)
{
	auto_cjson cJSON *summary = NULL;
	auto_held struct held held;
	autofree char *waited = NULL;
	unsigned cnt = 0;
	char *save, *id;

	begin(name, params);
	usleep(OUTAGE_US / 4);
	s3_server_kill_gateway(&server);
	usleep(OUTAGE_US / 4);
	assert_true(hwm_kb(recorder.pid) <= HWM_MAX_KB);
	command_signal(&recorder, SIGKILL);
	command_wait(&recorder, 10);
	waited = spooled_ids();
	s3_server_start_gateway(&server);
	start_recorder();
	summary = finish();
	assert_held(&held);
	for (id = strtok_r(waited, "\n", &save); id; id = strtok_r(NULL, "\n", &save), cnt++)
		if (!strstr(held.ids, id))
			fail_msg("recording '%s' was safe, and is lost", id);
	assert_true(cnt > 0);
	assert_int_equal(num(summary, "adopted"), cnt);
	assert_int_equal(num(summary, "waiting"), 0);
	assert_true(held.recordings >= cnt + num(summary, "stored"));
}

static void a_recorder_that_is_killed_loses_nothing_that_was_safe(void **state)
{
	kill_the_recorder("recorder", "&tries=1");
}

/* What is passed on twice is in two segments, and is there once all the same. */
static void in_segments_a_killed_recorder_loses_nothing_either(void **state)
{
	kill_the_recorder("segments", "&tries=1&layout=segments");
	command_must(&(struct command){}, ARGV(path("@/tapedeck"), "compact", url), 0, 60);
	command_must(&(struct command){}, ARGV(path("@/tapedeck"), "verify", url), 0, 60);
}

static int setup(void **state)
{
	autofree char *said = NULL;

	s3_server_environment();
	s3_server_start(&server, "");
	s3_server_make_bucket(&server, "suite");
	command_start(&service, ARGV(path("@/examples/orders/ordersd"), "--db", path("orders.db")));
	assert_true(command_says(&service, "listening on", 10));
	said = command_file(service.out);
	snprintf(port, sizeof(port), "%d", atoi(said + strlen("listening on ")));
	snprintf(service_pid, sizeof(service_pid), "%d", service.pid);
	return 0;
}

static int teardown(void **state)
{
	command_signal(&service, SIGTERM);
	assert_int_equal(command_wait(&service, 10), 0);
	s3_server_stop(&server);
	command_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_that_throttles_gets_all_in_its_own_time),
		cmocka_unit_test(a_gateway_that_is_killed_and_comes_back_has_all),
		cmocka_unit_test(a_gateway_and_a_disk_that_hang_get_all_when_they_wake),
		cmocka_unit_test(a_recorder_that_is_killed_loses_nothing_that_was_safe),
		cmocka_unit_test(in_segments_a_killed_recorder_loses_nothing_either),
	};

	return cmocka_run_group_tests_name("record into S3 through outages", tests, setup, teardown);
}
