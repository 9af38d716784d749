// SPDX-License-Identifier: BSD-3-Clause
/* Recordings many to an object: what lies where, what others make of it, and what damage does. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/cassette.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/spool.h"
#include "lib/util.h"
#include "tests/support/cassette_suite.h"

#define MANY 300
#define ROOT "tape_recorder_recordings/"

struct fixture {
	char dir[64], url[128];
	struct cassette *cassette;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/tapedeck-test-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->url, sizeof(f->url), "file:%s/tape?layout=segments", f->dir);
	*state = f;
	return cassette_open(&f->cassette, f->url, true, NULL);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	cassette_close(f->cassette);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	free(f);
	return system(command);
}

/* What the words say, from the cassette's directory; up to a NUL. */
static const char *shell(struct fixture *f, const char *words)
{
	static char said[1 << 20];
	char command[1024];
	FILE *pipe;
	size_t len;

	snprintf(command, sizeof(command), "cd %s/tape && %s", f->dir, words);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	len = fread(said, 1, sizeof(said) - 1, pipe);
	said[len] = '\0';
	if (pclose(pipe))
		fail_msg("%s: %s", words, said);
	return said;
}

static void put_many(struct fixture *f, int cnt, const char *day)
{
	struct cassette_item items[MANY] = {};
	char full[MANY][16], metadata[MANY][48];
	struct err err = {};

	for (int i = 0; i < cnt; i++) {
		char id[33];

		snprintf(id, sizeof(id), "%032x", i);
		snprintf(full[i], sizeof(full[i]), "full %d", i);
		snprintf(metadata[i], sizeof(metadata[i]), "{\"n\":%d,\"complete\":true}", i);
		items[i] = (struct cassette_item){
			.key = suite_key(i % 2 ? "odd" : "e\"v,\"metadata\":en", day, id),
			.full = {full[i], strlen(full[i])},
			.metadata = {metadata[i], strlen(metadata[i])}};
	}
	if (cassette_put_many(f->cassette, items, cnt, &err))
		fail_msg("%s", err.msg);
}

static void assert_got(struct cassette *cassette, const struct recording_key *key, const char *want)
{
	struct err err = {};
	struct blob blob;

	if (cassette_get(cassette, key, &blob, &err))
		fail_msg("%s", err.msg);
	suite_assert_blob(&blob, want, strlen(want));
}

static void what_is_put_together_is_one_segment_and_one_index_a_day(void **state)
{
	struct fixture *f = *state;
	struct cassette_item items[3] = {
		{.key = suite_key("c", "20251125", A), .full = {"a", 1}, .metadata = {"{}", 2}},
		{.key = suite_key("c", "20251126", A), .full = {"b", 1}, .metadata = {"{}", 2}},
		{.key = suite_key("d", "20251125", B), .full = {"c", 1}, .metadata = {"{}", 2}},
	};

	assert_int_equal(cassette_put_many(f->cassette, items, 3, NULL), 0);
	assert_string_equal(shell(f, "find . -type f | sed 's,/[0-9a-f]\\{32\\}[.],/N.,' | sort"),
			    "./" ROOT "index/dt=20251125/N.jsonl.gz\n./" ROOT "index/dt=20251126/N.jsonl.gz\n"
			    "./" ROOT "segments/20251125/N.seg\n./" ROOT "segments/20251126/N.seg\n");
}

/* By zcat and any reader of JSON; the lines say where the bytes are. */
static void an_index_is_lines_of_json_that_say_where_the_bytes_are(void **state)
{
	struct fixture *f = *state;
	char *lines, *save, *line;
	int cnt = 0;

	put_many(f, MANY, "20251125");
	lines = strdup(shell(f, "zcat " ROOT "index/dt=20251125/*"));
	for (line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save), cnt++) {
		auto_cjson cJSON *json = cJSON_Parse(line);
		const cJSON *metadata = cJSON_GetObjectItem(json, "metadata");
		char words[256], want[32];

		assert_non_null(json);
		assert_int_equal(cJSON_GetNumberValue(cJSON_GetObjectItem(metadata, "n")), cnt);
		if (cnt % 60)
			continue;
		snprintf(words, sizeof(words), "tail -c +%.0f %s | head -c %.0f",
			 cJSON_GetNumberValue(cJSON_GetObjectItem(json, "offset")) + 1,
			 cJSON_GetStringValue(cJSON_GetObjectItem(json, "segment")),
			 cJSON_GetNumberValue(cJSON_GetObjectItem(json, "length")));
		snprintf(want, sizeof(want), "full %d", cnt);
		assert_string_equal(shell(f, words), want);
	}
	assert_int_equal(cnt, MANY);
	free(lines);
}

static void the_footer_of_a_segment_leads_to_the_same_index(void **state)
{
	struct fixture *f = *state;

	put_many(f, MANY, "20251125");
	shell(f, "s=$(ls " ROOT "segments/*/*.seg); n=$(stat -c %s $s);"
		 "test $(tail -c 32 $s | head -c 8) = TDSEGIX1 || exit 1;"
		 "at=$(od -An -tu8 -j$((n - 24)) -N8 $s) len=$(od -An -tu8 -j$((n - 16)) -N8 $s);"
		 "test $((at + len + 32)) = $n || exit 1;"
		 "tail -c +$((at + 32 + 1)) $s | head -c $((len - 32)) | cmp - " ROOT "index/dt=20251125/*");
}

static void a_segment_is_what_a_spool_has_and_a_spool_takes_it(void **state)
{
	struct fixture *f = *state;
	struct spool_frame *frames;
	struct spool *spool;
	struct err err = {};
	int recordings = 0;
	char dir[128];
	size_t cnt;

	put_many(f, MANY, "20251125");
	shell(f, "mkdir -m 700 ../spool && cp " ROOT "segments/20251125/*.seg ../spool");
	snprintf(dir, sizeof(dir), "%s/spool", f->dir);
	if (spool_open(&spool, dir, "x", SPOOL_BYTES_MAX, &err))
		fail_msg("%s", err.msg);
	while (!spool_take(spool, &frames, &cnt, &err) && cnt) {
		for (size_t i = 0; i < cnt; i++) {
			char want[32];

			snprintf(want, sizeof(want), "full %d", recordings++);
			assert_int_equal(frames[i].kind, SPOOL_RECORDING);
			assert_int_equal(frames[i].item.full.len, strlen(want));
			assert_memory_equal(frames[i].item.full.data, want, strlen(want));
		}
		spool_taken(spool);
	}
	assert_int_equal(recordings, MANY);
	spool_close(spool);
}

/* No lookup sees the segment of a writer that died before its index; a second put of the same is the one that
 * counts. */
static void what_has_no_index_is_not_there(void **state)
{
	struct fixture *f = *state;
	struct recording_key key = suite_key("c", "20251125", A);
	struct blob blob;
	char got[512] = "";

	suite_put(f->cassette, "c", "20251125", A);
	shell(f, "rm " ROOT "index/*/*");
	assert_int_equal(cassette_each(f->cassette, NULL, NULL, NULL, suite_append, got, NULL), 0);
	assert_string_equal(got, "");
	assert_int_equal(cassette_get(f->cassette, &key, &blob, NULL), -ENOENT);
	suite_put(f->cassette, "c", "20251125", A);
	assert_got(f->cassette, &key, "full");
}

static void documents_that_fit_no_line_come_back_to_the_byte(void **state)
{
	static const char *const documents[] = {
		"{}", "{\"a\": 1.0, \"a\": \"\\u00e9\"}", "{\n}", "", "null", "no JSON", "{} ", "[1]"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
		struct recording_key key = suite_key("c", "20251125", A);
		struct blob blob;

		key.id[0] = "0123456789"[i];
		assert_int_equal(cassette_put(f->cassette, &key, "full", 4, documents[i], NULL), 0);
		assert_int_equal(cassette_get_metadata(f->cassette, &key, &blob, NULL), 0);
		suite_assert_blob(&blob, documents[i], strlen(documents[i]));
	}
}

static void what_was_put_twice_is_removed_once_and_for_all(void **state)
{
	struct fixture *f = *state;
	struct recording_key key = suite_key("c", "20251125", A), other = suite_key("c", "20251125", B);
	struct blob blob;

	assert_int_equal(cassette_put(f->cassette, &key, "old", 3, "{}", NULL), 0);
	suite_put(f->cassette, "c", "20251125", B);
	assert_int_equal(cassette_put(f->cassette, &key, "new", 3, "{}", NULL), 0);
	assert_got(f->cassette, &key, "new");
	assert_int_equal(cassette_remove(f->cassette, &key, NULL), 0);
	assert_int_equal(cassette_get(f->cassette, &key, &blob, NULL), -ENOENT);
	assert_got(f->cassette, &other, "full");
	/* Of what is empty nothing is left. */
	assert_string_equal(shell(f, "find . -type f | wc -l"), "2\n");
	assert_int_equal(cassette_remove(f->cassette, &other, NULL), 0);
	assert_string_equal(shell(f, "find . -type f | wc -l"), "0\n");
}

static void of_a_segment_some_are_removed_and_the_others_stay(void **state)
{
	struct fixture *f = *state;
	struct recording_key key = suite_key("odd", "20251125", "");
	struct blob blob;

	put_many(f, MANY, "20251125");
	for (int i = 1; i < 20; i += 2) {
		snprintf(key.id, sizeof(key.id), "%032x", i);
		assert_int_equal(cassette_remove(f->cassette, &key, NULL), 0);
	}
	assert_string_equal(shell(f, "zcat " ROOT "index/dt=20251125/* | wc -l"), "290\n");
	assert_int_equal(cassette_get(f->cassette, &key, &blob, NULL), -ENOENT);
	snprintf(key.id, sizeof(key.id), "%032x", 21);
	assert_got(f->cassette, &key, "full 21");
}

static void damage_is_said_and_nothing_wrong_is_read(void **state)
{
	static const struct {
		const char *damage, *words;
		int result;
	} cases[] = {
		{"printf x | dd of=$s bs=1 seek=92 conv=notrunc status=none", "its checksum differs",
		 -EBADMSG},
		{"head -c 70 $s >t && mv t $s", "is shorter than it should be", -EBADMSG},
		{"rm $s", "is missing", -EIO},
		{"head -c 40 $i >t && mv t $i", "the index is damaged", -EBADMSG},
		{"echo '{}' | gzip >$i", "the index is damaged", -EBADMSG},
		{"zcat $i | sed 's/\"crc32\":/&\\x00/' | gzip >t && mv t $i", "the index is damaged", -EBADMSG},
		{"echo no gzip >$i", "the index is damaged", -EBADMSG},
		{"zcat $i | sed 's/\"length\":4/\"length\":-4/' | gzip >t && mv t $i", "the index is damaged",
		 -EBADMSG},
		{"zcat $i | sed 's/20251125/20251124/' | gzip >t && mv t $i", "the index is damaged",
		 -EBADMSG},
		{"zcat $i | sed 's,c/20251125,../20251125,' | gzip >t && mv t $i", "the index is damaged",
		 -EBADMSG},
		{"zcat $i | sed 's/\"offset\":[0-9]*/\"offset\":9007199254740000/' | gzip >t && mv t $i",
		 "is shorter than it should be", -EBADMSG},
		{"touch $(dirname $i)/readme $(dirname $i)/.x.jsonl.gz", "", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture *f = *state;
		auto_cassette struct cassette *cassette = NULL;
		struct recording_key key = suite_key("c", "20251125", A);
		struct blob blob = {};
		struct err err = {};
		char words[512];
		int r;

		suite_put(f->cassette, "c", "20251125", A);
		snprintf(words, sizeof(words),
			 "umask 077; s=$(ls " ROOT "segments/*/*.seg) i=$(ls " ROOT "index/*/*.jsonl.gz); %s",
			 cases[i].damage);
		shell(f, words);
		assert_int_equal(cassette_open(&cassette, f->url, false, NULL), 0);
		r = cassette_get(cassette, &key, &blob, &err);
		free(blob.data);
		if (r != cases[i].result || !strstr(err.msg, cases[i].words))
			fail_msg("%s: %d %s", cases[i].damage, r, err.msg);
		shell(f, "rm -rf " ROOT);
	}
}

static void a_name_without_its_layout_is_warned_of(void **state)
{
	struct fixture *f = *state;
	auto_cassette struct cassette *objects = NULL;
	char url[128], got[512] = "";

	snprintf(url, sizeof(url), "file:%s/tape", f->dir);
	assert_int_equal(cassette_open(&objects, url, false, NULL), 0);
	assert_int_equal(cassette_each(objects, NULL, NULL, NULL, suite_append, got, NULL), 0);
	assert_null(cassette_warning(objects));
	suite_put(f->cassette, "c", "20251125", A);
	assert_int_equal(cassette_each(objects, NULL, NULL, NULL, suite_append, got, NULL), 0);
	assert_string_equal(got, "");
	assert_string_equal(cassette_warning(objects),
			    "nothing is found, but there are segments: add layout=segments to its name");
	assert_int_equal(cassette_empty(f->cassette, NULL), 0);
	suite_put(objects, "c", "20251125", A);
	assert_int_equal(cassette_each(f->cassette, NULL, NULL, NULL, suite_append, got, NULL), 0);
	assert_non_null(strstr(cassette_warning(f->cassette), "leave out layout=segments"));
}

static void a_layout_that_is_none_is_a_usage_error(void **state)
{
	struct cassette *cassette;
	struct err err = {};

	assert_int_equal(cassette_open(&cassette, "mem:?layout=segment", true, &err), -EINVAL);
	assert_string_equal(err.msg, "'layout=segment' cannot be");
	assert_string_equal(err.hint, "write layout=objects or layout=segments");
	assert_true(err.is_usage);
	assert_int_equal(cassette_open(&cassette, "mem:?layout=objects", true, &err), 0);
	cassette_close(cassette);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_put_together_is_one_segment_and_one_index_a_day),
		TEST(an_index_is_lines_of_json_that_say_where_the_bytes_are),
		TEST(the_footer_of_a_segment_leads_to_the_same_index),
		TEST(a_segment_is_what_a_spool_has_and_a_spool_takes_it),
		TEST(what_has_no_index_is_not_there),
		TEST(documents_that_fit_no_line_come_back_to_the_byte),
		TEST(what_was_put_twice_is_removed_once_and_for_all),
		TEST(of_a_segment_some_are_removed_and_the_others_stay),
		TEST(damage_is_said_and_nothing_wrong_is_read),
		TEST(a_name_without_its_layout_is_warned_of),
		TEST(a_layout_that_is_none_is_a_usage_error),
	};

	return cmocka_run_group_tests_name("segments", tests, NULL, NULL);
}
