// SPDX-License-Identifier: BSD-3-Clause
/* Many recordings at once: the golden orders, written into a cassette as often as it takes. */
#include <errno.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/cassette.h"
#include "lib/config.h"
#include "lib/recording.h"
#include "lib/util.h"
#include "replay/equalizer.h"
#include "replay/notes.h"
#include "tests/support/command.h"

#define TAPE	      "file:tests/golden/orders/tape"
#define ORDERS	      "tape_recorder_recordings/%s/HandleOrder/20261125/"
#define ONE	      "HandleOrder/20261125/214b14c69d95afea4834105a1d1616a3" /* that differs */
#define OTHER	      "HandleOrder/20261125/1f7c0b7dd14dba05c1ce14ed8444d23b" /* that does not */
#define TIMEOUT_S     300
#define RECORDING_MAX (1 << 20)

static const char *said(const char *name, const char *suffix, const char *tape, int status,
			const char *const more[])
{
	const char *args[32] = {command_text("%s/tapedeck", command_build()),
				name,
				"-c",
				"examples/orders/orders.json",
				"--exe",
				command_text("%s/examples/orders/ordersd%s", command_build(), suffix),
				tape};
	static char text[1 << 16];
	autofree char *out = NULL;
	struct command command;
	size_t cnt = 7;

	while (*more)
		args[cnt++] = *more++;
	command_must(&command, args, status, TIMEOUT_S);
	out = command_file(command.out);
	snprintf(text, sizeof(text), "%s", out);
	return text;
}

static int teardown(void **state)
{
	command_cleanup();
	return 0;
}

static void recordings_are_replayed_by_name(void **state)
{
	assert_non_null(strstr(said("equalize", "-regressed", TAPE, 1, ARGV(ONE, OTHER)),
			       "2 replayed: 1 equal, 1 diff"));
	assert_non_null(strstr(said("equalize", "-regressed", TAPE, 0, ARGV(OTHER)), "1 replayed: 1 equal"));
	/* The digits alone will do. */
	assert_non_null(
		strstr(said("studio", "-regressed", TAPE, 1, ARGV(strrchr(ONE, '/') + 1)), "1 different"));
}

static void a_name_that_is_not_there_ends_it_before_anything_runs(void **state)
{
	assert_string_equal(said("equalize", "", TAPE, 3,
				 ARGV(OTHER, "HandleOrder/20261125/00000000000000000000000000000000")),
			    "");
	assert_string_equal(said("equalize", "", TAPE, 2, ARGV(OTHER, "--limit", "1")), "");
}

static int ignore(const struct comparison *comparison, void *ctx)
{
	return comparison->verdict == VERDICT_EQUAL ? 0 : -EINVAL;
}

/* What it shows on a terminal while it works, whose stdout goes elsewhere; until it ends. */
static const char *on_terminal(const char *suffix)
{
	const char *build = command_build();
	static char text[1 << 16];
	size_t len = 0;
	int terminal, status;
	ssize_t n;
	pid_t pid = forkpty(&terminal, NULL, NULL, NULL);

	assert_int_not_equal(pid, -1);
	if (!pid) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(126);
		execl(command_text("%s/tapedeck", build), "tapedeck", "equalize", "-c",
		      "examples/orders/orders.json", "--exe",
		      command_text("%s/examples/orders/ordersd%s", build, suffix), TAPE, NULL);
		_exit(127);
	}
	/* It reads as an error when the other side has gone. */
	while (len < sizeof(text) - 1 && (n = read(terminal, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	text[len] = '\0';
	close(terminal);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return text;
}

static void a_terminal_shows_how_many_have_which_verdict(void **state)
{
	const char *text = on_terminal("");

	if (!strstr(text, "\r1 of ") || !strstr(text, " replayed: 1 equal\033[K"))
		fail_msg("%s", text);
}

/* --- without the command line --- */

struct desk {
	struct cassette *tape;
	struct config *config;
	struct equalizer *equalizer;
};

static void desk_open(struct desk *desk, const char *url, const struct equalizer_opts *with)
{
	const char *build = command_build();
	struct equalizer_opts opts = *with;

	opts.exe = command_text("%s/examples/orders/ordersd", build);
	opts.engine = command_text("%s/libtapedeck-replay.so", build);
	assert_int_equal(config_load(&desk->config, "examples/orders/orders.json", NULL), 0);
	assert_int_equal(cassette_open(&desk->tape, url, false, NULL), 0);
	assert_int_equal(equalizer_new(&desk->equalizer, desk->config, desk->tape, &opts, NULL), 0);
}

static void desk_close(struct desk *desk)
{
	equalizer_free(desk->equalizer);
	cassette_close(desk->tape);
	config_free(desk->config);
}

static int run_all(struct desk *desk, comparison_fn fn, struct equalizer_totals *totals)
{
	const struct lookup all = {};
	const struct selection selection = {&all};

	return equalizer_run(desk->equalizer, &selection, fn, totals, totals, NULL);
}

/* A server has a folder; where they are kept, notes name them. */
static void a_program_is_started_anew_after_so_many_replays(void **state)
{
	struct equalizer_totals totals;
	const struct notes *notes;
	struct command rm;
	struct desk desk;
	int folders = 0;

	desk_open(&desk, TAPE, &(struct equalizer_opts){.jobs = 1, .recycle = 5, .keep = true});
	assert_int_equal(run_all(&desk, ignore, &totals), 0);
	assert_int_equal(totals.by_verdict[VERDICT_EQUAL], 24);
	notes = equalizer_notes(desk.equalizer);
	for (size_t i = 0; i < notes->cnt; i++) {
		const char *kept = strstr(notes->text[i], "kept: ");

		folders += kept != NULL;
		if (kept)
			command_must(&rm, ARGV("rm", "-rf", strchr(kept, '/')), 0, 30);
	}
	assert_int_equal(folders, 5);
	desk_close(&desk);
}

/* --- memory --- */

static void write_file(const char *path, const void *data, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* A cassette in @dir with @cnt recordings more than the golden ones: one of them, by other names. */
static void make_orders(const char *dir, int cnt)
{
	char path[512];
	auto_recording struct recording *recording = NULL;
	auto_cassette struct cassette *tape = NULL;
	struct recording_key key;
	struct blob blob, metadata;
	struct command command;

	command_must(&command, ARGV("cp", "-r", "tests/golden/orders/tape", dir), 0, 30);
	assert_int_equal(cassette_open(&tape, TAPE, false, NULL), 0);
	assert_int_equal(cassette_find(tape, OTHER, &key, NULL), 0);
	assert_int_equal(cassette_get(tape, &key, &blob, NULL), 0);
	assert_int_equal(cassette_get_metadata(tape, &key, &metadata, NULL), 0);
	assert_int_equal(recording_read(&recording, blob.data, blob.len, NULL), 0);
	for (int i = 0; i < cnt; i++) {
		auto_buf struct buf out = {};

		snprintf(recording->id, sizeof(recording->id), "%032x", 0x10000000 + i);
		buf_init(&out, RECORDING_MAX);
		assert_int_equal(recording_write(&out, recording, NULL), 0);
		snprintf(path, sizeof(path), "%s/" ORDERS "%s", dir, "full", recording->id);
		write_file(path, out.data, out.len);
		snprintf(path, sizeof(path), "%s/" ORDERS "%s", dir, "metadata", recording->id);
		write_file(path, metadata.data, metadata.len);
	}
	free(blob.data);
	free(metadata.data);
}

/* The most memory that replaying @cnt recordings of @tape took, in KiB. */
static long memory_of(const char *tape, int cnt)
{
	const char *build = command_build();
	struct rusage usage;
	pid_t pid = fork();
	int status;

	assert_int_not_equal(pid, -1);
	if (!pid) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(126);
		execl(command_text("%s/tapedeck", build), "tapedeck", "equalize", "-c",
		      "examples/orders/orders.json", "--exe",
		      command_text("%s/examples/orders/ordersd", build), "--limit", command_text("%d", cnt),
		      tape, NULL);
		_exit(127);
	}
	assert_int_equal(wait4(pid, &status, 0, &usage), pid);
	assert_int_equal(status, 0);
	return usage.ru_maxrss;
}

#define FEW	 1000
#define MANY	 10000 /* TAPEDECK_MANY in the environment: another number */
#define GROWTH_K 6144  /* what the queue of names takes that is listed ahead, 172 bytes each, and noise */

static int stop_at_once(const struct comparison *comparison, void *ctx)
{
	const struct equalizer_totals *totals = ctx;

	assert_int_equal(totals->total, 1);
	assert_false(totals->is_listed);
	assert_in_range(totals->found, 1, MANY - 1);
	return 1;
}

static void the_first_are_replayed_before_the_last_are_found(const char *url)
{
	struct equalizer_totals totals;
	struct desk desk;

	desk_open(&desk, url, &(struct equalizer_opts){});
	assert_int_equal(run_all(&desk, stop_at_once, &totals), 1);
	desk_close(&desk);
}

static void however_many_there_are_memory_is_the_same_and_the_first_comes_early(void **state)
{
	char dir[300], tape[320];
	int many = getenv("TAPEDECK_MANY") ? atoi(getenv("TAPEDECK_MANY")) : MANY;
	long few_k, many_k;

	snprintf(dir, sizeof(dir), "%s/tape", command_folder());
	snprintf(tape, sizeof(tape), "file:%s", dir);
	make_orders(dir, many);
	the_first_are_replayed_before_the_last_are_found(tape);
	few_k = memory_of(tape, FEW);
	many_k = memory_of(tape, many);
	print_message("%d comparisons: %ld KiB, %d: %ld KiB\n", FEW, few_k, many, many_k);
	assert_in_range(many_k, 0, few_k + GROWTH_K);
}

static void a_recording_whose_metadata_is_damaged_counts(void **state)
{
	const char *dir = command_text("%s/damaged", command_folder());
	const char *tape = command_text("file:%s", dir), *text;

	make_orders(dir, 0);
	write_file(command_text("%s/tape_recorder_recordings/metadata/" OTHER, dir), "{torn", 5);
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "studio" : "equalize";

		text = said(name, "", tape, 1, ARGV("--json", "--where", "customer=nobody*"));
		if (!strstr(text, "\"id\":\"" OTHER "\"") || !strstr(text, "\"total\":1,\"equal\":0,") ||
		    !strstr(text, "\"equalizer_failure\":1"))
			fail_msg("%s: %s", name, text);
		text = said(name, "", tape, 1, ARGV("--limit", "1000"));
		if (!strstr(text, OTHER ": equalizer_failure ") ||
		    !strstr(text, "its metadata cannot be read") || !strstr(text, ", 1 equalizer_failure"))
			fail_msg("%s: %s", name, text);
	}
	assert_non_null(strstr(said("equalize", "", tape, 0, ARGV(OTHER)), "1 replayed: 1 equal"));
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(recordings_are_replayed_by_name),
		TEST(a_name_that_is_not_there_ends_it_before_anything_runs),
		TEST(a_recording_whose_metadata_is_damaged_counts),
		TEST(a_terminal_shows_how_many_have_which_verdict),
		TEST(a_program_is_started_anew_after_so_many_replays),
		TEST(however_many_there_are_memory_is_the_same_and_the_first_comes_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
