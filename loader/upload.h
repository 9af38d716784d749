/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bounded queue and one thread that writes to a cassette, so the drain never waits for storage. When the
 * queue is full, whole recordings are dropped and counted.
 */
#pragma once

#include <stdint.h>

struct cassette;
struct err;
struct recording;
struct schema;
struct upload;

/* Recordings that are stored together: what waits while one batch is written is the next. */
#define UPLOAD_BATCH_MAX   256
#define UPLOAD_QUEUE_MAX   65536 /* recordings */
#define UPLOAD_QUEUE_BYTES (512ull * 1024 * 1024)

struct upload_counts {
	uint64_t stored, stored_incomplete, sampled_out, dropped, failed, bytes;
	uint64_t others; /* stored, of another schema: not among the above */
	uint64_t queued; /* recordings that wait, the one being written included */
	char error[512]; /* the first failure, in words; "" */
};

/* @cassette and @schema are borrowed until upload_close. */
int upload_new(struct upload **out, struct cassette *cassette, struct schema *schema, struct err *err);
/* Takes @recording over, always. Returns 0, or -ENOSPC when it was dropped (and counted). */
int upload_put(struct upload *upload, struct recording *recording);
/* The same of a recording by another schema, which must outlive upload_close. */
int upload_put_with(struct upload *upload, struct recording *recording, struct schema *schema);
void upload_counts(struct upload *upload, struct upload_counts *out);
/* Drop what is queued, but for what is being written now; it is counted. */
void upload_give_up(struct upload *upload);
/* Write what is queued, then end the thread. */
void upload_close(struct upload *upload, struct upload_counts *out);
