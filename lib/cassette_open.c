// SPDX-License-Identifier: BSD-3-Clause
/* How a cassette begins and ends, and what it was opened for. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cassette_driver.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/nearest.h"
#include "lib/util.h"

#define SCHEME_MAX     32 /* bytes */
#define EMPTY_TOGETHER 1000
#define INFREQUENT_MIN (128 * 1024) /* bytes; a smaller object is billed as one of these */

static const struct cassette_ops *const drivers[] = {&cassette_mem_ops, &cassette_file_ops, &cassette_s3_ops,
						     &cassette_cached_ops, &cassette_spool_ops};

static int unknown_scheme(const char *url, const char *scheme, const char *rest, struct err *err)
{
	struct nearest nearest;

	err_usage(err, -EINVAL, "cassette '%s': unknown scheme '%s'", url, scheme);
	nearest_init(&nearest, scheme);
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		nearest_try(&nearest, drivers[i]->scheme);
	if (nearest.best)
		err_hint(err, "did you mean '%s:%s'?", nearest.best, rest);
	else
		err_hint(err, "a cassette is 'file:DIRECTORY', 's3://BUCKET/PREFIX' or 'mem:'");
	return -EINVAL;
}

static int no_scheme(const char *url, struct err *err)
{
	err_usage(err, -EINVAL, "'%s' is not a cassette: it has no scheme", url);
	err_hint(err, "for a directory write 'file:%s'", *url ? url : "DIRECTORY");
	return -EINVAL;
}

/* Parts with one slash between them, none of which could lead elsewhere. */
static bool prefix_is_valid(const char *prefix)
{
	size_t len = strlen(prefix);

	return len <= CASSETTE_PREFIX_MAX && *prefix != '/' && (!len || prefix[len - 1] != '/') &&
	       !strstr(prefix, "//") && *prefix != '.' && !strstr(prefix, "/.");
}

/* What the URL says holds beside what the caller asks for. */
static int settle(struct cassette *cassette, const char *url, const struct cassette_opts *opts,
		  struct err *err)
{
	struct cassette_opts *mine = &cassette->opts;
	struct cassette_opts said = *mine;

	*mine = *opts;
	mine->read_only |= said.read_only;
	mine->transient |= said.transient;
	mine->infrequent_bytes = said.infrequent_bytes ? said.infrequent_bytes : opts->infrequent_bytes;
	mine->prefix = NULL;
	if (mine->infrequent_bytes && mine->infrequent_bytes < INFREQUENT_MIN && !*cassette->warning)
		snprintf(
			cassette->warning, sizeof(cassette->warning),
			"objects of %llu bytes in infrequent access cost what %d bytes do: raise the threshold",
			(unsigned long long)mine->infrequent_bytes, INFREQUENT_MIN);
	cassette->url = strdup(url);
	if (!cassette->url)
		return err_nomem(err);
	if (opts->prefix) {
		free(cassette->prefix);
		cassette->prefix = strdup(opts->prefix);
		if (!cassette->prefix)
			return err_nomem(err);
	}
	if (cassette->prefix && !prefix_is_valid(cassette->prefix))
		return err_usage(err, -EINVAL, "'%s' cannot be a prefix", cassette->prefix);
	return 0;
}

static int open_scheme(struct cassette **out, const char *url, const struct cassette_opts *opts,
		       struct err *err)
{
	const struct cassette_ops *ops = NULL;
	const char *colon = strchr(url, ':');
	char scheme[SCHEME_MAX];
	int r;

	if (!colon || colon == url || memchr(url, '/', colon - url) ||
	    (size_t)(colon - url) >= sizeof(scheme))
		return no_scheme(url, err);
	snprintf(scheme, sizeof(scheme), "%.*s", (int)(colon - url), url);
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (strcmp(scheme, drivers[i]->scheme) == 0)
			ops = drivers[i];
	if (!ops)
		return unknown_scheme(url, scheme, colon + 1, err);
	r = ops->open(out, colon + 1, opts, err);
	if (!r)
		(*out)->ops = ops;
	return r;
}

/* "layout=segments" is of every cassette that keeps objects, and its driver's URL is without it. Of a
 * compound one it is the other's. */
static int take_layout(char *url, bool *is_segments, struct err *err)
{
	char *query = strchr(url, '?'), *layout = query ? strstr(query, "layout=") : NULL, *value, *rest;
	size_t len;

	*is_segments = false;
	if (!layout || (layout[-1] != '?' && layout[-1] != '&') || strncmp(url, "cached:", 7) == 0 ||
	    strncmp(url, "spool:", 6) == 0)
		return 0;
	value = layout + strlen("layout=");
	len = strcspn(value, "&");
	*is_segments = len == 8 && strncmp(value, "segments", len) == 0;
	if (!*is_segments && (len != 7 || strncmp(value, "objects", len) != 0)) {
		err_usage(err, -EINVAL, "'layout=%.*s' cannot be", (int)len, value);
		err_hint(err, "write layout=objects or layout=segments");
		return -EINVAL;
	}
	rest = value + len;
	if (*rest)
		memmove(layout, rest + 1, strlen(rest));
	else
		layout[-1] = '\0';
	return 0;
}

int cassette_open_with(struct cassette **out, const char *url, const struct cassette_opts *opts,
		       struct err *err)
{
	auto_cassette struct cassette *cassette = NULL;
	autofree char *plain = strdup(url);
	bool is_segments = false;
	int r = plain ? take_layout(plain, &is_segments, err) : err_nomem(err);

	if (r)
		return r;
	if (is_segments)
		r = cassette_segments_open(&cassette, plain, opts, err);
	else
		r = open_scheme(&cassette, plain, opts, err);
	if (r)
		return r;
	/* Nothing is removed at the end of what did not open. */
	r = settle(cassette, url, opts, err);
	if (r) {
		cassette->opts.transient = false;
		return r;
	}
	*out = TAKE_PTR(cassette);
	return 0;
}

int cassette_open(struct cassette **out, const char *url, bool create, struct err *err)
{
	const struct cassette_opts opts = {.create = create};

	return cassette_open_with(out, url, &opts, err);
}

/* --- the end --- */

struct emptying {
	struct cassette *cassette;
	struct cassette_item *items;
	size_t cnt;
	struct err *err;
};

static int flush(struct emptying *emptying)
{
	int r = cassette_remove_many(emptying->cassette, emptying->items, emptying->cnt, emptying->err);

	emptying->cnt = 0;
	return r;
}

static int collect(const struct recording_key *key, void *ctx)
{
	struct emptying *emptying = ctx;

	emptying->items[emptying->cnt++] = (struct cassette_item){.key = *key};
	if (emptying->cnt < EMPTY_TOGETHER)
		return 0;
	return flush(emptying);
}

int cassette_empty(struct cassette *cassette, struct err *err)
{
	struct emptying emptying = {
		.cassette = cassette, .items = calloc(EMPTY_TOGETHER, sizeof(*emptying.items)), .err = err};
	int r = emptying.items ? cassette_writable(cassette, err) : err_nomem(err);

	if (!r)
		r = cassette_each(cassette, NULL, NULL, NULL, collect, &emptying, err);
	if (!r)
		r = flush(&emptying);
	free(emptying.items);
	return r;
}

void cassette_close(struct cassette *cassette)
{
	if (!cassette)
		return;
	if (cassette->opts.transient && !cassette->opts.read_only)
		cassette_empty(cassette, NULL);
	free(cassette->url);
	free(cassette->prefix);
	cassette->ops->close(cassette);
}

void cassette_closep(struct cassette **cassette)
{
	cassette_close(*cassette);
}

const char *cassette_url(const struct cassette *cassette)
{
	return cassette->url;
}

const char *cassette_warning(const struct cassette *cassette)
{
	return *cassette->warning ? cassette->warning : NULL;
}

void cassette_progress(struct cassette *cassette, struct cassette_progress *out)
{
	*out = (struct cassette_progress){};
	if (cassette->ops->progress)
		cassette->ops->progress(cassette, out);
}

int cassette_writable(const struct cassette *cassette, struct err *err)
{
	if (!cassette->opts.read_only)
		return 0;
	return err_set(err, -EROFS, "cassette '%s' is read-only", cassette->url);
}

bool cassette_samples(const struct cassette *cassette, const struct recording_key *key, uint64_t bytes)
{
	double ratio;

	if (!cassette->opts.sample)
		return true;
	ratio = cassette->opts.sample(key->category, bytes, cassette->opts.sample_ctx);
	return ratio >= 1 || random_bits() < ratio * 0x1p64;
}
