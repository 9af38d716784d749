// SPDX-License-Identifier: BSD-3-Clause
/*
 * The whole path on the example service: what was recorded is held against what the load generator saw and
 * what the service itself wrote down, and what was replayed against what the service's journal says must
 * differ.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <cjson/cJSON.h>

#include "lib/cassette.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/lookup.h"
#include "lib/recording_json.h"
#include "lib/store.h"
#include "lib/util.h"
#include "tests/support/command.h"

#define CONNECTIONS 8
#define EACH	    1000
#define ORDERS	    (CONNECTIONS * EACH)
#define LINES_MAX   9 /* of the journal, an order: eight calls and the conversion */

/* What others than the recorder know of an order. */
struct order {
	cJSON *seen;		   /* the load generator's line */
	cJSON *journal[LINES_MAX]; /* the service's own lines, in order */
	size_t journal_cnt;
	bool is_recorded;
};

struct run {
	char tape[128], url[160], journal[160], log[160];
	struct order *orders; /* by id */
	cJSON *summary;	      /* of record */
};

static struct run full; /* recorded once, used by several tests */

static const char *path(const char *name)
{
	static char text[8][256];
	static unsigned at;
	char *out = text[at++ % 8];

	snprintf(out, 256, "%s/%s", name[0] == '@' ? command_build() : command_folder(),
		 name + (name[0] == '@'));
	return out;
}

/* --- what was seen --- */

static void each_line(const char *file, void (*fn)(cJSON *line, void *ctx), void *ctx)
{
	autofree char *text = command_file(file);
	char *save, *line;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		cJSON *json = cJSON_Parse(line);

		if (!json)
			fail_msg("%s: not JSON: %s", file, line);
		fn(json, ctx);
	}
}

static double num(const cJSON *json, const char *name)
{
	return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(json, name));
}

static const char *str(const cJSON *json, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));

	return text ? text : "(none)";
}

static const cJSON *get(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

static struct order *order_of(struct run *run, const cJSON *line)
{
	unsigned id = num(line, "id");

	assert_in_range(id, 1, ORDERS);
	return &run->orders[id];
}

static void add_seen(cJSON *line, void *ctx)
{
	order_of(ctx, line)->seen = line;
}

static void add_journal(cJSON *line, void *ctx)
{
	struct order *order = order_of(ctx, line);

	assert_true(order->journal_cnt < LINES_MAX);
	order->journal[order->journal_cnt++] = line;
}

static const cJSON *journal_line(const struct order *order, const char *call)
{
	for (size_t i = 0; i < order->journal_cnt; i++)
		if (!strcmp(str(order->journal[i], "call"), call))
			return order->journal[i];
	return NULL;
}

/* --- running the service --- */

static void start_service(struct command *service, struct run *run, char port[16])
{
	autofree char *said = NULL;

	command_start(service, ARGV(path("@/examples/orders/ordersd"), "--db", path("orders.db"), "--journal",
				    run->journal));
	assert_true(command_says(service, "listening on", 10));
	said = command_file(service->out);
	snprintf(port, 16, "%d", atoi(said + strlen("listening on ")));
}

static void place_orders(struct run *run, const char *port)
{
	struct command load;
	char connections[16], each[16];

	snprintf(connections, sizeof(connections), "%d", CONNECTIONS);
	snprintf(each, sizeof(each), "%d", EACH);
	assert_int_equal(command_run(&load,
				     ARGV(path("@/examples/orders/orderload"), "--port", port,
					  "--connections", connections, "--orders", each, "--log", run->log),
				     120),
			 0);
}

/* Record the service under its whole load. */
static void record_run(struct run *run, const char *name, const char *config)
{
	struct command service, recorder;
	autofree char *summary = NULL;
	char port[16], pid[16];

	snprintf(run->tape, sizeof(run->tape), "%s", path(name));
	snprintf(run->url, sizeof(run->url), "file:%s", run->tape);
	snprintf(run->journal, sizeof(run->journal), "%s.journal", run->tape);
	snprintf(run->log, sizeof(run->log), "%s.log", run->tape);
	run->orders = calloc(ORDERS + 1, sizeof(*run->orders));
	start_service(&service, run, port);
	snprintf(pid, sizeof(pid), "%d", service.pid);
	command_start(&recorder, ARGV(path("@/tapedeck"), "record", "-c", config, "-p", pid, "--to", run->url,
				      "--json", "--ring-size", "64M"));
	assert_true(command_says(&recorder, "recording process", 20));
	place_orders(run, port);
	command_signal(&recorder, SIGINT);
	if (command_wait(&recorder, 120) != 0) {
		autofree char *said = command_file(recorder.err);

		fail_msg("record ended with %d: %s", recorder.status, said);
	}
	command_signal(&service, SIGTERM);
	assert_int_equal(command_wait(&service, 10), 0);
	summary = command_file(recorder.out);
	run->summary = cJSON_Parse(summary);
	assert_non_null(run->summary);
	each_line(run->log, add_seen, run);
	each_line(run->journal, add_journal, run);
}

/* --- each recording against what others saw --- */

/* The order as the load generator sent it: "ORDER id customer currency express sku:quantity:gift...". */
static void check_request(const struct order *order, const cJSON *request)
{
	autofree char *sent = strdup(str(order->seen, "sent"));
	char *save, *word = strtok_r(sent, " ", &save);
	const cJSON *item;

	assert_string_equal(word, "ORDER");
	assert_int_equal(num(request, "id"), atoi(strtok_r(NULL, " ", &save)));
	assert_string_equal(str(request, "customer"), strtok_r(NULL, " ", &save));
	assert_string_equal(str(request, "currency"), strtok_r(NULL, " ", &save));
	assert_int_equal(cJSON_IsTrue(get(request, "express")), *strtok_r(NULL, " ", &save) == '1');
	assert_int_equal(cJSON_GetArraySize(get(request, "items")), num(request, "nitems"));
	cJSON_ArrayForEach(item, get(request, "items"))
	{
		char text[64];

		snprintf(text, sizeof(text), "%s:%.0f:%d", str(item, "sku"), num(item, "quantity"),
			 cJSON_IsTrue(get(item, "gift")));
		assert_string_equal(text, strtok_r(NULL, " ", &save));
	}
	assert_null(strtok_r(NULL, " ", &save));
}

/* The answer as the load generator got it: "OK id total points lines message" or "ERR id status message". */
static void check_reply(const struct order *order, const cJSON *operation)
{
	const cJSON *reply = get(get(operation, "out"), "reply");
	char text[256];

	if (num(operation, "return") == 0)
		snprintf(text, sizeof(text), "OK %.0f %.0f %.0f %.0f %s", num(order->seen, "id"),
			 num(reply, "total_cents"), num(reply, "points"), num(reply, "nlines"),
			 str(reply, "message"));
	else
		snprintf(text, sizeof(text), "ERR %.0f %.0f %s", num(order->seen, "id"), num(reply, "status"),
			 str(reply, "message"));
	assert_string_equal(text, str(order->seen, "got"));
	if (num(reply, "nlines") > 0)
		assert_int_equal(cJSON_GetArraySize(get(reply, "lines")), num(reply, "nlines"));
}

static void check_clock(const cJSON *call, const cJSON *line)
{
	const cJSON *tp = get(get(call, "out"), "tp");

	assert_int_equal(num(tp, "tv_sec"), num(line, "sec"));
	assert_int_equal(num(tp, "tv_nsec"), num(line, "nsec"));
}

static void check_customer(const cJSON *call, const cJSON *line)
{
	assert_string_equal(str(get(call, "args"), "name"), str(line, "name"));
	if (num(line, "return") >= 0)
		assert_string_equal(str(get(call, "out"), "buf_text"), str(line, "buf"));
	else
		assert_int_equal(num(call, "errno"), num(line, "errno"));
}

static void check_prices(const cJSON *call, const cJSON *line)
{
	const cJSON *list = get(get(call, "out"), "out"), *price;
	double sum = 0;

	assert_int_equal(num(list, "count"), num(line, "count"));
	assert_int_equal(cJSON_GetArraySize(get(list, "prices")), num(line, "count"));
	cJSON_ArrayForEach(price, get(list, "prices")) sum += num(price, "cents");
	assert_true(sum == num(line, "sum"));
}

static void check_rate(const cJSON *call, const cJSON *line)
{
	const cJSON *rate = get(get(call, "out"), "out");

	assert_true(num(rate, "micros") == num(line, "micros"));
	assert_true(num(rate, "spread") == 0.0015);
	assert_string_equal(str(rate, "source"), "ECB");
}

static void check_points(const cJSON *call, const cJSON *line)
{
	assert_int_equal(num(get(call, "args"), "postcode"), num(line, "postcode"));
	assert_int_equal(num(get(call, "args"), "weekday"), num(line, "weekday"));
}

static void check_store(const cJSON *call, const cJSON *line)
{
	const cJSON *args = get(call, "args");

	assert_int_equal(num(args, "id"), num(line, "id"));
	assert_string_equal(str(args, "customer"), str(line, "customer"));
	assert_true(num(args, "total_cents") == num(line, "total_cents"));
	assert_int_equal(num(args, "lines"), num(line, "lines"));
	assert_int_equal(cJSON_IsTrue(get(args, "express")), cJSON_IsTrue(get(line, "express")));
	assert_true(num(args, "created_ms") == num(line, "created_ms"));
}

static void check_notify(const cJSON *call, const cJSON *line)
{
	const cJSON *args = get(call, "args"), *notice = get(args, "notice");

	assert_string_equal(str(args, "channel"), str(line, "channel"));
	assert_int_equal(num(notice, "order"), num(line, "order"));
	assert_true(num(notice, "total_cents") == num(line, "total_cents"));
	assert_string_equal(str(notice, "text"), str(line, "text"));
}

static void check_audit(const cJSON *call, const cJSON *line)
{
	assert_string_equal(str(get(call, "args"), "what"), str(line, "what"));
	assert_int_equal(num(get(call, "args"), "len"), num(line, "len"));
	assert_int_equal(num(get(get(call, "args"), "digest"), "length"), num(line, "len"));
}

static const struct {
	const char *function, *journal;
	void (*check)(const cJSON *call, const cJSON *line);
} checks[] = {
	{"libc.so.6:clock_gettime", "clock_gettime", check_clock},
	{"db_get_customer", "db_get_customer", check_customer},
	{"db_prices", "db_prices", check_prices},
	{"rate_lookup", "rate_lookup", check_rate},
	{"bonus_points", "bonus_points", check_points},
	{"db_store_order", "db_store_order", check_store},
	{"notify", "notify", check_notify},
	{"audit", "audit", check_audit},
};

static void check_call(const cJSON *call, const cJSON *line)
{
	const char *function = str(call, "function");

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		if (strcmp(checks[i].function, function))
			continue;
		assert_string_equal(checks[i].journal, str(line, "call"));
		assert_string_equal(str(call, "left"), "return");
		if (get(line, "return"))
			assert_true(num(call, "return") == num(line, "return"));
		return checks[i].check(call, line);
	}
	fail_msg("a call of '%s' was recorded, which is not configured", function);
}

static void check_recording(struct run *run, const cJSON *json)
{
	const cJSON *operation = get(json, "operation"), *request = get(get(operation, "args"), "request"),
		    *call;
	unsigned id = num(request, "id"), seq = 1;
	struct order *order;
	size_t line = 0;

	assert_in_range(id, 1, ORDERS);
	order = &run->orders[id];
	assert_false(order->is_recorded);
	order->is_recorded = true;
	assert_true(cJSON_IsTrue(get(json, "complete")));
	assert_int_equal(num(get(get(json, "metadata"), "user"), "order"), id);
	check_request(order, request);
	check_reply(order, operation);
	cJSON_ArrayForEach(call, get(json, "calls"))
	{
		while (line < order->journal_cnt && !strcmp(str(order->journal[line], "call"), "convert"))
			line++;
		assert_true(line < order->journal_cnt);
		assert_int_equal(num(call, "seq"), seq++);
		check_call(call, order->journal[line++]);
	}
	assert_int_equal(line, order->journal_cnt);
}

struct reading {
	struct run *run;
	struct store *store;
	size_t cnt;
};

/* The text of a buffer shows as text in "buf_text", so that it can be compared. */
static void add_text(cJSON *json)
{
	cJSON *call;

	cJSON_ArrayForEach(call, cJSON_GetObjectItem(json, "calls"))
	{
		cJSON *out = cJSON_GetObjectItem(call, "out"), *buf = cJSON_GetObjectItem(out, "buf");
		const char *bytes = cJSON_GetStringValue(cJSON_GetObjectItem(buf, "bytes"));
		char text[64] = "";
		size_t at = 0;
		uint32_t word = 0, bits = 0;

		for (; bytes && *bytes && *bytes != '=' && at < sizeof(text) - 1; bytes++) {
			static const char digits[] =
				"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

			word = word << 6 | (strchr(digits, *bytes) - digits);
			bits += 6;
			if (bits >= 8)
				text[at++] = word >> (bits -= 8);
		}
		if (buf)
			cJSON_AddStringToObject(out, "buf_text", text);
	}
}

static int read_one(const struct found *found, void *ctx)
{
	struct reading *reading = ctx;
	auto_recording struct recording *recording = NULL;
	auto_cjson cJSON *json = NULL;
	const struct schema *schema;
	struct err err = {};

	if (store_get(reading->store, &found->key, &recording, &schema, &err) < 0 ||
	    recording_json(&json, &found->key, recording, schema, reading->store, &err) < 0)
		fail_msg("%s", err.msg);
	add_text(json);
	check_recording(reading->run, json);
	reading->cnt++;
	return 0;
}

static size_t check_all(struct run *run)
{
	auto_cassette struct cassette *cassette = NULL;
	auto_store struct store *store = NULL;
	struct lookup lookup = {.with_incomplete = true};
	struct reading reading = {.run = run};
	struct err err = {};

	assert_int_equal(cassette_open(&cassette, run->url, false, &err), 0);
	assert_int_equal(store_new(&store, cassette, &err), 0);
	reading.store = store;
	assert_int_equal(lookup_each(cassette, &lookup, NULL, read_one, &reading, &err), 0);
	return reading.cnt;
}

static void check_nothing_lost(const struct run *run)
{
	static const char *const zero[] = {"incomplete", "lost_events", "unaccounted_events",
					   "dropped",	 "failed",	"kept_out"};

	for (size_t i = 0; i < ARRAY_SIZE(zero); i++)
		if (num(run->summary, zero[i]) != 0)
			fail_msg("%s is %.0f", zero[i], num(run->summary, zero[i]));
}

/* --- the claims --- */

static void eight_thousand_orders_are_recorded_whole_and_as_others_saw_them(void **state)
{
	record_run(&full, "full", "examples/orders/orders.json");
	check_nothing_lost(&full);
	assert_int_equal(num(full.summary, "taken"), ORDERS);
	assert_int_equal(num(full.summary, "stored"), ORDERS);
	assert_int_equal(check_all(&full), ORDERS);
}

/* Where no drifting rate takes part, the answers of an untraced run must be the same to the letter. */
static void answers_are_unchanged_by_recording(void **state)
{
	struct run run = {.orders = calloc(ORDERS + 1, sizeof(*run.orders))};
	struct command service;
	char port[16];
	unsigned compared = 0;

	snprintf(run.journal, sizeof(run.journal), "%s", path("untraced.journal"));
	snprintf(run.log, sizeof(run.log), "%s", path("untraced.log"));
	start_service(&service, &run, port);
	place_orders(&run, port);
	command_signal(&service, SIGTERM);
	assert_int_equal(command_wait(&service, 10), 0);
	each_line(run.log, add_seen, &run);
	for (unsigned id = 1; id <= ORDERS; id++) {
		const char *sent = str(run.orders[id].seen, "sent");

		assert_string_equal(sent, str(full.orders[id].seen, "sent"));
		if (strncmp(str(run.orders[id].seen, "got"), "ERR", 3) && !strstr(sent, " EUR "))
			continue;
		assert_string_equal(str(run.orders[id].seen, "got"), str(full.orders[id].seen, "got"));
		compared++;
	}
	assert_true(compared > ORDERS / 5);
}

static void a_sample_of_a_tenth_is_a_tenth_and_whole(void **state)
{
	autofree char *text = command_file("examples/orders/orders.json");
	const char *config = path("sampled.json"), *at = strstr(text, "\"category\"");
	struct run run = {};
	FILE *file = fopen(config, "w");
	size_t taken;

	assert_non_null(at);
	fprintf(file, "%.*s\"sample\": { \"rate\": 0.1 },\n%s", (int)(at - text), text, at);
	fclose(file);
	record_run(&run, "sampled", config);
	check_nothing_lost(&run);
	taken = check_all(&run);
	assert_int_equal(num(run.summary, "taken"), taken);
	assert_int_equal(num(run.summary, "taken") + num(run.summary, "sampled_out"), ORDERS);
	/* five standard deviations of a binomial with n = 8000, p = 0.1 are 134 */
	assert_in_range(taken, ORDERS / 10 - 134, ORDERS / 10 + 134);
}

struct verdicts {
	struct run *run;
	unsigned equal, different;
};

static unsigned id_of(struct run *run, const char *recording)
{
	auto_cassette struct cassette *cassette = NULL;
	struct recording_key key;
	struct blob blob = {};
	auto_cjson cJSON *doc = NULL;
	struct err err = {};

	assert_int_equal(cassette_open(&cassette, run->url, false, &err), 0);
	assert_int_equal(recording_key_parse(&key, recording, &err), 0);
	assert_int_equal(cassette_get_metadata(cassette, &key, &blob, &err), 0);
	doc = cJSON_ParseWithLength(blob.data, blob.len);
	free(blob.data);
	return num(get(doc, "user"), "order");
}

static void check_equal(cJSON *line, void *ctx)
{
	struct verdicts *verdicts = ctx;

	if (!strcmp(str(line, "type"), "comparison")) {
		if (strcmp(str(line, "verdict"), "equal")) {
			autofree char *text = cJSON_Print(line);

			fail_msg("not equal: %s", text);
		}
		verdicts->equal++;
	}
	cJSON_Delete(line);
}

static void equalize(const char *build, const char *url, int status, void (*fn)(cJSON *, void *),
		     struct verdicts *verdicts)
{
	struct command command;

	command_run(&command,
		    ARGV(path("@/tapedeck"), "equalize", "-c", "examples/orders/orders.json", "--exe",
			 path(build), url, "--json"),
		    300);
	if (command.status != status) {
		autofree char *said = command_file(command.err);

		fail_msg("equalize with %s ended with %d: %s", build, command.status, said);
	}
	each_line(command.out, fn, verdicts);
}

static void the_same_build_replays_every_recording_equal(void **state)
{
	struct verdicts verdicts = {.run = &full};

	equalize("@/examples/orders/ordersd", full.url, 0, check_equal, &verdicts);
	assert_int_equal(verdicts.equal, ORDERS);
}

static void a_refactored_build_replays_every_recording_equal(void **state)
{
	struct verdicts verdicts = {.run = &full};

	equalize("@/examples/orders/ordersd-refactored", full.url, 0, check_equal, &verdicts);
	assert_int_equal(verdicts.equal, ORDERS);
}

static bool has_path(const cJSON *line, const char *want)
{
	const cJSON *difference;

	cJSON_ArrayForEach(difference,
			   get(line, "differences")) if (!strcmp(str(difference, "path"), want)) return true;
	return false;
}

/* The regressed build cuts where the original rounds half up: orders whose conversion left half a cent or
 * more differ. */
static void check_regressed(cJSON *line, void *ctx)
{
	struct verdicts *verdicts = ctx;
	const cJSON *convert;
	bool must_differ;
	unsigned id;

	if (!strcmp(str(line, "type"), "comparison")) {
		id = id_of(verdicts->run, str(line, "id"));
		convert = journal_line(&verdicts->run->orders[id], "convert");
		must_differ = convert && num(convert, "remainder") >= 500000;
		if (strcmp(str(line, "verdict"), must_differ ? "different" : "equal"))
			fail_msg("order %u: %s, but the journal says it must %sdiffer", id,
				 str(line, "verdict"), must_differ ? "" : "not ");
		verdicts->different += must_differ;
		verdicts->equal += !must_differ;
		if (must_differ && (!has_path(line, "reply->total_cents") ||
				    !has_path(line, "calls[orders.store#1].total_cents") ||
				    !has_path(line, "calls[orders.notify#1].notice->total_cents"))) {
			autofree char *text = cJSON_Print(line);

			fail_msg("a path is missing: %s", text);
		}
	}
	cJSON_Delete(line);
}

static void a_regressed_build_differs_exactly_where_the_journal_says(void **state)
{
	struct verdicts verdicts = {.run = &full};

	equalize("@/examples/orders/ordersd-regressed", full.url, 1, check_regressed, &verdicts);
	assert_int_equal(verdicts.equal + verdicts.different, ORDERS);
	assert_true(verdicts.different > ORDERS / 10);
}

static int cleanup(void **state)
{
	command_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eight_thousand_orders_are_recorded_whole_and_as_others_saw_them),
		cmocka_unit_test(answers_are_unchanged_by_recording),
		cmocka_unit_test(a_sample_of_a_tenth_is_a_tenth_and_whole),
		cmocka_unit_test(the_same_build_replays_every_recording_equal),
		cmocka_unit_test(a_refactored_build_replays_every_recording_equal),
		cmocka_unit_test(a_regressed_build_differs_exactly_where_the_journal_says),
	};

	return cmocka_run_group_tests(tests, NULL, cleanup);
}
