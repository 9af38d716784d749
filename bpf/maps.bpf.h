/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* All maps and all state. */
#pragma once

#include "bpf/kernel.bpf.h"
#include "bpf/event.h"
#include "lib/plan.h"

struct control control;
struct func_rule rules[FUNC_MAX];
__u64 windows[FUNC_MAX]; /* window number << 32 | operations taken in it */
__u64 operations_cnt;	 /* numbers operations from 1 */

_Static_assert(!(FUNC_MAX & (FUNC_MAX - 1)), "rule_of masks");
static __always_inline struct func_rule *rule_of(__u32 func)
{
	return &rules[func & (FUNC_MAX - 1)];
}

/* Sized by the loader to the functions there are. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct plan);
} plans SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct func_count);
} counts SEC(".maps");

/* One ring per CPU, put in by the loader. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_RINGBUF);
			__uint(max_entries, 4096);
		});
} rings SEC(".maps");

/* An open operation of a thread, or the open call inside it. */
struct frame {
	__u64 rsp; /* at entry */
	__u64 ret; /* the return address that lay there */
	__u64 args[ARG_REGS];
	__u64 keep[PLAN_KEEP_MAX];
	__u64 passed_over; /* configured calls inside this one, which are not recorded */
	__u32 seq;
	__u16 func;
	__u8 is_open, is_hooked; /* its return will be seen */
};

enum { FRAME_OPERATION, FRAME_CALL, FRAME_CNT };

/*
 * A thread's state, from the first operation taken on it. Only the thread itself touches it. Two frames
 * suffice: what a call of an input or output calls in its turn is not recorded, nor is an operation inside an
 * operation.
 */
struct thread {
	__u64 op;      /* number of the open operation; 0: none */
	__u64 rseq;    /* of the last event */
	__u64 exec_id; /* of the program that the operation began in */
	__u32 attempted, seq;
	__u32 has_fp; /* fp is what the registers held at the event that is being made */
	__u8 fp[PLAN_FP_CNT * PLAN_FP_BYTES];
	struct frame frame[FRAME_CNT];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread);
} threads SEC(".maps");

#define SLOTS_PER_CPU 4

/*
 * Where an event is put together. Programs may sleep and be moved to another CPU in the middle, so a slot is
 * owned by compare-and-swap, and never shared. The interpreter's whole state lies here too: on the BPF stack
 * it would make frames of 64 bytes and more, see attach.c.
 */
struct slot {
	__u32 is_taken;
	__u32 pc, first, cnt; /* of the section that runs */
	__u32 used;	      /* bytes of fragments */
	__u32 done;	      /* of the COPY that runs: bytes in its earlier fragments */
	__u32 is_ended;
	__u32 faults, truncated; /* fragments */
	__u32 pad;
	__u64 word; /* what LOAD reads into */
	__u64 keep[PLAN_KEEP_MAX];
	__u64 v[PLAN_VALUES];
	struct event event;
	/* Right behind the event. What lies past the budget is never written: the verifier, which knows the
	 * bound of each number but not of their sum, asks for it. */
	__u8 bytes[PLAN_BYTES_MAX + sizeof(struct plan_fragment) + PLAN_FRAGMENT_MAX + 4096 + 16];
};
_Static_assert(__builtin_offsetof(struct slot, bytes) ==
		       __builtin_offsetof(struct slot, event) + sizeof(struct event),
	       "an event and its fragments go out in one piece");

/* SLOTS_PER_CPU for each CPU; sized by the loader. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS_PER_CPU);
	__type(key, __u32);
	__type(value, struct slot);
} slots SEC(".maps");

/* Programs may be preempted and moved anywhere: a plain increment would lose counts. */
#define COUNT(func, field, n)                                                                                \
	do {                                                                                                 \
		__u32 key_ = (func);                                                                         \
		struct func_count *count_ = bpf_map_lookup_elem(&counts, &key_);                             \
                                                                                                             \
		if (count_)                                                                                  \
			__sync_fetch_and_add(&count_->field, (n));                                           \
	} while (0)
