// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/trial.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/planner.h"

/* The target's engine is no part of the archives; this copy of one function of it has a name of its own. */
#define capture_run trial_capture_run
#include "replay/target/capture.c"
#include "replay/target/capture_format.c"

#define ROOM (4 * 1024 * 1024)

static void must(int r, const struct err *err)
{
	if (!r)
		return;
	fprintf(stderr, "%s\n", err->msg);
	abort();
}

/* Reads that fault only where the memory does. */
static size_t read_self(void *to, uint64_t from, size_t len)
{
	struct iovec local = {to, len}, remote = {(void *)from, len};
	ssize_t n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

	return n < 0 ? 0 : n;
}

void trial_init(struct trial *t, struct shop *shop, size_t func, const char *const *key, unsigned key_cnt)
{
	struct err err = {};

	*t = (struct trial){.pool = pool_new()};
	must(shape_build(&t->shape, shop->schema, func, NULL, &err), &err);
	t->plan = calloc(1, sizeof(*t->plan));
	must(planner_compile(t->plan, t->shape, key, key_cnt, &err), &err);
	for (int i = 0; i < 3; i++)
		t->buffers[i] = malloc(ROOM);
}

void trial_release(struct trial *t)
{
	for (int i = 0; i < 3; i++)
		free(t->buffers[i]);
	free(t->plan);
	shape_free(t->shape);
	pool_free(t->pool);
}

static size_t put_fpregs(const struct trial *t, enum capture_section section)
{
	unsigned cnt = section == CAPTURE_IN ? t->plan->fp_in : section == CAPTURE_OUT ? t->plan->fp_out : 0;
	struct plan_fragment f = {.addr = PLAN_FP_ADDR, .len = cnt * PLAN_FP_BYTES, .node = PLAN_NODE_FPREGS};

	if (!cnt)
		return 0;
	f.captured = t->fp_unread ? 0 : f.len;
	f.status = t->fp_unread ? PLAN_FRAGMENT_FAULT : PLAN_FRAGMENT_OK;
	memcpy(t->buffers[section], &f, sizeof(f));
	memcpy(t->buffers[section] + sizeof(f), section == CAPTURE_IN ? t->fp_in : t->fp_out, f.captured);
	return sizeof(f) + f.captured;
}

static void run(struct trial *t, enum capture_section section)
{
	static struct capture_work work;
	struct capture c = {
		.work = &work, .read = read_self, .xmm = t->fp_in, .out = t->buffers[section], .room = ROOM};

	memset(c.v, 0x5a, sizeof(c.v)); /* a temporary that is read before it is written shows */
	memcpy(c.v, t->call.args, sizeof(t->call.args));
	c.v[PLAN_V_RSP] = (uint64_t)t->stack;
	if (section == CAPTURE_OUT) {
		c.v[PLAN_V_RAX] = t->call.rax;
		c.v[PLAN_V_RDX] = t->call.rdx;
		c.v[PLAN_V_ERRNO] = t->call.error_number;
	}
	memcpy(c.keep, t->keep, sizeof(c.keep));
	c.len = put_fpregs(t, section);
	capture_run(&c, t->plan, section);
	memcpy(t->keep, c.keep, sizeof(c.keep));
	t->flags |= c.flags;
	t->lens[section] = c.len;
}

static void parse(struct trial *t, enum capture_section section, struct side *side)
{
	const uint8_t *at = t->buffers[section], *end = at + t->lens[section];
	struct plan_fragment f;

	side->fragments = pool_array(t->pool, t->lens[section] / sizeof(f) + 1, sizeof(*side->fragments));
	for (side->cnt = 0; at < end; at += (sizeof(f) + f.captured + 7) / 8 * 8) {
		memcpy(&f, at, sizeof(f));
		side->fragments[side->cnt++] = (struct fragment){.addr = f.addr,
								 .len = f.len,
								 .captured = f.captured,
								 .node = f.node,
								 .status = f.status,
								 .bytes = at + sizeof(f)};
	}
	side->steps_cut = t->flags & CAPTURE_STEPS;
	side->budget_cut = t->flags & CAPTURE_BUDGET;
}

void trial_enter(struct trial *t)
{
	t->call.rsp = (uint64_t)t->stack;
	run(t, CAPTURE_KEY);
	run(t, CAPTURE_IN);
	parse(t, CAPTURE_IN, &t->call.in);
}

void trial_leave(struct trial *t)
{
	t->call.left = LEFT_RETURN;
	t->call.has_errno = true;
	run(t, CAPTURE_OUT);
	parse(t, CAPTURE_OUT, &t->call.out);
}

size_t trial_key(struct trial *t, const uint8_t **key)
{
	*key = t->buffers[CAPTURE_KEY];
	return t->lens[CAPTURE_KEY];
}

static void add_values(cJSON *json, const char *name, const struct values *values, struct value *const *from,
		       struct handles *handles)
{
	cJSON *object = cJSON_AddObjectToObject(json, name);

	for (size_t i = 0; i < values->params_cnt; i++)
		if (from[i])
			cJSON_AddItemToObject(object, values->names[i], value_json(from[i], handles));
}

char *trial_json(struct trial *t)
{
	struct handles *handles = handles_new();
	cJSON *json = cJSON_CreateObject();
	char *text;

	if (values_decode(&t->values, t->shape, &t->call, t->pool))
		abort();
	add_values(json, "args", &t->values, t->values.args, handles);
	add_values(json, "out", &t->values, t->values.out, handles);
	if (t->values.result)
		cJSON_AddItemToObject(json, "return", value_json(t->values.result, handles));
	text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	handles_free(handles);
	return text;
}
