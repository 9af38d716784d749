/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events of recorded calls, as bpf/emit.bpf.h makes them in the kernel: each attempt takes the thread's next
 * number before anything can fail.
 */
#pragma once

#include <stdint.h>

#include "lib/event.h"

struct func;

/* An open operation, or the open call inside it. */
struct call {
	const struct func *func;
	uint64_t op;		    /* number of the operation */
	uint64_t rsp, ret;	    /* at entry; the address that it returns to */
	uint64_t word;		    /* what lay at rsp */
	uint64_t cookie, cookie_at; /* in the thunk's frame while that is there */
	uint64_t called;	    /* where thunk_called lies while the function runs */
	uint64_t passed_over;	    /* configured calls inside this one, which are not recorded */
	uint64_t args[ARG_REGS];
	uint64_t keep[PLAN_KEEP_MAX];
	uint32_t home, seq; /* tid of the thread that the operation runs in */
	uint8_t is_call;    /* not the operation itself */
	uint8_t is_open, is_alternate;
	uint8_t is_startup; /* it draws its numbers from the tape */
	uint8_t is_muted;   /* its operation was discarded: nothing more is emitted */
	uint16_t flags;	    /* of an operation's end: enum event_flags */
	uint8_t vectors;    /* al at entry: vector registers that a variadic call uses, at most */
};

/* Each lies inside the one before: a call that the operation makes, a callback that it makes, a call from
 * there. */
enum { CALL_OPERATION, CALL_OUTER, CALL_BACK, CALL_INNER, CALL_CNT };

/* A thread's state, from the first operation taken on it. Only the thread itself touches it. */
struct thread {
	uint64_t rseq;	      /* of the last event */
	uint32_t number, tid; /* 0: not yet */
	uint32_t attempted, seq;
	uint32_t depth;	 /* inside the engine */
	uint32_t missed; /* calls of a signal handler's that interrupted the engine, while one is open */
	uint64_t stack_from, stack_to; /* what is known of the thread's own stack */
	struct call call[CALL_CNT];
};

/* What lies in registers when a function returns. */
struct emit_result {
	uint64_t rax, rdx;
	int error_number;
	const uint64_t (*xmm)[2]; /* two */
	const uint8_t (*st)[PLAN_FP_BYTES];
};

#define COUNT(number, field, n) __atomic_fetch_add(&engine.tape->counts[number].field, (n), __ATOMIC_RELAXED)

/* Room for events. Ends in engine_fail. */
void emit_init(void);
/* In a child that forked: what other threads were making is not made any more. */
void emit_forget(void);
/* @xmm: the eight at entry. */
void emit_entry(struct thread *thread, struct call *call, const uint64_t (*xmm)[2]);
void emit_return(struct thread *thread, struct call *call, const struct emit_result *result);
void emit_left(struct thread *thread, struct call *call, enum event_left left, int by_itself);
