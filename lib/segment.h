/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many recordings in one object: a segment as a spool has it, with an index and a footer behind its frames,
 * and the same index as an object of its own, to be found by. Included by lib/cassette*.c and lib/segment*.c
 * only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/cassette.h"

struct err;

#define SEGMENT_FOOTER_LEN 32
#define SEGMENT_INDEX_MAX  (256 * 1024 * 1024) /* bytes of lines */

/* A recording in a segment: a line of its index. */
struct segment_entry {
	char *category; /* owned, as is the next */
	char *metadata; /* NULL: it cannot be in a line, and lies behind the recording */
	char day[9], id[33];
	uint64_t at, len;      /* of the recording, in the segment */
	uint64_t metadata_len; /* it follows */
	uint32_t crc;	       /* of the recording */
	uint32_t source;       /* the reader's */
};

void segment_entry_release(struct segment_entry *entry);

/* The object and its index, packed by gzip, of @items. @key, which the lines name, is where the object will
 * lie. Both buffers are the caller's to initialise; what latches in them is the result. */
void segment_make(struct buf *segment, struct buf *index, const struct cassette_item *const *items,
		  size_t cnt, const char *key);
/* The index alone, of what is left of one. */
void segment_index_make(struct buf *index, const struct segment_entry *const *entries, size_t cnt,
			const char *key);
/* Call @fn, which takes the entry over, for each line of a packed index. -EBADMSG, with words, when it is
 * none. Ends early with @fn's value when it is not 0. */
int segment_index_each(const void *index, size_t len, int (*fn)(struct segment_entry *entry, void *ctx),
		       void *ctx, struct err *err);
