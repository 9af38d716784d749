// SPDX-License-Identifier: BSD-3-Clause
/* The probes on a live process: every value right or marked, every loss counted, and the process unharmed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/capability.h>

#include "lib/err.h"
#include "lib/plan.h"
#include "lib/util.h"
#include "tests/integration/rig.h"
#include "tests/integration/victims/victim.h"

#define TEMP PLAN_V_TEMP
#define COPY(at, n)                                                                                          \
	{                                                                                                    \
		.kind = PLAN_COPY, .a = (at), .b = PLAN_V_ZERO, .max = (n)                                   \
	}
#define STRING(at, n)                                                                                        \
	{                                                                                                    \
		.kind = PLAN_STRING, .a = (at), .max = (n)                                                   \
	}
#define OPS(...)                                                                                             \
	(const struct plan_op[])                                                                             \
	{                                                                                                    \
		__VA_ARGS__                                                                                  \
	}
#define CNT(...) (sizeof((const struct plan_op[]){__VA_ARGS__}) / sizeof(struct plan_op))
#define IN(...)	 .in = OPS(__VA_ARGS__), .in_cnt = CNT(__VA_ARGS__)
#define OUT(...) .out = OPS(__VA_ARGS__), .out_cnt = CNT(__VA_ARGS__)

#define EVENTS_PER_WORK 6 /* the operation and two calls, entry and return each */

#define IN_GET                                                                                               \
	{                                                                                                    \
		"in_get", ROLE_INPUT, PLAN_F_ERRNO, IN(STRING(0, 64)),                                       \
			OUT({.kind = PLAN_COPY, .a = 1, .b = PLAN_V_RAX, .max = 4096})                       \
	}

static const struct probe work_probes[] = {
	{"op_work", ROLE_OPERATION, 0,
	 IN(COPY(1, sizeof(struct item)),
	    {.kind = PLAN_LOAD, .dst = TEMP, .a = 1, .imm = offsetof(struct item, note), .max = 8, .jmp = 1},
	    STRING(TEMP, 64)),
	 OUT(COPY(2, sizeof(struct answer)))},
	IN_GET,
	{"out_put", ROLE_OUTPUT, 0,
	 IN(COPY(0, sizeof(struct item)),
	    {.kind = PLAN_LOAD, .dst = TEMP, .a = 0, .imm = offsetof(struct item, data), .max = 8},
	    {.kind = PLAN_LOAD, .dst = TEMP + 1, .a = 0, .imm = offsetof(struct item, size), .max = 4},
	    {.kind = PLAN_COPY, .a = TEMP, .b = TEMP + 1, .max = 4096})},
};

/* What arrived. Keeps the last recording's outline for tests of single operations. */
struct seen {
	uint64_t complete, incomplete, wrong, unknown_operations;
	size_t calls_cnt;
	struct {
		uint32_t func;
		enum left left;
	} calls[8];
	enum left left;
	uint64_t arg, rax;
	char reason[128];
	bool is_complete;
	uint8_t *ids; /* operations by worker and number: how often seen */
};

static void note_outline(struct seen *seen, const struct recording *recording)
{
	*(recording->complete ? &seen->complete : &seen->incomplete) += 1;
	seen->is_complete = recording->complete;
	seen->calls_cnt = recording->calls_cnt;
	for (size_t i = 0; i < recording->calls_cnt && i < ARRAY_SIZE(seen->calls); i++) {
		seen->calls[i].func = recording->calls[i].func;
		seen->calls[i].left = recording->calls[i].left;
	}
	seen->left = recording->operation.left;
	seen->arg = recording->operation.args[0];
	seen->rax = recording->operation.rax;
	snprintf(seen->reason, sizeof(seen->reason), "%s",
		 recording->incomplete_cnt ? recording->incomplete[0] : "");
}

static void on_outline(const struct recording *recording, void *ctx)
{
	note_outline(ctx, recording);
}

/* --- the bytes of an operation op_work --- */

static bool is_fragment(const struct side *side, size_t i, uint64_t addr, const void *bytes, size_t len)
{
	const struct fragment *f = &side->fragments[i];

	return i < side->cnt && (!addr || f->addr == addr) && f->status == PLAN_FRAGMENT_OK &&
	       f->len == len && f->captured == len && !memcmp(f->bytes, bytes, len);
}

static bool is_data(const struct side *side, size_t i, uint64_t addr, uint64_t id)
{
	uint8_t data[DATA_MAX];

	for (size_t k = 0; k < len_of(id); k++)
		data[k] = byte_of(id, k);
	return is_fragment(side, i, addr, data, len_of(id));
}

static bool is_item(const struct side *side, size_t i, uint64_t addr, uint64_t id, struct item *item)
{
	struct item want = {};

	if (i >= side->cnt || side->fragments[i].captured != sizeof(*item))
		return false;
	memcpy(item, side->fragments[i].bytes, sizeof(*item));
	snprintf(want.name, sizeof(want.name), "item %llu", (unsigned long long)id);
	return side->fragments[i].addr == addr && item->id == id && item->size == len_of(id) &&
	       !strcmp(item->name, want.name);
}

static uint64_t sum_of(uint64_t id)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < len_of(id); i++)
		sum += byte_of(id, i);
	return sum;
}

static bool is_right_get(const struct call *call, uint64_t id)
{
	char key[KEY_MAX];

	snprintf(key, sizeof(key), "key %llu", (unsigned long long)id);
	return call->func == 1 && call->seq == 1 && call->left == LEFT_RETURN && call->args[2] == DATA_MAX &&
	       call->in.cnt == 1 && is_fragment(&call->in, 0, call->args[0], key, strlen(key) + 1) &&
	       call->rax == len_of(id) && call->has_errno && call->error_number == errno_of(id) &&
	       call->out.cnt == 1 && is_data(&call->out, 0, call->args[1], id);
}

static bool is_right_put(const struct call *call, uint64_t id)
{
	struct item item;

	return call->func == 2 && call->seq == 2 && call->left == LEFT_RETURN &&
	       call->args[1] == sum_of(id) && call->in.cnt == 2 &&
	       is_item(&call->in, 0, call->args[0], id, &item) &&
	       is_data(&call->in, 1, (uintptr_t)item.data, id) && !call->out.cnt && !call->has_errno;
}

static bool is_right_work(const struct recording *recording)
{
	const struct call *operation = &recording->operation;
	uint64_t id = operation->args[0];
	struct answer answer = {id, sum_of(id)};
	char note[KEY_MAX];
	struct item item;

	snprintf(note, sizeof(note), "note %llu", (unsigned long long)id);
	return operation->func == 0 && operation->left == LEFT_RETURN &&
	       operation->rax == len_of(id) + 1000 && operation->in.cnt == 2 &&
	       is_item(&operation->in, 0, operation->args[1], id, &item) &&
	       is_fragment(&operation->in, 1, (uintptr_t)item.note, note, strlen(note) + 1) &&
	       operation->out.cnt == 1 &&
	       is_fragment(&operation->out, 0, operation->args[2], &answer, sizeof(answer)) &&
	       recording->calls_cnt == 2 && is_right_get(&recording->calls[0], id) &&
	       is_right_put(&recording->calls[1], id);
}

#define WORKERS	       8
#define OPERATIONS_MAX 200000 /* of one worker */

static void on_work(const struct recording *recording, void *ctx)
{
	struct seen *seen = ctx;
	uint64_t id = recording->operation.args[0];
	size_t worker = (id >> 32) - 1, i = (uint32_t)id;

	note_outline(seen, recording);
	if (recording->complete && !is_right_work(recording))
		seen->wrong++;
	if (!seen->ids)
		return;
	if (worker >= WORKERS || i >= OPERATIONS_MAX || seen->ids[worker * OPERATIONS_MAX + i]++)
		seen->unknown_operations++;
}

/* --- tests --- */

static void every_value_is_right_under_eight_threads(void **state)
{
	const struct rig_opts opts = {
		.attach = {.ring_bytes = 64 * 1024 * 1024, .two_links = *state != NULL}};
	struct seen seen = {.ids = calloc(WORKERS, OPERATIONS_MAX)};
	struct rig *rig = rig_start(work_probes, ARRAY_SIZE(work_probes), &opts, on_work, &seen);
	struct assemble_counts assembled;
	struct func_count sum;
	const uint64_t operations = WORKERS * 34000; /* 102000 probed calls a thread */

	rig_do(rig, "work 8 34000");
	rig_finish(rig, &sum, &assembled);
	print_message("  %llu of %llu operations complete, %llu events lost\n",
		      (unsigned long long)seen.complete, (unsigned long long)operations,
		      (unsigned long long)(sum.dropped + sum.no_slot));
	assert_int_equal(seen.wrong, 0);
	assert_int_equal(seen.unknown_operations, 0);
	assert_int_equal(rig_count(rig, "op_work")->taken, operations);
	assert_int_equal(sum.emitted + sum.dropped + sum.no_slot, operations * EVENTS_PER_WORK);
	assert_int_equal(sum.faults, 0);
	assert_int_equal(sum.no_state, 0);
	if (sum.dropped + sum.no_slot == 0)
		assert_int_equal(seen.complete, operations);
	assert_in_range(seen.complete, operations / 2, operations);
	rig_end(rig);
	free(seen.ids);
}

static void lost_events_are_accounted_for_one_by_one(void **state)
{
	const struct rig_opts opts = {.attach = {.ring_bytes = 64 * 1024}};
	struct seen seen = {.ids = calloc(WORKERS, OPERATIONS_MAX)};
	struct rig *rig = rig_start(work_probes, ARRAY_SIZE(work_probes), &opts, on_work, &seen);
	struct assemble_counts assembled;
	struct func_count sum;
	uint64_t lost, operations = WORKERS * 3001;

	rig_do_blind(rig, "work 8 1000");
	rig_do(rig, "work 8 1000"); /* the rings now and then full */
	rig_do_blind(rig, "work 8 1000");
	rig_run(rig, 10);
	rig_do(rig, "work 8 1"); /* a last event of every thread, so that each gap has an end */
	rig_finish(rig, &sum, &assembled);
	lost = sum.dropped + sum.no_slot;
	assert_true(lost > operations); /* there was overflow */
	assert_int_equal(sum.emitted + lost, operations * EVENTS_PER_WORK);
	assert_int_equal(assembled.lost_events, lost);
	assert_int_equal(seen.wrong, 0);
	assert_int_equal(seen.unknown_operations, 0);
	assert_int_equal(assembled.complete, seen.complete);
	assert_int_equal(assembled.incomplete, seen.incomplete);
	assert_true(seen.complete >= WORKERS && seen.complete < operations);
	rig_end(rig);
	free(seen.ids);
}

static const struct probe single_probes[] = {
	{"op_deep", ROLE_OPERATION},
	{"op_calls_deep", ROLE_OPERATION},
	{"op_jump", ROLE_OPERATION},
	{"op_escape", ROLE_OPERATION},
	{"op_tail", ROLE_OPERATION},
	{"op_fork", ROLE_OPERATION},
	{"op_fork_return", ROLE_OPERATION},
	{"op_block", ROLE_OPERATION},
	{"op_thread_exit", ROLE_OPERATION},
	{"op_memory", ROLE_OPERATION},
	{"in_deep", ROLE_INPUT},
	{"in_jump", ROLE_INPUT},
	{"in_block", ROLE_INPUT},
	IN_GET,
};
enum { IN_DEEP = 10, IN_JUMP, IN_BLOCK, IN_GET_FUNC };

static struct rig *start_single(struct seen *seen, bool two_links)
{
	const struct rig_opts opts = {.attach = {.two_links = two_links, .ring_bytes = 1024 * 1024}};

	return rig_start(single_probes, ARRAY_SIZE(single_probes), &opts, on_outline, seen);
}

static void finish_single(struct rig *rig, struct seen *seen, uint64_t complete, uint64_t incomplete)
{
	struct assemble_counts assembled;
	struct func_count sum;

	rig_finish(rig, &sum, &assembled);
	assert_int_equal(seen->complete, complete);
	assert_int_equal(seen->incomplete, incomplete);
	assert_int_equal(sum.dropped + sum.no_slot + sum.no_state, 0);
	rig_end(rig);
}

/* Sessions skip the returns of what is not recorded; two links run out of return probes at 64. */
static void recursion_deeper_than_64_is_right_or_marked(void **state)
{
	struct seen seen = {};
	struct rig *rig = start_single(&seen, false);

	rig_do(rig, "deep 100");
	assert_int_equal(seen.calls_cnt, 2);
	assert_int_equal(seen.calls[0].func, IN_DEEP);
	assert_int_equal(seen.calls[1].func, IN_GET_FUNC);
	assert_int_equal(seen.calls[1].left, LEFT_RETURN);
	assert_int_equal(seen.rax, 100 + len_of(6));
	finish_single(rig, &seen, 2, 0);

	seen = (struct seen){};
	rig = start_single(&seen, true);
	rig_do(rig, "deep 100");
	assert_true(seen.is_complete); /* of op_calls_deep: in_deep is the outermost of its returns */
	assert_int_equal(seen.rax, 100 + len_of(6));
	assert_int_equal(seen.incomplete, 1); /* op_deep: in_get lies behind 101 returns */
	finish_single(rig, &seen, 1, 1);
}

static void a_call_left_by_a_jump_is_said_so(void **state)
{
	static const char *const commands[] = {"jump 16", "jump 600", "jump 3000"};

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		struct seen seen = {};
		struct rig *rig = start_single(&seen, *state != NULL);

		rig_do(rig, commands[i]);
		assert_true(seen.is_complete || strstr(seen.reason, "left by a jump"));
		assert_int_equal(seen.left, LEFT_RETURN);
		assert_int_equal(seen.rax, len_of(7));
		assert_int_equal(seen.calls[0].func, IN_JUMP);
		assert_int_equal(seen.calls[0].left, LEFT_UNWOUND);
		if (seen.is_complete) {
			assert_int_equal(seen.calls_cnt, 2);
			assert_int_equal(seen.calls[1].func, IN_GET_FUNC);
			assert_int_equal(seen.calls[1].left, LEFT_RETURN);
		}
		finish_single(rig, &seen, seen.is_complete, !seen.is_complete);
	}
}

static void an_operation_left_by_a_jump_does_not_collect_later_calls(void **state)
{
	struct seen seen = {};
	struct rig *rig = start_single(&seen, *state != NULL);

	rig_do(rig, "escape");
	assert_int_equal(seen.complete, 3); /* two escapes and the op_jump behind them */
	assert_int_equal(seen.calls_cnt, 2);
	assert_int_equal(seen.left, LEFT_RETURN);
	finish_single(rig, &seen, 3, 0);
}

static void a_tail_call_returns_twice(void **state)
{
	struct seen seen = {};
	struct rig *rig = start_single(&seen, *state != NULL);

	rig_do(rig, "tail");
	assert_int_equal(seen.calls_cnt, 1);
	assert_int_equal(seen.calls[0].func, IN_GET_FUNC);
	assert_int_equal(seen.calls[0].left, LEFT_RETURN);
	assert_int_equal(seen.left, LEFT_RETURN);
	assert_int_equal(seen.rax, len_of(11));
	finish_single(rig, &seen, 1, 0);
}

static void a_forked_child_is_not_seen(void **state)
{
	struct seen seen = {};
	struct rig *rig = start_single(&seen, *state != NULL);

	rig_do(rig, "fork");
	assert_int_equal(seen.calls_cnt, 0);
	finish_single(rig, &seen, 2, 0);
}

static void a_process_killed_inside_an_operation_leaves_it_marked(void **state)
{
	struct seen seen = {};
	struct rig *rig = start_single(&seen, *state != NULL);

	rig_ask(rig, "block", "inside");
	rig_kill(rig);
	rig_run(rig, 20);
	assert_int_equal(seen.left, LEFT_EXIT);
	assert_string_equal(seen.reason, "its thread was killed inside the operation");
	assert_int_equal(seen.calls_cnt, 1);
	assert_int_equal(seen.calls[0].func, IN_BLOCK);
	assert_int_equal(seen.calls[0].left, LEFT_EXIT);
	finish_single(rig, &seen, 0, 1);
}

static void a_thread_that_exits_inside_an_operation_is_said_so(void **state)
{
	struct seen seen = {};
	struct rig *rig = start_single(&seen, *state != NULL);

	rig_do(rig, "thread_exit");
	rig_run(rig, 20);
	assert_int_equal(seen.left, LEFT_EXIT);
	assert_int_equal(seen.calls[0].left, LEFT_RETURN);
	finish_single(rig, &seen, 1, 0);
}

/* --- memory that is not simply there --- */

static void on_memory(const struct recording *recording, void *ctx)
{
	const struct side *in = &recording->operation.in;
	size_t got = 0;

	note_outline(ctx, recording);
	assert_int_equal(in->cnt, 10);
	assert_true(is_fragment(in, 0, recording->operation.args[0], "cold page text", 15));
	assert_true(is_fragment(in, 1, recording->operation.args[0], "cold page text", 15));

	assert_int_equal(in->fragments[2].status, PLAN_FRAGMENT_FAULT); /* text into a hole */
	assert_int_equal(in->fragments[2].captured, 4);
	assert_memory_equal(in->fragments[2].bytes, "edge", 4);
	assert_true(in->fragments[2].len > 4);
	assert_int_equal(in->fragments[3].status, PLAN_FRAGMENT_FAULT); /* bytes into a hole */
	assert_int_equal(in->fragments[3].captured, 4);
	assert_int_equal(in->fragments[3].len, 100);
	assert_int_equal(in->fragments[4].status, PLAN_FRAGMENT_FAULT); /* no memory */
	assert_int_equal(in->fragments[4].captured, 0);

	assert_int_equal(in->fragments[5].captured, 8); /* cut text: no NUL within its limit */
	assert_int_equal(in->fragments[5].len, 9);
	assert_memory_equal(in->fragments[5].bytes, "cold pag", 8);
	assert_int_equal(in->fragments[6].len, 0); /* a negative length */
	for (size_t i = 7; i < 10; i++) {	   /* 40000 bytes in pieces */
		const struct fragment *f = &in->fragments[i];

		assert_int_equal(f->addr, recording->operation.args[3] + got);
		assert_int_equal(f->len, BIG_BYTES - got);
		for (size_t k = 0; k < f->captured; k++)
			assert_int_equal(f->bytes[k], byte_of(1, got + k));
		got += f->captured;
	}
	assert_int_equal(got, BIG_BYTES);
}

static void what_cannot_be_read_is_marked_and_what_is_not_resident_is_read(void **state)
{
	const struct probe probes[] = {
		{"op_memory", ROLE_OPERATION, 0,
		 IN(STRING(0, 64), COPY(0, 15), STRING(1, 64), COPY(1, 100), STRING(2, 64), STRING(0, 8),
		    {.kind = PLAN_CONST, .dst = TEMP, .imm = -1, .max = ~0u},
		    {.kind = PLAN_COPY, .a = 0, .b = TEMP, .max = 64}, COPY(3, BIG_BYTES),
		    STRING(TEMP + 1, 64))},
	};
	const struct rig_opts opts = {};
	struct seen seen = {};
	struct rig *rig = rig_start(probes, ARRAY_SIZE(probes), &opts, on_memory, &seen);

	rig_do(rig, "memory");
	finish_single(rig, &seen, 1, 0);
}

static void on_budget(const struct recording *recording, void *ctx)
{
	const struct side *in = &recording->operation.in;
	size_t bytes = 0;

	note_outline(ctx, recording);
	assert_true(in->budget_cut);
	for (size_t i = 0; i < in->cnt; i++)
		bytes += sizeof(struct plan_fragment) + in->fragments[i].captured;
	assert_int_equal(bytes, PLAN_BYTES_MAX);
	assert_int_equal(in->fragments[in->cnt - 1].status, PLAN_FRAGMENT_BUDGET);
}

static void the_budget_of_bytes_holds_and_is_said(void **state)
{
	const struct probe probes[] = {
		{"op_memory", ROLE_OPERATION, 0, IN(COPY(3, BIG_BYTES), COPY(3, BIG_BYTES), COPY(3, 8))},
	};
	const struct rig_opts opts = {};
	struct seen seen = {};
	struct rig *rig = rig_start(probes, ARRAY_SIZE(probes), &opts, on_budget, &seen);

	rig_do(rig, "memory");
	finish_single(rig, &seen, 1, 0);
}

static void on_endless(const struct recording *recording, void *ctx)
{
	note_outline(ctx, recording);
	assert_true(recording->operation.in.steps_cut);
	assert_false(recording->operation.in.budget_cut);
	assert_int_equal(recording->operation.in.cnt, 1);
}

static void a_plan_without_end_is_ended(void **state)
{
	const struct probe probes[] = {
		{"op_memory", ROLE_OPERATION, 0, IN(COPY(3, 8), {.kind = PLAN_JUMP, .jmp = -1})},
	};
	const struct rig_opts opts = {};
	struct seen seen = {};
	struct rig *rig = rig_start(probes, ARRAY_SIZE(probes), &opts, on_endless, &seen);

	rig_do(rig, "memory");
	finish_single(rig, &seen, 1, 0);
}

/* Each op's result is kept, and leaves as the length of a copy: in a fragment's `len`. */
#define SHOW(v)                                                                                              \
	{                                                                                                    \
		.kind = PLAN_COPY, .a = 3, .b = (v), .max = 8                                                \
	}
#define NUMBER(v, n)                                                                                         \
	{                                                                                                    \
		.kind = PLAN_CONST, .dst = (v), .imm = (int)(n),                                             \
		.max = (unsigned int)((unsigned long long)(n) >> 32)                                         \
	}
#define DO(k) {.kind = (k), .dst = TEMP + 2, .a = TEMP, .b = TEMP + 1}, SHOW(TEMP + 2)

static void on_numbers(const struct recording *recording, void *ctx)
{
	static const uint32_t want[] = {
		[0] = 107, 93, 700, 14,	 2, 0, 0,  0, 1,    7, 100, 0, /* ADD .. NOT of 100 and 7 */
		[12] = 0,  6,  3,   255, 5, 0, 12, 3, 0x64, 9,
	};
	const struct side *in = &recording->operation.in, *out = &recording->operation.out;

	note_outline(ctx, recording);
	assert_int_equal(in->cnt, ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		if (in->fragments[i].len != want[i])
			fail_msg("number %zu is %u, not %u", i, in->fragments[i].len, want[i]);
	assert_int_equal(out->cnt, 2);
	assert_int_equal(out->fragments[0].len, 100);
	assert_int_equal(out->fragments[1].len, 0);
}

static void numbers_are_those_of_the_manual(void **state)
{
	const struct probe probes[] = {
		{"op_memory", ROLE_OPERATION, 0,
		 IN(NUMBER(TEMP, 100), NUMBER(TEMP + 1, 7), DO(PLAN_ADD), DO(PLAN_SUB), DO(PLAN_MUL),
		    DO(PLAN_DIV), DO(PLAN_MOD), DO(PLAN_LT), DO(PLAN_LE), DO(PLAN_EQ), DO(PLAN_NE),
		    DO(PLAN_MIN), DO(PLAN_MAX), DO(PLAN_NOT), {.kind = PLAN_KEEP, .a = TEMP},
		    NUMBER(TEMP + 1, 0), DO(PLAN_DIV),			   /* 12: by zero */
		    NUMBER(TEMP, -20), NUMBER(TEMP + 1, -3), DO(PLAN_DIV), /* 13: 6 */
		    NUMBER(TEMP, 11), NUMBER(TEMP + 1, -8), DO(PLAN_MOD),  /* 14: 3 */
		    NUMBER(TEMP, 0x12ff), {.kind = PLAN_EXTEND, .dst = TEMP + 2, .a = TEMP, .imm = 1},
		    SHOW(TEMP + 2), /* 15: 255 */
		    {.kind = PLAN_EXTEND, .dst = TEMP + 2, .a = TEMP, .imm = -1},
		    {.kind = PLAN_MOVE, .dst = TEMP + 2, .a = TEMP + 2, .imm = 6},
		    SHOW(TEMP + 2), /* 16: -1 + 6 */
		    {.kind = PLAN_BITS, .dst = TEMP + 2, .a = TEMP, .imm = -1, .max = 4 << 8 | 4},
		    SHOW(TEMP + 2), /* 17: -1, so 0 */
		    NUMBER(TEMP, 0xabc0), {.kind = PLAN_BITS, .dst = TEMP + 2, .a = TEMP, .max = 4 << 8 | 6},
		    {.kind = PLAN_ADD, .dst = TEMP + 2, .a = TEMP + 2, .b = PLAN_V_ZERO},
		    {.kind = PLAN_MIN, .dst = TEMP + 2, .a = TEMP + 2, .b = TEMP + 2},
		    {.kind = PLAN_MOVE, .dst = TEMP + 2, .a = TEMP + 2, .imm = -3},
		    SHOW(TEMP + 2), /* 18: 15 - 3 */
		    NUMBER(TEMP, 0), NUMBER(TEMP + 1, 3),
		    {.kind = PLAN_MOVE, .dst = TEMP + 3, .a = PLAN_V_ZERO},
		    {.kind = PLAN_NEXT, .dst = TEMP, .a = TEMP + 3, .b = TEMP + 1, .max = 5, .jmp = -1},
		    SHOW(TEMP), /* 19: rounds */
		    {.kind = PLAN_LOAD, .dst = TEMP, .a = 1, .max = 1, .jmp = 1},
		    {.kind = PLAN_MOVE, .dst = TEMP, .a = TEMP, .imm = -1}, /* 20: 'e' - 1 */
		    SHOW(TEMP), NUMBER(TEMP + 1, 9),
		    {.kind = PLAN_LOAD, .dst = TEMP, .a = 2, .max = 8, .jmp = 1}, NUMBER(TEMP + 1, 1),
		    {.kind = PLAN_JZ, .a = TEMP, .jmp = 1}, NUMBER(TEMP + 1, 2),
		    SHOW(TEMP + 1)), /* 21: both jumps taken: 9 */
		 OUT({.kind = PLAN_KEPT, .dst = TEMP}, SHOW(TEMP), {.kind = PLAN_KEPT, .dst = TEMP, .imm = 1},
		     SHOW(TEMP))},
	};
	const struct rig_opts opts = {};
	struct seen seen = {};
	struct rig *rig = rig_start(probes, ARRAY_SIZE(probes), &opts, on_numbers, &seen);

	rig_do(rig, "memory");
	finish_single(rig, &seen, 1, 0);
}

/* --- attaching, sampling, counting --- */

static void a_busy_process_can_be_attached_and_left_again(void **state)
{
	const struct rig_opts opts = {
		.attach = {.ring_bytes = 32 * 1024 * 1024, .two_links = *state != NULL}};
	struct seen seen = {};
	struct rig *rig = rig_start(work_probes, ARRAY_SIZE(work_probes), &opts, on_work, &seen);
	struct assemble_counts assembled;
	struct func_count sum;

	rig_detach(rig);
	rig_attach(rig);
	rig_do(rig, "busy 4");
	for (int round = 0; round < 5; round++) {
		rig_run(rig, 50);
		rig_detach(rig);
		rig_attach(rig);
	}
	rig_do(rig, "idle");
	rig_finish(rig, &sum, &assembled);
	assert_int_equal(seen.wrong, 0);
	assert_true(seen.complete > 100);
	rig_end(rig);
}

static void sampling_takes_its_share_and_whole(void **state)
{
	const struct rig_opts opts = {.rate = 0.1, .attach = {.ring_bytes = 32 * 1024 * 1024}};
	struct seen seen = {.ids = calloc(WORKERS, OPERATIONS_MAX)};
	struct rig *rig = rig_start(work_probes, ARRAY_SIZE(work_probes), &opts, on_work, &seen);
	const uint64_t operations = WORKERS * 5000;
	struct assemble_counts assembled;
	struct func_count sum;

	rig_do(rig, "work 8 5000");
	rig_finish(rig, &sum, &assembled);
	assert_int_equal(seen.wrong + seen.unknown_operations + seen.incomplete, 0);
	assert_int_equal(sum.dropped + sum.no_slot, 0);
	assert_in_range(seen.complete, operations / 10 - 400, operations / 10 + 400); /* 6.6 sigma */
	assert_int_equal(rig_count(rig, "op_work")->hits, operations);
	assert_int_equal(rig_count(rig, "op_work")->taken, seen.complete);
	assert_int_equal(sum.sampled_out, operations - seen.complete);
	assert_int_equal(rig_count(rig, "in_get")->hits, operations);
	assert_int_equal(rig_count(rig, "in_get")->taken, seen.complete);
	rig_end(rig);
	free(seen.ids);
}

static void no_second_takes_more_than_its_limit(void **state)
{
	const struct rig_opts opts = {.max_per_second = 50};
	struct seen seen = {};
	struct rig *rig = rig_start(work_probes, ARRAY_SIZE(work_probes), &opts, on_work, &seen);
	struct assemble_counts assembled;
	struct func_count sum;

	rig_do(rig, "busy 2");
	rig_run(rig, 1500);
	rig_do(rig, "idle");
	rig_finish(rig, &sum, &assembled);
	assert_int_equal(seen.wrong + seen.incomplete, 0);
	assert_in_range(seen.complete, 50, 150); /* the run touches two seconds or three */
	rig_end(rig);
}

static void counting_only_records_nothing(void **state)
{
	const struct rig_opts opts = {.attach = {.count_only = true}};
	struct seen seen = {};
	struct rig *rig = rig_start(work_probes, ARRAY_SIZE(work_probes), &opts, on_work, &seen);
	struct assemble_counts assembled;
	struct func_count sum;

	rig_do(rig, "work 8 1000");
	rig_finish(rig, &sum, &assembled);
	assert_int_equal(sum.hits, WORKERS * 1000 * 3);
	assert_int_equal(sum.taken + sum.emitted + sum.dropped, 0);
	assert_int_equal(seen.complete + seen.incomplete, 0);
	rig_end(rig);
}

static void an_operation_of_many_calls_is_whole(void **state)
{
	const struct probe probes[] = {{"op_many", ROLE_OPERATION}, IN_GET};
	const struct rig_opts opts = {.attach = {.ring_bytes = 64 * 1024 * 1024}};
	struct seen seen = {};
	struct rig *rig = rig_start(probes, ARRAY_SIZE(probes), &opts, on_outline, &seen);

	rig_do(rig, "many 20000");
	assert_int_equal(seen.calls_cnt, 20000);
	finish_single(rig, &seen, 1, 0);
}

static void no_such_process_is_said(void **state)
{
	const struct rig_opts opts = {};
	struct seen seen = {};
	struct rig *rig = rig_start(work_probes, ARRAY_SIZE(work_probes), &opts, on_work, &seen);

	rig_attach_to_nobody(rig, "no process 2147483647");
	rig_end(rig);
}

#define CAP(name) (1ull << CAP_##name)

static void a_missing_privilege_is_named(void **state)
{
	static const char message[] =
		"BPF is not permitted here: needs CAP_BPF and CAP_PERFMON (run as root, or: "
		"setcap cap_bpf,cap_perfmon,cap_sys_ptrace+ep tapedeck)";
	const struct rig_opts opts = {};
	struct seen seen = {};
	struct rig *rig = rig_start(work_probes, ARRAY_SIZE(work_probes), &opts, on_work, &seen);

	rig_attach_with(rig, 0, message);
	rig_attach_with(rig, CAP(SYS_PTRACE), message);
	rig_attach_with(rig, CAP(BPF), message);
	rig_attach_with(rig, CAP(BPF) | CAP(PERFMON), NULL);
	rig_end(rig);
}

#define twice(test)                                                                                          \
	{#test " (sessions)", test, NULL, NULL, NULL},                                                       \
	{                                                                                                    \
#test " (two links)", test, NULL, NULL, "two links"                                          \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		twice(every_value_is_right_under_eight_threads),
		cmocka_unit_test(lost_events_are_accounted_for_one_by_one),
		cmocka_unit_test(recursion_deeper_than_64_is_right_or_marked),
		twice(a_call_left_by_a_jump_is_said_so),
		twice(an_operation_left_by_a_jump_does_not_collect_later_calls),
		twice(a_tail_call_returns_twice),
		twice(a_forked_child_is_not_seen),
		twice(a_process_killed_inside_an_operation_leaves_it_marked),
		twice(a_thread_that_exits_inside_an_operation_is_said_so),
		cmocka_unit_test(what_cannot_be_read_is_marked_and_what_is_not_resident_is_read),
		cmocka_unit_test(the_budget_of_bytes_holds_and_is_said),
		cmocka_unit_test(a_plan_without_end_is_ended),
		cmocka_unit_test(numbers_are_those_of_the_manual),
		twice(a_busy_process_can_be_attached_and_left_again),
		cmocka_unit_test(sampling_takes_its_share_and_whole),
		cmocka_unit_test(no_second_takes_more_than_its_limit),
		cmocka_unit_test(counting_only_records_nothing),
		cmocka_unit_test(an_operation_of_many_calls_is_whole),
		cmocka_unit_test(no_such_process_is_said),
		cmocka_unit_test(a_missing_privilege_is_named),
	};

	if (getenv("FILTER"))
		cmocka_set_test_filter(getenv("FILTER"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
