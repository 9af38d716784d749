// SPDX-License-Identifier: BSD-3-Clause
/* A replay that lacks memory says what to record; --fix writes it; recorded again, it is equal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/util.h"
#include "tests/integration/desk.h"

#define RECORDINGS_MAX 4

static const char source[] = "struct db { long pad; const char *name; };\n"
			     "struct item { int price, cnt; };\n"
			     "#include <stdlib.h>\n"
			     "static struct item items[] = {{1, 2}, {3, 4}, {5, 6}};\n"
			     "__attribute__((noipa)) struct db *db_open(void)\n"
			     "{\n"
			     "	struct db *db = malloc(sizeof(*db));\n"
			     "	db->name = \"acme\";\n"
			     "	return db;\n"
			     "}\n"
			     "__attribute__((noipa)) const struct item *get_items(void) { return items; }\n"
			     "__attribute__((noipa)) int name_of(int n) { return db_open()->name[n]; }\n"
			     "__attribute__((noipa)) int sum(int n)\n"
			     "{\n"
			     "	const struct item *all = get_items();\n"
			     "	volatile int sum = 0;\n"
			     "	for (int i = 0; i < n; i++)\n"
			     "		sum = sum + all[i].price * all[i].cnt;\n"
			     "	return sum;\n"
			     "}\n"
			     "int main(void) { return name_of(1) == 'c' && sum(3) == 44 ? 0 : 1; }\n";

static const char config[] =
	"// of the shop\n"
	"{\n"
	"  \"operations\": { \"name_of\": {}, \"sum\": {} },\n"
	"  \"inputs\": {\n"
	"    \"db_open\": { \"args\": { \"return\": { \"opaque\": true } } }, // a handle\n"
	"    \"get_items\": {}\n"
	"  }\n"
	"}\n";

#define REPLAY(...) "replay", "-c", "~/shop.json", "--exe", "~/shop", __VA_ARGS__

static void record(char ids[RECORDINGS_MAX][256], const char *url)
{
	DESK_EXPECT(0, NULL, NULL, "record", "-c", "~/shop.json", "--to", url, "--", "~/shop");
	assert_int_equal(desk_ids(url, ids, RECORDINGS_MAX), 2);
}

static const char *id_of(char ids[RECORDINGS_MAX][256], const char *operation)
{
	return ids[strncmp(ids[0], operation, strlen(operation)) ? 1 : 0];
}

static char *config_now(void)
{
	return command_file(desk_path("~/shop.json"));
}

static void make_shop(void)
{
	struct command cc;

	desk_write_text("~/shop.c", source);
	desk_write_text("~/shop.json", config);
	chmod(desk_path("~/shop.json"), 0640);
	desk_start_program(&cc, ARGV("gcc", "-O1", "-g", "-o", "~/shop", "~/shop.c"));
	assert_int_equal(command_wait(&cc, 60), 0);
}

static void what_is_missing_is_said_and_written_and_then_recorded(void **state)
{
	char ids[RECORDINGS_MAX][256];
	struct command command;
	autofree char *said = NULL, *now = NULL;
	struct stat status;

	make_shop();
	record(ids, "file:~/first");
	desk_run(&command, ARGV(REPLAY("file:~/first", id_of(ids, "name_of"))));
	desk_expect(&command, 1, NULL, NULL);
	said = command_file(command.out);
	assert_non_null(strstr(
		said, "db_open's result read at offset 8 ('name') in name_of: record struct db to depth 1;"));
	assert_non_null(strstr(
		said, "record again: {\"inputs\":{\"db_open\":{\"args\":{\"return\":{\"depth\":1}}}}}"));

	DESK_EXPECT(1, "shop.json: inputs.db_open.args['return'] now says \"depth\": 1; record again", NULL,
		    REPLAY("--fix", "file:~/first", id_of(ids, "name_of")));
	now = config_now();
	assert_non_null(strstr(
		now, "    \"db_open\": { \"args\": { \"return\": { \"depth\": 1 } } }, // a handle\n"));
	assert_int_equal(strncmp(now, "// of the shop\n{\n", 17), 0);
	assert_int_equal(stat(desk_path("~/shop.json"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);

	record(ids, "file:~/second");
	DESK_EXPECT(1, "inputs.db_open.args['return'] now says \"depth\": 2; record again", NULL,
		    REPLAY("--fix", "file:~/second", id_of(ids, "name_of")));
	record(ids, "file:~/third");
	DESK_EXPECT(0, NULL, NULL, REPLAY("file:~/third", id_of(ids, "name_of")));
	DESK_EXPECT(0, NULL, NULL, REPLAY("--fix", "file:~/third", id_of(ids, "name_of")));
}

static void a_count_is_raised_until_it_is_enough(void **state)
{
	static const char *const urls[] = {"file:~/one", "file:~/two", "file:~/three"};
	char ids[RECORDINGS_MAX][256];
	autofree char *now = NULL;

	make_shop();
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		record(ids, urls[i]);
		DESK_EXPECT(i + 1 < ARRAY_SIZE(urls), i + 1 < ARRAY_SIZE(urls) ? "now says \"count\"" : NULL,
			    NULL, REPLAY("--fix", urls[i], id_of(ids, "sum")));
	}
	now = config_now();
	assert_non_null(strstr(now, "    \"get_items\": {\"args\": {\"return\": {\"count\": 3}}}\n"));
}

static const char callbacks[] =
	"struct job { int n; int (*done)(int); };\n"
	"__attribute__((noipa)) static int FINISH(int n) { return n + 1; }\n"
	"__attribute__((noipa)) int count(const struct job *job) { return job->n * 2; }\n"
	"__attribute__((noipa)) int finish(const struct job *job) { return job->done(job->n); }\n"
	"int main(void) { struct job job = {4, FINISH}; return count(&job) == 8 && finish(&job) == 5 ? 0 : 1; }\n";

/* A pointer to it alone harms nobody. */
static void a_function_that_a_build_lacks_fails_who_calls_it(void **state)
{
	static const char *const names[] = {"-DFINISH=finish_job", "-DFINISH=job_finished"};
	static const char *const builds[] = {"~/recorded", "~/renamed"};
	autofree char *said = NULL;
	struct command run;

	desk_write_text("~/callbacks.c", callbacks);
	desk_write_text("~/callbacks.json", "{\"operations\": {\"count\": {}, \"finish\": {}}}");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct command cc;

		desk_start_program(&cc, ARGV("gcc", "-O1", "-g", names[i], "-o", builds[i], "~/callbacks.c"));
		assert_int_equal(command_wait(&cc, 30), 0);
	}
	DESK_EXPECT(0, NULL, NULL, "record", "-c", "~/callbacks.json", "--to", "file:~/callbacks", "--",
		    "~/recorded");
	DESK_EXPECT(0, NULL, NULL, "equalize", "-c", "~/callbacks.json", "--exe", "~/recorded",
		    "file:~/callbacks");
	DESK_EXPECT(0, "'done' points to 'finish_job', which is not in this build", NULL, "equalize", "-c",
		    "~/callbacks.json", "--exe", "~/renamed", "--category", "count", "file:~/callbacks");
	desk_run(&run, ARGV("equalize", "-c", "~/callbacks.json", "--exe", "~/renamed", "--category",
			    "finish", "file:~/callbacks"));
	desk_expect(&run, 1, NULL, NULL);
	said = command_file(run.out);
	assert_non_null(strstr(said, "equalizer_failure"));
	assert_non_null(strstr(said, "it followed 'job->done', and nothing was captured there: the build has "
				     "no such function"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_missing_is_said_and_written_and_then_recorded),
		cmocka_unit_test(a_function_that_a_build_lacks_fails_who_calls_it),
		cmocka_unit_test(a_count_is_raised_until_it_is_enough),
	};

	return cmocka_run_group_tests(tests, desk_setup, desk_teardown);
}
