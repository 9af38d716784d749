// SPDX-License-Identifier: BSD-3-Clause
/* A call as a signed request. */
#include "lib/s3_impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/err.h"
#include "lib/uri.h"

#define REGION_DEFAULT "us-east-1"
#define URL_MAX	       16384 /* bytes */
#define LINES_MAX      16384

static const char nothing_sha256[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/* --- where --- */

static int bad_endpoint(const char *endpoint, struct err *err)
{
	err_usage(err, -EINVAL, "'%s' cannot be an endpoint", endpoint);
	err_hint(err, "write endpoint=http://HOST:PORT or endpoint=https://HOST:PORT");
	return -EINVAL;
}

static bool is_address(const char *host)
{
	struct in_addr address;
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(host, ":"), host);
	return *host == '[' || inet_pton(AF_INET, name, &address) == 1;
}

/* A bucket becomes part of the host's name where the host has one and the bucket fits one: with a dot it
 * would not be covered by the certificate, with a capital it would be lost. Of AWS's own endpoints that is
 * the rule, of others it is not. */
static bool is_virtual(const struct s3 *s3, const char *host)
{
	if (s3->url.style != S3_STYLE_AUTO)
		return s3->url.style == S3_STYLE_VIRTUAL;
	return strspn(s3->url.bucket, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(s3->url.bucket) &&
	       s3->is_aws && !is_address(host);
}

static const char *aws_domain(const char *region)
{
	return strncmp(region, "cn-", 3) == 0 ? "amazonaws.com.cn" : "amazonaws.com";
}

/* As the Host header has it, which is signed: without the scheme's own port. */
static void cut_default_port(char *host, const char *scheme)
{
	const char *port = strcmp(scheme, "https") == 0 ? ":443" : ":80";
	size_t len = strlen(host), port_len = strlen(port);

	if (len > port_len && strcmp(host + len - port_len, port) == 0)
		host[len - port_len] = '\0';
}

int s3_locate(struct s3 *s3, struct err *err)
{
	char endpoint[S3_PARAM_MAX], host[S3_PARAM_MAX];
	const char *scheme, *sep, *rest;
	bool is_in_host;
	size_t path_len;

	s3->is_aws = !*s3->url.endpoint;
	if (s3->is_aws)
		snprintf(endpoint, sizeof(endpoint), "https://s3.%s.%s", s3->url.region,
			 aws_domain(s3->url.region));
	else
		memcpy(endpoint, s3->url.endpoint, sizeof(endpoint));
	sep = strstr(endpoint, "://");
	if (!sep)
		return bad_endpoint(endpoint, err);
	scheme = sep - endpoint == 5 ? "https" : "http";
	rest = sep + 3;
	if (strncmp(endpoint, scheme, sep - endpoint) != 0 || !*rest || strpbrk(rest, "?#@ ") || *rest == '/')
		return bad_endpoint(endpoint, err);
	snprintf(host, sizeof(host), "%.*s", (int)strcspn(rest, "/"), rest);
	cut_default_port(host, scheme);
	rest += strcspn(rest, "/");
	path_len = strlen(rest);
	while (path_len && rest[path_len - 1] == '/')
		path_len--;
	is_in_host = is_virtual(s3, host);
	snprintf(s3->host, sizeof(s3->host), "%s%s%s", is_in_host ? s3->url.bucket : "",
		 is_in_host ? "." : "", host);
	snprintf(s3->base, sizeof(s3->base), "%s://%s", scheme, s3->host);
	if (snprintf(s3->path, sizeof(s3->path), "%.*s%s%s", (int)path_len, rest, is_in_host ? "" : "/",
		     is_in_host ? "" : s3->url.bucket) >= (int)sizeof(s3->path))
		return bad_endpoint(endpoint, err);
	return 0;
}

/* --- what --- */

void s3_wire_release(struct s3_wire *wire)
{
	buf_release(&wire->url);
	buf_release(&wire->lines);
	buf_release(&wire->authorization);
}

static void put_end(struct buf *buf)
{
	buf_put_u8(buf, 0);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct sigv4_header *)a)->name, ((const struct sigv4_header *)b)->name);
}

/* Everything that is sent and could matter is signed; some servers refuse what is not. */
static size_t gather_headers(struct sigv4_header *to, const struct s3 *s3, const struct s3_call *call,
			     const struct credentials *credentials, const char *date, const char *hash)
{
	size_t cnt = 0;

	to[cnt++] = (struct sigv4_header){"host", s3->host};
	to[cnt++] = (struct sigv4_header){"x-amz-content-sha256", hash};
	to[cnt++] = (struct sigv4_header){"x-amz-date", date};
	if (*credentials->token)
		to[cnt++] = (struct sigv4_header){"x-amz-security-token", credentials->token};
	for (size_t i = 0; i < S3_HEADERS_MAX && call->headers[i].name; i++)
		to[cnt++] = call->headers[i];
	qsort(to, cnt, sizeof(*to), by_name);
	return cnt;
}

/* The lines lie one behind the other, each with its NUL. */
static void put_lines(struct s3_wire *wire, const struct sigv4_header *headers, size_t cnt)
{
	size_t at[S3_LINES_MAX + 1], line = 0;

	for (size_t i = 0; i < cnt; i++) {
		if (strcmp(headers[i].name, "host") == 0)
			continue; /* curl sends it, from the URL */
		at[line++] = wire->lines.len;
		buf_printf(&wire->lines, "%s: %s", headers[i].name, headers[i].value);
		put_end(&wire->lines);
	}
	at[line++] = wire->lines.len;
	buf_printf(&wire->lines, "authorization: %s", wire->authorization.data);
	put_end(&wire->lines);
	for (size_t i = 0; !wire->lines.failed && i < line; i++)
		wire->line[i] = (const char *)wire->lines.data + at[i];
	wire->line[line] = NULL;
}

static void put_path(struct buf *out, const struct s3 *s3, const struct s3_call *call)
{
	uri_encode(out, s3->path, true);
	if (call->key) {
		buf_put(out, "/", 1);
		uri_encode(out, call->key, true);
	} else if (!*s3->path) {
		buf_put(out, "/", 1);
	}
	put_end(out);
}

static void sign(struct s3_wire *wire, struct s3 *s3, const struct s3_call *call,
		 const struct credentials *credentials, const char *path)
{
	struct sigv4_scope scope = {
		.access_key = credentials->access_key, .region = s3->url.region, .service = "s3"};
	struct sigv4_header headers[S3_LINES_MAX];
	char hash[DIGEST_HEX_LEN + 1];
	struct sigv4_request request = {
		.method = call->method,
		.path = path,
		.query = call->query ? call->query : "",
		.headers = headers,
		.payload_sha256 = hash,
	};

	if (call->len)
		digest_hex(call->body, call->len, hash);
	else
		memcpy(hash, nothing_sha256, sizeof(hash));
	sigv4_date(time(NULL) + s3->skew_s, scope.date);
	sigv4_key_update(&s3->key, credentials->secret_key, &scope);
	request.header_cnt = gather_headers(headers, s3, call, credentials, scope.date, hash);
	sigv4_sign(&wire->authorization, &s3->key, &scope, &request);
	put_end(&wire->authorization);
	put_lines(wire, headers, request.header_cnt);
}

int s3_wire_make(struct s3_wire *wire, struct s3 *s3, const struct s3_call *call, bool renew, struct err *err)
{
	const struct credentials *credentials;
	unsigned generation = s3->generation;
	auto_buf struct buf path = {};
	int r = chain_get(s3->chain, time(NULL) + s3->skew_s, renew, &credentials, &generation, err);

	if (r)
		return r;
	if (generation != s3->generation)
		explicit_bzero(&s3->key, sizeof(s3->key));
	s3->generation = generation;
	buf_init(&path, URL_MAX);
	buf_init(&wire->url, URL_MAX);
	buf_init(&wire->lines, LINES_MAX);
	buf_init(&wire->authorization, LINES_MAX);
	put_path(&path, s3, call);
	if (!path.failed)
		sign(wire, s3, call, credentials, (const char *)path.data);
	buf_printf(&wire->url, "%s%s%s%s", s3->base, path.data, call->query ? "?" : "",
		   call->query ? call->query : "");
	if (path.failed || wire->url.failed || wire->lines.failed || wire->authorization.failed)
		return err_nomem(err);
	wire->request = (struct http_request){
		.method = call->method,
		.url = (const char *)wire->url.data,
		.headers = wire->line,
		.body = call->body,
		.len = call->len,
		.answer_max = CASSETTE_OBJECT_MAX + 1,
		.timeout_ms = (s3->url.timeout_ms ? s3->url.timeout_ms : S3_TIMEOUT_MS) +
			      call->len / (S3_SLOW / 1000),
	};
	return 0;
}
