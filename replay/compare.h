/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Typed comparison, path by path and by name: blind to padding and addresses, bit-exact unless the
 * configuration says otherwise. What one side could not capture is never equal by assumption: it is a
 * difference that says "unavailable". What neither side captured is passed over and counted. A register that
 * the recorder could not read is no difference of the program's: it is noted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cJSON;
struct err;
struct handles;
struct value;
struct values;

#define DIFFERENCES_MAX 1000 /* of one comparison; the rest is counted */

struct difference {
	char *path;			   /* "return", "reply->total", "calls[orders.notify#2].text" */
	struct cJSON *recorded, *replayed; /* NULL: not there */
};

struct differences {
	struct difference *row;
	size_t cnt, more;
	size_t unavailable; /* values that neither side captured: not compared */
	char *unread;	    /* the path of a recorded value whose register could not be read; NULL: none */
};
void differences_release(struct differences *differences);
/* Takes @recorded and @replayed over, always. */
int differences_add(struct differences *differences, const char *path, struct cJSON *recorded,
		    struct cJSON *replayed, struct err *err);

struct compare_rules { /* borrowed; canonical paths */
	char *const *ignore, *const *unordered;
	size_t ignore_cnt, unordered_cnt;
	const struct tolerance *tolerances;
	size_t tolerances_cnt;
};

/* Handles met on both sides: a one-to-one mapping made at first appearance, shared by a whole comparison. */
struct handle_map;
struct handle_map *handle_map_new(void); /* NULL: no memory */
void handle_map_free(struct handle_map *map);
/* Whether the recorded @recorded can be the replayed @replayed: they are each other's, or both are new. With
 * @learn new ones become each other's. */
bool handle_map_agrees(struct handle_map *map, uint64_t recorded, uint64_t replayed, bool learn);
struct handles *handle_map_numbers(struct handle_map *map, bool of_replayed); /* for value_json; borrowed */

/*
 * Compare @recorded with @replayed; either may be NULL. @prefix stands before the paths reported: "" or
 * "calls[a#1].". Members only one layout has are passed over. Elements of an array that only one side has are
 * reported one by one.
 */
int compare_value(struct differences *out, const char *prefix, const struct value *recorded,
		  const struct value *replayed, const struct compare_rules *rules, struct handle_map *handles,
		  struct err *err);
