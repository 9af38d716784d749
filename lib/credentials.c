// SPDX-License-Identifier: BSD-3-Clause
#include "lib/credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>

#include "lib/aws_config.h"
#include "lib/buf.h"
#include "lib/credentials_impl.h"
#include "lib/err.h"
#include "lib/http.h"
#include "lib/json.h"
#include "lib/timestamp.h"
#include "lib/util.h"

#define RETRY_S 30 /* between attempts to renew what still holds */

static const source_fn in_order[] = {
	source_environment, source_web_identity, source_profile, source_container, source_instance,
};

/* --- life --- */

int chain_new(struct chain **out, const struct chain_opts *opts, struct err *err)
{
	auto_chain struct chain *chain = calloc(1, sizeof(*chain));
	const char *profile = opts->profile, *ca_file;
	int r;

	if (!chain)
		return err_nomem(err);
	chain->is_named = profile;
	if (!profile)
		profile = getenv("AWS_PROFILE");
	snprintf(chain->profile, sizeof(chain->profile), "%s", profile && *profile ? profile : "default");
	snprintf(chain->region, sizeof(chain->region), "%s", opts->region ? opts->region : "");
	r = aws_config_load(&chain->config, err);
	if (r)
		return r;
	if (chain->is_named && !aws_config_has(chain->config, chain->profile)) {
		err_usage(err, -EINVAL, "there is no profile '%s' in ~/.aws", chain->profile);
		err_hint(err, "'aws configure list-profiles' lists them");
		return -EINVAL;
	}
	ca_file = opts->ca_file ? opts->ca_file : chain_ca_file(chain);
	snprintf(chain->ca_file, sizeof(chain->ca_file), "%s", ca_file ? ca_file : "");
	*out = TAKE_PTR(chain);
	return 0;
}

void chain_free(struct chain *chain)
{
	if (!chain)
		return;
	http_free(chain->http);
	http_free(chain->direct);
	aws_config_free(chain->config);
	explicit_bzero(chain, sizeof(*chain));
	free(chain);
}

void chain_freep(struct chain **chain)
{
	chain_free(*chain);
}

int chain_http(struct http **out, struct chain *chain, bool is_direct, struct err *err)
{
	const struct http_opts opts = {
		.ca_file = *chain->ca_file ? chain->ca_file : NULL,
		.connect_ms = is_direct ? METADATA_MS : 0,
		.no_proxy = is_direct,
	};
	struct http **http = is_direct ? &chain->direct : &chain->http;
	int r = *http ? 0 : http_new(http, &opts, err);

	*out = *http;
	return r;
}

/* --- settings --- */

const char *env_text(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

const char *chain_region(struct chain *chain)
{
	const char *region = *chain->region ? chain->region : NULL;

	if (!region)
		region = env_text("AWS_REGION");
	if (!region)
		region = env_text("AWS_DEFAULT_REGION");
	return region ? region : aws_config_get(chain->config, chain->profile, "region");
}

static bool is_true(const char *text)
{
	return text && strcasecmp(text, "true") == 0;
}

const char *chain_endpoint(struct chain *chain, const char *service)
{
	char variable[64] = "AWS_ENDPOINT_URL_", name[64];
	const char *endpoint, *services;
	size_t len = strlen(variable);

	if (is_true(env_text("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")))
		return NULL;
	for (size_t i = 0; service[i] && len + i + 1 < sizeof(variable); i++)
		variable[len + i] =
			service[i] >= 'a' && service[i] <= 'z' ? service[i] - 'a' + 'A' : service[i];
	snprintf(name, sizeof(name), "%s.endpoint_url", service);
	endpoint = env_text(variable);
	if (!endpoint)
		endpoint = env_text("AWS_ENDPOINT_URL");
	services = aws_config_get(chain->config, chain->profile, "services");
	if (!endpoint && services)
		endpoint = aws_config_service(chain->config, services, name);
	if (!endpoint)
		endpoint = aws_config_get(chain->config, chain->profile, name);
	return endpoint ? endpoint : aws_config_get(chain->config, chain->profile, "endpoint_url");
}

const char *chain_ca_file(struct chain *chain)
{
	const char *file = env_text("AWS_CA_BUNDLE");

	return file ? file : aws_config_get(chain->config, chain->profile, "ca_bundle");
}

/* --- documents --- */

void wipe(struct buf *body)
{
	if (body->data)
		explicit_bzero(body->data, body->cap);
	buf_release(body);
}

static int copy(char *to, size_t size, const char *text, const char *what, struct err *err)
{
	size_t len = strlen(text);

	if (len >= size || strpbrk(text, "\r\n"))
		return err_set(err, -EMSGSIZE, "the %s is too long, or holds a line's end", what);
	memcpy(to, text, len + 1);
	return 0;
}

/* AWS writes "Z", some others "+00:00". */
static int parse_expiry(const char *text, int64_t *s, struct err *err)
{
	char utc[64];
	char *zone;
	int64_t ns;

	snprintf(utc, sizeof(utc), "%s", text);
	zone = strstr(utc, "+00:00");
	if (zone)
		strcpy(zone, "Z");
	if (!timestamp_parse(utc, &ns))
		return err_set(err, -EBADMSG, "the expiration '%s' is no point of time in UTC", text);
	*s = ns / TIMESTAMP_S;
	return 0;
}

int credentials_set(struct credentials *out, const char *access_key, const char *secret_key,
		    const char *token, const char *expires, struct err *err)
{
	int r;

	if (!access_key || !*access_key || !secret_key || !*secret_key)
		return err_set(err, -EBADMSG, "there is no access key with its secret key in it");
	r = copy(out->access_key, sizeof(out->access_key), access_key, "access key", err);
	if (!r)
		r = copy(out->secret_key, sizeof(out->secret_key), secret_key, "secret key", err);
	if (!r)
		r = copy(out->token, sizeof(out->token), token ? token : "", "session token", err);
	out->expires_s = 0;
	return r || !expires || !*expires ? r : parse_expiry(expires, &out->expires_s, err);
}

int credentials_from_json(struct credentials *out, const char *text, size_t len, const char *token,
			  struct err *err)
{
	auto_cjson cJSON *json = cJSON_ParseWithLength(text, len);
	const char *const names[] = {"AccessKeyId", "SecretAccessKey", token, "Expiration"};
	const char *values[ARRAY_SIZE(names)];
	int r;

	if (!cJSON_IsObject(json))
		return err_set(err, -EBADMSG, "it is no JSON object");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		values[i] = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, names[i]));
	r = credentials_set(out, values[0], values[1], values[2], values[3], err);
	for (size_t i = 1; i < 3; i++)
		if (values[i])
			explicit_bzero((char *)values[i], strlen(values[i]));
	return r;
}

/* --- the chain --- */

static int no_source(struct chain *chain, struct err *err)
{
	err_set(err, -ENOKEY,
		"no credentials for S3: not in the environment, profile '%s' of ~/.aws, a container or an "
		"instance",
		chain->profile);
	err_hint(err, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run 'aws configure'");
	return -ENOKEY;
}

static int fetch(struct chain *chain, struct credentials *out, struct err *err)
{
	int r = -ENOKEY;

	if (chain->is_named) {
		r = source_profile(chain, out, err);
		if (r != -ENOKEY)
			return r;
		return err_set(err, r, "profile '%s' has no credentials", chain->profile);
	}
	for (size_t i = 0; r == -ENOKEY && i < ARRAY_SIZE(in_order); i++) {
		*out = (struct credentials){};
		r = in_order[i](chain, out, err);
	}
	return r == -ENOKEY ? no_source(chain, err) : r;
}

static bool is_due(const struct chain *chain, int64_t now_s, bool renew)
{
	int64_t left_s = chain->credentials.expires_s - now_s;

	if (!chain->has_credentials)
		return true;
	if (!renew && (!chain->credentials.expires_s || left_s > REFRESH_S))
		return false;
	return renew || left_s <= 0 || now_s - chain->tried_s >= RETRY_S;
}

int chain_get(struct chain *chain, int64_t now_s, bool renew, const struct credentials **out,
	      unsigned *generation, struct err *err)
{
	struct credentials fresh = {};
	bool still_holds = chain->has_credentials && !renew &&
			   (!chain->credentials.expires_s || chain->credentials.expires_s > now_s);
	int r = 0;

	if (is_due(chain, now_s, renew)) {
		r = fetch(chain, &fresh, still_holds ? NULL : err);
		if (!r) {
			chain->credentials = fresh;
			chain->has_credentials = true;
			chain->generation++;
		} else {
			chain->tried_s = now_s;
		}
		explicit_bzero(&fresh, sizeof(fresh));
	}
	if (r && !still_holds)
		return r;
	*out = &chain->credentials;
	*generation = chain->generation;
	return 0;
}
