/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the judge share. Each returns 0 or -errno. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "replay/pairing.h"
#include "replay/verdict.h"

struct call;
struct displaced;
struct err;
struct handle_map;
struct pool;
struct program_func;
struct schema;
struct server_result;
struct store;
struct value;
struct values;

struct judge {
	struct comparison *out;
	const struct recording *recorded, *replayed;
	const struct schema *schema;
	struct store *store;
	const struct program *program;
	const struct program_func *operation;
	const struct server_result *result;
	struct pairing pairing;
	struct comparison
		blamed;	  /* what the recording lacks, by the first argument that is therefore not known */
	size_t differing; /* the first recorded output whose arguments differ, or PAIRING_NONE */
	struct handle_map *handles;
	const struct displaced *displaced;
	bool is_whole; /* the replay came to its end as the recording did */
	struct pool *pool;
	struct err *err;
};

/* 1: @value, which was given to replayed call @call, is not there because the recording does not have what it
 * leads to. The first time it is told in j->blamed. */
int judge_blames(struct judge *j, const struct paired_call *call, const struct value *value);

/* --- judge_values.c --- */

int judge_decode_recorded(struct judge *j, struct values *out, const struct call *call);
int judge_decode_replayed(struct judge *j, struct values *out, const struct call *call);
/* What differs in what the operation put out, and in what flowed into each output. */
int judge_operation(struct judge *j, const struct values *a, const struct values *b);
int judge_outputs(struct judge *j);

/* --- judge_calls.c --- */

/* Calls that one side alone made, and outputs that were made in another order. */
int judge_missing(struct judge *j);
int judge_extra(struct judge *j);
int judge_reordered(struct judge *j);
/* What went wrong first, of all that was found. */
enum first judge_first(const struct judge *j);
