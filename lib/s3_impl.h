/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of s3 share; included by lib/s3*.c only. */
#pragma once

#include "lib/buf.h"
#include "lib/credentials.h"
#include "lib/http.h"
#include "lib/s3.h"

#define S3_LINES_MAX (S3_HEADERS_MAX + 8) /* header lines of a request */

struct s3 {
	struct s3_url url;
	struct http *http;
	struct chain *chain;
	/* "https://host:port", "host:port", and what stands in paths before the key: "" or "/bucket" */
	char base[2 * S3_PARAM_MAX + 16], host[2 * S3_PARAM_MAX], path[S3_PARAM_MAX];
	bool is_aws; /* the endpoint follows from the region */
	struct sigv4_key key;
	unsigned generation; /* of the credentials that @key is of */
	int64_t skew_s;	     /* the store's clock less ours */
	double window;	     /* requests that may be in flight */
	bool is_probing;     /* the window still doubles */
	uint64_t halved_ms, success_ms;
	struct s3_counts counts;
	const volatile sig_atomic_t *stop; /* NULL: never */
};

/* A request as it goes out, signed. */
struct s3_wire {
	struct buf url, lines, authorization;
	const char *line[S3_LINES_MAX + 1];
	struct http_request request;
};

void s3_wire_release(struct s3_wire *wire);
int s3_wire_make(struct s3_wire *wire, struct s3 *s3, const struct s3_call *call, bool renew,
		 struct err *err);
/* Where requests go, from the URL's endpoint and region. */
int s3_locate(struct s3 *s3, struct err *err);

/* What an answer means. */
enum s3_meaning {
	S3_DONE,
	S3_FAILED,
	S3_LATER,    /* worth trying again, after a while */
	S3_THROTTLE, /* as well, and there are too many */
	S3_RENEW,    /* the credentials have ended */
	S3_RESIGN,   /* the clock's skew or the region is now known */
};
/* Sets call->result and @err where it is not S3_DONE. May correct @s3's clock or region. */
enum s3_meaning s3_judge(struct s3 *s3, struct s3_call *call, const struct http_answer *answer,
			 struct err *err);
