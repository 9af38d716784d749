/* SPDX-License-Identifier: BSD-3-Clause */
/* What the thunk saves of an intercepted call, and what may become of the call. Read by thunk_x86_64.S too.
 */
#pragma once

/* Offsets in struct frame. */
#define FRAME_GPR   0
#define FRAME_XMM   48
#define FRAME_RAX   176
#define FRAME_R10   184
#define FRAME_R11   192
#define FRAME_XSAVE 200
#define FRAME_WORDS 208
#define FRAME_FP    216
#define FRAME_KEPT  220
#define FRAME_ST    224
#define FRAME_ERRNO 256
#define FRAME_RBX   264
#define FRAME_RBP   272
#define FRAME_FLAGS 280
#define FRAME_INDEX 288
#define FRAME_RET   296
#define FRAME_STACK 304

/* What dispatch decides. */
#define THUNK_RETURN 0 /* to the caller, with the registers of the frame */
#define THUNK_TAIL   1 /* jump to frame->target as if it had been called itself */
#define THUNK_CALL   2 /* call frame->target, then dispatch_returned, then return what it returned */

/* What frame->fp says of the result: enum patch_result. */
#define THUNK_XMM0 4
#define THUNK_XMM1 8
#define THUNK_ST0  16
#define THUNK_ST1  32

/* Offsets in struct thunk_call. */
#define CALL_GPR   0
#define CALL_XMM   48
#define CALL_STACK 176
#define CALL_WORDS 184
#define CALL_RAX   192
#define CALL_RDX   200
#define CALL_FP	   208
#define CALL_ST	   216

/* How the vector registers are saved. */
#define THUNK_FXSAVE 0
#define THUNK_XSAVE  1
#define THUNK_XSAVEC 2

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

/*
 * gpr and xmm lie as a va_list's reg_save_area does. The vector registers are the caller's until thunk_keep.
 */
struct frame {
	uint64_t gpr[6]; /* rdi rsi rdx rcx r8 r9 */
	uint64_t xmm[8][2];
	uint64_t rax, r10, r11;
	uint64_t xsave;	      /* address of the room for the vector state */
	uint64_t stack_words; /* THUNK_CALL: stack arguments to pass on; an even number */
	/* THUNK_RETURN: the floating-point registers, of xmm and st, that are results. THUNK_CALL: what st
	 * holds afterwards; xmm0 and xmm1 are in xmm anyway. */
	uint32_t fp, is_kept;
	uint8_t st[2][16];
	int32_t error_number, has_errno; /* errno is error_number afterwards */
	uint64_t rbx, rbp, flags;	 /* flags: as LAHF and SETO give them */
	union {
		uint64_t index;	 /* of the function, from its slot */
		uint64_t target; /* THUNK_TAIL, THUNK_CALL */
	};
	uint64_t ret;	  /* return address; the stack pointer at entry points here */
	uint64_t stack[]; /* stack arguments */
};
_Static_assert(
	offsetof(struct frame, xmm) == FRAME_XMM && offsetof(struct frame, rax) == FRAME_RAX &&
		offsetof(struct frame, r11) == FRAME_R11 && offsetof(struct frame, xsave) == FRAME_XSAVE &&
		offsetof(struct frame, stack_words) == FRAME_WORDS &&
		offsetof(struct frame, fp) == FRAME_FP && offsetof(struct frame, is_kept) == FRAME_KEPT &&
		offsetof(struct frame, st) == FRAME_ST &&
		offsetof(struct frame, error_number) == FRAME_ERRNO &&
		offsetof(struct frame, rbp) == FRAME_RBP && offsetof(struct frame, index) == FRAME_INDEX &&
		offsetof(struct frame, target) == FRAME_INDEX && offsetof(struct frame, stack) == FRAME_STACK,
	"thunk_x86_64.S counts on this layout");

/* Ask the processor how its vector state is saved. Before the first intercepted call. */
void thunk_init(void);

/* Save what only calm code leaves alone (docs/ARCHITECTURE.md), the vector registers and errno, if that was
 * not done before: on the way back they are restored, unless has_errno was set. NULL: there is no call. */
void thunk_keep(struct frame *frame);
/* Of it the vector registers. */
void thunk_keep_vectors(struct frame *frame);

/* Every slot leads here with the function's index pushed. */
void thunk_entry(void);
#define THUNK_SLOT_BYTES 32
/* Write at @slot the code that leads to thunk_entry for function @index. */
void thunk_write_slot(unsigned char *slot, unsigned index);

struct thunk_call {
	uint64_t gpr[6];
	uint64_t xmm[8][2]; /* out: xmm0 and xmm1 */
	const uint64_t *stack;
	uint64_t stack_words; /* an even number */
	uint64_t rax, rdx;    /* out */
	uint64_t fp;	      /* whether it returns in st0, and st1: these must be taken off the stack */
	uint8_t st[2][16];    /* out */
};
_Static_assert(offsetof(struct thunk_call, xmm) == CALL_XMM &&
		       offsetof(struct thunk_call, stack) == CALL_STACK &&
		       offsetof(struct thunk_call, stack_words) == CALL_WORDS &&
		       offsetof(struct thunk_call, rax) == CALL_RAX &&
		       offsetof(struct thunk_call, rdx) == CALL_RDX &&
		       offsetof(struct thunk_call, fp) == CALL_FP &&
		       offsetof(struct thunk_call, st) == CALL_ST,
	       "thunk_x86_64.S counts on this layout");
/* Call @fn with these registers. Unwinding stops here: an exception that leaves @fn is thunk_caught. */
void thunk_call(struct thunk_call *call, const void *fn);

/*
 * A system call from an address that the seccomp filter lets through (thunk_syscall_ip follows its
 * instruction). Returns -errno.
 */
long thunk_syscall(long nr, long a, long b, long c, long d, long e, long f);
extern const char thunk_syscall_ip[];

/* Copy @len bytes, either side of which may be unmapped; returns how many were not copied. The handler of
 * SIGSEGV and SIGBUS continues at thunk_copy_fault when the fault was at thunk_copy_insn. */
size_t thunk_copy(void *to, const void *from, size_t len);
extern const char thunk_copy_insn[], thunk_copy_fault[];

/* The thunk's questions: dispatch.c answers them. */
int dispatch_call(struct frame *frame);
void dispatch_returned(struct frame *frame);
/* What an unwinder asks of thunk_call's frame, as any personality routine (Itanium C++ ABI 1.6.2): whether
 * the exception is handled there, and then, when all below is unwound, to handle it. In play.c. */
int thunk_caught(int version, int actions, uint64_t exception_class, void *exception, void *context);
/* The same of thunk_entry's, which an exception passes on its way: in dispatch.c. */
int thunk_passed(int version, int actions, uint64_t exception_class, void *exception, void *context);
/* Where THUNK_CALL's call returns to: while it runs, this address lies beneath the vector state and the stack
 * arguments that were passed on. */
extern const char thunk_called[];
#endif
