/* SPDX-License-Identifier: BSD-3-Clause */
/* A segment of a spool; included by lib/spool*.c and lib/segment*.c only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/spool.h"

#define SEGMENT_PATH_MAX   4096
#define SEGMENT_SUFFIX	   ".seg"
#define SEGMENT_HEADER_LEN 16 /* magic; how far it was taken, as u64 */

struct segment {
	struct segment *next;
	int fd; /* locked while it is ours */
	char path[SEGMENT_PATH_MAX];
	uint64_t len;	/* of whole frames, safe on disk */
	uint64_t taken; /* up to here */
	uint64_t recordings, recordings_taken;
	bool is_damaged; /* there are frames behind one that is not right: it is kept aside in the end */
};

int segment_create(struct segment **out, const char *dir, struct err *err);
/* NULL in *@out: somebody owns it, or it is no segment. Counts its whole frames; *@is_torn: there is half a
 * one; *@is_damaged: more of it than whoever dies leaves so. */
int segment_adopt(struct segment **out, const char *path, bool *is_torn, bool *is_damaged, struct err *err);
/* Write and sync behind its length, which the caller then raises; what cannot be written whole is cut off. */
int segment_append(const struct segment *segment, const struct buf *frames, struct err *err);
/* The frame at @at, appended to @out; *@next is where the following one begins. -ENODATA at the end; -EBADMSG
 * when it is torn or damaged. */
int segment_frame(const struct segment *segment, uint64_t at, struct buf *out, uint64_t *next);
void segment_mark(struct segment *segment, uint64_t taken);
void segment_remove(struct segment *segment);
void segment_free(struct segment *segment); /* leaves the file */

/* How a segment begins. */
void segment_begin(struct buf *out);
/* A frame as bytes, and back: what @frame points to lies in @bytes. */
void frame_put(struct buf *out, const struct spool_frame *frame);
int frame_parse(struct spool_frame *frame, const void *bytes, size_t len);
