/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Coming up: what is emitted into the ring buffers, one event a record, by BPF or from inside the program.
 * May change with every commit: both sides are of one build. Includes plan.h alone.
 *
 * Loss rules. Every event that is attempted takes the next @rseq of its thread, whether or not it could
 * be emitted, so a gap in a thread's rseq is exactly the events lost. Events that were lost before a
 * thread had its state are in struct func_count.
 */
#pragma once

#include <linux/types.h>

#include "lib/plan.h"

#define FUNC_MAX    256 /* configured functions of one recording session */
#define EXCLUDE_MAX 4	/* address ranges whose calls of libc do not count */
#define ARG_REGS    6

enum event_kind {
	EVENT_ENTRY = 1,  /* regs: rdi rsi rdx rcx r8 r9 rsp, return address; IN fragments */
	EVENT_RETURN = 2, /* regs: rax rdx errno has_errno; OUT fragments */
	EVENT_LEFT = 3,	  /* the frame was left without returning (longjmp, exception, thread exit); regs:
			   * enum event_left; configured calls that were passed over as lying inside this one;
			   * 1 when its thread itself asked to exit, 0 when it was killed */
	EVENT_KIND_CNT,
};

enum event_left {
	EVENT_LEFT_UNWOUND = 1, /* longjmp or exception: a caller's frame ran again */
	EVENT_LEFT_EXIT = 2,	/* its thread ended */
	EVENT_LEFT_UNKNOWN = 3, /* it may have returned: its return could not be hooked */
	EVENT_LEFT_STARTED = 4, /* the process's start-up, by the entry of its first operation */
	EVENT_LEFT_CNT,
};

enum event_flags {
	EVENT_F_STEPS = 1 << 0,	 /* PLAN_STEPS_MAX was reached */
	EVENT_F_BUDGET = 1 << 1, /* the plan's bytes were reached */
	/* Of an operation's end: */
	EVENT_F_SHARED = 1 << 2,    /* another operation carried the same value at the same time */
	EVENT_F_UNCARRIED = 1 << 3, /* what it carried found no room */
	EVENT_F_ELSEWHERE = 1 << 8, /* calls were made on a stack that is not their thread's own */
	EVENT_F_WARY = 1 << 9,	    /* calls were made while no return could be hooked, see control.is_wary */
	/* Fragments that do not fit one event: */
	EVENT_F_MORE = 1 << 4,	/* they go on in the thread's next event, */
	EVENT_F_AGAIN = 1 << 5, /* which has this, and the same kind, seq and registers */
	/* Of an operation's end, what a mark in it asked for: */
	EVENT_F_DISCARDED = 1 << 6, /* nothing of it is to be stored; what follows in it is not emitted */
	EVENT_F_KEPT = 1 << 7,	    /* to be kept whatever is decided at the end */
};

struct event {
	__u32 len; /* of the whole event, bytes */
	__u16 func;
	__u16 kind : 4, flags : 12;
	__u32 tgid, tid;
	__u64 ts_ns;	 /* CLOCK_MONOTONIC */
	__u64 rseq;	 /* of the thread, from 1 */
	__u64 op;	 /* operation number, unique in a session */
	__u32 thread;	 /* numbers the threads from 1; never used again, unlike tid */
	__u32 home;	 /* tid of the thread that the operation itself runs in */
	__u32 seq;	 /* 0: the operation itself; calls from 1, at entry */
	__u32 attempted; /* events of this operation attempted so far, this one included */
	__u64 regs[8];
	/* struct plan_fragment ... */
};
_Static_assert(sizeof(struct event) == 120, "the drain checks lengths against it");

/* Per function and CPU; user space sums. */
struct func_count {
	__u64 hits;  /* the probe fired, operation or not. Probes count here only what the next seven do not:
		      * a hit is counted once */
	__u64 taken; /* operations taken, or calls inside a taken operation */
	__u64 sampled_out; /* operations that sampling or the rate limit rejected */
	__u64 unwanted;	   /* operations that "if" rejected */
	__u64 too_deep;	   /* operations whose return could not be hooked: not taken */
	__u64 no_state;	   /* hits whose thread state could not be made: nothing recorded of them */
	__u64 unjoined;	   /* calls that join an operation, but none that is recorded */
	__u64 elsewhere;   /* hits on a stack that is not the thread's own: nothing recorded of them */
	__u64 emitted;	   /* events handed to a ring */
	__u64 dropped;	   /* events that found the ring full */
	__u64 no_slot;	   /* events that found no scratch slot */
	__u64 faults;	   /* fragments with a fault */
	__u64 fp_unread;   /* sides whose floating-point registers could not be read; they are faults, too */
	__u64 truncated;   /* fragments cut by a limit */
	__u64 limited;	   /* events whose budget of bytes or steps was reached */
	__u64 busy_ns;	   /* spent in our programs, where control.is_timed */
	__u64 late;	   /* ends of calls whose operation had ended before, in another thread */
};

/* Down: one row a function. The plan is in a map of its own. */
struct func_rule {
	__u32 is_operation, is_input, is_callback;
	__u32 is_off;	  /* an operation that is not recorded at present */
	__u32 plan_flags; /* enum plan_flags */
	__u32 gate_flags; /* enum plan_gate_flags */
	__u32 gate; /* row of its gate; GATE_ROWS rows belong to a function, so that one can be exchanged */
	__u32 fp_in, fp_out;	/* of the plan */
	__u32 sample_threshold; /* taken when 32 random or hashed bits are below it; U32_MAX: always */
	__u32 window_max;	/* operations taken in one window; 0: no limit */
	__u32 is_at_rets;	/* its return is seen at its `ret` instructions */
	__u32 mark;		/* enum plan_mark */
	__u64 window_ns;
};

/* Where the first thread of a process that is recorded runs. */
enum first_stack {
	FIRST_STACK_MAIN = 1,	/* on the stack that the kernel made */
	FIRST_STACK_THREAD = 2, /* on that of the thread which forked it */
};

#define GATE_ROWS    2
#define FOLLOWED_MAX 16384 /* processes at once */

/* The cookie of an entry's probe: the function's index, and whether the probed instruction is its `ret`. */
#define COOKIE_IS_RET (1ull << 32)

enum control_state {
	CONTROL_STOPPED = 0, /* probes leave at once: nothing is counted or recorded */
	CONTROL_RECORDING = 1,
	CONTROL_FINISHING = 2, /* no operation begins; those that have begun are recorded to their end */
};

/* Down: one row. */
struct control {
	__u32 state;
	__u32 count_only; /* count hits and leave: `check --rate` */
	__s32 errno_off;  /* of errno from the thread pointer; 0: not available */
	__u32 is_seeded;
	__u32 is_following; /* children of the process, too */
	__u32 is_timed;
	__u32 is_starting; /* calls of inputs before the first operation are its start-up's */
	__u32 is_wary; /* what unwinds the stack has come: no return is hooked until the loader has looked at
			  it */
	__u32 is_stopping,
		pad; /* where entry and return are probed apart: what is_wary is about stops the process */
	__u64 seed;  /* of sampling */
	unsigned long long name_key[2]; /* of the names of operations, see plan_name */
	__u64 exclude[EXCLUDE_MAX][2];	/* [from, to) of libc and ld.so text */
};

/*
 * What a process calls before its first operation belongs to an operation of the loader's own: it makes the
 * entry, event number 1, and the row of the joint, by which all threads draw numbers.
 */
#define STARTUP_OP	  1
#define STARTUP_ROW	  0
#define STARTUP_HOME	  0xffffffffu /* no thread's tid */
#define STARTUP_CALLS_MAX 10000	      /* what comes behind them is counted, and not recorded */

#define CARRIED_MAX 8 /* values that one operation carries */

/*
 * What the threads share that work for one operation: its numbers. @state holds, from the low end, events
 * attempted (24 bits), calls (24), a bit that is set when the operation has ended, and 15 bits of the
 * operation's number, which tell a thread that comes late that the row has another owner by now.
 */
struct joint {
	__u64 op; /* 0: the row is free */
	__u64 state;
	__u64 carried[CARRIED_MAX]; /* its own thread's */
	__u32 carried_cnt, flags;   /* enum event_flags */
};
#define JOINT_SEQ   (1ull << 24)
#define JOINT_ENDED (1ull << 48)
#define JOINT_OWNER 49

/* What a probe on a known function saw of its floating-point registers: loader/fpregs.c. */
struct fp_sample {
	__u64 flags; /* thread_info.flags */
	__u32 is_there, pad;
	__u64 regs[PLAN_FP_CNT * PLAN_FP_BYTES / 8];
};
