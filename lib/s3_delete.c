// SPDX-License-Identifier: BSD-3-Clause
/* Keys removed, many a request. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/s3_impl.h"
#include "lib/util.h"
#include "lib/xml.h"

#define BODY_MAX (S3_DELETE_MAX * (6 * S3_KEY_MAX + 64)) /* bytes; a byte may take six in XML */

/* What one request removes. */
struct part {
	struct buf body;
	char md5[DIGEST_MD5_B64_LEN + 1];
	const char *const *keys;
	int *results;
	size_t cnt;
	/* of the answer */
	char key[S3_KEY_MAX + 1], code[64];
};

static void put_xml(struct buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = *text;

		if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'' || c < ' ')
			buf_printf(out, "&#%d;", c);
		else
			buf_put(out, &c, 1);
	}
}

static void put_body(struct part *part)
{
	buf_init(&part->body, BODY_MAX);
	buf_printf(&part->body,
		   "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>");
	for (size_t i = 0; i < part->cnt; i++) {
		buf_printf(&part->body, "<Object><Key>");
		put_xml(&part->body, part->keys[i]);
		buf_printf(&part->body, "</Key></Object>");
	}
	buf_printf(&part->body, "</Delete>");
	if (!part->body.failed)
		digest_md5_base64(part->body.data, part->body.len, part->md5);
}

static int code_of(const char *code)
{
	if (strcmp(code, "NoSuchKey") == 0)
		return 0;
	return strcmp(code, "AccessDenied") == 0 ? -EACCES : -EIO;
}

/* What was not removed is named. */
static int on_element(const char *path, const char *text, void *ctx)
{
	struct part *part = ctx;

	if (strcmp(path, "DeleteResult/Error/Key") == 0)
		snprintf(part->key, sizeof(part->key), "%s", text);
	if (strcmp(path, "DeleteResult/Error/Code") == 0)
		snprintf(part->code, sizeof(part->code), "%s", text);
	if (strcmp(path, "DeleteResult/Error") != 0)
		return 0;
	for (size_t i = 0; i < part->cnt; i++)
		if (strcmp(part->keys[i], part->key) == 0)
			part->results[i] = code_of(part->code);
	part->key[0] = part->code[0] = '\0';
	return 0;
}

static int read_part(struct part *part, struct s3 *s3, const struct s3_call *call, struct err *err)
{
	int first = 0, r;

	for (size_t i = 0; i < part->cnt; i++)
		part->results[i] = call->result;
	if (call->result)
		return 0;
	r = xml_each(call->answer.data, call->answer.len, on_element, part, err);
	for (size_t i = 0; r && i < part->cnt; i++)
		part->results[i] = r;
	if (r)
		return err_wrap(err, r, "cannot understand what bucket '%s' at '%s' has removed",
				s3->url.bucket, s3->base);
	for (size_t i = 0; !first && i < part->cnt; i++)
		if (part->results[i])
			first = err_set(err, part->results[i], "bucket '%s' at '%s' did not remove '%s'%s",
					s3->url.bucket, s3->base, part->keys[i],
					part->results[i] == -EACCES ? ": access is denied" : "");
	return first;
}

static struct s3_call call_of(const struct part *part)
{
	return (struct s3_call){
		.method = "POST",
		.query = "delete=",
		.headers = {{"content-md5", part->md5}, {"content-type", "application/xml"}},
		.body = part->body.data,
		.len = part->body.len,
	};
}

/* A control character can be in a key, but in no XML. */
static bool fits_xml(const char *key)
{
	for (; *key; key++)
		if ((unsigned char)*key < ' ' && !strchr("\t\n\r", *key))
			return false;
	return true;
}

/* Keys of a kind with their places among all, for results come back in any order. */
struct share {
	const char **keys;
	int *results;
	size_t *at, cnt;
};

static void share_release(struct share *share)
{
	free(share->keys);
	free(share->results);
	free(share->at);
}

#define auto_share __attribute__((cleanup(share_release)))

static int share_init(struct share *share, const char *const *keys, size_t cnt, bool is_xml, struct err *err)
{
	*share = (struct share){
		.keys = calloc(cnt + 1, sizeof(*share->keys)),
		.results = calloc(cnt + 1, sizeof(*share->results)),
		.at = calloc(cnt + 1, sizeof(*share->at)),
	};
	if (!share->keys || !share->results || !share->at)
		return err_nomem(err);
	for (size_t i = 0; i < cnt; i++) {
		if (fits_xml(keys[i]) != is_xml)
			continue;
		share->keys[share->cnt] = keys[i];
		share->at[share->cnt++] = i;
	}
	return 0;
}

static int delete_parts(struct s3 *s3, const struct share *share, struct err *err)
{
	size_t parts_cnt = (share->cnt + S3_DELETE_MAX - 1) / S3_DELETE_MAX;
	autofree struct part *parts = calloc(parts_cnt + 1, sizeof(*parts));
	autofree struct s3_call *calls = calloc(parts_cnt + 1, sizeof(*calls));
	int first = parts && calls ? 0 : err_nomem(err);

	for (size_t i = 0; !first && i < parts_cnt; i++) {
		size_t at = i * S3_DELETE_MAX;

		parts[i].keys = share->keys + at;
		parts[i].results = share->results + at;
		parts[i].cnt = MIN(share->cnt - at, S3_DELETE_MAX);
		put_body(&parts[i]);
		if (parts[i].body.failed)
			first = err_nomem(err);
		calls[i] = call_of(&parts[i]);
	}
	if (!first) {
		first = s3_calls(s3, calls, parts_cnt, err);
		for (size_t i = 0; i < parts_cnt; i++) {
			int r = read_part(&parts[i], s3, &calls[i], first ? NULL : err);

			first = first ? first : r;
			free(calls[i].answer.data);
		}
	}
	for (size_t i = 0; parts && i < parts_cnt; i++)
		buf_release(&parts[i].body);
	return first;
}

static int delete_singly(struct s3 *s3, const struct share *share, struct err *err)
{
	autofree struct s3_call *calls = calloc(share->cnt + 1, sizeof(*calls));
	int r;

	if (!calls)
		return err_nomem(err);
	for (size_t i = 0; i < share->cnt; i++)
		calls[i] = (struct s3_call){.method = "DELETE", .key = share->keys[i]};
	r = s3_calls(s3, calls, share->cnt, err);
	for (size_t i = 0; i < share->cnt; i++) {
		share->results[i] = calls[i].result == -ENOENT ? 0 : calls[i].result;
		free(calls[i].answer.data);
	}
	return r;
}

int s3_delete(struct s3 *s3, const char *const *keys, int *results, size_t cnt, struct err *err)
{
	auto_share struct share many = {}, single = {};
	const struct share *const shares[] = {&many, &single};
	int first = share_init(&many, keys, cnt, true, err), r;

	if (!first)
		first = share_init(&single, keys, cnt, false, err);
	if (first)
		return first;
	first = delete_parts(s3, &many, err);
	if (first == -ENOMEM)
		return first;
	r = delete_singly(s3, &single, first ? NULL : err);
	for (size_t i = 0; i < ARRAY_SIZE(shares); i++)
		for (size_t j = 0; j < shares[i]->cnt; j++)
			results[shares[i]->at[j]] = shares[i]->results[j];
	return first ? first : r;
}
