/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the indexes of a cassette's segments say, day by day. A day has objects
 * index/dt=<day>/<name>.jsonl.gz, each of one segment, segments/<day>/<name>.seg; names grow with time, so
 * that of two lines of one recording the later name's holds. Included by lib/cassette*.c, lib/segment*.c and
 * lib/compact.c only.
 */
#pragma once

#include <stdbool.h>

#include "lib/cassette_driver.h"
#include "lib/segment.h"

#define SEGMENT_NAME_LEN 32

struct day {
	struct day *next;
	char day[9];
	struct names names;	       /* of its indexes, ascending; an entry's source is one of them */
	struct segment_entry *entries; /* by category, id, source */
	size_t cnt, cap;
};

struct days {
	struct cassette *objects; /* borrowed: where they lie */
	struct day *first;
};

void days_release(struct days *days);
/* The day as it is now; borrowed, until it is loaded again. */
int days_load(struct days *days, const char *day, struct day **out, struct err *err);
/* As it was when it was loaded last; NULL: it never was. */
struct day *days_find(struct days *days, const char *day);
/* The names of all days that have indexes, from @since to @until (NULL: open), ascending. */
int days_names(struct days *days, const char *since, const char *until, struct names *out, struct err *err);

/* NULL when there is none. */
struct segment_entry *day_entry(const struct day *day, const char *category, const char *id);
/* Whether entry @i is the one that holds of its recording. */
bool day_holds(const struct day *day, size_t i);
void day_index_key(char key[CASSETTE_KEY_MAX], const struct cassette *objects, const char *day,
		   const char *name);
void day_segment_key(char key[CASSETTE_KEY_MAX], const struct cassette *objects, const char *day,
		     const char *name);
/* An index and its segment, in the order that leaves nothing listed that is not there. */
int day_remove_segment(struct days *days, const struct day *day, const char *name, struct err *err);
/* Take entries whose @is_gone is set out of their indexes; segments of which nothing is left are removed. */
int day_remove(struct days *days, struct day *day, const bool *is_gone, struct err *err);
