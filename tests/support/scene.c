// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/scene.h"

#include <assert.h>
#include <string.h>

#include "lib/util.h"

void scene_init(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	scene->outcome = &scene->memory.header;
	scene->outcome->made.bytes = sizeof(*scene->outcome);
	scene->outcome->end = OUTCOME_DONE;
	scene->outcome->func = PATCH_NONE;
}

static void *append(struct scene *scene, size_t len)
{
	void *at = (char *)scene->outcome + scene->outcome->made.bytes;

	assert(scene->outcome->made.bytes + len <= SCENE_OUTCOME_BYTES);
	memset(at, 0, len);
	scene->outcome->made.bytes += len;
	return at;
}

struct outcome_event *scene_event(struct scene *scene, unsigned kind, unsigned func, unsigned seq,
				  unsigned served)
{
	scene->last = append(scene, sizeof(*scene->last));
	scene->last->len = sizeof(*scene->last);
	scene->last->kind = kind;
	scene->last->func = func;
	scene->last->seq = seq;
	scene->last->served = served;
	scene->outcome->events_cnt++;
	return scene->last;
}

struct plan_fragment *scene_fragment(struct scene *scene, unsigned short node, uint64_t addr,
				     const void *bytes, size_t len)
{
	size_t whole = sizeof(struct plan_fragment) + ALIGN_UP(len, 8);
	struct plan_fragment *fragment = append(scene, whole);

	*fragment = (struct plan_fragment){.addr = addr, .len = len, .captured = len, .node = node};
	memcpy(fragment + 1, bytes, len);
	scene->last->len += whole;
	return fragment;
}
