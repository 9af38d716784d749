/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bucket of S3, or of what speaks like it: requests signed, many in flight, tried again as the service's
 * rules say.
 *
 * Connections follow what the store bears: their number grows while requests succeed and halves when the
 * store throttles or does not answer. Safe to use from one thread at a time.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/cassette.h"
#include "lib/sigv4.h"

struct buf;
struct err;
struct s3;

#define S3_KEY_MAX	   1024 /* bytes; the service's limit */
#define S3_CONNECTIONS	   64
#define S3_CONNECTIONS_MAX 256
#define S3_TRIES	   5
#define S3_TIMEOUT_MS	   20000 /* of a request, and what its body needs at S3_SLOW */
#define S3_SLOW		   65536 /* bytes a second */
#define S3_DELETE_MAX	   1000	 /* keys of one request */
#define S3_HEADERS_MAX	   8
#define S3_SINGLE_MAX	   (64 * 1024 * 1024) /* bytes; what is larger is better put in parts */
#define S3_PART_BYTES	   (16 * 1024 * 1024)
#define S3_PARAM_MAX	   512 /* bytes */

enum s3_style { S3_STYLE_AUTO, S3_STYLE_PATH, S3_STYLE_VIRTUAL };

/* What an "s3://BUCKET/PREFIX?..." says. Zero and "": not said. */
struct s3_url {
	char bucket[64], prefix[S3_PARAM_MAX];
	char region[SIGV4_NAME_MAX], endpoint[S3_PARAM_MAX], profile[SIGV4_NAME_MAX], ca[S3_PARAM_MAX];
	char storage_class[64], sse[32], kms_key[S3_PARAM_MAX], tags[S3_PARAM_MAX];
	enum s3_style style;
	unsigned connections, tries, timeout_ms, infrequent_kib;
	bool read_only, transient;
};

/* @rest: what stands behind "s3:". Usage errors name the nearest parameter. */
int s3_url_parse(struct s3_url *out, const char *rest, struct err *err);

/* Nothing is asked of the network. */
int s3_open(struct s3 **out, const struct s3_url *url, struct err *err);
void s3_close(struct s3 *s3);
void s3_closep(struct s3 **s3);
#define auto_s3 __attribute__((cleanup(s3_closep)))

/* One request and its answer. Keys are the caller's whole ones, not encoded. */
struct s3_call {
	const char *method, *key;			 /* NULL: the bucket itself */
	const char *query;				 /* encoded, sorted by name; NULL: none */
	struct sigv4_header headers[S3_HEADERS_MAX + 1]; /* ends with a NULL name; lower case, any order */
	const void *body;				 /* NULL: none */
	size_t len;

	int result;	    /* 0 or -errno; -ENOENT when there is no such key */
	struct blob answer; /* the caller's, where the result is 0; with a NUL behind */
	char etag[72];
};
/*
 * Bring all calls to an end. When any failed, the return value and @err are those of the first in order, but
 * for -ENOENT, which is a result. Where a store does not answer at all, the calls that it was not yet asked
 * fail with the others, so that giving up does not take longer for many than for one.
 */
int s3_calls(struct s3 *s3, struct s3_call *calls, size_t cnt, struct err *err);

/* Put what is large in parts of S3_PART_BYTES, at most CASSETTE_OBJECT_MAX in all. @put is as the call that
 * would put it at once; what is in it is not set. An upload to the key that was begun and never ended is gone
 * on with: parts of it that have our bytes are not sent again. A failure that may pass leaves the parts for
 * the next attempt, any other removes them. */
int s3_put_parts(struct s3 *s3, const struct s3_call *put, struct err *err);

/* Each key under @prefix, page by page, with its size. */
int s3_sizes(struct s3 *s3, const char *prefix, int (*fn)(const char *key, uint64_t size, void *ctx),
	     void *ctx, struct err *err);
/* Each key under @prefix, ascending by bytes; with @delimiter '/', what is common up to the next one, once,
 * with it. Ends early with @fn's value when it is not 0. */
int s3_list(struct s3 *s3, const char *prefix, char delimiter, int (*fn)(const char *key, void *ctx),
	    void *ctx, struct err *err);
/* Remove keys, S3_DELETE_MAX a request; what is not there is no error. @results, each 0 or -errno; @err as of
 * s3_calls. */
int s3_delete(struct s3 *s3, const char *const *keys, int *results, size_t cnt, struct err *err);

/* Calls end soon, with -ECANCELED, when *@stop is not 0. */
void s3_stop_by(struct s3 *s3, const volatile sig_atomic_t *stop);
const struct s3_url *s3_url(const struct s3 *s3);
/* What it has been through, for whoever sums up. */
struct s3_counts {
	uint64_t requests, retries, throttled, sent_bytes, got_bytes;
};
void s3_counts(const struct s3 *s3, struct s3_counts *out);
/* Two of them, which other threads may ask for. */
void s3_troubles(const struct s3 *s3, uint64_t *retries, uint64_t *throttled);
