/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Recordings that are safe on this disk and on their way to a cassette elsewhere.
 *
 * A directory holds segments, each a file of frames with checksums. Whoever appends owns the segments that it
 * began, by a lock; those of one that died are adopted, up to their last whole frame. What was taken to the
 * cassette is marked in the segment, and a segment that was taken whole is removed; after a crash the last
 * frames may be taken twice, to the same keys. Safe to use by one thread that appends and one that takes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/cassette.h"

struct err;
struct spool;

#define SPOOL_SEGMENT_BYTES (16 * 1024 * 1024) /* a segment that is longer takes no more frames */
#define SPOOL_BYTES_MAX	    (4ull * 1024 * 1024 * 1024)
#define SPOOL_BATCH	    256 /* frames that are taken together */
#define SPOOL_BATCH_BYTES   (16 * 1024 * 1024)

/* An index stands at the end of what is an object of a cassette, and in no spool's own segments. */
enum spool_kind { SPOOL_SCHEMA = 1, SPOOL_RECORDING = 2, SPOOL_INDEX = 3 };

struct spool_frame {
	enum spool_kind kind;
	char schema[65];	   /* of a schema: its name; the bytes are in item.full */
	struct cassette_item item; /* borrowed; result is the taker's */
};

/* Make @dir if need be, adopt what nobody owns. @name is what the spool leads to, kept in a file beside. At
 * most @bytes_max wait. */
int spool_open(struct spool **out, const char *dir, const char *name, uint64_t bytes_max, struct err *err);
/* What waits stays, for the next to adopt. */
void spool_close(struct spool *spool);

/* All of them, or none: safe on disk when it returns. Schemas stand before the recordings of each segment
 * that comes later. -ENOSPC when the spool or the disk is full; nothing is then left of them. */
int spool_append(struct spool *spool, const struct spool_frame *frames, size_t cnt, struct err *err);
/* The oldest frames that were not taken yet, up to SPOOL_BATCH; none: *@cnt is 0. Borrowed until spool_taken.
 */
int spool_take(struct spool *spool, struct spool_frame **frames, size_t *cnt, struct err *err);
/* They are where they should be. */
void spool_taken(struct spool *spool);
/* Keep @frame, which the cassette will never take, in a file of its own for a person to look at. */
int spool_reject(struct spool *spool, const struct spool_frame *frame, struct err *err);

struct spool_state {
	uint64_t waiting, waiting_bytes; /* recordings, and what they take on disk */
	uint64_t adopted;		 /* recordings, of others that died */
	uint64_t torn;			 /* segments that ended in half a frame, which nobody was promised */
	uint64_t damaged; /* of these: with frames behind it, or without a head; they are left where they are
			   */
};
void spool_state(struct spool *spool, struct spool_state *out);
const char *spool_dir(const struct spool *spool);
