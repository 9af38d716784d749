// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/nearest.h"
#include "lib/s3.h"
#include "lib/uri.h"
#include "lib/util.h"

#define BUCKET_MIN	   3
#define INFREQUENT_MAX_KIB (1024 * 1024)
#define TIMEOUT_MAX_MS	   (10 * 60 * 1000)

enum param_kind { TEXT, STYLE, COUNT, SECONDS, FLAG, SECRET };

static const struct param {
	const char *name;
	enum param_kind kind;
	size_t offset, size; /* of a text; of a number, the largest */
} params[] = {
#define TEXT_PARAM(name, field)                                                                              \
	{                                                                                                    \
		name, TEXT, offsetof(struct s3_url, field), sizeof(((struct s3_url *)0)->field)              \
	}
	TEXT_PARAM("region", region),
	TEXT_PARAM("endpoint", endpoint),
	TEXT_PARAM("profile", profile),
	TEXT_PARAM("ca", ca),
	TEXT_PARAM("storage-class", storage_class),
	TEXT_PARAM("sse", sse),
	TEXT_PARAM("kms-key", kms_key),
	TEXT_PARAM("tags", tags),
	{"style", STYLE},
	{"connections", COUNT, offsetof(struct s3_url, connections), S3_CONNECTIONS_MAX},
	{"tries", COUNT, offsetof(struct s3_url, tries), 1000},
	{"timeout", SECONDS, offsetof(struct s3_url, timeout_ms), TIMEOUT_MAX_MS},
	{"infrequent-access", COUNT, offsetof(struct s3_url, infrequent_kib), INFREQUENT_MAX_KIB},
	{"read-only", FLAG, offsetof(struct s3_url, read_only)},
	{"transient", FLAG, offsetof(struct s3_url, transient)},
	{"secret-key", SECRET},
	{"access-key", SECRET},
	{"secret", SECRET},
};

static int unknown_param(const char *name, struct err *err)
{
	struct nearest nearest;

	err_usage(err, -EINVAL, "s3 takes no parameter '%s'", name);
	nearest_init(&nearest, name);
	for (size_t i = 0; i < ARRAY_SIZE(params); i++)
		if (params[i].kind != SECRET)
			nearest_try(&nearest, params[i].name);
	if (nearest.best)
		err_hint(err, "did you mean '%s='?", nearest.best);
	else
		err_hint(
			err,
			"it takes region=, endpoint=, profile=, style=, ca=, storage-class=, sse=, "
			"kms-key=, tags=, infrequent-access=, read-only, transient, connections=, tries= and timeout=");
	return -EINVAL;
}

static int bad_value(const char *name, const char *value, const char *what, struct err *err)
{
	err_usage(err, -EINVAL, "'%s=%s' cannot be", name, value);
	err_hint(err, "%s", what);
	return -EINVAL;
}

static int set_number(unsigned *out, const struct param *param, const char *value, struct err *err)
{
	unsigned scale = param->kind == SECONDS ? 1000 : 1;
	char *end;
	double n = strtod(value, &end);
	char what[96];

	if (param->kind == SECONDS && *end == 's')
		end++;
	if (end != value && !*end && n * scale >= 1 && n * scale <= param->size) {
		*out = n * scale;
		return 0;
	}
	snprintf(what, sizeof(what), "write a number%s up to %zu", scale > 1 ? " of seconds" : "",
		 param->size / scale);
	return bad_value(param->name, value, what, err);
}

static int set_style(enum s3_style *out, const char *value, struct err *err)
{
	if (strcmp(value, "path") == 0)
		*out = S3_STYLE_PATH;
	else if (strcmp(value, "virtual") == 0)
		*out = S3_STYLE_VIRTUAL;
	else
		return bad_value("style", value, "write style=path or style=virtual", err);
	return 0;
}

static int set_param(struct s3_url *url, const char *name, const char *value, struct err *err)
{
	const struct param *param = NULL;

	for (size_t i = 0; !param && i < ARRAY_SIZE(params); i++)
		if (strcmp(params[i].name, name) == 0)
			param = &params[i];
	if (!param)
		return unknown_param(name, err);
	switch (param->kind) {
	case TEXT:
		if (strlen(value) >= param->size)
			return bad_value(name, value, "it is too long", err);
		memcpy((char *)url + param->offset, value, strlen(value) + 1);
		return 0;
	case STYLE:
		return set_style(&url->style, value, err);
	case FLAG:
		if (*value && strcmp(value, "1") != 0 && strcmp(value, "0") != 0)
			return bad_value(name, value, "write 1 or 0", err);
		*(bool *)((char *)url + param->offset) = *value != '0';
		return 0;
	case SECRET:
		err_usage(err, -EINVAL, "a cassette's name is no place for secrets: '%s'", name);
		err_hint(err, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile of ~/.aws "
			      "with profile=");
		return -EINVAL;
	default:
		return set_number((unsigned *)((char *)url + param->offset), param, value, err);
	}
}

static int check_bucket(const char *bucket, size_t len, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

	if (len >= BUCKET_MIN && len < sizeof(((struct s3_url *)0)->bucket) &&
	    strspn(bucket, allowed) >= len && *bucket != '.')
		return 0;
	err_usage(err, -EINVAL, "'%.*s' cannot be a bucket", (int)len, bucket);
	err_hint(err, "a bucket is 3 to 63 letters, digits, dots and hyphens: s3://BUCKET/PREFIX?region=...");
	return -EINVAL;
}

/* Without slashes at its ends: they are put where they belong. */
static int set_prefix(struct s3_url *url, char *prefix, struct err *err)
{
	size_t len;

	prefix += strspn(prefix, "/");
	len = strlen(prefix);
	while (len && prefix[len - 1] == '/')
		prefix[--len] = '\0';
	if (uri_decode(prefix, false) < 0 || len > CASSETTE_PREFIX_MAX)
		return err_usage(err, -EINVAL, "'%s' cannot be a prefix", prefix);
	memcpy(url->prefix, prefix, strlen(prefix) + 1);
	return 0;
}

int s3_url_parse(struct s3_url *out, const char *rest, struct err *err)
{
	autofree char *text = strdup(rest);
	struct s3_url url = {};
	char *query = text, *path, *name, *value;
	bool bad = false;
	int r;

	if (!text)
		return err_nomem(err);
	if (strncmp(rest, "//", 2) != 0) {
		err_usage(err, -EINVAL, "cassette 's3:%s' names no bucket", rest);
		err_hint(err, "write s3://BUCKET/PREFIX?region=...");
		return -EINVAL;
	}
	path = strsep(&query, "?") + 2;
	r = check_bucket(path, strcspn(path, "/"), err);
	if (r)
		return r;
	snprintf(url.bucket, sizeof(url.bucket), "%.*s", (int)strcspn(path, "/"), path);
	r = set_prefix(&url, path + strcspn(path, "/"), err);
	while (!r && query && uri_param(&query, &name, &value, &bad))
		r = set_param(&url, name, value, err);
	if (!r && bad)
		return err_usage(err, -EINVAL, "'%s=%s': a '%%' stands before two hex digits", name, value);
	if (!r)
		*out = url;
	return r;
}
