// SPDX-License-Identifier: BSD-3-Clause
/* Objects in a bucket, at the key that is theirs. */
#include "lib/cassette_driver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/s3.h"
#include "lib/util.h"

struct s3_cassette {
	struct cassette cassette;
	struct s3 *s3;
};

static struct s3 *to_s3(struct cassette *cassette)
{
	return container_of(cassette, struct s3_cassette, cassette)->s3;
}

static int s3_cassette_open(struct cassette **out, const char *rest, const struct cassette_opts *opts,
			    struct err *err)
{
	autofree struct s3_cassette *cassette = calloc(1, sizeof(*cassette));
	struct s3_url url;
	int r = s3_url_parse(&url, rest, err);

	if (r)
		return r;
	if (!cassette)
		return err_nomem(err);
	cassette->cassette.prefix = strdup(url.prefix);
	if (!cassette->cassette.prefix)
		return err_nomem(err);
	cassette->cassette.opts.read_only = url.read_only;
	cassette->cassette.opts.transient = url.transient;
	cassette->cassette.opts.infrequent_bytes = url.infrequent_kib * 1024ull;
	r = s3_open(&cassette->s3, &url, err);
	if (r) {
		free(cassette->cassette.prefix);
		return r;
	}
	s3_stop_by(cassette->s3, opts->stop);
	*out = &TAKE_PTR(cassette)->cassette;
	return 0;
}

static void s3_cassette_close(struct cassette *cassette)
{
	s3_close(to_s3(cassette));
	free(container_of(cassette, struct s3_cassette, cassette));
}

/* --- one --- */

static struct s3_call call_put(struct cassette *cassette, const char *key, const void *data, size_t len)
{
	const struct s3_url *url = s3_url(to_s3(cassette));
	uint64_t infrequent = cassette->opts.infrequent_bytes;
	struct s3_call call = {
		.method = "PUT",
		.key = key,
		.headers = {{"content-type", "application/octet-stream"}},
		.body = len ? data : "",
		.len = len,
	};
	size_t cnt = 1;

	if (infrequent && len >= infrequent)
		call.headers[cnt++] = (struct sigv4_header){"x-amz-storage-class", "STANDARD_IA"};
	else if (*url->storage_class)
		call.headers[cnt++] = (struct sigv4_header){"x-amz-storage-class", url->storage_class};
	if (*url->sse)
		call.headers[cnt++] = (struct sigv4_header){"x-amz-server-side-encryption", url->sse};
	if (*url->kms_key)
		call.headers[cnt++] =
			(struct sigv4_header){"x-amz-server-side-encryption-aws-kms-key-id", url->kms_key};
	if (*url->tags)
		call.headers[cnt++] = (struct sigv4_header){"x-amz-tagging", url->tags};
	return call;
}

static int run_one(struct cassette *cassette, struct s3_call *call, const char *verb, struct err *err)
{
	int r = s3_calls(to_s3(cassette), call, 1, err);

	return r ? err_wrap(err, r, "cannot %s '%s'", verb, call->key) : call->result;
}

static int put_large(struct cassette *cassette, const struct s3_call *call, struct err *err)
{
	int r = s3_put_parts(to_s3(cassette), call, err);

	return r ? err_wrap(err, r, "cannot write '%s'", call->key) : 0;
}

static int s3_cassette_put(struct cassette *cassette, const char *key, const void *data, size_t len,
			   struct err *err)
{
	struct s3_call call = call_put(cassette, key, data, len);
	int r;

	if (len > S3_SINGLE_MAX)
		return put_large(cassette, &call, err);
	r = run_one(cassette, &call, "write", err);
	free(call.answer.data);
	return r == -ENOENT ? err_set(err, -EIO, "cannot write '%s': no such key", key) : r;
}

static int s3_cassette_get(struct cassette *cassette, const char *key, struct blob *out, struct err *err)
{
	struct s3_call call = {.method = "GET", .key = key};
	int r = run_one(cassette, &call, "read", err);

	if (!r)
		*out = call.answer;
	return r;
}

/* S3 does not tell whether what it removes was there. */
static int s3_cassette_remove(struct cassette *cassette, const char *key, struct err *err)
{
	struct s3_call head = {.method = "HEAD", .key = key}, call = {.method = "DELETE", .key = key};
	int r = run_one(cassette, &head, "remove", err);

	free(head.answer.data);
	if (!r)
		r = run_one(cassette, &call, "remove", err);
	free(call.answer.data);
	return r;
}

/* --- many --- */

/* One after the other: each fills the connections by itself. @first: what has failed already; returned. */
static int put_many_large(struct cassette *cassette, struct cassette_object *objects, size_t cnt, int first,
			  struct err *err)
{
	for (size_t i = 0; i < cnt; i++) {
		struct s3_call call =
			call_put(cassette, objects[i].key, objects[i].data.data, objects[i].data.len);

		if (objects[i].data.len <= S3_SINGLE_MAX)
			continue;
		objects[i].result =
			cassette_is_away(first) ? first : put_large(cassette, &call, first ? NULL : err);
		first = first ? first : objects[i].result;
	}
	return first;
}

static int put_many(struct cassette *cassette, struct cassette_object *objects, size_t cnt, struct err *err)
{
	autofree struct s3_call *calls = calloc(cnt + 1, sizeof(*calls));
	size_t small = 0;
	int r;

	if (!calls)
		return err_nomem(err);
	for (size_t i = 0; i < cnt; i++)
		if (objects[i].data.len <= S3_SINGLE_MAX)
			calls[small++] =
				call_put(cassette, objects[i].key, objects[i].data.data, objects[i].data.len);
	r = s3_calls(to_s3(cassette), calls, small, err);
	for (size_t i = 0, at = 0; i < cnt; i++) {
		if (objects[i].data.len > S3_SINGLE_MAX)
			continue;
		objects[i].result = calls[at].result;
		free(calls[at++].answer.data);
	}
	if (r)
		err_wrap(err, r, "cannot write");
	return put_many_large(cassette, objects, cnt, r, err);
}

/* "bytes=<from>-<to>" */
struct range {
	char text[64];
};

static struct s3_call call_get(const struct cassette_object *object, struct range *range)
{
	struct s3_call call = {.method = "GET", .key = object->key};

	if (!object->part_len)
		return call;
	snprintf(range->text, sizeof(range->text), "bytes=%llu-%llu", (unsigned long long)object->at,
		 (unsigned long long)(object->at + object->part_len - 1));
	call.headers[0] = (struct sigv4_header){"range", range->text};
	return call;
}

static int get_many(struct cassette *cassette, struct cassette_object *objects, size_t cnt, struct err *err)
{
	autofree struct s3_call *calls = calloc(cnt + 1, sizeof(*calls));
	autofree struct range *ranges = calloc(cnt + 1, sizeof(*ranges));
	int r;

	if (!calls || !ranges)
		return err_nomem(err);
	for (size_t i = 0; i < cnt; i++)
		calls[i] = call_get(&objects[i], &ranges[i]);
	r = s3_calls(to_s3(cassette), calls, cnt, err);
	for (size_t i = 0; i < cnt; i++) {
		objects[i].result = calls[i].result;
		if (calls[i].result)
			continue;
		objects[i].data = calls[i].answer;
		if (!objects[i].part_len || objects[i].part_len == calls[i].answer.len)
			continue;
		objects[i].result = -EBADMSG;
		free(TAKE_PTR(objects[i].data.data));
		if (!r)
			r = err_set(err, -EBADMSG, "'%s' is shorter than it should be", objects[i].key);
	}
	return r ? err_wrap(err, r, "cannot read") : 0;
}

static int remove_many(struct cassette *cassette, struct cassette_object *objects, size_t cnt,
		       struct err *err)
{
	autofree const char **keys = calloc(cnt + 1, sizeof(*keys));
	autofree int *results = calloc(cnt + 1, sizeof(*results));
	int r;

	if (!keys || !results)
		return err_nomem(err);
	for (size_t i = 0; i < cnt; i++)
		keys[i] = objects[i].key;
	r = s3_delete(to_s3(cassette), keys, results, cnt, err);
	for (size_t i = 0; i < cnt; i++)
		objects[i].result = results[i];
	return r;
}

/* --- listing --- */

struct listing {
	size_t prefix_len;
	struct names names;
};

static int on_key(const char *key, void *ctx)
{
	struct listing *listing = ctx;

	if (strlen(key) <= listing->prefix_len)
		return 0;
	key += listing->prefix_len;
	return names_add(&listing->names, key, strcspn(key, "/"));
}

/* Names once more, for "a-b/" comes before "a/", and "a" before "a-b". */
static int s3_cassette_list(struct cassette *cassette, const char *prefix,
			    int (*fn)(const char *name, void *ctx), void *ctx, struct err *err)
{
	struct listing listing = {.prefix_len = strlen(prefix)};
	int r = s3_list(to_s3(cassette), prefix, '/', on_key, &listing, err);

	if (r == -ENOMEM)
		err_nomem(err);
	if (!r)
		r = names_each(&listing.names, fn, ctx);
	names_release(&listing.names);
	return r;
}

static int s3_cassette_sizes(struct cassette *cassette, const char *prefix,
			     int (*fn)(const char *key, uint64_t size, void *ctx), void *ctx, struct err *err)
{
	return s3_sizes(to_s3(cassette), prefix, fn, ctx, err);
}

static void s3_cassette_progress(struct cassette *cassette, struct cassette_progress *out)
{
	s3_troubles(to_s3(cassette), &out->retries, &out->throttled);
}

const struct cassette_ops cassette_s3_ops = {
	.scheme = "s3",
	.open = s3_cassette_open,
	.close = s3_cassette_close,
	.put = s3_cassette_put,
	.get = s3_cassette_get,
	.remove = s3_cassette_remove,
	.list = s3_cassette_list,
	.sizes = s3_cassette_sizes,
	.put_many = put_many,
	.get_many = get_many,
	.remove_many = remove_many,
	.progress = s3_cassette_progress,
};
