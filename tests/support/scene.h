/* SPDX-License-Identifier: BSD-3-Clause */
/* The outcome of a replay, written as the target would write it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "replay/target/patch.h"

#define SCENE_OUTCOME_BYTES (sizeof(struct outcome_header) + 64 * 1024)

struct scene {
	union {
		struct outcome_header header;
		unsigned long long words[SCENE_OUTCOME_BYTES / 8];
	} memory;
	struct outcome_header *outcome;
	struct outcome_event *last;
};

void scene_init(struct scene *scene);
/* Append an event; it stays the last one until the next. */
struct outcome_event *scene_event(struct scene *scene, unsigned kind, unsigned func, unsigned seq,
				  unsigned served);
/* Append a fragment to the last event. */
struct plan_fragment *scene_fragment(struct scene *scene, unsigned short node, uint64_t addr,
				     const void *bytes, size_t len);
