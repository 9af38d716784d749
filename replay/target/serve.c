// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/serve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/target/engine.h"
#include "replay/target/files.h"
#include "replay/target/fence.h"
#include "replay/target/guard.h"
#include "replay/target/module.h"
#include "replay/target/objects.h"
#include "replay/target/shadow.h"
#include "replay/target/thunk.h"

/* Bytes of pattern behind an object: room for another one like it. */
#define PATTERN	      0x4d
#define PATTERN_OTHER 0x4b
#define PATTERN_MIN   64
#define PATTERN_MAX   4096

static uint64_t shared[PATCH_SHARED_MAX];
static ENGINE_WRITTEN unsigned shared_cnt;

void serve_forget(void)
{
	memset(shared, 0, shared_cnt * sizeof(shared[0]));
	shared_cnt = 0;
}

#define TROUBLE(serve, ...)                                                                                  \
	({                                                                                                   \
		snprintf((serve)->trouble, sizeof((serve)->trouble), __VA_ARGS__);                           \
		-1;                                                                                          \
	})

/* What is read behind an object is the same every time and no number that anyone would believe; as a pointer
 * it leads nowhere. */
static void put_pattern(uint8_t *at, size_t len)
{
	const uint8_t byte = engine.how & PATCH_RUN_OTHERS ? PATTERN_OTHER : PATTERN;

	for (size_t i = 0; i < len; i++)
		at[i] = i % 8 < 6 ? byte : 0;
}

static size_t pattern_len(size_t len)
{
	return len < PATTERN_MIN ? PATTERN_MIN : len > PATTERN_MAX ? PATTERN_MAX : len;
}

/* Where the usual one still is. */
static void put_other_pattern(uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (at[i] == PATTERN)
			at[i] = PATTERN_OTHER;
}

/* The program's own allocator, for the program may free it. */
static uint64_t alloc_plain(struct frame *frame, size_t len)
{
	size_t more = pattern_len(len);
	uint8_t *at = malloc(len + more);

	if (!at)
		return 0;
	memset(at, 0, len);
	put_pattern(at + len, more);
	shadow_written(frame, at, len + more);
	return (uint64_t)at;
}

static int alloc(struct serve *serve, const struct serve_op *op)
{
	uint64_t lay_at = engine.patch->sees_frees ? op->data : 0, live;
	int is_early = 0;

	live = objects_find(lay_at, op->len, &is_early);
	/* What the start-up made knows nothing of how this case is played. */
	if (live && is_early && engine.how & PATCH_RUN_FENCED)
		live = 0;
	if (live && is_early && engine.how & PATCH_RUN_OTHERS)
		put_other_pattern((uint8_t *)live + op->len, pattern_len(op->len));
	if (!live) {
		thunk_keep(serve->frame);
		if (engine.how & PATCH_RUN_FENCED)
			live = fence_alloc(op->len, op->data, serve->call);
		if (!live)
			live = alloc_plain(serve->frame, op->len);
		if (!live)
			return TROUBLE(serve, "no memory for %u recorded bytes", op->len);
		objects_add(lay_at, op->len, live);
	}
	serve->v[op->dst] = live;
	return 0;
}

static int holds(uint64_t at, const uint8_t *bytes, size_t len)
{
	uint8_t now[64];

	for (size_t done = 0, step; done < len; done += step) {
		step = len - done < sizeof(now) ? len - done : sizeof(now);
		if (guard_read(now, at + done, step) != step)
			return 0;
		for (size_t i = 0; i < step; i++)
			if (now[i] != bytes[done + i])
				return 0;
	}
	return 1;
}

/* Constants of the program that hold it already need not be written. */
static int put(struct serve *serve, uint64_t to, const void *from, size_t len)
{
	if (guard_write(to, from, len) != len && !holds(to, from, len))
		return TROUBLE(serve, "%zu recorded bytes cannot be written to 0x%llx", len,
			       (unsigned long long)to);
	shadow_written(serve->frame, (void *)to, len);
	return 0;
}

static int copy(struct serve *serve, const struct serve_op *op)
{
	unsigned bytes = engine.played->bytes;

	if (op->data > bytes || op->len > bytes - op->data)
		return TROUBLE(serve, "the case makes no sense: data beyond its end");
	if (op->is_kept && objects_hold(serve->v[op->dst] + op->off, op->len))
		return 0;
	if (op->is_optional) {
		guard_write(serve->v[op->dst] + op->off, (char *)engine.played + op->data, op->len);
		return 0;
	}
	return put(serve, serve->v[op->dst] + op->off, (char *)engine.played + op->data, op->len);
}

static int point(struct serve *serve, const struct serve_op *op)
{
	uint64_t pointer = serve->v[op->src] ? serve->v[op->src] + op->data : 0;

	return put(serve, serve->v[op->dst] + op->off, &pointer, sizeof(pointer));
}

static int follow(struct serve *serve, const struct serve_op *op)
{
	uint64_t at = serve->v[op->src] + op->off, pointer = 0;

	if (guard_read(&pointer, at, sizeof(pointer)) != sizeof(pointer) && !op->is_optional)
		return TROUBLE(serve, "the pointer at 0x%llx cannot be followed", (unsigned long long)at);
	serve->v[op->dst] = pointer;
	return 0;
}

static int put_file(struct serve *serve, const struct serve_op *op)
{
	unsigned bytes = engine.played->bytes;
	const char *data = (const char *)engine.played + op->data;
	char name[PLAN_FILE_NAME_MAX];
	size_t len = 0;
	int r;

	if (op->data > bytes || op->off > bytes - op->data || op->len > bytes - op->data - op->off ||
	    !op->off || data[op->off - 1])
		return TROUBLE(serve, "the case makes no sense: a file beyond its end");
	while (op->src != SERVE_NO_LIVE && len < sizeof(name) &&
	       guard_read(&name[len], serve->v[op->src] + len, 1) == 1 && name[len])
		len++;
	if (op->src != SERVE_NO_LIVE && (len == sizeof(name) || name[len]))
		return TROUBLE(serve, "the name of a file that it writes cannot be read");
	r = files_write(op->src == SERVE_NO_LIVE ? data : name, data + op->off, op->len);
	return r ? TROUBLE(serve, "the file '%.100s' cannot be put there: %s",
			   op->src == SERVE_NO_LIVE ? data : name,
			   r == -EROFS ? "the sandbox shows it read-only" : strerror(-r))
		 : 0;
}

static int set_args(struct serve *serve, const struct serve_op *op)
{
	const size_t registers = 6 * sizeof(uint64_t), most = sizeof(serve->args) + sizeof(serve->xmm);
	const char *data = (const char *)engine.played + op->data;
	unsigned bytes = engine.played->bytes;

	if (op->len < registers + sizeof(serve->xmm) || op->len > most || op->data > bytes ||
	    op->len > bytes - op->data)
		return TROUBLE(serve, "the case makes no sense: arguments beyond its end");
	memcpy(serve->args, data, registers);
	memcpy(serve->xmm, data + registers, sizeof(serve->xmm));
	memcpy(serve->args + 6, data + registers + sizeof(serve->xmm),
	       op->len - registers - sizeof(serve->xmm));
	return 0;
}

static int call_back(struct serve *serve, const struct serve_op *op)
{
	const struct patch_func *func;
	uint64_t target;

	if (op->off >= engine.patch->funcs_cnt || op->len > PATCH_STACK_WORDS)
		return TROUBLE(serve, "the case makes no sense: callback %u", op->off);
	func = engine.funcs[op->off].patch;
	if (!serve->call_back)
		return TROUBLE(serve, "'%s' cannot be called back here", func->name);
	if (op->src == SERVE_NO_LIVE && !module_is_loaded(func->module))
		return TROUBLE(serve, "'%s', which it called back, is not loaded", func->name);
	target = op->src == SERVE_NO_LIVE ? module_base(func->module) + func->addr : serve->v[op->src];
	if (!target)
		return TROUBLE(serve, "'%s' was called back, and now the program gives no function",
			       func->name);
	serve->call_back(serve, op, target);
	return 0;
}

static int step(struct serve *serve, const struct serve_op *op)
{
	if (op->dst >= PATCH_SERVE_VALUES || op->src >= PATCH_SERVE_VALUES)
		return TROUBLE(serve, "the case makes no sense: register %u, %u", op->dst, op->src);
	switch (op->kind) {
	case SERVE_ALLOC:
		return alloc(serve, op);
	case SERVE_WRITE:
		return copy(serve, op);
	case SERVE_POINTER:
		return point(serve, op);
	case SERVE_FOLLOW:
		return follow(serve, op);
	case SERVE_ADD:
		serve->v[op->dst] = serve->v[op->src] + op->off;
		return 0;
	case SERVE_SHARE:
	case SERVE_SHARED:
		if (op->data >= PATCH_SHARED_MAX)
			return TROUBLE(serve, "the case makes no sense: shared value %llu", op->data);
		if (op->kind == SERVE_SHARE && op->data >= shared_cnt)
			shared_cnt = op->data + 1;
		if (op->kind == SERVE_SHARE)
			shared[op->data] = serve->v[op->dst];
		else
			serve->v[op->dst] = shared[op->data];
		if (op->kind == SERVE_SHARED && op->len == SERVE_MUST_BE_SHARED && !serve->v[op->dst])
			return TROUBLE(
				serve,
				"a callback needs a pointer that an earlier call was given, and was not "
				"given in this replay");
		return 0;
	case SERVE_ARG:
		if (op->off >= sizeof(serve->args) / sizeof(serve->args[0]))
			return TROUBLE(serve, "the case makes no sense: argument %u", op->off);
		serve->args[op->off] = serve->v[op->src] + op->data;
		return 0;
	case SERVE_IMAGE:
		if (op->off >= engine.patch->modules_cnt || !module_is_loaded(op->off))
			return TROUBLE(serve, "module %u, which recorded data points into, is not loaded",
				       op->off);
		serve->v[op->dst] = module_base(op->off) + op->data;
		return 0;
	case SERVE_FILE:
		return put_file(serve, op);
	case SERVE_ARGS:
		return set_args(serve, op);
	case SERVE_CALL:
		return call_back(serve, op);
	case SERVE_RESULT:
		if (op->off >= 2)
			return TROUBLE(serve, "the case makes no sense: result %u", op->off);
		serve->result[op->off] = serve->v[op->src] + op->data;
		return 0;
	default:
		return TROUBLE(serve, "the case makes no sense: op %u", op->kind);
	}
}

int serve_run(struct serve *serve, unsigned ops, unsigned cnt)
{
	const struct serve_op *op = (void *)((char *)engine.played + ops);

	if (!engine_is_inside(ops, cnt, sizeof(*op), engine.played->bytes))
		return TROUBLE(serve, "the case makes no sense: ops beyond its end");
	for (unsigned i = 0; i < cnt; i++)
		if (step(serve, &op[i]))
			return -1;
	return 0;
}
