// SPDX-License-Identifier: BSD-3-Clause
#include "lib/http.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "lib/err.h"
#include "lib/util.h"

#define IDLE_S	    60 /* a connection that rests for longer may have been cut on its way */
#define KEEPALIVE_S 30

struct transfer {
	struct http *http;
	struct transfer *next; /* of the free ones */
	CURL *easy;
	struct curl_slist *headers;
	struct buf body, answer_headers;
	char error[CURL_ERROR_SIZE];
	char host[256];
	http_done_fn done; /* NULL: free */
	void *ctx;
};

struct http {
	CURLM *multi;
	struct http_opts opts;
	char *ca_file;
	struct transfer *all[HTTP_TRANSFERS_MAX];
	size_t cnt;
	struct transfer *free;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_once(void)
{
	curl_global_init(CURL_GLOBAL_ALL);
}

int http_new(struct http **out, const struct http_opts *opts, struct err *err)
{
	auto_http struct http *http = calloc(1, sizeof(*http));

	if (!http)
		return err_nomem(err);
	pthread_once(&once, init_once);
	http->opts = *opts;
	http->ca_file = opts->ca_file ? strdup(opts->ca_file) : NULL;
	http->multi = curl_multi_init();
	if (!http->multi || (opts->ca_file && !http->ca_file))
		return err_nomem(err);
	/* Fewer than the transfers, and connections are closed and opened again for want of a place. */
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)HTTP_TRANSFERS_MAX);
	*out = TAKE_PTR(http);
	return 0;
}

static void transfer_free(struct transfer *transfer)
{
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
	buf_release(&transfer->body);
	buf_release(&transfer->answer_headers);
	free(transfer);
}

void http_free(struct http *http)
{
	if (!http)
		return;
	http_drop(http);
	for (size_t i = 0; i < http->cnt; i++)
		transfer_free(http->all[i]);
	curl_multi_cleanup(http->multi);
	free(http->ca_file);
	free(http);
}

void http_freep(struct http **http)
{
	http_free(*http);
}

/* --- what comes in --- */

static size_t on_body(char *data, size_t size, size_t cnt, void *ctx)
{
	struct transfer *transfer = ctx;

	buf_put(&transfer->body, data, size * cnt);
	return transfer->body.failed ? 0 : size * cnt;
}

static size_t on_header(char *data, size_t size, size_t cnt, void *ctx)
{
	struct transfer *transfer = ctx;

	/* Of "100 Continue" and the answer, the answer's. */
	if (size * cnt > 5 && memcmp(data, "HTTP/", 5) == 0)
		transfer->answer_headers.len = 0;
	if (transfer->answer_headers.len + size * cnt < HTTP_HEADERS_MAX)
		buf_put(&transfer->answer_headers, data, size * cnt);
	return size * cnt;
}

bool http_header(const struct http_answer *answer, const char *name, char *text, size_t len)
{
	size_t name_len = strlen(name), value_len;
	const char *line = answer->headers;

	while (line) {
		if (strncasecmp(line, name, name_len) == 0 && line[name_len] == ':') {
			line += name_len + 1;
			line += strspn(line, " \t");
			value_len = strcspn(line, "\r\n");
			snprintf(text, len, "%.*s", (int)value_len, line);
			return true;
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return false;
}

/* --- what went wrong --- */

static const struct fault {
	CURLcode curl;
	int code;
	const char *words, *hint;
} faults[] = {
	{CURLE_URL_MALFORMAT, EINVAL, "the URL is malformed", "write http://HOST:PORT or https://HOST:PORT"},
	{CURLE_UNSUPPORTED_PROTOCOL, EINVAL, "only http and https are spoken",
	 "write http://HOST:PORT or https://HOST:PORT"},
	{CURLE_COULDNT_RESOLVE_HOST, EHOSTUNREACH, "no such host", "check the endpoint's name, and DNS"},
	{CURLE_COULDNT_RESOLVE_PROXY, EHOSTUNREACH, "the proxy's name is not known",
	 "check http_proxy and https_proxy"},
	{CURLE_COULDNT_CONNECT, ECONNREFUSED, "cannot connect",
	 "check the endpoint, and that the server runs and may be reached from here"},
	{CURLE_OPERATION_TIMEDOUT, ETIMEDOUT, "no answer in time", NULL},
	{CURLE_SSL_CONNECT_ERROR, EPROTO, "no TLS handshake",
	 "check whether the port speaks http or https, and the endpoint accordingly"},
	{CURLE_PEER_FAILED_VERIFICATION, EKEYREJECTED, "its certificate is not trusted",
	 "name the authority's certificate with ca=FILE in the URL, or in AWS_CA_BUNDLE"},
	{CURLE_SSL_CACERT_BADFILE, EINVAL, "the file of trusted certificates cannot be used",
	 "check ca=FILE in the URL, or AWS_CA_BUNDLE: it must hold PEM certificates"},
	{CURLE_GOT_NOTHING, ECONNRESET, "it closed the connection without an answer",
	 "check whether the port speaks http or https"},
	{CURLE_SEND_ERROR, ECONNRESET, "the connection broke", NULL},
	{CURLE_RECV_ERROR, ECONNRESET, "the connection broke", NULL},
	{CURLE_PARTIAL_FILE, ECONNRESET, "the answer was cut short", NULL},
	{CURLE_WEIRD_SERVER_REPLY, EPROTO, "it does not answer as HTTP servers do",
	 "check the endpoint's port"},
	{CURLE_OUT_OF_MEMORY, ENOMEM, "out of memory", NULL},
};

static int fault_of(const struct transfer *transfer, CURLcode curl, struct err *err)
{
	const struct fault *fault = NULL;

	/* An answer without a status line is told from a scheme of others by its text alone. */
	if (curl == CURLE_UNSUPPORTED_PROTOCOL && strstr(transfer->error, "HTTP/0.9"))
		curl = CURLE_WEIRD_SERVER_REPLY;
	for (size_t i = 0; !fault && i < ARRAY_SIZE(faults); i++)
		if (faults[i].curl == curl)
			fault = &faults[i];
	if (transfer->body.failed)
		return err_set(err, transfer->body.failed, "'%s' answered with more than %zu bytes",
			       transfer->host, transfer->body.max);
	if (!fault)
		return err_set(err, -EIO, "cannot speak with '%s': %s", transfer->host,
			       *transfer->error ? transfer->error : curl_easy_strerror(curl));
	err_set(err, -fault->code, "cannot speak with '%s': %s", transfer->host, fault->words);
	if (fault->hint)
		err_hint(err, "%s", fault->hint);
	return -fault->code;
}

/* --- what goes out --- */

static struct transfer *transfer_get(struct http *http)
{
	struct transfer *transfer = http->free;

	if (transfer) {
		http->free = transfer->next;
		return transfer;
	}
	if (http->cnt == HTTP_TRANSFERS_MAX)
		return NULL;
	transfer = calloc(1, sizeof(*transfer));
	if (!transfer)
		return NULL;
	transfer->http = http;
	transfer->easy = curl_easy_init();
	if (!transfer->easy) {
		free(transfer);
		return NULL;
	}
	http->all[http->cnt++] = transfer;
	return transfer;
}

static void transfer_put(struct transfer *transfer)
{
	curl_slist_free_all(transfer->headers);
	transfer->headers = NULL;
	buf_release(&transfer->body);
	buf_release(&transfer->answer_headers);
	transfer->done = NULL;
	transfer->next = transfer->http->free;
	transfer->http->free = transfer;
}

void http_drop(struct http *http)
{
	for (size_t i = 0; i < http->cnt; i++) {
		if (!http->all[i]->done)
			continue;
		curl_multi_remove_handle(http->multi, http->all[i]->easy);
		transfer_put(http->all[i]);
	}
}

static int add_header(struct transfer *transfer, const char *line)
{
	struct curl_slist *longer = curl_slist_append(transfer->headers, line);

	if (!longer)
		return -ENOMEM;
	transfer->headers = longer;
	return 0;
}

static void name_host(struct transfer *transfer, const char *url)
{
	const char *host = strstr(url, "://");

	host = host ? host + 3 : url;
	snprintf(transfer->host, sizeof(transfer->host), "%.*s", (int)strcspn(host, "/?"), host);
}

static void set_common(struct transfer *transfer, const struct http_request *request)
{
	const struct http_opts *opts = &transfer->http->opts;
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_URL, request->url);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_S);
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_S);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)(opts->connect_ms ? opts->connect_ms : HTTP_CONNECT_MS));
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	if (opts->no_proxy)
		curl_easy_setopt(easy, CURLOPT_PROXY, "");
	if (transfer->http->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, transfer->http->ca_file);
}

static int set_request(struct transfer *transfer, const struct http_request *request)
{
	CURL *easy = transfer->easy;
	/* "Expect: 100-continue" costs a round trip, or a second where the server ignores it. */
	int r = add_header(transfer, "Expect:");

	for (size_t i = 0; !r && request->headers && request->headers[i]; i++)
		r = add_header(transfer, request->headers[i]);
	if (r)
		return r;
	set_common(transfer, request);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
	if (request->body) {
		/* Posted fields are not copied, leave with the head in one write, and can be sent again. */
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->len);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
	}
	if (strcmp(request->method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	return 0;
}

int http_start(struct http *http, const struct http_request *request, http_done_fn done, void *ctx,
	       struct err *err)
{
	struct transfer *transfer = transfer_get(http);

	if (!transfer)
		return http->cnt == HTTP_TRANSFERS_MAX
			       ? err_set(err, -EBUSY, "more than %d transfers", HTTP_TRANSFERS_MAX)
			       : err_nomem(err);
	curl_easy_reset(transfer->easy);
	transfer->error[0] = '\0';
	buf_init(&transfer->body, request->answer_max);
	buf_init(&transfer->answer_headers, HTTP_HEADERS_MAX + 1);
	name_host(transfer, request->url);
	if (set_request(transfer, request) || curl_multi_add_handle(http->multi, transfer->easy)) {
		transfer_put(transfer);
		return err_nomem(err);
	}
	transfer->done = done;
	transfer->ctx = ctx;
	return 0;
}

static void finish(struct transfer *transfer, CURLcode curl)
{
	struct err err = {};
	struct http_answer answer = {.err = &err};
	http_done_fn done = transfer->done;
	void *ctx = transfer->ctx;
	long status = 0;

	curl_multi_remove_handle(transfer->http->multi, transfer->easy);
	if (curl == CURLE_OK)
		curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	else
		answer.code = fault_of(transfer, curl, &err);
	answer.status = status;
	answer.body = transfer->body;
	buf_init(&transfer->body, 0);
	buf_put_u8(&transfer->answer_headers, 0);
	answer.headers = (const char *)transfer->answer_headers.data;
	done(&answer, ctx);
	buf_release(&answer.body);
	transfer_put(transfer);
}

int http_wait(struct http *http, unsigned timeout_ms, struct err *err)
{
	CURLMsg *msg;
	int running, left;

	if (curl_multi_perform(http->multi, &running))
		return err_set(err, -EIO, "cannot drive the transfers");
	msg = curl_multi_info_read(http->multi, &left);
	if (!msg) {
		if (curl_multi_poll(http->multi, NULL, 0, timeout_ms, NULL) ||
		    curl_multi_perform(http->multi, &running))
			return err_set(err, -EIO, "cannot drive the transfers");
		msg = curl_multi_info_read(http->multi, &left);
	}
	for (; msg; msg = curl_multi_info_read(http->multi, &left)) {
		CURLcode curl = msg->data.result;
		char *private;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private);
		finish((struct transfer *)private, curl);
	}
	return 0;
}

/* --- one --- */

struct one {
	struct http_answer *answer;
	struct err *err;
	bool is_done;
};

static void on_one(struct http_answer *answer, void *ctx)
{
	struct one *one = ctx;

	*one->answer = *answer;
	if (answer->code && one->err)
		*one->err = *answer->err;
	one->answer->err = NULL;
	one->answer->headers = NULL;
	buf_init(&answer->body, 0);
	one->is_done = true;
}

int http_do(struct http *http, const struct http_request *request, struct http_answer *answer,
	    struct err *err)
{
	struct one one = {.answer = answer, .err = err};
	int r = http_start(http, request, on_one, &one, err);

	while (!r && !one.is_done)
		r = http_wait(http, request->timeout_ms, err);
	if (r) {
		http_drop(http);
		return r;
	}
	if (answer->code)
		buf_release(&answer->body);
	return answer->code;
}
