/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * HTTP requests, many at once over connections that are kept: libcurl's multi interface, in the caller's
 * thread.
 *
 * Nothing is retried and no redirection followed here. Safe to use from one thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

struct err;
struct http;

#define HTTP_TRANSFERS_MAX 256
#define HTTP_HEADERS_MAX   (16 * 1024) /* bytes of an answer's headers that are kept */

struct http_opts {
	const char *ca_file; /* PEM; NULL: the system's */
	unsigned connect_ms; /* 0: HTTP_CONNECT_MS */
	bool no_proxy;	     /* whatever the environment says */
};
#define HTTP_CONNECT_MS 3000

/* Borrowed until the transfer is done. */
struct http_request {
	const char *method, *url;
	const char *const *headers; /* "name: value"; NULL-terminated */
	const void *body;	    /* NULL: none */
	size_t len, answer_max;	    /* bytes */
	unsigned timeout_ms;
};

/* Valid in the callback. */
struct http_answer {
	int status;	 /* HTTP's; 0: none came, and @code says why */
	int code;	 /* 0, or -errno */
	struct err *err; /* with @code */
	struct buf body; /* may be taken */
	const char *headers;
};

int http_new(struct http **out, const struct http_opts *opts, struct err *err);
/* What is in flight is dropped without a callback. */
void http_free(struct http *http);
void http_freep(struct http **http);
#define auto_http __attribute__((cleanup(http_freep)))

typedef void (*http_done_fn)(struct http_answer *answer, void *ctx);
/* Begin. @done is called once, from http_wait. -EBUSY past HTTP_TRANSFERS_MAX. */
int http_start(struct http *http, const struct http_request *request, http_done_fn done, void *ctx,
	       struct err *err);
/* Drive what is in flight, waiting for at most @timeout_ms, and call what got done. */
int http_wait(struct http *http, unsigned timeout_ms, struct err *err);
/* End what is in flight, without a callback. */
void http_drop(struct http *http);
/* One request, to its end; answer->body is the caller's, answer->headers are gone. */
int http_do(struct http *http, const struct http_request *request, struct http_answer *answer,
	    struct err *err);
/* A header of @answer, copied to @text, cut at @len; false when there is none. */
bool http_header(const struct http_answer *answer, const char *name, char *text, size_t len);
