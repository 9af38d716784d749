// SPDX-License-Identifier: BSD-3-Clause
/* A secret that an output is given: what is stored, shown and compared of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/util.h"
#include "tests/support/command.h"

#define TIMEOUT_S 60

static const char source[] =
	"#include <string.h>\n"
	"struct card { char pan[20]; const char *owner; };\n"
	"__attribute__((noinline)) int charge(const struct card *card, int cents)\n"
	"{ __asm__ volatile(\"\"); return strlen(card->pan) + strlen(card->owner) + cents; }\n"
	"__attribute__((noinline)) int pay(int cents)\n"
	"{ struct card card = {PAN, \"Ada Lovelace\"}; int r = charge(&card, cents);\n"
	"  __asm__ volatile(\"\" : \"+r\"(r)); return r; }\n"
	"int main(void) { return pay(1) + pay(2) != 59; }\n";
static const char config[] =
	"{\"redact\": {\"key_file\": \"%s\"}, \"operations\": {\"pay\": {\"if\": \"cents > 0\"}}, \"outputs\": {\"charge\": "
	"{\"args\": {\"card->pan\": {\"redact\": \"hmac\"}, \"card->owner\": {\"redact\": \"drop\"}}}}}";

static struct command last;

static const char *in_folder(const char *name)
{
	return command_text("%s/%s", command_folder(), name);
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static const char *tapedeck(void)
{
	return command_text("%s/tapedeck", command_build());
}

static const char *tape(void)
{
	return command_text("file:%s", in_folder("tape"));
}

static int setup(void **state)
{
	write_text(in_folder("pay.c"), source);
	write_text(in_folder("key"), "a secret of the team's");
	write_text(in_folder("pay.json"), command_text(config, in_folder("key")));
	command_must(&last,
		     ARGV("cc", "-O1", "-g", "-DPAN=\"4111111111111111\"", "-o", in_folder("pay"),
			  in_folder("pay.c")),
		     0, TIMEOUT_S);
	command_must(&last,
		     ARGV("cc", "-O1", "-g", "-DPAN=\"4111111111111112\"", "-o", in_folder("other"),
			  in_folder("pay.c")),
		     0, TIMEOUT_S);
	command_must(&last,
		     ARGV(tapedeck(), "record", "-c", in_folder("pay.json"), "--to", tape(), "--",
			  in_folder("pay")),
		     0, TIMEOUT_S);
	return 0;
}

static int teardown(void **state)
{
	command_cleanup();
	return 0;
}

/* The whole text of all recordings. */
static char *shown(void)
{
	command_must(
		&last,
		ARGV("sh", "-c",
		     "\"$1\" ls \"$2\" | while read -r id rest; do \"$1\" show \"$2\" \"$id\" --json; done",
		     "sh", tapedeck(), tape()),
		0, TIMEOUT_S);
	return command_file(last.out);
}

static void equal_secrets_have_equal_digests_and_nothing_else_is_left_of_them(void **state)
{
	autofree char *text = shown();
	char *first = strstr(text, "\"pan\":\""), *second = first ? strstr(first + 1, "\"pan\":\"") : NULL;

	assert_non_null(second);
	assert_memory_equal(first, second, strlen("\"pan\":\"0123456789abcdef\""));
	assert_null(strstr(text, "4111"));
	assert_null(strstr(text, "Lovelace"));
	assert_non_null(strstr(text, "\"owner\":{\"unavailable\":\"redacted\"}"));
}

static int equalize(const char *build)
{
	return command_run(
		&last,
		ARGV(tapedeck(), "equalize", "-c", in_folder("pay.json"), "--exe", in_folder(build), tape()),
		TIMEOUT_S);
}

static void a_replay_is_compared_by_what_is_left(void **state)
{
	autofree char *said = NULL;

	assert_int_equal(equalize("pay"), 0);
	assert_int_equal(equalize("other"), 1);
	said = command_file(last.out);
	assert_non_null(strstr(said, "calls[charge#1].card->pan: recorded \""));
	assert_null(strstr(said, "4111"));
}

static void without_the_key_a_digest_is_not_compared_and_that_is_said(void **state)
{
	autofree char *said = NULL;

	assert_int_equal(rename(in_folder("key"), in_folder("key.away")), 0);
	assert_int_equal(equalize("other"), 0);
	said = command_file(last.err);
	assert_non_null(
		strstr(said, "what 'charge' redacts by \"hmac\" is not compared: its key is not here"));
}

static void recording_without_the_key_is_refused(void **state)
{
	autofree char *said = NULL;

	assert_int_equal(rename(in_folder("key"), in_folder("key.away")), 0);
	command_must(&last,
		     ARGV(tapedeck(), "record", "-c", in_folder("pay.json"), "--to", tape(), "--",
			  in_folder("pay")),
		     2, TIMEOUT_S);
	said = command_file(last.err);
	assert_non_null(strstr(said, ", the key of \"redact\": \"hmac\": No such file or directory"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void a_secret_in_a_union_that_is_kept_as_bytes_is_refused(void **state)
{
	write_text(
		in_folder("vault.c"),
		"struct cred { int pin; }; struct box { int id; union { struct cred c; long raw; } u; };\n"
		"__attribute__((noinline)) int put(const struct box *box) { __asm__ volatile(\"\"); return box->id; }\n"
		"int main(void) { struct box box = {1, {{4711}}}; return put(&box) - 1; }\n");
	command_must(&last, ARGV("cc", "-O1", "-g", "-o", in_folder("vault"), in_folder("vault.c")), 0,
		     TIMEOUT_S);
	write_text(in_folder("vault.json"),
		   "{\"types\": {\"struct cred\": {\"pin\": {\"redact\": \"drop\"}}}, \"operations\": "
		   "{\"main\": {}}, \"outputs\": {\"put\": {}}}");
	command_must(&last,
		     ARGV(tapedeck(), "record", "-c", in_folder("vault.json"), "--to", tape(), "--",
			  in_folder("vault")),
		     2, TIMEOUT_S);
	autofree char *said = command_file(last.err);
	if (!strstr(said, "'redact' on 'u' of 'put': a rule of a type redacts a part of this union, which is "
			  "kept as bytes: redact the union"))
		fail_msg("%s", said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(equal_secrets_have_equal_digests_and_nothing_else_is_left_of_them),
		TEST(a_replay_is_compared_by_what_is_left),
		TEST(without_the_key_a_digest_is_not_compared_and_that_is_said),
		TEST(recording_without_the_key_is_refused),
		TEST(a_secret_in_a_union_that_is_kept_as_bytes_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
