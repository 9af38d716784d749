// SPDX-License-Identifier: BSD-3-Clause
/* Listings, a page at a time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cassette_driver.h"
#include "lib/err.h"
#include "lib/s3_impl.h"
#include "lib/uri.h"
#include "lib/util.h"
#include "lib/xml.h"

#define QUERY_MAX 16384 /* bytes */
#define PAGES_MAX 100000

struct page {
	struct names names;
	char *token; /* of the next one; NULL: none */
	bool is_truncated, is_listing;
	uint64_t *sizes; /* beside the names, where they are wanted */
	size_t sizes_cap;
};

static void page_release(struct page *page)
{
	names_release(&page->names);
	free(page->token);
	free(page->sizes);
}

static int add_name(struct page *page, const char *text)
{
	autofree char *name = strdup(text);
	int len;

	if (!name)
		return -ENOMEM;
	/* "encoding-type=url" is the way for keys that XML cannot hold. */
	len = uri_decode(name, true);
	return len < 0 ? -EBADMSG : names_add(&page->names, name, len);
}

/* Of the key that came before it. */
static int add_size(struct page *page, uint64_t size)
{
	if (!page->names.cnt)
		return -EBADMSG;
	if (page->names.cap > page->sizes_cap) {
		uint64_t *sizes = realloc(page->sizes, page->names.cap * sizeof(*sizes));

		if (!sizes)
			return -ENOMEM;
		page->sizes = sizes;
		page->sizes_cap = page->names.cap;
	}
	page->sizes[page->names.cnt - 1] = size;
	return 0;
}

static int on_element(const char *path, const char *text, void *ctx)
{
	struct page *page = ctx;

	page->is_listing |= strcmp(path, "ListBucketResult") == 0;
	if (strcmp(path, "ListBucketResult/Contents/Key") == 0 ||
	    strcmp(path, "ListBucketResult/CommonPrefixes/Prefix") == 0)
		return add_name(page, text);
	if (strcmp(path, "ListBucketResult/Contents/Size") == 0)
		return add_size(page, strtoull(text, NULL, 10));
	if (strcmp(path, "ListBucketResult/IsTruncated") == 0)
		page->is_truncated = strcmp(text, "true") == 0;
	if (strcmp(path, "ListBucketResult/NextContinuationToken") == 0) {
		free(page->token);
		page->token = strdup(text);
		if (!page->token)
			return -ENOMEM;
	}
	return 0;
}

/* Sorted by name, as it is signed. */
static void put_query(struct buf *query, const char *prefix, char delimiter, const char *token)
{
	char text[2] = {delimiter};

	if (token) {
		buf_printf(query, "continuation-token=");
		uri_encode(query, token, false);
		buf_printf(query, "&");
	}
	if (delimiter) {
		buf_printf(query, "delimiter=");
		uri_encode(query, text, false);
		buf_printf(query, "&");
	}
	buf_printf(query, "encoding-type=url&list-type=2&prefix=");
	uri_encode(query, prefix, false);
	buf_put_u8(query, 0);
}

static int read_page(struct page *page, struct s3 *s3, const struct s3_call *call, struct err *err)
{
	int r = xml_each(call->answer.data, call->answer.len, on_element, page, err);

	if (r == -ENOMEM)
		return err_nomem(err);
	if (r == -EFBIG)
		return err_set(err, r, "more than %d keys", NAMES_MAX);
	if (!r && !page->is_listing)
		r = err_set(err, -EBADMSG, "it is no listing");
	if (!r && page->is_truncated && !page->token)
		r = err_set(err, -EBADMSG, "it says that it is cut, but not how to go on");
	return r ? err_wrap(err, r, "cannot understand the listing of bucket '%s' at '%s'", s3->url.bucket,
			    s3->base)
		 : 0;
}

static int get_page(struct page *page, struct s3 *s3, const char *prefix, char delimiter, struct err *err)
{
	autofree char *token = TAKE_PTR(page->token);
	struct s3_call call = {.method = "GET"};
	auto_buf struct buf query;
	int r;

	buf_init(&query, QUERY_MAX);
	put_query(&query, prefix, delimiter, token);
	if (query.failed)
		return err_nomem(err);
	call.query = (const char *)query.data;
	page->is_truncated = page->is_listing = false;
	r = s3_calls(s3, &call, 1, err);
	if (r || call.result)
		return r ? r
			 : err_set(err, -ENXIO, "'%s' does not list bucket '%s'", s3->base, s3->url.bucket);
	r = read_page(page, s3, &call, err);
	free(call.answer.data);
	return r;
}

int s3_list(struct s3 *s3, const char *prefix, char delimiter, int (*fn)(const char *key, void *ctx),
	    void *ctx, struct err *err)
{
	__attribute__((cleanup(page_release))) struct page page = {};
	size_t pages = 0;
	int r;

	do {
		r = get_page(&page, s3, prefix, delimiter, err);
		if (!r && ++pages > PAGES_MAX)
			r = err_set(err, -EFBIG, "bucket '%s' lists without end", s3->url.bucket);
	} while (!r && page.is_truncated);
	return r ? r : names_each(&page.names, fn, ctx);
}

int s3_sizes(struct s3 *s3, const char *prefix, int (*fn)(const char *key, uint64_t size, void *ctx),
	     void *ctx, struct err *err)
{
	__attribute__((cleanup(page_release))) struct page page = {};
	size_t pages = 0;
	int r;

	do {
		r = get_page(&page, s3, prefix, 0, err);
		if (!r && ++pages > PAGES_MAX)
			r = err_set(err, -EFBIG, "bucket '%s' lists without end", s3->url.bucket);
		for (size_t i = 0; !r && i < page.names.cnt && page.sizes; i++)
			r = fn(page.names.name[i], page.sizes[i], ctx);
		names_release(&page.names);
		page.sizes_cap = 0;
		free(TAKE_PTR(page.sizes));
	} while (!r && page.is_truncated);
	return r;
}
