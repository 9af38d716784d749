/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* All maps and all state. */
#pragma once

#include "bpf/kernel.bpf.h"
#include "lib/event.h"
#include "lib/plan.h"

struct control control;
struct func_rule rules[FUNC_MAX];
__u64 windows[FUNC_MAX]; /* window number << 32 | operations taken in it */
__u64 loads_cnt;	 /* times that libraries came or went */
__u64 operations_cnt;	 /* numbers operations from 1 */
__u32 threads_cnt;	 /* numbers threads from 1 */
__u32 startup_calls;	 /* begun, those that are not recorded too */
__u32 startup_over;
__u64 draws[FUNC_MAX]; /* seeded sampling: operations decided on */

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

/* The process, and when its children are followed they and theirs: by tgid, as the kernel itself counts. The
 * value is enum first_stack. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FOLLOWED_MAX);
	__type(key, __u32);
	__type(value, __u32);
} followed SEC(".maps");

__u64 followed_cnt;   /* alive */
__u64 processes_cnt;  /* that there were */
__u64 execs_cnt;      /* that run another program by now */
__u64 unfollowed_cnt; /* that found no room */

/* GATE_ROWS for each function; sized by the loader. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GATE_ROWS);
	__type(key, __u32);
	__type(value, struct plan_gate);
} gates SEC(".maps");

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

/* An open operation of a thread, or the open call in it. */
struct frame {
	__u64 op;    /* number of the operation */
	__u32 home;  /* tid of the thread that the operation runs in */
	__u32 joint; /* row of the operation's joint + 1; 0: its calls are all in its own thread */
	__u64 rsp;   /* at entry */
	__u64 ret;   /* the return address that lay there */
	__u64 word;  /* what lay there: it, or the trampoline of a caller that ended by a jump */
	__u64 args[ARG_REGS];
	__u64 keep[PLAN_KEEP_MAX];
	__u64 passed_over; /* configured calls inside this one, which are not recorded */
	__u32 seq;
	__u16 func;
	__u16 flags;		 /* of an operation's end: enum event_flags */
	__u8 is_call;		 /* not the operation itself */
	__u8 is_open, is_hooked; /* its return will be seen by the trampoline */
	__u8 is_at_rets;	 /* it will be seen where the function ends */
	__u8 is_alternate;	 /* it is on the alternate signal stack */
	__u8 vectors;		 /* al at entry: vector registers that a variadic call uses, at most */
	__u8 is_muted;		 /* it was discarded: an end of it has been emitted */
};

/* Each lies inside the one before: a call that the operation makes, a callback that it makes, a call from
 * there.
 */
enum { FRAME_OPERATION, FRAME_CALL, FRAME_BACK, FRAME_INNER, FRAME_CNT };

/* A stack: [from, to). */
struct area {
	__u64 from, to;
};

/*
 * A thread's state, from the first operation taken on it or call joined in it. Only the thread itself touches
 * it. What a call of an input or output calls in its turn is not recorded, but for callbacks and their calls;
 * nor is an operation inside an operation.
 */
struct thread {
	__u64 rseq;	      /* of the last event */
	__u64 exec_id;	      /* of the program that its frames began in */
	struct area stack;    /* its own, as far as it is known */
	__u32 number;	      /* 0: not yet */
	__u32 attempted, seq; /* of its operation, while that has no joint */
	__u64 carrier;	      /* what is to be carried from the entry on that is being recorded; 0: nothing */
	__u32 has_fp;	      /* fp is what the registers held at the event that is being made */
	__u64 fp[PLAN_FP_CNT * PLAN_FP_BYTES / 8];
	struct frame frame[FRAME_CNT];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread);
} threads SEC(".maps");

#define JOINTS_MAX   4096 /* operations that carry something, open at once */
#define CARRIERS_MAX 16384

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, JOINTS_MAX);
	__type(key, __u32);
	__type(value, struct joint);
} joints SEC(".maps");

/* The open operation that carries a value. */
struct carrier {
	__u64 op;
	__u32 home, joint;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CARRIERS_MAX);
	__type(key, __u64);
	__type(value, struct carrier);
} carriers SEC(".maps");

__u64 carriers_cnt;

/* Where a FORMAT op is. */
struct formatting {
	__u64 at, word;	    /* the next character; those that have been read */
	__u64 stack, saved; /* where the next stack argument lies; a va_list's save area */
	__u32 left;	    /* characters in word */
	__u32 gpr, xmm;	    /* as a va_list counts */
	__u32 cnt, walked;  /* words; characters */
	__u8 is_running, is_done, is_list, status;
	struct plan_format walk;
	__u64 words[PLAN_FORMAT_WORDS];
};

#define WORK_SEEN (2 * PLAN_WORK_MAX) /* a power of two */

/* A list of work, of one slot. What was put there in an earlier section has another number. */
struct work {
	__u32 number, pad;
	struct {
		__u64 addr;
		__u32 pc, level;
	} row[PLAN_WORK_MAX];
	struct {
		__u64 addr;
		__u32 number, pc;
	} seen[WORK_SEEN]; /* by hash */
};

/* As many as slots, where a plan has a list; sized by the loader. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct work);
} works SEC(".maps");

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
	__u32 more;		 /* bytes that further events may hold */
	__u32 joint;		 /* of the event's frame */
	__u32 number;		 /* of the slot: row of works */
	__u32 work_at, work_cnt, level, pad;
	__u64 word; /* what LOAD reads into */
	__u64 keep[PLAN_KEEP_MAX];
	__u64 v[PLAN_VALUES];
	struct formatting format;
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
