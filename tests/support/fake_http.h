/* SPDX-License-Identifier: BSD-3-Clause */
/* A server on loopback that says what it is told to, for answers that no real server gives on demand. */
#pragma once

#include <stddef.h>

struct fake_http;

#define FAKE_BODY_MAX (1 << 20)

/* A request as it came. */
struct fake_request {
	char head[16384]; /* request line and headers, with a NUL */
	char *body;
	size_t len;
};

/* The whole answer, status line to body, as a text; or NULL or "": close without one. Called in another thread; the
 * answer is copied before the next call. */
typedef const char *(*fake_answer_fn)(const struct fake_request *request, unsigned serial, void *ctx);

/* *@port is where it listens. */
struct fake_http *fake_http_start(int *port, fake_answer_fn answer, void *ctx);
/* How many requests came. */
unsigned fake_http_stop(struct fake_http *fake);

/* "HTTP/1.1 <status>\r\nContent-Length: ...\r\n<headers>\r\n<body>"; valid until the thread's next call. */
const char *fake_answer(const char *status, const char *headers, const char *body);
