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

#include "replay/differences.h"

struct compare_rules;
struct err;
struct handles;
struct value;

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
