// SPDX-License-Identifier: BSD-3-Clause
/*
 * An object that is too large for one request, put in parts.
 *
 * Nothing has to be remembered to go on with it: the store lists uploads that were begun and never ended, and
 * what parts they have, with their digests.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/s3_impl.h"
#include "lib/uri.h"
#include "lib/util.h"
#include "lib/xml.h"

#define QUERY_MAX     16384 /* bytes */
#define BODY_MAX      (1024 * 1024)
#define UPLOAD_ID_MAX 1024
#define ETAG_MAX      72
#define PARTS_MAX     ((CASSETTE_OBJECT_MAX + S3_PART_BYTES - 1) / S3_PART_BYTES)

struct part {
	char etag[ETAG_MAX]; /* "": it is not there yet */
};

struct upload {
	struct s3 *s3;
	const struct s3_call *put;
	char id[UPLOAD_ID_MAX];
	struct part parts[PARTS_MAX];
	size_t cnt;
	/* of the answer that is being read */
	char key[3 * S3_KEY_MAX + 1], etag[ETAG_MAX];
	unsigned long number;
};

static const void *part_data(const struct upload *upload, size_t i)
{
	return (const char *)upload->put->body + i * S3_PART_BYTES;
}

static size_t part_len(const struct upload *upload, size_t i)
{
	return MIN(upload->put->len - i * S3_PART_BYTES, (size_t)S3_PART_BYTES);
}

/* "<before><id>": what names the upload comes last, by its name. */
static void put_query(struct buf *query, const struct upload *upload, size_t number)
{
	buf_init(query, QUERY_MAX);
	if (number)
		buf_printf(query, "partNumber=%zu&", number);
	buf_printf(query, "uploadId=");
	uri_encode(query, upload->id, false);
	buf_put_u8(query, 0);
}

/* --- what is there --- */

static int on_upload(const char *path, const char *text, void *ctx)
{
	struct upload *upload = ctx;

	if (strcmp(path, "ListMultipartUploadsResult/Upload/Key") == 0) {
		snprintf(upload->key, sizeof(upload->key), "%s", text);
		if (uri_decode(upload->key, true) < 0)
			upload->key[0] = '\0';
	}
	if (strcmp(path, "ListMultipartUploadsResult/Upload/UploadId") == 0 &&
	    strcmp(upload->key, upload->put->key) == 0 && strlen(text) < sizeof(upload->id))
		snprintf(upload->id, sizeof(upload->id), "%s", text);
	return 0;
}

/* Whoever may not list them begins anew. */
static void find_upload(struct upload *upload)
{
	struct s3_call call = {.method = "GET"};
	auto_buf struct buf query;

	buf_init(&query, QUERY_MAX);
	buf_printf(&query, "encoding-type=url&prefix=");
	uri_encode(&query, upload->put->key, false);
	buf_printf(&query, "&uploads=");
	buf_put_u8(&query, 0);
	if (query.failed)
		return;
	call.query = (const char *)query.data;
	if (s3_calls(upload->s3, &call, 1, NULL) || call.result)
		return;
	if (xml_each(call.answer.data, call.answer.len, on_upload, upload, NULL))
		upload->id[0] = '\0';
	free(call.answer.data);
}

static int on_part(const char *path, const char *text, void *ctx)
{
	struct upload *upload = ctx;

	if (strcmp(path, "ListPartsResult/Part/PartNumber") == 0)
		upload->number = strtoul(text, NULL, 10);
	if (strcmp(path, "ListPartsResult/Part/ETag") == 0)
		snprintf(upload->etag, sizeof(upload->etag), "%s", text);
	if (strcmp(path, "ListPartsResult/Part") != 0)
		return 0;
	if (upload->number >= 1 && upload->number <= upload->cnt)
		memcpy(upload->parts[upload->number - 1].etag, upload->etag, ETAG_MAX);
	return 0;
}

/* A part is there when its digest is that of our bytes; what cannot be told is sent again. */
static void keep_right_parts(struct upload *upload)
{
	for (size_t i = 0; i < upload->cnt; i++) {
		char md5[DIGEST_MD5_HEX_LEN + 1];

		if (!*upload->parts[i].etag)
			continue;
		digest_md5_hex(part_data(upload, i), part_len(upload, i), md5);
		if (!strstr(upload->parts[i].etag, md5))
			upload->parts[i].etag[0] = '\0';
	}
}

static void find_parts(struct upload *upload)
{
	struct s3_call call = {.method = "GET", .key = upload->put->key};
	auto_buf struct buf query = {};

	put_query(&query, upload, 0);
	if (query.failed)
		return;
	call.query = (const char *)query.data;
	if (s3_calls(upload->s3, &call, 1, NULL) || call.result) {
		upload->id[0] = '\0';
		return;
	}
	if (xml_each(call.answer.data, call.answer.len, on_part, upload, NULL))
		for (size_t i = 0; i < upload->cnt; i++)
			upload->parts[i].etag[0] = '\0';
	free(call.answer.data);
	keep_right_parts(upload);
}

/* --- beginning, parts, end --- */

static int on_begun(const char *path, const char *text, void *ctx)
{
	struct upload *upload = ctx;

	if (strcmp(path, "InitiateMultipartUploadResult/UploadId") == 0 && strlen(text) < sizeof(upload->id))
		snprintf(upload->id, sizeof(upload->id), "%s", text);
	return 0;
}

static int begin(struct upload *upload, struct err *err)
{
	struct s3_call call = *upload->put;
	int r;

	call.method = "POST";
	call.query = "uploads=";
	call.body = "";
	call.len = 0;
	r = s3_calls(upload->s3, &call, 1, err);
	if (r || call.result)
		return r ? r : err_set(err, -EIO, "the upload could not be begun: no such key");
	r = xml_each(call.answer.data, call.answer.len, on_begun, upload, err);
	free(call.answer.data);
	if (!r && !*upload->id)
		r = err_set(err, -EBADMSG, "the answer names no upload");
	return r;
}

static int put_parts(struct upload *upload, struct err *err)
{
	struct s3_call calls[PARTS_MAX];
	struct buf queries[PARTS_MAX] = {};
	size_t which[PARTS_MAX], cnt = 0;
	int r = 0;

	for (size_t i = 0; i < upload->cnt; i++) {
		if (*upload->parts[i].etag)
			continue;
		put_query(&queries[cnt], upload, i + 1);
		r = r || queries[cnt].failed ? err_nomem(err) : 0;
		calls[cnt] = (struct s3_call){
			.method = "PUT",
			.key = upload->put->key,
			.query = (const char *)queries[cnt].data,
			.headers = {{"content-type", "application/octet-stream"}},
			.body = part_data(upload, i),
			.len = part_len(upload, i),
		};
		which[cnt++] = i;
	}
	if (!r)
		r = s3_calls(upload->s3, calls, cnt, err);
	else
		cnt = 0;
	for (size_t i = 0; i < cnt; i++) {
		if (!calls[i].result)
			memcpy(upload->parts[which[i]].etag, calls[i].etag, ETAG_MAX);
		else if (!r)
			r = err_set(err, -ESTALE, "the upload is gone");
		free(calls[i].answer.data);
	}
	for (size_t i = 0; i < PARTS_MAX; i++)
		buf_release(&queries[i]);
	return r;
}

/* An end whose answer was lost is known by what is there: so many parts. */
static bool has_ended(const struct upload *upload)
{
	struct s3_call call = {.method = "HEAD", .key = upload->put->key};
	char cnt[24];

	snprintf(cnt, sizeof(cnt), "-%zu", upload->cnt);
	if (s3_calls(upload->s3, &call, 1, NULL) || call.result)
		return false;
	free(call.answer.data);
	return strstr(call.etag, cnt);
}

static int finish(struct upload *upload, struct err *err)
{
	struct s3_call call = {.method = "POST", .key = upload->put->key};
	auto_buf struct buf query = {}, body = {};
	int r;

	put_query(&query, upload, 0);
	buf_init(&body, BODY_MAX);
	buf_printf(&body, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
	for (size_t i = 0; i < upload->cnt; i++) {
		if (!*upload->parts[i].etag || strpbrk(upload->parts[i].etag, "<&"))
			return err_set(err, -EBADMSG, "part %zu has no tag", i + 1);
		buf_printf(&body, "<Part><PartNumber>%zu</PartNumber><ETag>%s</ETag></Part>", i + 1,
			   upload->parts[i].etag);
	}
	buf_printf(&body, "</CompleteMultipartUpload>");
	if (query.failed || body.failed)
		return err_nomem(err);
	call.query = (const char *)query.data;
	call.headers[0] = (struct sigv4_header){"content-type", "application/xml"};
	call.body = body.data;
	call.len = body.len;
	r = s3_calls(upload->s3, &call, 1, err);
	free(call.answer.data);
	if ((r == -ESTALE || call.result == -ENOENT) && has_ended(upload))
		return 0;
	return r ? r : call.result ? err_set(err, -ESTALE, "the upload is gone") : 0;
}

/* Parts that nobody will end are paid for. */
static void abort_upload(struct upload *upload)
{
	struct s3_call call = {.method = "DELETE", .key = upload->put->key};
	auto_buf struct buf query = {};

	put_query(&query, upload, 0);
	if (query.failed)
		return;
	call.query = (const char *)query.data;
	s3_calls(upload->s3, &call, 1, NULL);
	free(call.answer.data);
}

int s3_put_parts(struct s3 *s3, const struct s3_call *put, struct err *err)
{
	autofree struct upload *upload = calloc(1, sizeof(*upload));
	int r = 0;

	if (!upload)
		return err_nomem(err);
	upload->s3 = s3;
	upload->put = put;
	upload->cnt = (put->len + S3_PART_BYTES - 1) / S3_PART_BYTES;
	if (!upload->cnt || upload->cnt > PARTS_MAX)
		return err_set(err, -EFBIG, "%zu bytes cannot be put in parts", put->len);
	find_upload(upload);
	if (*upload->id)
		find_parts(upload);
	if (!*upload->id)
		r = begin(upload, err);
	if (!r)
		r = put_parts(upload, err);
	if (!r)
		r = finish(upload, err);
	/* One that the store did not take for a while is gone on with by the next attempt. */
	if (r && *upload->id && r != -ECANCELED && !cassette_is_away(r))
		abort_upload(upload);
	return r;
}
