// SPDX-License-Identifier: BSD-3-Clause
/* What is in a spool survives its writer, the disk's end and the cassette's absence, and arrives once. */
#include "lib/spool.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/util.h"
#include "tests/support/cassette_suite.h"
#include "tests/support/fake_http.h"

static char dir[64];

static int setup(void **state)
{
	strcpy(dir, "/tmp/tapedeck-test-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[200];

	snprintf(command, sizeof(command), "umount -q %s 2>/dev/null; rm -rf %s", dir, dir);
	return system(command);
}

static struct spool *open_spool(uint64_t bytes_max)
{
	struct spool *spool;
	struct err err = {};

	if (spool_open(&spool, dir, "file:/somewhere", bytes_max, &err))
		fail_msg("%s", err.msg);
	return spool;
}

static struct spool_frame frame_of(int i, const char *full)
{
	struct spool_frame frame = {.kind = SPOOL_RECORDING};
	char id[33];

	snprintf(id, sizeof(id), "%032x", i);
	frame.item.key = suite_key("c", "20251125", id);
	frame.item.full = (struct blob){(void *)full, strlen(full)};
	frame.item.metadata = (struct blob){"{}", 2};
	return frame;
}

static int append_one(struct spool *spool, int i, const char *full, struct err *err)
{
	struct spool_frame frame = frame_of(i, full);

	return spool_append(spool, &frame, 1, err);
}

/* Takes everything; checks that recordings come in order from @first, and returns how many did. */
static int take_all(struct spool *spool, int first)
{
	struct spool_frame *frames;
	struct err err = {};
	int next = first;
	size_t cnt;

	for (;;) {
		if (spool_take(spool, &frames, &cnt, &err))
			fail_msg("%s", err.msg);
		if (!cnt)
			return next - first;
		for (size_t i = 0; i < cnt; i++) {
			if (frames[i].kind != SPOOL_RECORDING)
				continue;
			assert_int_equal(strtol(frames[i].item.key.id, NULL, 16), next++);
			assert_string_equal(frames[i].item.key.category, "c");
			assert_memory_equal(frames[i].item.metadata.data, "{}", 2);
		}
		spool_taken(spool);
	}
}

static int files_of(const char *suffix)
{
	struct dirent *entry;
	DIR *folder = opendir(dir);
	int cnt = 0;

	while ((entry = readdir(folder))) {
		size_t len = strlen(entry->d_name), suffix_len = strlen(suffix);

		cnt += len > suffix_len && strcmp(entry->d_name + len - suffix_len, suffix) == 0;
	}
	closedir(folder);
	return cnt;
}

static void segment_path(char path[320])
{
	struct dirent *entry;
	DIR *folder = opendir(dir);

	*path = '\0';
	while ((entry = readdir(folder)))
		if (strstr(entry->d_name, ".seg"))
			snprintf(path, 320, "%s/%s", dir, entry->d_name);
	closedir(folder);
	assert_true(*path);
}

/* --- segments --- */

static void what_is_appended_is_taken_in_order_and_leaves_nothing(void **state)
{
	struct spool *spool = open_spool(SPOOL_BYTES_MAX);
	struct spool_state now;
	struct stat st;
	char path[320];

	for (int i = 0; i < 600; i++)
		assert_int_equal(append_one(spool, i, "full", NULL), 0);
	spool_state(spool, &now);
	assert_int_equal(now.waiting, 600);
	assert_true(now.waiting_bytes > 600 * 6);
	assert_int_equal(now.adopted, 0);
	segment_path(path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(take_all(spool, 0), 600);
	spool_state(spool, &now);
	assert_int_equal(now.waiting, 0);
	assert_int_equal(now.waiting_bytes, 0);
	spool_close(spool);
	assert_int_equal(files_of(".seg"), 0);
}

static void what_a_killed_writer_appended_is_adopted(void **state)
{
	struct spool *spool;
	struct spool_state now;
	int status, ends[2], reported = 0;

	assert_int_equal(pipe(ends), 0);
	if (!fork()) {
		spool = open_spool(SPOOL_BYTES_MAX);
		for (int i = 0;; i++) {
			if (append_one(spool, i, "full", NULL) || write(ends[1], "x", 1) != 1)
				_exit(1);
			if (i == 50)
				kill(getpid(), SIGKILL);
		}
	}
	close(ends[1]);
	assert_true(wait(&status) > 0);
	assert_true(WIFSIGNALED(status));
	for (char c; read(ends[0], &c, 1) == 1;)
		reported++;
	close(ends[0]);
	spool = open_spool(SPOOL_BYTES_MAX);
	spool_state(spool, &now);
	assert_true(reported == 51 && now.adopted == 51 && now.waiting == 51);
	assert_int_equal(take_all(spool, 0), 51);
	spool_close(spool);
	assert_int_equal(files_of(".seg"), 0);
}

static void what_was_taken_is_not_taken_again_by_the_next(void **state)
{
	struct spool *spool = open_spool(SPOOL_BYTES_MAX);
	struct spool_frame *frames;
	struct spool_state now;
	size_t cnt;

	for (int i = 0; i < SPOOL_BATCH + 10; i++)
		assert_int_equal(append_one(spool, i, "full", NULL), 0);
	assert_int_equal(spool_take(spool, &frames, &cnt, NULL), 0);
	assert_int_equal(cnt, SPOOL_BATCH);
	spool_taken(spool);
	assert_int_equal(spool_take(spool, &frames, &cnt, NULL), 0);
	assert_int_equal(cnt, 10);
	spool_close(spool); /* not taken */
	spool = open_spool(SPOOL_BYTES_MAX);
	spool_state(spool, &now);
	assert_int_equal(now.adopted, 10);
	assert_int_equal(take_all(spool, SPOOL_BATCH), 10);
	spool_close(spool);
}

static void a_living_writers_segments_are_left_alone(void **state)
{
	struct spool *first = open_spool(SPOOL_BYTES_MAX), *second;

	assert_int_equal(append_one(first, 0, "full", NULL), 0);
	second = open_spool(SPOOL_BYTES_MAX);
	assert_int_equal(take_all(second, 0), 0);
	assert_int_equal(append_one(second, 7, "full", NULL), 0);
	assert_int_equal(take_all(second, 7), 1);
	assert_int_equal(take_all(first, 0), 1);
	spool_close(first);
	spool_close(second);
}

static void of_a_torn_end_the_whole_frames_are_adopted(void **state)
{
	struct stat st;
	char path[320], copy[320], command[700];
	off_t before, after;

	struct spool *spool = open_spool(SPOOL_BYTES_MAX);

	assert_int_equal(append_one(spool, 0, "full", NULL), 0);
	segment_path(path);
	assert_int_equal(stat(path, &st), 0);
	before = st.st_size;
	assert_int_equal(append_one(spool, 1, "full", NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	after = st.st_size;
	spool_close(spool);
	snprintf(copy, sizeof(copy), "%s/kept", dir);
	snprintf(command, sizeof(command), "cp %s %s", path, copy);
	assert_int_equal(system(command), 0);
	for (off_t len = before; len < after; len++) {
		struct spool_state now;

		snprintf(command, sizeof(command), "cp %s %s", copy, path);
		assert_int_equal(system(command), 0);
		assert_int_equal(truncate(path, len), 0);
		spool = open_spool(SPOOL_BYTES_MAX);
		spool_state(spool, &now);
		assert_int_equal(now.adopted, 1);
		assert_int_equal(now.torn, len > before);
		assert_int_equal(now.damaged, 0);
		assert_int_equal(take_all(spool, 0), 1);
		spool_close(spool);
		assert_int_equal(files_of(".seg"), 0);
		assert_int_equal(files_of(".damaged"), 0);
	}
}

static void frames_behind_a_damaged_one_are_kept_aside(void **state)
{
	struct spool *spool = open_spool(SPOOL_BYTES_MAX);
	struct spool_state now;
	char path[320];
	int fd;

	for (int i = 0; i < 3; i++)
		assert_int_equal(append_one(spool, i, "full", NULL), 0);
	segment_path(path);
	spool_close(spool);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "X", 1, 150), 1); /* in the second frame */
	close(fd);
	spool = open_spool(SPOOL_BYTES_MAX);
	spool_state(spool, &now);
	assert_int_equal(now.torn, 1);
	assert_int_equal(now.damaged, 1);
	assert_int_equal(take_all(spool, 0), 1);
	spool_close(spool);
	assert_int_equal(files_of(".seg"), 0);
	assert_int_equal(files_of(".seg.damaged"), 1);
}

static void files_that_are_no_segments_are_left_alone(void **state)
{
	char command[256];
	struct spool *spool;

	snprintf(
		command, sizeof(command),
		"cd %s && : > empty.seg && echo garbage, and enough of it > garbage.seg && mkdir folder.seg && "
		"ln -s /etc/passwd link.seg",
		dir);
	assert_int_equal(system(command), 0);
	spool = open_spool(SPOOL_BYTES_MAX);
	assert_int_equal(append_one(spool, 0, "full", NULL), 0);
	assert_int_equal(take_all(spool, 0), 1);
	spool_close(spool);
	assert_int_equal(files_of(".seg"), 4);
}

static void a_full_spool_takes_nothing_more_and_says_so(void **state)
{
	struct spool *spool = open_spool(2000);
	struct err err = {};
	int cnt = 0;

	while (!append_one(spool, cnt, "0123456789", &err))
		cnt++;
	assert_true(cnt > 10 && cnt < 30);
	assert_int_equal(append_one(spool, cnt, "0123456789", &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "the spool '"));
	assert_non_null(strstr(err.msg, "is full: "));
	assert_string_equal(err.hint, "see why its cassette takes nothing, or allow more with --spool-size");
	assert_int_equal(take_all(spool, 0), cnt);
	spool_close(spool);
}

static void a_full_disk_leaves_whole_frames_only(void **state)
{
	struct spool *spool;
	autofree char *big = malloc(300001);
	struct err err = {};
	int cnt = 0;

	memset(big, 'x', 300000);
	big[300000] = '\0';
	assert_int_equal(mount("none", dir, "tmpfs", 0, "size=1m"), 0);
	spool = open_spool(SPOOL_BYTES_MAX);
	while (!append_one(spool, cnt, big, &err))
		cnt++;
	assert_int_equal(cnt, 3);
	assert_non_null(strstr(err.msg, "No space left on device"));
	assert_string_equal(err.hint, "free some, or name another place with --spool");
	assert_int_equal(append_one(spool, cnt, "small", &err), 0);
	assert_int_equal(take_all(spool, 0), 4);
	spool_close(spool);
	assert_int_equal(files_of(".seg"), 0);
}

static void each_segment_begins_with_the_schemas(void **state)
{
	struct spool *spool = open_spool(SPOOL_BYTES_MAX);
	struct spool_frame schema = {.kind = SPOOL_SCHEMA, .item.full = {"abc", 3}}, *frames;
	autofree char *big = malloc((6 << 20) + 1);
	int schemas = 0, recordings = 0;
	size_t cnt;

	memset(big, 'x', 6 << 20);
	big[6 << 20] = '\0';
	digest_hex("abc", 3, schema.schema);
	assert_int_equal(spool_append(spool, &schema, 1, NULL), 0);
	for (int i = 0; i < 7; i++)
		assert_int_equal(append_one(spool, i, big, NULL), 0);
	assert_int_equal(files_of(".seg"), 3);
	spool_close(spool);
	spool = open_spool(SPOOL_BYTES_MAX);
	for (;;) {
		assert_int_equal(spool_take(spool, &frames, &cnt, NULL), 0);
		if (!cnt)
			break;
		for (size_t i = 0; i < cnt; i++) {
			schemas += frames[i].kind == SPOOL_SCHEMA;
			recordings += frames[i].kind == SPOOL_RECORDING;
			if (frames[i].kind == SPOOL_SCHEMA)
				assert_string_equal(frames[i].schema, schema.schema);
		}
		spool_taken(spool);
	}
	assert_int_equal(schemas, 3);
	assert_int_equal(recordings, 7);
	spool_close(spool);
}

/* --- the cassette --- */

static struct cassette *open_spooled(const char *target)
{
	struct cassette *cassette;
	struct err err = {};
	char url[320];

	snprintf(url, sizeof(url), "spool:%s+%s", dir, target);
	if (cassette_open(&cassette, url, true, &err))
		fail_msg("%s", err.msg);
	return cassette;
}

/* Until nothing waits any more. */
static struct cassette_progress wait_until_empty(struct cassette *cassette)
{
	struct cassette_progress progress;

	for (int i = 0; i < 1000; i++) {
		cassette_progress(cassette, &progress);
		if (!progress.waiting)
			return progress;
		usleep(10000);
	}
	fail_msg("%llu recordings still wait: %s", (unsigned long long)progress.waiting, progress.error);
	return progress;
}

static void what_is_put_arrives_with_its_schema(void **state)
{
	auto_cassette struct cassette *target = NULL;
	struct cassette *cassette;
	struct recording_key key = suite_key("c", "20251125", A);
	char schema[DIGEST_HEX_LEN + 1], got[512] = "";
	struct cassette_progress progress;
	struct blob blob;

	assert_int_equal(cassette_open(&target, "mem:spooled", true, NULL), 0);
	cassette = open_spooled("mem:spooled");
	digest_hex("abc", 3, schema);
	assert_int_equal(cassette_put_schema(cassette, schema, "abc", 3, NULL), 0);
	suite_put(cassette, "c", "20251125", A);
	suite_put(cassette, "d", "20251126", B);
	progress = wait_until_empty(cassette);
	assert_int_equal(progress.passed_on, 2);
	assert_int_equal(progress.failures, 0);
	assert_false(progress.is_away);
	assert_non_null(strstr(progress.where, dir));
	cassette_close(cassette);
	assert_int_equal(cassette_each(target, NULL, NULL, NULL, suite_append, got, NULL), 0);
	assert_string_equal(got, "c/20251125/a d/20251126/b ");
	assert_int_equal(cassette_get(target, &key, &blob, NULL), 0);
	suite_assert_blob(&blob, "full", 4);
	assert_int_equal(cassette_get_schema(target, schema, &blob, NULL), 0);
	suite_assert_blob(&blob, "abc", 3);
}

/* A store that is away for its first requests, and notes what it was given. */
struct shop {
	unsigned away, puts;
	const char *never; /* part of a key that is impossible */
	char order[8192];
};

static const char *sell(const struct fake_request *request, unsigned serial, void *ctx)
{
	struct shop *shop = ctx;
	const char *end = strstr(request->head, " HTTP/1.1"), *kind;

	if (serial < shop->away)
		return fake_answer("503 Slow Down", "", "<Error><Code>SlowDown</Code></Error>");
	if (strncmp(request->head, "GET ", 4) == 0)
		return fake_answer("404 Not Found", "", "<Error><Code>NoSuchKey</Code></Error>");
	if (shop->never && strstr(request->head, shop->never) && strstr(request->head, shop->never) < end)
		return fake_answer("400 Bad Request", "", "<Error><Code>InvalidObjectName</Code></Error>");
	shop->puts++;
	kind = strstr(request->head, "/full/") ? "f" : strstr(request->head, "/metadata/") ? "m" : "s";
	snprintf(shop->order + strlen(shop->order), sizeof(shop->order) - strlen(shop->order), "%s%.2s ",
		 kind, end - 2);
	return fake_answer("200 OK", "", "");
}

static void s3_target(char url[200], int port)
{
	setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	snprintf(url, 200, "s3://bucket/p?endpoint=http://127.0.0.1:%d&tries=1&timeout=5", port);
}

static void what_the_cassette_refuses_for_a_while_arrives_in_the_end(void **state)
{
	struct shop shop = {.away = 3};
	struct cassette_progress progress;
	struct fake_http *fake;
	struct cassette *cassette;
	char url[200], schema[DIGEST_HEX_LEN + 1];
	int port;

	fake = fake_http_start(&port, sell, &shop);
	s3_target(url, port);
	cassette = open_spooled(url);
	digest_hex("abc", 3, schema);
	assert_int_equal(cassette_put_schema(cassette, schema, "abc", 3, NULL), 0);
	suite_put(cassette, "c", "20251125", A);
	suite_put(cassette, "c", "20251125", B);
	progress = wait_until_empty(cassette);
	assert_int_equal(progress.passed_on, 2);
	assert_true(progress.failures > 0);
	assert_non_null(strstr(progress.error, "it is throttling"));
	assert_false(progress.is_away);
	cassette_close(cassette);
	fake_http_stop(fake);
	/* Schema, then recordings, then what makes them be listed; each once. */
	assert_int_equal(shop.puts, 5);
	assert_int_equal(shop.order[0], 's');
	assert_true(strstr(shop.order, "faa") < strstr(shop.order, "maa"));
	assert_true(strstr(shop.order, "fbb") < strstr(shop.order, "mbb"));
}

static void a_recording_that_cannot_be_stored_does_not_hold_up_the_others(void **state)
{
	struct shop shop = {.never = "/bad/"};
	struct cassette_progress progress;
	struct fake_http *fake;
	struct cassette *cassette;
	char url[200], schema[DIGEST_HEX_LEN + 1];
	int port;

	fake = fake_http_start(&port, sell, &shop);
	s3_target(url, port);
	cassette = open_spooled(url);
	digest_hex("abc", 3, schema);
	assert_int_equal(cassette_put_schema(cassette, schema, "abc", 3, NULL), 0);
	suite_put(cassette, "bad", "20251125", A);
	suite_put(cassette, "c", "20251125", B);
	suite_put(cassette, "c", "20251125", C);
	progress = wait_until_empty(cassette);
	assert_int_equal(progress.rejected + progress.passed_on, 3);
	assert_int_equal(progress.rejected, 1);
	cassette_close(cassette);
	fake_http_stop(fake);
	assert_non_null(strstr(shop.order, "mbb"));
	assert_non_null(strstr(shop.order, "mcc"));
	assert_null(strstr(shop.order, "maa"));
}

static const char *refuse(const struct fake_request *request, unsigned serial, void *ctx)
{
	return fake_answer("404 Not Found", "", "<Error><Code>NoSuchBucket</Code></Error>");
}

static void a_wrong_cassette_is_told_at_once_and_not_kept_on_disk(void **state)
{
	char url[200], schema[DIGEST_HEX_LEN + 1];
	struct cassette *cassette;
	struct fake_http *fake;
	struct err err = {};
	int port;

	fake = fake_http_start(&port, refuse, NULL);
	s3_target(url, port);
	cassette = open_spooled(url);
	digest_hex("abc", 3, schema);
	assert_int_equal(cassette_put_schema(cassette, schema, "abc", 3, &err), -ENXIO);
	assert_non_null(strstr(err.msg, "there is no such bucket"));
	cassette_close(cassette);
	fake_http_stop(fake);
	/* That nobody listens may pass. */
	cassette = open_spooled(url);
	assert_int_equal(cassette_put_schema(cassette, schema, "abc", 3, &err), 0);
	cassette_close(cassette);
}

static void it_closes_soon_though_the_cassette_hangs_and_keeps_what_waits(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	autoclose int listener = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(address);
	struct cassette_progress progress;
	struct timespec begin, end;
	struct cassette *cassette;
	char url[200];

	assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(listener, 16), 0); /* and never accept */
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	s3_target(url, ntohs(address.sin_port));
	cassette = open_spooled(url);
	suite_put(cassette, "c", "20251125", A);
	usleep(200000);
	cassette_progress(cassette, &progress);
	assert_int_equal(progress.waiting, 1);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	cassette_close(cassette);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - begin.tv_sec < 3);
	cassette = open_spooled(url);
	cassette_progress(cassette, &progress);
	assert_int_equal(progress.adopted, 1);
	cassette_close(cassette);
}

static void names_that_are_none_are_usage_errors(void **state)
{
	static const struct {
		const char *url, *msg;
	} cases[] = {
		{"spool:/d", "cassette 'spool:/d' names no other cassette"},
		{"spool:/d?size=lots+mem:", "spool: takes '?size=BYTES', not '?size=lots'"},
		{"spool:/d?refresh+mem:", "spool: takes '?size=BYTES', not '?refresh'"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cassette *cassette;
		struct err err = {};

		assert_int_equal(cassette_open(&cassette, cases[i].url, true, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].msg);
		assert_true(err.is_usage);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_appended_is_taken_in_order_and_leaves_nothing),
		TEST(what_a_killed_writer_appended_is_adopted),
		TEST(what_was_taken_is_not_taken_again_by_the_next),
		TEST(a_living_writers_segments_are_left_alone),
		TEST(of_a_torn_end_the_whole_frames_are_adopted),
		TEST(frames_behind_a_damaged_one_are_kept_aside),
		TEST(files_that_are_no_segments_are_left_alone),
		TEST(a_full_spool_takes_nothing_more_and_says_so),
		TEST(a_full_disk_leaves_whole_frames_only),
		TEST(each_segment_begins_with_the_schemas),
		TEST(what_is_put_arrives_with_its_schema),
		TEST(what_the_cassette_refuses_for_a_while_arrives_in_the_end),
		TEST(a_recording_that_cannot_be_stored_does_not_hold_up_the_others),
		TEST(a_wrong_cassette_is_told_at_once_and_not_kept_on_disk),
		TEST(it_closes_soon_though_the_cassette_hangs_and_keeps_what_waits),
		TEST(names_that_are_none_are_usage_errors),
	};

	return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
