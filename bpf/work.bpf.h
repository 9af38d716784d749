/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* The list of work: objects of lists, trees and graphs, each captured once, the nearest first. */
#pragma once

#include "bpf/maps.bpf.h"

#define WORK_PROBES 32 /* of the hash; with half of it in use far fewer are needed */

/* Whether the object at @addr is new to the ops at @pc; -1: nobody can tell, the hash is too full there. */
static __noinline long work_mark(struct work *work, __u64 addr, __u32 pc)
{
	__u32 at = plan_mix(addr + pc);

	if (!work)
		return -1;
	for (__u32 i = 0; i < WORK_PROBES; i++) {
		__u32 k = (at + i) & (WORK_SEEN - 1);

		if (work->seen[k].number != work->number) {
			work->seen[k].number = work->number;
			work->seen[k].addr = addr;
			work->seen[k].pc = pc;
			return 1;
		}
		if (work->seen[k].addr == addr && work->seen[k].pc == pc)
			return 0;
	}
	return -1;
}

static __noinline void do_push(struct slot *slot, const struct plan_op *op)
{
	__u64 addr = slot->v[op->a & (PLAN_VALUES - 1)];
	__u32 level = slot->level + op->imm, pc = slot->pc + op->jmp, number = slot->number, cnt;
	struct work *work;
	long is_new = -1;

	if (!addr || level > op->max)
		return;
	work = bpf_map_lookup_elem(&works, &number);
	cnt = slot->work_cnt;
	if (work && cnt < PLAN_WORK_MAX) {
		if (!cnt)
			work->number++;
		is_new = work_mark(work, addr, pc);
	}
	if (is_new < 0)
		slot->event.flags |= EVENT_F_STEPS;
	if (is_new <= 0)
		return;
	cnt &= PLAN_WORK_MAX - 1;
	work->row[cnt].addr = addr;
	work->row[cnt].pc = pc;
	work->row[cnt].level = level;
	slot->work_cnt = cnt + 1;
}

static __noinline void do_pop(struct slot *slot, const struct plan_op *op)
{
	__u32 at = slot->work_at, number = slot->number;
	struct work *work = bpf_map_lookup_elem(&works, &number);

	slot->pc = slot->first + slot->cnt;
	if (!work || at >= slot->work_cnt || at >= PLAN_WORK_MAX)
		return;
	slot->v[op->dst & (PLAN_VALUES - 1)] = work->row[at].addr;
	slot->pc = work->row[at].pc;
	slot->level = work->row[at].level;
	slot->work_at = at + 1;
}
