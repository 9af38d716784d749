// SPDX-License-Identifier: BSD-3-Clause
/* The S3 cassette against Ceph's gateway. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/cassette.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/s3.h"
#include "lib/util.h"
#include "tests/support/cassette_suite.h"
#include "tests/support/fake_http.h"
#include "tests/support/s3_server.h"

static struct s3_server server;

/* --- the promises of every cassette --- */

static void fresh(char url[SUITE_URL_MAX], const char *scheme, const char *params)
{
	char id[33], where[64];

	random_id(id);
	snprintf(where, sizeof(where), "suite/%s", id);
	s3_server_url(&server, url, scheme, where, params);
}

static void make_http(char url[SUITE_URL_MAX])
{
	fresh(url, "http", "");
}

static void make_https(char url[SUITE_URL_MAX])
{
	fresh(url, "https", "");
}

static void make_segments(char url[SUITE_URL_MAX])
{
	fresh(url, "http", "&layout=segments");
}

static void make_virtual(char url[SUITE_URL_MAX])
{
	snprintf(url, SUITE_URL_MAX, "s3://suite/%d-%ld?endpoint=http://localhost:%d&style=virtual", getpid(),
		 random(), server.port);
}

/* --- keys --- */

static struct s3 *client(const char *bucket, const char *params)
{
	struct s3_url parsed;
	struct err err = {};
	struct s3 *s3;
	char url[320];

	s3_server_url(&server, url, "http", bucket, params);
	if (s3_url_parse(&parsed, url + strlen("s3:"), &err) || s3_open(&s3, &parsed, &err))
		fail_msg("%s", err.msg);
	return s3;
}

static void call_one(struct s3 *s3, struct s3_call *call, const char *method, const char *key,
		     const char *body)
{
	struct err err = {};

	*call = (struct s3_call){.method = method, .key = key, .body = body, .len = body ? strlen(body) : 0};
	if (s3_calls(s3, call, 1, &err))
		fail_msg("%s %s: %s", method, key, err.msg);
}

static int append_line(const char *key, void *ctx)
{
	strcat(ctx, key);
	strcat(ctx, "\n");
	return 0;
}

static void every_nasty_key_keeps_its_object(void **state)
{
	/* In the order of their bytes. */
	static const char *const keys[] = {
		"k/ lead",
		"k/!$&'()*+,;=:@",
		"k/\"quoted\"",
		"k/#hash",
		"k/%",
		"k/%2F",
		"k/%2f",
		"k/+",
		"k/..",
		"k/../up",
		"k/./here",
		"k//double//",
		"k/<x>&amp;",
		"k/?a=b&c=d",
		"k/[x]{y}|z^`",
		"k/\\back",
		"k/a b",
		"k/a+b",
		"k/tab\there",
		"k/trail ",
		"k/~-_.",
		"k/\x01\x02",
		"k/\xc3\xa9\xe6\x97\xa5\xf0\x9f\x8e\x9e",
	};
	auto_s3 struct s3 *s3 = client("keys", "");
	int results[ARRAY_SIZE(keys)];
	struct s3_call call;
	char listed[4096] = "";

	s3_server_make_bucket(&server, "keys");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		call_one(s3, &call, "PUT", keys[i], keys[i]);
		free(call.answer.data);
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		call_one(s3, &call, "GET", keys[i], NULL);
		assert_int_equal(call.result, 0);
		assert_string_equal(call.answer.data, keys[i]);
		free(call.answer.data);
	}
	assert_int_equal(s3_list(s3, "k/", 0, append_line, listed, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		char line[64];

		snprintf(line, sizeof(line), "%s\n", keys[i]);
		if (!strstr(listed, line))
			fail_msg("'%s' is not in %s", keys[i], listed);
	}
	assert_int_equal(s3_delete(s3, keys, results, ARRAY_SIZE(keys), NULL), 0);
	*listed = '\0';
	assert_int_equal(s3_list(s3, "", 0, append_line, listed, NULL), 0);
	assert_string_equal(listed, "");
}

static void the_longest_key_is_kept_and_one_more_byte_is_refused(void **state)
{
	auto_s3 struct s3 *s3 = client("suite", "");
	struct s3_call call;
	char key[S3_KEY_MAX + 2];
	struct err err = {};

	memset(key, 'x', sizeof(key));
	key[S3_KEY_MAX] = '\0';
	call_one(s3, &call, "PUT", key, "long");
	free(call.answer.data);
	call_one(s3, &call, "DELETE", key, NULL);
	free(call.answer.data);
	key[S3_KEY_MAX] = 'x';
	key[S3_KEY_MAX + 1] = '\0';
	call = (struct s3_call){.method = "PUT", .key = key, .body = "x", .len = 1};
	assert_int_equal(s3_calls(s3, &call, 1, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "it takes no such key"));
}

/* --- many --- */

#define MANY   2200
#define KILLED 1000

static void fill_items(struct cassette_item items[MANY])
{
	for (int i = 0; i < MANY; i++) {
		char id[33];

		snprintf(id, sizeof(id), "%032x", i);
		items[i] = (struct cassette_item){
			.key = suite_key("many", "20251125", id), .full = {"full", 4}, .metadata = {"{}", 2}};
	}
}

static int count(const struct recording_key *key, void *ctx)
{
	++*(int *)ctx;
	return 0;
}

static void more_than_a_page_is_listed_and_removed(void **state)
{
	auto_cassette struct cassette *cassette = NULL;
	autofree struct cassette_item *items = calloc(MANY, sizeof(*items));
	struct err err = {};
	char url[320];
	int cnt = 0;

	fill_items(items);
	fresh(url, "http", "");
	assert_int_equal(cassette_open(&cassette, url, true, NULL), 0);
	if (cassette_put_many(cassette, items, MANY, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(cassette_each(cassette, NULL, NULL, NULL, count, &cnt, NULL), 0);
	assert_int_equal(cnt, MANY);
	assert_int_equal(cassette_get_metadata_many(cassette, items, MANY, NULL), 0);
	for (int i = 0; i < MANY; i++)
		suite_assert_blob(&items[i].metadata, "{}", 2);
	assert_int_equal(cassette_remove_many(cassette, items, MANY, NULL), 0);
	cnt = 0;
	assert_int_equal(cassette_each(cassette, NULL, NULL, NULL, count, &cnt, NULL), 0);
	assert_int_equal(cnt, 0);
}

static void kill_gateway_now_and_then(void)
{
	for (int i = 0; i < 2; i++) {
		usleep(300000);
		s3_server_kill_gateway(&server);
		usleep(300000);
		s3_server_start_gateway(&server);
	}
}

struct putting {
	struct cassette *cassette;
	struct cassette_item *items;
	struct err err;
	int result;
};

static void *put_for_a_while(void *arg)
{
	struct putting *putting = arg;

	for (int i = 0; i < 2 && !putting->result; i++)
		putting->result = cassette_put_many(putting->cassette, putting->items, KILLED, &putting->err);
	return NULL;
}

static void a_gateway_that_is_killed_and_started_loses_nothing(void **state)
{
	struct putting putting = {.items = calloc(MANY, sizeof(*putting.items))};
	pthread_t thread;
	char url[320];
	int cnt = 0;

	fill_items(putting.items);
	fresh(url, "http", "&tries=20");
	assert_int_equal(cassette_open(&putting.cassette, url, true, NULL), 0);
	assert_int_equal(pthread_create(&thread, NULL, put_for_a_while, &putting), 0);
	kill_gateway_now_and_then();
	assert_int_equal(pthread_join(thread, NULL), 0);
	if (putting.result)
		fail_msg("%s", putting.err.msg);
	assert_int_equal(cassette_each(putting.cassette, NULL, NULL, NULL, count, &cnt, NULL), 0);
	assert_int_equal(cnt, KILLED);
	cassette_close(putting.cassette);
	free(putting.items);
}

/* --- what goes wrong --- */

static void faults_are_said_clearly(void **state)
{
	static const struct {
		const char *access, *secret, *where, *scheme, *params, *words, *hint;
		int result;
	} cases[] = {
		{S3_SERVER_ACCESS, "wrong", "suite/x", "http", "", "denied", "check the keys", -EACCES},
		{"unknown", S3_SERVER_SECRET, "suite/x", "http", "", "denied", "check the keys", -EACCES},
		{S3_SERVER_ACCESS, S3_SERVER_SECRET, "nowhere/x", "http", "", "there is no such bucket",
		 "check the bucket's name", -ENXIO},
		{S3_SERVER_ACCESS, S3_SERVER_SECRET, "suite/x", "https",
		 "&ca=", "its certificate is not trusted", "name the authority's certificate with ca=FILE",
		 -EKEYREJECTED},
		{S3_SERVER_ACCESS, S3_SERVER_SECRET, "suite/x", "https", "&ca=/nonexistent",
		 "the file of trusted certificates cannot be used", "it must hold PEM certificates", -EINVAL},
		{S3_SERVER_ACCESS, S3_SERVER_SECRET, "suite/x", "http",
		 "&endpoint=http://127.0.0.1:1&tries=1", "cannot connect", "check the endpoint",
		 -ECONNREFUSED},
		{S3_SERVER_ACCESS, S3_SERVER_SECRET, "suite/x", "http",
		 "&endpoint=http://nohost.invalid&tries=1", "no such host", "check the endpoint's name",
		 -EHOSTUNREACH},
	};
	struct recording_key key = suite_key("c", "20251125", A);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cassette *cassette = NULL;
		struct err err = {};
		char url[320];
		int r;

		setenv("AWS_ACCESS_KEY_ID", cases[i].access, 1);
		setenv("AWS_SECRET_ACCESS_KEY", cases[i].secret, 1);
		s3_server_url(&server, url, cases[i].scheme, cases[i].where, cases[i].params);
		r = cassette_open(&cassette, url, true, &err);
		if (!r)
			r = cassette_put(cassette, &key, "full", 4, "{}", &err);
		cassette_close(cassette);
		s3_server_environment();
		if (r != cases[i].result || !strstr(err.msg, cases[i].words) ||
		    !strstr(err.hint, cases[i].hint))
			fail_msg("case %zu: %d %s / %s", i, r, err.msg, err.hint);
		if (strstr(err.msg, S3_SERVER_SECRET) || strstr(err.hint, S3_SERVER_SECRET))
			fail_msg("case %zu tells the secret", i);
	}
}

/* --- strangers --- */

static void run_ok(const char *const argv[])
{
	struct command command;

	if (command_run(&command, argv, 60)) {
		autofree char *said = command_file(command.err);

		fail_msg("%s %s ended with %d: %s", argv[0], argv[1], command.status, said);
	}
}

static void awscli_and_s3cmd_read_what_we_wrote(void **state)
{
	auto_cassette struct cassette *cassette = NULL;
	char url[320], endpoint[64], host[64], copy[256];
	autofree char *got = NULL, *got2 = NULL;
	struct command ls;

	s3_server_make_bucket(&server, "strangers");
	s3_server_url(&server, url, "http", "strangers/eu", "");
	assert_int_equal(cassette_open(&cassette, url, true, NULL), 0);
	suite_put(cassette, "HandleOrder", "20251125", A);
	suite_put(cassette, "a b+c%2F\xc3\xa9", "20251125", B);
	snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d", server.port);
	snprintf(host, sizeof(host), "127.0.0.1:%d", server.port);

	command_run(&ls,
		    ARGV("aws", "--endpoint-url", endpoint, "s3", "ls", "--recursive", "s3://strangers/"),
		    60);
	got = command_file(ls.out);
	assert_non_null(strstr(got, "tape_recorder_recordings/eu/full/HandleOrder/20251125/" A));
	assert_non_null(strstr(got, "tape_recorder_recordings/eu/metadata/HandleOrder/20251125/" A));
	assert_non_null(strstr(got, "tape_recorder_recordings/eu/full/a b+c%2F\xc3\xa9/20251125/" B));

	snprintf(copy, sizeof(copy), "%s/copy", command_folder());
	run_ok(ARGV("s3cmd", "--access_key=" S3_SERVER_ACCESS, "--secret_key=" S3_SERVER_SECRET, "--no-ssl",
		    "--host", host, "--host-bucket", host, "--force", "get",
		    "s3://strangers/tape_recorder_recordings/eu/full/a b+c%2F\xc3\xa9/20251125/" B, copy));
	got2 = command_file(copy);
	assert_string_equal(got2, "full");
}

static void what_awscli_copies_there_is_read(void **state)
{
	auto_cassette struct cassette *cassette = NULL, *ours = NULL;
	char url[320], endpoint[64], dir[256], file_url[300];
	struct recording_key key = suite_key("c+d e", "20251125", C);
	struct blob blob;

	snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d", server.port);
	snprintf(dir, sizeof(dir), "%s/tape", command_folder());
	snprintf(file_url, sizeof(file_url), "file:%s", dir);
	assert_int_equal(cassette_open(&ours, file_url, true, NULL), 0);
	suite_put(ours, key.category, key.day, key.id);
	s3_server_make_bucket(&server, "copied");
	run_ok(ARGV("aws", "--endpoint-url", endpoint, "s3", "cp", "--recursive", dir, "s3://copied/"));
	s3_server_url(&server, url, "http", "copied", "");
	assert_int_equal(cassette_open(&cassette, url, false, NULL), 0);
	assert_int_equal(cassette_get(cassette, &key, &blob, NULL), 0);
	suite_assert_blob(&blob, "full", 4);
	assert_int_equal(cassette_find(cassette, C, &key, NULL), 0);
}

/* --- whose keys --- */

struct session {
	char access[128], secret[128], token[4096], expires[64];
};

static struct session session; /* of Ceph's token service */

static char endpoint[64];

static void read_session(struct session *out, const char *json)
{
	cJSON *doc = cJSON_Parse(json), *credentials = cJSON_GetObjectItem(doc, "Credentials");
	const struct {
		const char *name;
		char *to;
		size_t len;
	} fields[] = {{"AccessKeyId", out->access, sizeof(out->access)},
		      {"SecretAccessKey", out->secret, sizeof(out->secret)},
		      {"SessionToken", out->token, sizeof(out->token)},
		      {"Expiration", out->expires, sizeof(out->expires)}};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(credentials, fields[i].name));

		assert_non_null(text);
		snprintf(fields[i].to, fields[i].len, "%s", text);
	}
	cJSON_Delete(doc);
}

#define ALLOW(action)                                                                                        \
	"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"" action             \
	"\"],\"Resource\":\"*\"}]}"
#define TRUST                                                                                                \
	"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":"           \
	"[\"arn:aws:iam:::user/test\"]},\"Action\":[\"sts:AssumeRole\"]}]}"

static int get_session(void **state)
{
	autofree char *said = NULL;
	struct command command;

	snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d", server.port);
	s3_server_admin(&server, "caps add --uid test --caps 'user-policy=*;roles=*'");
	s3_server_admin(&server, "role create --role-name taper --assume-role-policy-doc '" TRUST "'");
	s3_server_admin(&server,
			"role policy put --role-name taper --policy-name p --policy-doc '" ALLOW("s3:*") "'");
	run_ok(ARGV("aws", "--endpoint-url", endpoint, "iam", "put-user-policy", "--user-name", "test",
		    "--policy-name", "p", "--policy-document", ALLOW("sts:*")));
	assert_int_equal(command_run(&command,
				     ARGV("aws", "--endpoint-url", endpoint, "sts", "get-session-token"), 60),
			 0);
	said = command_file(command.out);
	read_session(&session, said);
	return 0;
}

static void write_text(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", command_folder(), name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* Store and read with whatever the environment leads to. */
static int try_keys(const char *params, struct err *err)
{
	struct recording_key key = suite_key("keys", "20251125", A);
	auto_cassette struct cassette *cassette = NULL;
	struct blob blob;
	char url[320];
	int r;

	s3_server_url(&server, url, "http", "suite/keys", params);
	r = cassette_open(&cassette, url, true, err);
	if (!r)
		r = cassette_put(cassette, &key, "full", 4, "{}", err);
	if (!r)
		r = cassette_get(cassette, &key, &blob, err);
	if (!r)
		suite_assert_blob(&blob, "full", 4);
	return r;
}

static void assert_keys_work(const char *params)
{
	struct err err = {};

	if (try_keys(params, &err))
		fail_msg("%s: %s", params, err.msg);
}

static int only_files(void **state)
{
	char path[256];

	s3_server_environment();
	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	snprintf(path, sizeof(path), "%s/aws-config", command_folder());
	setenv("AWS_CONFIG_FILE", path, 1);
	unlink(path);
	return 0;
}

static int environment_again(void **state)
{
	static const char *const names[] = {"AWS_CONTAINER_CREDENTIALS_FULL_URI",
					    "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_ENDPOINT_URL_STS",
					    "AWS_ROLE_SESSION_NAME"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unsetenv(names[i]);
	s3_server_environment();
	return 0;
}

static void session_tokens_of_the_environment_work_and_tampered_ones_do_not(void **state)
{
	struct err err = {};

	setenv("AWS_ACCESS_KEY_ID", session.access, 1);
	setenv("AWS_SECRET_ACCESS_KEY", session.secret, 1);
	setenv("AWS_SESSION_TOKEN", session.token, 1);
	assert_keys_work("");
	session.token[20] ^= 1;
	setenv("AWS_SESSION_TOKEN", session.token, 1);
	session.token[20] ^= 1;
	assert_int_equal(try_keys("", &err), -EINVAL);
	assert_non_null(strstr(err.hint, "the session token"));
	assert_null(strstr(err.msg, session.token + 30));
}

static void profiles_processes_and_roles_work(void **state)
{
	static const char *const profiles[] = {"keys", "process", "role"};
	char config[16384], params[64];

	snprintf(
		config, sizeof(config),
		"[profile base]\naws_access_key_id = " S3_SERVER_ACCESS
		"\naws_secret_access_key = " S3_SERVER_SECRET
		"\n[profile keys]\naws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = %s\n"
		"[profile process]\ncredential_process = echo '{\"Version\":1,\"AccessKeyId\":\"%s\","
		"\"SecretAccessKey\":\"%s\",\"SessionToken\":\"%s\",\"Expiration\":\"%s\"}'\n"
		"[profile role]\nrole_arn = arn:aws:iam:::role/taper\nsource_profile = base\n"
		"services = local\n[services local]\nsts =\n  endpoint_url = %s\n",
		session.access, session.secret, session.token, session.access, session.secret, session.token,
		session.expires, endpoint);
	write_text("aws-config", config);
	for (size_t i = 0; i < ARRAY_SIZE(profiles); i++) {
		snprintf(params, sizeof(params), "&profile=%s", profiles[i]);
		assert_keys_work(params);
	}
	setenv("AWS_PROFILE", "keys", 1);
	assert_keys_work("");
}

/* Hands out the session as a container, an instance and a token service would. */
static const char *hand_out(const struct fake_request *request, unsigned serial, void *ctx)
{
	const bool *first_is_bad = ctx;
	char token[4096], text[8192];

	snprintf(token, sizeof(token), "%s", session.token);
	token[20] ^= *first_is_bad && serial == 0;
	if (strncmp(request->head, "PUT ", 4) == 0)
		return fake_answer("200 OK", "", "t");
	if (strstr(request->head, "security-credentials/ "))
		return fake_answer("200 OK", "", "role");
	if (strncmp(request->head, "POST ", 5) == 0)
		snprintf(text, sizeof(text),
			 "<R><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey>"
			 "<SessionToken>%s</SessionToken><Expiration>%s</Expiration></Credentials></R>",
			 session.access, session.secret, token, session.expires);
	else
		snprintf(
			text, sizeof(text),
			"{\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"%s\",\"Token\":\"%s\",\"Expiration\":\"%s\"}",
			session.access, session.secret, token, session.expires);
	return fake_answer("200 OK", "", text);
}

static void containers_instances_and_web_identities_work(void **state)
{
	bool first_is_bad = false;
	struct fake_http *fake;
	char url[128], path[256];
	int port;

	fake = fake_http_start(&port, hand_out, &first_is_bad);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", port);
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
	assert_keys_work("");
	unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	unsetenv("AWS_EC2_METADATA_DISABLED");
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url, 1);
	assert_keys_work("");
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	write_text("jwt", "a.web.token");
	snprintf(path, sizeof(path), "%s/jwt", command_folder());
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", path, 1);
	setenv("AWS_ROLE_ARN", "arn:aws:iam:::role/taper", 1);
	setenv("AWS_ENDPOINT_URL_STS", url, 1);
	assert_keys_work("");
	fake_http_stop(fake);
}

static void keys_that_the_store_refuses_as_ended_are_fetched_again(void **state)
{
	bool first_is_bad = true;
	struct fake_http *fake;
	char url[64];
	int port;

	fake = fake_http_start(&port, hand_out, &first_is_bad);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", port);
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
	assert_keys_work("");
	assert_int_equal(fake_http_stop(fake), 2);
}

static void doctor_says_where_keys_come_from_and_not_the_secret(void **state)
{
	autofree char *said = NULL;
	struct command command;
	char config[512], tapedeck[300];

	snprintf(config, sizeof(config),
		 "[default]\naws_access_key_id = AKIDX\naws_secret_access_key = hush\n");
	write_text("aws-config", config);
	snprintf(tapedeck, sizeof(tapedeck), "%s/tapedeck", command_build());
	command_run(&command, ARGV(tapedeck, "doctor"), 60);
	said = command_file(command.out);
	assert_non_null(strstr(said, "S3 credentials      (AKIDX, from profile 'default' in '"));
	assert_null(strstr(said, "hush"));
}

#define KEYS(f) cmocka_unit_test_setup_teardown(f, only_files, environment_again)

int main(void)
{
	const struct CMUnitTest keys[] = {
		KEYS(session_tokens_of_the_environment_work_and_tampered_ones_do_not),
		KEYS(profiles_processes_and_roles_work),
		KEYS(containers_instances_and_web_identities_work),
		KEYS(keys_that_the_store_refuses_as_ended_are_fetched_again),
		KEYS(doctor_says_where_keys_come_from_and_not_the_secret),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_nasty_key_keeps_its_object),
		cmocka_unit_test(the_longest_key_is_kept_and_one_more_byte_is_refused),
		cmocka_unit_test(more_than_a_page_is_listed_and_removed),
		cmocka_unit_test(a_gateway_that_is_killed_and_started_loses_nothing),
		cmocka_unit_test(faults_are_said_clearly),
		cmocka_unit_test(awscli_and_s3cmd_read_what_we_wrote),
		cmocka_unit_test(what_awscli_copies_there_is_read),
	};
	static const struct cassette_suite suites[] = {
		{"cassette s3: over http", make_http},
		{"cassette s3: over https", make_https},
		{"cassette s3: with the bucket in the host's name", make_virtual},
		{"cassette cached: before s3:", make_http, NULL, "cached"},
		{"cassette spool: before s3:", make_https, NULL, "spool"},
		{"cassette segments in s3:", make_segments},
	};
	int failed = 0;

	s3_server_environment();
	s3_server_start(&server, "");
	s3_server_make_bucket(&server, "suite");
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		failed += cassette_suite_run(&suites[i]);
	failed += cmocka_run_group_tests_name("s3 on Ceph", tests, NULL, NULL);
	failed += cmocka_run_group_tests_name("s3 credentials", keys, get_session, NULL);
	s3_server_stop(&server);
	command_cleanup();
	return failed;
}
