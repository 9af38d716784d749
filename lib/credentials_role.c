// SPDX-License-Identifier: BSD-3-Clause
/* Profiles, and roles that are assumed at the security token service. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/aws_config.h"
#include "lib/buf.h"
#include "lib/credentials_impl.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/http.h"
#include "lib/sigv4.h"
#include "lib/uri.h"
#include "lib/util.h"
#include "lib/xml.h"

#define BODY_MAX  (32 * 1024) /* bytes */
#define URL_LEN	  1024
#define FORM_TYPE "application/x-www-form-urlencoded; charset=utf-8"

/* --- the service --- */

struct said {
	char access_key[ACCESS_KEY_MAX + 1], secret_key[SECRET_KEY_MAX + 1], token[TOKEN_MAX + 1];
	char expires[64], code[64], message[256];
};

static int on_element(const char *path, const char *text, void *ctx)
{
	struct said *said = ctx;
	const struct {
		const char *name;
		char *to;
		size_t size;
	} elements[] = {
		{"/Credentials/AccessKeyId", said->access_key, sizeof(said->access_key)},
		{"/Credentials/SecretAccessKey", said->secret_key, sizeof(said->secret_key)},
		{"/Credentials/SessionToken", said->token, sizeof(said->token)},
		{"/Credentials/Expiration", said->expires, sizeof(said->expires)},
		{"/Code", said->code, sizeof(said->code)},
		{"/Message", said->message, sizeof(said->message)},
	};
	size_t path_len = strlen(path);

	for (size_t i = 0; i < ARRAY_SIZE(elements); i++) {
		size_t len = strlen(elements[i].name);

		if (path_len > len && strcmp(path + path_len - len, elements[i].name) == 0)
			snprintf(elements[i].to, elements[i].size, "%s", text);
	}
	return 0;
}

static void put_field(struct buf *body, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	buf_printf(body, "%s%s=", body->len ? "&" : "", name);
	uri_encode(body, value, false);
}

static const char *default_session(char name[64])
{
	snprintf(name, 64, "tapedeck-%lld", (long long)time(NULL));
	return name;
}

static int put_body(struct buf *body, const struct role *role, bool is_web, struct err *err)
{
	char session[64], token[BODY_MAX / 2];
	size_t len;
	FILE *file;

	put_field(body, "Action", is_web ? "AssumeRoleWithWebIdentity" : "AssumeRole");
	put_field(body, "DurationSeconds", role->duration_s);
	put_field(body, "ExternalId", role->external_id);
	put_field(body, "RoleArn", role->arn);
	put_field(body, "RoleSessionName",
		  role->session_name ? role->session_name : default_session(session));
	put_field(body, "Version", "2011-06-15");
	if (is_web) {
		/* Read each time: the file's token is replaced before it expires. */
		file = fopen(role->token_file, "re");
		if (!file)
			return err_set(err, -errno, "cannot read '%s': %s", role->token_file,
				       strerror(errno));
		len = fread(token, 1, sizeof(token) - 1, file);
		fclose(file);
		token[len] = '\0';
		token[strcspn(token, "\r\n")] = '\0';
		put_field(body, "WebIdentityToken", token);
		explicit_bzero(token, sizeof(token));
	}
	return body->failed ? err_nomem(err) : 0;
}

static void endpoint_url(struct chain *chain, char url[URL_LEN], char host[URL_LEN])
{
	const char *endpoint = chain_endpoint(chain, "sts"), *region = chain_region(chain);
	size_t len;

	if (endpoint)
		snprintf(url, URL_LEN - 1, "%s", endpoint);
	else
		snprintf(url, URL_LEN - 1, "https://sts.%s.amazonaws.com", region ? region : "us-east-1");
	len = strlen(url);
	if (len && url[len - 1] != '/')
		strcpy(url + len, "/");
	endpoint = strstr(url, "://");
	endpoint = endpoint ? endpoint + 3 : url;
	snprintf(host, URL_LEN, "%.*s", (int)strcspn(endpoint, "/"), endpoint);
}

/* The lines of a signed request behind each other in @lines. */
static void sign(struct chain *chain, const struct credentials *by, const struct buf *body, const char *url,
		 const char *host, struct buf *authorization, char date[SIGV4_DATE_LEN + 1])
{
	const char *region = chain_region(chain), *path = strstr(url, "://");
	struct sigv4_scope scope = {
		.access_key = by->access_key, .region = region ? region : "us-east-1", .service = "sts"};
	struct sigv4_header headers[] = {{"content-type", FORM_TYPE},
					 {"host", host},
					 {"x-amz-date", date},
					 {"x-amz-security-token", by->token}};
	char hash[DIGEST_HEX_LEN + 1];
	struct sigv4_request request = {.method = "POST",
					.path = strchr(path + 3, '/'),
					.query = "",
					.headers = headers,
					.header_cnt = *by->token ? 4 : 3,
					.payload_sha256 = hash};
	struct sigv4_key key = {};

	sigv4_date(time(NULL), scope.date);
	memcpy(date, scope.date, sizeof(scope.date));
	digest_hex(body->data, body->len, hash);
	sigv4_key_update(&key, by->secret_key, &scope);
	buf_printf(authorization, "authorization: ");
	sigv4_sign(authorization, &key, &scope, &request);
	buf_put_u8(authorization, 0);
	explicit_bzero(&key, sizeof(key));
}

static int ask(struct chain *chain, const struct credentials *by, const struct buf *body,
	       struct http_answer *answer, struct err *err)
{
	char url[URL_LEN], host[URL_LEN], date_line[64] = "x-amz-date: ", token_line[TOKEN_MAX + 64];
	char *date = date_line + strlen(date_line);
	const char *lines[5] = {"content-type: " FORM_TYPE};
	struct http_request request = {.method = "POST",
				       .url = url,
				       .headers = lines,
				       .body = body->data,
				       .len = body->len,
				       .answer_max = ANSWER_MAX,
				       .timeout_ms = STS_MS};
	auto_buf struct buf authorization = {};
	struct http *http;
	int r;

	endpoint_url(chain, url, host);
	if (!strstr(url, "://"))
		return err_set(err, -EINVAL, "'%s' cannot be an endpoint", url);
	buf_init(&authorization, BODY_MAX);
	if (by) {
		sign(chain, by, body, url, host, &authorization, date);
		lines[1] = (const char *)authorization.data;
		lines[2] = date_line;
		snprintf(token_line, sizeof(token_line), "x-amz-security-token: %s", by->token);
		lines[3] = *by->token ? token_line : NULL;
	}
	if (authorization.failed)
		return err_nomem(err);
	r = chain_http(&http, chain, false, err);
	return r ? r : http_do(http, &request, answer, err);
}

static int read_answer(struct credentials *out, const struct http_answer *answer, struct err *err)
{
	struct said said = {};
	int r = answer->body.len ? xml_each(answer->body.data, answer->body.len, on_element, &said, NULL) : 0;

	if (answer->status != 200)
		return err_set(err, -EACCES, "the security token service answered %d%s%s%s%s", answer->status,
			       *said.code ? " " : "", said.code, *said.message ? ": " : "", said.message);
	if (r)
		return err_set(err, -EBADMSG, "the security token service's answer is not understood");
	r = credentials_set(out, said.access_key, said.secret_key, said.token, said.expires, err);
	explicit_bzero(&said, sizeof(said));
	return r;
}

int assume_role(struct chain *chain, const struct role *role, const struct credentials *by,
		struct credentials *out, struct err *err)
{
	struct http_answer answer = {};
	struct buf body;
	int r;

	buf_init(&body, BODY_MAX);
	r = put_body(&body, role, !by, err);
	if (!r)
		r = ask(chain, by, &body, &answer, err);
	if (!r)
		r = read_answer(out, &answer, err);
	wipe(&body);
	wipe(&answer.body);
	return r ? err_wrap(err, r, "cannot become role '%s'", role->arn) : 0;
}

int source_web_identity(struct chain *chain, struct credentials *out, struct err *err)
{
	const struct role role = {
		.arn = env_text("AWS_ROLE_ARN"),
		.session_name = env_text("AWS_ROLE_SESSION_NAME"),
		.token_file = env_text("AWS_WEB_IDENTITY_TOKEN_FILE"),
	};

	if (!role.arn || !role.token_file)
		return -ENOKEY;
	snprintf(out->source, sizeof(out->source), "the web identity in '%s'", role.token_file);
	return assume_role(chain, &role, NULL, out, err);
}

/* --- profiles --- */

static int profile_credentials(struct chain *chain, const char *profile, unsigned depth,
			       struct credentials *out, struct err *err);

static int named_source(struct chain *chain, const char *name, struct credentials *out, struct err *err)
{
	static const struct {
		const char *name;
		source_fn fn;
	} sources[] = {{"Environment", source_environment},
		       {"Ec2InstanceMetadata", source_instance},
		       {"EcsContainer", source_container}};

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		if (strcmp(sources[i].name, name) == 0)
			return sources[i].fn(chain, out, err);
	return err_set(err, -EINVAL, "there is no credential_source '%s'", name);
}

static int static_keys(struct chain *chain, const char *profile, struct credentials *out, struct err *err)
{
	const char *access_key = aws_config_get(chain->config, profile, "aws_access_key_id");
	const char *secret_key = aws_config_get(chain->config, profile, "aws_secret_access_key");

	if (!access_key || !secret_key)
		return -ENOKEY;
	snprintf(out->source, sizeof(out->source), "profile '%s' in '%s'", profile,
		 aws_config_file(chain->config, profile, "aws_access_key_id"));
	return credentials_set(out, access_key, secret_key,
			       aws_config_get(chain->config, profile, "aws_session_token"), NULL, err);
}

static int profile_role(struct chain *chain, const char *profile, unsigned depth, struct credentials *out,
			struct err *err)
{
	const struct aws_config *config = chain->config;
	const struct role role = {
		.arn = aws_config_get(config, profile, "role_arn"),
		.session_name = aws_config_get(config, profile, "role_session_name"),
		.external_id = aws_config_get(config, profile, "external_id"),
		.duration_s = aws_config_get(config, profile, "duration_seconds"),
		.token_file = aws_config_get(config, profile, "web_identity_token_file"),
	};
	const char *source = aws_config_get(config, profile, "source_profile");
	const char *named = aws_config_get(config, profile, "credential_source");
	struct credentials by = {};
	int r;

	if (aws_config_get(config, profile, "mfa_serial"))
		return err_set(err, -ENOTSUP,
			       "it wants a code of a device (mfa_serial), and nobody is asked here");
	if (role.token_file) {
		r = assume_role(chain, &role, NULL, out, err);
	} else {
		if (source && strcmp(source, profile) == 0)
			r = static_keys(chain, source, &by, err);
		else if (source)
			r = profile_credentials(chain, source, depth + 1, &by, err);
		else
			r = named ? named_source(chain, named, &by, err) : -ENOKEY;
		if (r == -ENOKEY)
			return err_set(err, r, "it names role '%s', but not who may become it", role.arn);
		if (!r)
			r = assume_role(chain, &role, &by, out, err);
	}
	explicit_bzero(&by, sizeof(by));
	snprintf(out->source, sizeof(out->source), "role '%s' of profile '%s'", role.arn, profile);
	return r;
}

static int profile_credentials(struct chain *chain, const char *profile, unsigned depth,
			       struct credentials *out, struct err *err)
{
	const char *process = aws_config_get(chain->config, profile, "credential_process");
	int r;

	if (depth > ROLE_DEPTH_MAX)
		return err_set(err, -ELOOP, "profiles name each other more than %d deep", ROLE_DEPTH_MAX);
	if (aws_config_get(chain->config, profile, "role_arn")) {
		r = profile_role(chain, profile, depth, out, err);
	} else {
		r = static_keys(chain, profile, out, err);
		if (r == -ENOKEY && process) {
			snprintf(out->source, sizeof(out->source), "the credential_process of profile '%s'",
				 profile);
			r = process_credentials(out, process, err);
			if (r)
				err_wrap(err, r, "its credential_process");
		}
	}
	if (r && (r != -ENOKEY || aws_config_get(chain->config, profile, "role_arn")))
		return err_wrap(err, r == -ENOKEY ? -EINVAL : r, "profile '%s'", profile);
	return r;
}

int source_profile(struct chain *chain, struct credentials *out, struct err *err)
{
	return profile_credentials(chain, chain->profile, 0, out, err);
}
