// SPDX-License-Identifier: BSD-3-Clause
/* Each source of credentials, against what stands for a container, an instance and a token service. */
#include "lib/credentials.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/util.h"
#include "tests/support/fake_http.h"

#define NOW 1800000000

static const char *const variables[] = {
	"AWS_ACCESS_KEY_ID",
	"AWS_SECRET_ACCESS_KEY",
	"AWS_SESSION_TOKEN",
	"AWS_CREDENTIAL_EXPIRATION",
	"AWS_PROFILE",
	"AWS_REGION",
	"AWS_DEFAULT_REGION",
	"AWS_ENDPOINT_URL",
	"AWS_ENDPOINT_URL_S3",
	"AWS_ENDPOINT_URL_STS",
	"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
	"AWS_CA_BUNDLE",
	"AWS_ROLE_ARN",
	"AWS_ROLE_SESSION_NAME",
	"AWS_WEB_IDENTITY_TOKEN_FILE",
	"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	"AWS_CONTAINER_CREDENTIALS_FULL_URI",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
	"AWS_EC2_METADATA_SERVICE_ENDPOINT",
};

static char dir[64];

static void put_file(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static const char *in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* Nothing anywhere but in this folder. */
static int setup(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		unsetenv(variables[i]);
	strcpy(dir, "/tmp/tapedeck-test-XXXXXX");
	assert_non_null(mkdtemp(dir));
	setenv("AWS_CONFIG_FILE", in_dir("config"), 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", in_dir("credentials"), 1);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	return 0;
}

static int teardown(void **state)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static struct chain *open_chain(const char *profile)
{
	const struct chain_opts opts = {.profile = profile};
	struct chain *chain;
	struct err err = {};

	if (chain_new(&chain, &opts, &err))
		fail_msg("%s", err.msg);
	return chain;
}

static const struct credentials *get(struct chain *chain, int64_t now_s)
{
	const struct credentials *credentials;
	unsigned generation;
	struct err err = {};

	if (chain_get(chain, now_s, false, &credentials, &generation, &err))
		fail_msg("%s", err.msg);
	return credentials;
}

static void assert_keys(const char *profile, const char *access, const char *secret, const char *token,
			const char *source)
{
	auto_chain struct chain *chain = open_chain(profile);
	const struct credentials *credentials = get(chain, NOW);

	assert_string_equal(credentials->access_key, access);
	assert_string_equal(credentials->secret_key, secret);
	assert_string_equal(credentials->token, token);
	if (!strstr(credentials->source, source))
		fail_msg("'%s' is not from '%s'", credentials->source, source);
}

static void assert_fails(const char *profile, int code, const char *words)
{
	auto_chain struct chain *chain = open_chain(profile);
	const struct credentials *credentials;
	unsigned generation;
	struct err err = {};

	assert_int_equal(chain_get(chain, NOW, false, &credentials, &generation, &err), code);
	if (!strstr(err.msg, words))
		fail_msg("'%s' does not say '%s'", err.msg, words);
	assert_null(strstr(err.msg, "hush"));
	assert_null(strstr(err.hint, "hush"));
}

/* --- what is at hand --- */

static void where_there_are_none_it_says_where_it_looked(void **state)
{
	assert_fails(
		NULL, -ENOKEY,
		"no credentials for S3: not in the environment, profile 'default' of ~/.aws, a container or an "
		"instance");
}

static void the_environment_goes_first(void **state)
{
	put_file("credentials", "[default]\naws_access_key_id = F\naws_secret_access_key = hushF\n");
	assert_keys(NULL, "F", "hushF", "", "profile 'default' in '/tmp/");
	setenv("AWS_ACCESS_KEY_ID", "E", 1);
	assert_fails(NULL, -EINVAL, "the environment has AWS_ACCESS_KEY_ID, but not AWS_SECRET_ACCESS_KEY");
	setenv("AWS_SECRET_ACCESS_KEY", "hushE", 1);
	setenv("AWS_SESSION_TOKEN", "T", 1);
	assert_keys(NULL, "E", "hushE", "T", "the environment");
}

static void a_named_profile_goes_before_the_environment(void **state)
{
	put_file("credentials",
		 "[p]\naws_access_key_id=P\naws_secret_access_key=hush=P=\naws_session_token = TP\n");
	setenv("AWS_ACCESS_KEY_ID", "E", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "hushE", 1);
	assert_keys("p", "P", "hush=P=", "TP", "profile 'p'");
	setenv("AWS_PROFILE", "p", 1);
	assert_keys(NULL, "E", "hushE", "", "the environment");
	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	assert_keys(NULL, "P", "hush=P=", "TP", "profile 'p'");
}

static void the_files_are_read_as_aws_reads_them(void **state)
{
	auto_chain struct chain *chain = NULL;

	put_file("config",
		 "# a comment\n[default]\nregion = eu-1\n\n[profile p]\n\tregion=eu-2\n"
		 "aws_access_key_id = C\naws_secret_access_key = hushC\n"
		 "s3 =\n  endpoint_url = http://p-s3\n  max_concurrent_requests = 20\n"
		 "endpoint_url = http://p-all\n[profile q]\nservices = local\n"
		 "[services local]\ns3 =\n\tendpoint_url = http://q-s3\nsts =\n endpoint_url = http://q-sts\n"
		 "[sso-session x]\nregion = no\n; end\n");
	put_file("credentials", "[p]\naws_access_key_id = P\naws_secret_access_key = hushP\n");
	assert_keys("p", "P", "hushP", "", "credentials'");
	chain = open_chain("p");
	assert_string_equal(chain_region(chain), "eu-2");
	assert_string_equal(chain_endpoint(chain, "s3"), "http://p-s3");
	assert_string_equal(chain_endpoint(chain, "sts"), "http://p-all");
	chain_free(chain);
	chain = open_chain("q");
	assert_null(chain_region(chain));
	assert_string_equal(chain_endpoint(chain, "s3"), "http://q-s3");
	assert_string_equal(chain_endpoint(chain, "sts"), "http://q-sts");
	setenv("AWS_ENDPOINT_URL", "http://e", 1);
	assert_string_equal(chain_endpoint(chain, "s3"), "http://e");
	setenv("AWS_ENDPOINT_URL_S3", "http://e-s3", 1);
	assert_string_equal(chain_endpoint(chain, "s3"), "http://e-s3");
	setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
	assert_null(chain_endpoint(chain, "s3"));
	chain_free(chain);
	chain = open_chain(NULL);
	assert_string_equal(chain_region(chain), "eu-1");
	setenv("AWS_DEFAULT_REGION", "d", 1);
	assert_string_equal(chain_region(chain), "d");
	setenv("AWS_REGION", "r", 1);
	assert_string_equal(chain_region(chain), "r");
}

static void files_that_are_not_understood_are_refused_with_the_line(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"[default\n", "config:1: a section's name does not end"},
		{"a = b\n", "config:1: a setting before the first section"},
		{"[default]\nwhat\n", "config:2: neither a section nor a setting"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct chain_opts opts = {};
		struct chain *chain;
		struct err err = {};

		put_file("config", cases[i].text);
		assert_int_equal(chain_new(&chain, &opts, &err), -EINVAL);
		assert_non_null(strstr(err.msg, cases[i].words));
	}
}

static void a_profile_that_is_not_there_is_a_usage_error(void **state)
{
	const struct chain_opts opts = {.profile = "nobody"};
	struct chain *chain;
	struct err err = {};

	assert_int_equal(chain_new(&chain, &opts, &err), -EINVAL);
	assert_string_equal(err.msg, "there is no profile 'nobody' in ~/.aws");
	assert_string_equal(err.hint, "'aws configure list-profiles' lists them");
	assert_true(err.is_usage);
}

/* --- processes --- */

static void a_credential_process_is_asked(void **state)
{
	put_file(
		"config",
		"[profile p]\ncredential_process = printf '{\"Version\":1,\"AccessKeyId\":\"%s\",\"SecretAccessKey\":"
		"\"hush\",\"SessionToken\":\"T\",\"Expiration\":\"2030-01-01T00:00:00Z\"}' X\n"
		"[profile bad]\ncredential_process = echo hush >&2; exit 3\n"
		"[profile junk]\ncredential_process = echo hush\n"
		"[profile none]\ncredential_process = echo '{\"Version\":1}'\n"
		"[profile when]\ncredential_process = echo "
		"'{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"hush\",\"Expiration\":\"soon\"}'\n");
	assert_keys("p", "X", "hush", "T", "the credential_process of profile 'p'");
	assert_fails("bad", -EACCES, "profile 'bad': its credential_process: it ended with status 3");
	assert_fails("junk", -EBADMSG, "it is no JSON object");
	assert_fails("none", -EBADMSG, "there is no access key with its secret key in it");
	assert_fails("when", -EBADMSG, "the expiration 'soon' is no point of time in UTC");
}

static void what_expires_is_fetched_again_before_it_does(void **state)
{
	auto_chain struct chain *chain = NULL;
	char config[512];

	/* Each asking counts, in a file; keys of an hour from NOW. */
	snprintf(config, sizeof(config),
		 "[default]\ncredential_process = echo x >> %s/asked; test ! -e %s/broken && echo "
		 "'{\"AccessKeyId\":\"'$(wc -l < %s/asked)'\",\"SecretAccessKey\":\"s\",\"Expiration\":"
		 "\"2027-01-15T09:00:00Z\"}'\n",
		 dir, dir, dir);
	put_file("config", config);
	chain = open_chain(NULL);
	assert_string_equal(get(chain, NOW)->access_key, "1");
	assert_string_equal(get(chain, NOW + 3600 - REFRESH_S - 1)->access_key, "1");
	assert_string_equal(get(chain, NOW + 3600 - REFRESH_S)->access_key, "2");
	/* What cannot be renewed serves until its end, and is not asked for at each request. */
	put_file("broken", "");
	assert_string_equal(get(chain, NOW + 3600 - REFRESH_S + 60)->access_key, "2");
	assert_string_equal(get(chain, NOW + 3600 - REFRESH_S + 61)->access_key, "2");
	unlink(in_dir("broken"));
	assert_string_equal(get(chain, NOW + 3600 - REFRESH_S + 100)->access_key, "4");
	put_file("broken", "");
	{
		const struct credentials *credentials;
		unsigned generation;
		struct err err = {};

		assert_int_equal(chain_get(chain, NOW + 3600, false, &credentials, &generation, &err),
				 -EACCES);
		assert_non_null(strstr(err.msg, "it ended with status 1"));
	}
}

static void a_server_that_calls_them_expired_makes_them_be_renewed(void **state)
{
	auto_chain struct chain *chain = NULL;
	const struct credentials *credentials;
	unsigned first, second;

	put_file("config", "[default]\ncredential_process = echo "
			   "'{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"s\"}'\n");
	chain = open_chain(NULL);
	assert_int_equal(chain_get(chain, NOW, false, &credentials, &first, NULL), 0);
	assert_int_equal(chain_get(chain, NOW, false, &credentials, &second, NULL), 0);
	assert_int_equal(first, second);
	assert_int_equal(chain_get(chain, NOW, true, &credentials, &second, NULL), 0);
	assert_int_not_equal(first, second);
}

/* --- servers --- */

struct service {
	char heads[8][16384], bodies[8][4096];
	unsigned cnt;
};

#define DOCUMENT                                                                                             \
	"{\"Code\":\"Success\",\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hush\",\"Token\":\"T\","          \
	"\"Expiration\":\"2027-01-15T09:00:00Z\"}"

static bool begins(const char *head, const char *with)
{
	return strncmp(head, with, strlen(with)) == 0;
}

static const char *serve(const struct fake_request *request, unsigned serial, void *ctx)
{
	static const char role[] =
		"<%sResponse><%sResult><Credentials><AccessKeyId>R</AccessKeyId><SecretAccessKey>"
		"hush</SecretAccessKey><SessionToken>RT</SessionToken><Expiration>2027-01-15T09:"
		"00:00Z</Expiration></Credentials></%sResult></%sResponse>";
	struct service *service = ctx;
	const char *head = request->head;
	char text[1024];

	snprintf(service->heads[service->cnt % 8], 16384, "%s", head);
	snprintf(service->bodies[service->cnt++ % 8], 4096, "%s", request->body);
	if (begins(head, "GET /container "))
		return strcasestr(head, "\r\nAuthorization: Bearer x\r\n")
			       ? fake_answer("200 OK", "", DOCUMENT)
			       : fake_answer("403 Forbidden", "", "");
	if (begins(head, "PUT /latest/api/token "))
		return strcasestr(head, "\r\nX-aws-ec2-metadata-token-ttl-seconds: ")
			       ? fake_answer("200 OK", "", "the-token")
			       : fake_answer("400 Bad Request", "", "");
	if (begins(head, "GET /latest/") && !strcasestr(head, "\r\nX-aws-ec2-metadata-token: the-token\r\n"))
		return fake_answer("401 Unauthorized", "", "");
	if (begins(head, "GET /latest/meta-data/iam/security-credentials/ "))
		return fake_answer("200 OK", "", "my-role\n");
	if (begins(head, "GET /latest/meta-data/iam/security-credentials/my-role "))
		return fake_answer("200 OK", "", DOCUMENT);
	if (begins(head, "POST / ") && strstr(request->body, "RoleArn=no"))
		return fake_answer(
			"403 Forbidden", "",
			"<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error>"
			"</ErrorResponse>");
	if (begins(head, "POST / ")) {
		const char *name = strstr(request->body, "WebIdentityToken=") ? "AssumeRoleWithWebIdentity"
									      : "AssumeRole";

		snprintf(text, sizeof(text), role, name, name, name, name);
		return fake_answer("200 OK", "", text);
	}
	return fake_answer("404 Not Found", "", "");
}

static struct fake_http *start(struct service *service, char url[64])
{
	struct fake_http *fake;
	int port;

	*service = (struct service){};
	fake = fake_http_start(&port, serve, service);
	snprintf(url, 64, "http://127.0.0.1:%d", port);
	return fake;
}

static void a_container_is_asked_with_its_token(void **state)
{
	struct service service;
	char url[64], full[128];
	struct fake_http *fake = start(&service, url);

	snprintf(full, sizeof(full), "%s/container", url);
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", full, 1);
	assert_fails(NULL, -EACCES, "/container' answered 403");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer x", 1);
	assert_keys(NULL, "A", "hush", "T", "the container's endpoint http://127.0.0.1");
	unsetenv("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	put_file("token", "Bearer x\n");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", in_dir("token"), 1);
	assert_keys(NULL, "A", "hush", "T", "the container's endpoint http://127.0.0.1");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", in_dir("nothing"), 1);
	assert_fails(NULL, -ENOENT,
		     "cannot get credentials from the container's endpoint: cannot read '/tmp/");
	fake_http_stop(fake);
}

static void a_container_elsewhere_gets_no_token(void **state)
{
	static const char *const urls[] = {"http://example.com/x", "http://127.example.com/",
					   "ftp://localhost/x", "http://localhost.example.com/",
					   "http://169.254.170.20/x"};

	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer x", 1);
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", urls[i], 1);
		assert_fails(NULL, -EACCES, "is neither https nor this machine");
	}
}

static void an_instance_is_asked_by_the_second_version_of_its_service(void **state)
{
	struct service service;
	char url[65];
	struct fake_http *fake = start(&service, url);

	unsetenv("AWS_EC2_METADATA_DISABLED");
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url, 1);
	assert_keys(NULL, "A", "hush", "T", "the instance's metadata service");
	assert_int_equal(service.cnt, 3);
	strcat(url, "/");
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url, 1);
	assert_keys(NULL, "A", "hush", "T", "the instance's metadata service");
	fake_http_stop(fake);
	/* Nobody there: no instance. */
	assert_fails(NULL, -ENOKEY, "no credentials for S3");
}

static void a_web_identity_is_read_each_time_and_goes_unsigned(void **state)
{
	struct service service;
	char url[64];
	struct fake_http *fake = start(&service, url);

	setenv("AWS_ENDPOINT_URL_STS", url, 1);
	setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/r", 1);
	setenv("AWS_ROLE_SESSION_NAME", "me", 1);
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", in_dir("jwt"), 1);
	assert_fails(NULL, -ENOENT, "cannot become role 'arn:aws:iam::1:role/r': cannot read '/tmp/");
	put_file("jwt", "first.token\n");
	assert_keys(NULL, "R", "hush", "RT", "the web identity in '/tmp/");
	assert_string_equal(service.bodies[0],
			    "Action=AssumeRoleWithWebIdentity&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&"
			    "RoleSessionName=me&Version=2011-06-15&WebIdentityToken=first.token");
	assert_null(strcasestr(service.heads[0], "authorization"));
	put_file("jwt", "second");
	assert_keys(NULL, "R", "hush", "RT", "the web identity in '/tmp/");
	assert_non_null(strstr(service.bodies[1], "WebIdentityToken=second"));
	fake_http_stop(fake);
}

static void a_role_is_assumed_with_another_profile(void **state)
{
	struct service service;
	char url[64];
	struct fake_http *fake = start(&service, url);

	put_file(
		"config",
		"[profile base]\naws_access_key_id = B\naws_secret_access_key = hushB\naws_session_token = BT\n"
		"[profile r]\nrole_arn = arn:r\nsource_profile = base\nrole_session_name = s\nexternal_id = e/1\n"
		"duration_seconds = 900\nregion = eu-1\n"
		"[profile rr]\nrole_arn = arn:rr\nsource_profile = r\n"
		"[profile self]\nrole_arn = arn:s\nsource_profile = self\naws_access_key_id = S\n"
		"aws_secret_access_key = hushS\n"
		"[profile env]\nrole_arn = arn:e\ncredential_source = Environment\n"
		"[profile no]\nrole_arn = no\nsource_profile = base\n"
		"[profile alone]\nrole_arn = arn:a\n"
		"[profile odd]\nrole_arn = arn:a\ncredential_source = Stars\n"
		"[profile mfa]\nrole_arn = arn:m\nsource_profile = base\nmfa_serial = m\n"
		"[profile web]\nrole_arn = arn:w\nweb_identity_token_file = /dev/null\n"
		"[profile x]\nrole_arn = arn:x\nsource_profile = y\n[profile y]\nrole_arn = arn:y\nsource_profile = x\n");
	setenv("AWS_ENDPOINT_URL", url, 1);
	assert_keys("r", "R", "hush", "RT", "role 'arn:r' of profile 'r'");
	assert_string_equal(service.bodies[0],
			    "Action=AssumeRole&DurationSeconds=900&ExternalId=e%2F1&RoleArn=arn%3Ar&"
			    "RoleSessionName=s&Version=2011-06-15");
	assert_non_null(strcasestr(service.heads[0], "\r\nauthorization: AWS4-HMAC-SHA256 Credential=B/"));
	assert_non_null(strstr(service.heads[0],
			       "/eu-1/sts/aws4_request, SignedHeaders=content-type;host;x-amz-date;"
			       "x-amz-security-token,"));
	assert_non_null(strcasestr(service.heads[0], "\r\nx-amz-security-token: BT\r\n"));
	assert_keys("rr", "R", "hush", "RT", "role 'arn:rr' of profile 'rr'");
	assert_int_equal(service.cnt, 3);
	assert_non_null(strcasestr(service.heads[2], " Credential=R/"));
	assert_keys("self", "R", "hush", "RT", "role 'arn:s' of profile 'self'");
	setenv("AWS_ACCESS_KEY_ID", "E", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "hushE", 1);
	assert_keys("env", "R", "hush", "RT", "role 'arn:e' of profile 'env'");
	assert_non_null(strcasestr(service.heads[4], " Credential=E/"));
	assert_keys("web", "R", "hush", "RT", "role 'arn:w' of profile 'web'");
	assert_fails(
		"no", -EACCES,
		"profile 'no': cannot become role 'no': the security token service answered 403 AccessDenied: not "
		"you");
	assert_fails("alone", -EINVAL, "it names role 'arn:a', but not who may become it");
	assert_fails("odd", -EINVAL, "there is no credential_source 'Stars'");
	assert_fails("mfa", -ENOTSUP, "it wants a code of a device (mfa_serial)");
	assert_fails("x", -ELOOP, "profiles name each other more than 5 deep");
	fake_http_stop(fake);
	assert_fails("r", -ECONNREFUSED, "cannot become role 'arn:r': cannot speak with '127.0.0.1:");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(where_there_are_none_it_says_where_it_looked),
		TEST(the_environment_goes_first),
		TEST(a_named_profile_goes_before_the_environment),
		TEST(the_files_are_read_as_aws_reads_them),
		TEST(files_that_are_not_understood_are_refused_with_the_line),
		TEST(a_profile_that_is_not_there_is_a_usage_error),
		TEST(a_credential_process_is_asked),
		TEST(what_expires_is_fetched_again_before_it_does),
		TEST(a_server_that_calls_them_expired_makes_them_be_renewed),
		TEST(a_container_is_asked_with_its_token),
		TEST(a_container_elsewhere_gets_no_token),
		TEST(an_instance_is_asked_by_the_second_version_of_its_service),
		TEST(a_web_identity_is_read_each_time_and_goes_unsigned),
		TEST(a_role_is_assumed_with_another_profile),
	};

	return cmocka_run_group_tests_name("credentials", tests, NULL, NULL);
}
