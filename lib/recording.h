/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A recording: one operation with its calls, as memory: registers and fragments, typed by a schema it names.
 *
 * docs/FORMAT.md describes the bytes. In memory everything a recording points to belongs to it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/schema.h"
#include "lib/symbols.h"

struct buf;
struct cJSON;
struct err;
struct pool;

#define RECORDING_CALLS_MAX	100000
#define RECORDING_FRAGMENTS_MAX 1000000
#define RECORDING_BYTES_MAX	(256 * 1024 * 1024) /* decompressed */
#define RECORDING_METADATA_MAX	(1024 * 1024)	    /* bytes of the document as text */
#define RECORDING_REASONS_MAX	100
#define RECORDING_ID_LEN	32

/* How a call was left. The names are those of "left". */
enum left { LEFT_RETURN, LEFT_UNWOUND, LEFT_EXIT, LEFT_UNKNOWN, LEFT_CNT };
const char *left_name(enum left left); /* "return", "unwound", "exit", "unknown" */

/* A piece of the program's memory at one instant; see plan.h for node and status. */
struct fragment {
	uint64_t addr;
	uint32_t len;	   /* bytes wanted */
	uint32_t captured; /* bytes there are */
	uint16_t node;	   /* of the function's shape; SHAPE_NONE: stack arguments */
	uint8_t status;	   /* enum plan_status */
	const uint8_t *bytes;
};

/* One instant of a call. */
struct side {
	struct fragment *fragments;
	size_t cnt;
	bool steps_cut,
		budget_cut; /* PLAN_STEPS_MAX, the plan's bytes reached: what is not there may have been */
};

struct call {
	uint32_t func;	 /* index of the schema's functions */
	uint32_t seq;	 /* from 1 in the order of entry; the operation itself: 0 */
	uint32_t thread; /* index from 0 */
	enum left left;
	uint64_t entered_ns, left_ns; /* from the operation's entry; left_ns 0 unless LEFT_RETURN */
	uint64_t args[6];	      /* rdi rsi rdx rcx r8 r9 at entry */
	uint64_t rsp;		      /* at entry: stack arguments are at rsp + 8 */
	uint64_t rax, rdx;	      /* at return */
	bool has_errno;
	int32_t error_number; /* at return */
	struct side in, out;
	const struct symbols *symbols; /* of its recording; NULL: no address has a name */
};

struct recording {
	char id[RECORDING_ID_LEN + 1];
	char schema[SCHEMA_ID_LEN + 1]; /* "" until it has one */
	struct cJSON *metadata;		/* the document that docs/FORMAT.md describes */
	bool complete;
	char **incomplete; /* why not */
	size_t incomplete_cnt;
	struct call operation;
	struct call *calls; /* by seq */
	size_t calls_cnt;
	struct symbols symbols;
	struct pool *pool; /* owns what the above points to, but metadata */
};

int recording_new(struct recording **out, struct err *err);
void recording_free(struct recording *recording);
void recording_freep(struct recording **recording);
#define auto_recording __attribute__((cleanup(recording_freep)))
/* Take @symbols, sorted by address and the pool's, for all calls that there are. */
void recording_set_symbols(struct recording *recording, const struct symbols *symbols);
/* Also takes @complete back. A reason that is there already is not added again; past RECORDING_REASONS_MAX
 * the last one says that there are more. */
int recording_add_incomplete(struct recording *recording, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The metadata document as text, with "schema", "complete" and "incomplete" as they are in @recording; the
 * caller's to free. The same bytes are stored beside the recording and inside it. */
int recording_metadata_text(char **out, const struct recording *recording, struct err *err);

/* Serialise, behind what is in @out already. -EFBIG past a limit, -EBADMSG for what recording_read would
 * refuse. On failure @out is as long as it was. */
int recording_write(struct buf *out, const struct recording *recording, struct err *err);
/* From bytes that someone else may have written: -EBADMSG with what is wrong: "not a recording", "torn: the
 * incomplete mark is still set", "checksum differs", "version 9 is newer than this program's 1". What is not
 * checked: function numbers (recording_check does), and nodes, which a reader compares and never indexes by.
 */
int recording_read(struct recording **out, const void *data, size_t len, struct err *err);
/* What the writer and the reader both insist on: limits, calls by seq, captured bytes within a fragment and
 * the address space. -EFBIG past a limit, else -EBADMSG. */
int recording_sound(const struct recording *recording, struct err *err);
/* That @schema fits: every function number exists in it. -EBADMSG. */
int recording_check(const struct recording *recording, const struct schema *schema, struct err *err);
