/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The contract between the replay driver and what runs inside the target: the patch file going in once, cases
 * going in and outcomes coming out once a replay, and the messages that pace them. Includes plan.h alone;
 * every offset is from the start of its file, and a multiple of 8 where it leads to a structure.
 *
 * Start. The driver starts a private copy of the executable with LD_PRELOAD=libtapedeck-replay.so and the
 * environment variable TAPEDECK_REPLAY="PATCH_FD CASE_FD OUTCOME_FD SOCKET_FD" (decimal). PATCH_FD is a
 * sealed memfd; CASE_FD and OUTCOME_FD are memfds of PATCH_CASE_BYTES and PATCH_OUTCOME_BYTES, mapped shared;
 * SOCKET_FD a SOCK_SEQPACKET of struct patch_message. The library removes LD_PRELOAD and the variable from
 * the environment, patches, and sends READY, or FAILED with words.
 *
 * For recording there are a patch file and the memfd of lib/tape.h alone: no READY or FREES functions, no
 * breakpoints, all functions callable, all modules loaded at the start.
 */
#pragma once

#include "lib/plan.h"

#define PATCH_MAGIC   0x7564706174ull
#define PATCH_VERSION 5

#define PATCH_LINKED_IN                                                                                      \
	"tapedeck_replay_linked_in" /* a symbol of programs that the engine is linked into                   \
				     */

#define PATCH_FUNCS_MAX	    512
#define PATCH_MODULES_MAX   256
#define PATCH_CASE_BYTES    (256u << 20)
#define PATCH_OUTCOME_BYTES (64u << 20)
#define PATCH_WINDOW_BYTES  (128u << 10)
#define PATCH_TEXT_MAX	    480
#define PATCH_SERVE_VALUES  64 /* address registers of a build program */
#define PATCH_STACK_WORDS   64 /* words of stack arguments */
#define PATCH_FORKS_MAX	    64 /* processes that a case may start by fork() */
#define PATCH_KEY_MAX	    PLAN_KEY_MAX
#define PATCH_NONE	    0xffffffffu
#define PATCH_NOT_LOADED    (~0ull)
#define PATCH_SPANS_MAX	    16

#define READY_END "the end of main" /* where it is ready, in words */

/* --- the patch file --- */

struct patch_header {
	unsigned long long magic;
	unsigned int version, bytes;
	unsigned int modules, modules_cnt; /* offset, count */
	unsigned int funcs, funcs_cnt;
	unsigned int slots, slots_cnt;
	unsigned int sites, sites_cnt;
	unsigned int operation;	 /* index of the function that cases call */
	unsigned int ready_main; /* 0: a READY function or the operation is reached; 1: at main's entry; 2:
				  * when main returns */
	unsigned int sees_frees; /* 0: memory may be freed without passing a PATCH_FREES */
	unsigned int has_init;	 /* init is called in place of main, and when it returns all is ready */
	unsigned int init_module;
	unsigned int end_will_do; /* ready_main is 0, and main returns 0 before: its end is ready */
	unsigned long long init;  /* in the module's file */
	unsigned int counters, counters_cnt; /* struct patch_counters; 0: nobody asks what was reached */
};

struct patch_module {
	char name[256]; /* "" is the executable; else the base name by which the library is loaded: at start,
			 * or by dlopen, before its constructors run */
	unsigned char build_id[20];
	unsigned int build_id_len; /* 0: not checked */
	unsigned int pad;
};

enum patch_how {
	PATCH_ENTRY = 1,  /* a jump at the entry */
	PATCH_TRAP = 2,	  /* int3 at the entry: the function is too short for a jump */
	PATCH_IMPORT = 3, /* through slots only */
	PATCH_SITES =
		4, /* a mark: a call at each of its sites, where nops are. What runs for real is nothing */
	PATCH_CALLED = 5, /* nothing: the engine calls it */
};
enum patch_role {
	PATCH_OPERATION = 1,
	PATCH_INPUT = 2,
	PATCH_OUTPUT = 3,
	/* Inputs that call it back do so when they are served. PATCH_CALLED. */
	PATCH_CALLBACK = 9,
	/* pthread_create. Alone, too. */
	PATCH_STARTS = 10,
	/* It frees what its first argument points to. Never with another role. */
	PATCH_FREES = 8,
	/* It asks what PLAN_MARK_ASK does, and answers in rax. Never with another role. */
	PATCH_ASKS = 16,
	/* No two runs get the same from it, and it is not configured: its calls are counted. Alone, too. */
	PATCH_WATCHED = 32,
	/* Recording: the process ends by it; or it may forbid system calls to itself by it (prctl, syscall).
	 * Each alone, with no number and no plan. */
	PATCH_ENDS = 64,
	PATCH_CONFINES = 128,
	PATCH_READY =
		4, /* accept, epoll_wait...: main has reached its loop. May be or'ed to INPUT or OUTPUT */
	/* Or'ed to INPUT or OUTPUT: threads that were there before the operation call it for it, too, as its
	 * gate says. */
	PATCH_JOINS = 64,
};
/* Which registers carry a function's result. The others keep what they held at its entry: with -fipa-ra a
 * caller may know that a void function leaves rax alone. */
enum patch_result {
	PATCH_RESULT_RAX = 1,
	PATCH_RESULT_RDX = 2,
	PATCH_RESULT_XMM0 = 4,
	PATCH_RESULT_XMM1 = 8,
	PATCH_RESULT_ST0 = 16,
	PATCH_RESULT_ST1 = 32,
};
/* The registers of a result. Of an xmm register the low half alone belongs to a value. */
struct patch_registers {
	unsigned long long rax, rdx, xmm[2];
	unsigned char st[2][16]; /* 10 bytes of each */
};
enum patch_missing { PATCH_MISSING_FAIL = 0, PATCH_MISSING_RUN = 1, PATCH_MISSING_RETURN = 2 };

struct patch_fixup {
	unsigned char at, end, pad[6];
	unsigned long long target; /* address in the same module's file */
};

struct patch_func {
	char name[128]; /* for messages */
	unsigned int module;
	unsigned char how, role, missing, is_callable;
	unsigned long long addr; /* of the patched instruction, in the module's file */
	struct patch_registers missing_return;
	unsigned int plan;  /* offset of a struct plan, cut behind its ops_cnt ops; 0: none (READY) */
	unsigned int gate;  /* offset of a struct plan_gate, cut behind its cnt ops; 0: it neither carries nor
			     * joins */
	unsigned int alias; /* a number; equal aliases share their recorded calls */
	unsigned int fallbacks[4], fallbacks_cnt; /* aliases looked in next */
	unsigned int is_whole;
	unsigned int results; /* mask of enum patch_result */
	unsigned int number;  /* recording: which of the program's functions it is a way into */
	unsigned char copy[64], copy_len, patched_len, fixups_cnt,
		pad[5]; /* as struct prologue of lib/insn.h */
	struct patch_fixup fixups[8];
};

/* A place that holds the address of an imported function. */
struct patch_slot {
	unsigned int module, func;
	unsigned long long addr;
};

/* A nop of PATCH_SITE_BYTES where a mark is. */
struct patch_site {
	unsigned int module, func;
	unsigned long long addr;
};
#define PATCH_SITE_BYTES 5

/* @cnt counters of 8 bytes each, with which a build counts how often its code is reached. Each case starts
 * with zeros. */
struct patch_counters {
	unsigned int module, cnt;
	unsigned long long addr;
};
#define PATCH_COUNTERS_MAX (16u << 20) /* of all */

/* --- a case: one recording, in the build's layout --- */

/*
 * Memory is rebuilt by small programs over address registers v[]. At an operation's start v[0..5] are 0;
 * while an input or output is served v[0..5] are the live rdi rsi rdx rcx r8 r9, v[6] the address of the
 * first stack argument. The rest start as 0.
 */
enum serve_kind {
	/* v[dst] = malloc(len), zeroed, with a pattern behind it. data: where it lay when it was recorded, 0:
	 * unknown. What lay there with the same length before, and was not freed since, is the same object:
	 * no new one. */
	SERVE_ALLOC = 1,
	SERVE_WRITE,   /* copy len bytes of the case at data to v[dst] + off */
	SERVE_POINTER, /* *(void **)(v[dst] + off) = v[src] ? v[src] + data : NULL */
	SERVE_FOLLOW,  /* v[dst] = *(void **)(v[src] + off) */
	SERVE_ADD,     /* v[dst] = v[src] + off */
	SERVE_SHARE,   /* shared[data] = v[dst]: other programs of this case see it */
	SERVE_SHARED,  /* v[dst] = shared[data]; 0 when not shared yet, unless len says that it must be */
	SERVE_ARG,     /* operation, CALL: argument off = v[src] + data; 0..5 the registers, from 6 the stack
			  words */
	SERVE_IMAGE,   /* v[dst] = load bias of module off + data */
	SERVE_FILE,    /* the case has at data a name, its NUL and from off on len bytes: the file holds them.
			* The name is  the text at v[src] instead, unless src is 7 */
	SERVE_RESULT,  /* off 0: rax, 1: rdx = v[src] + data */
	SERVE_ARGS, /* of the CALL that follows: the case has at data the six registers, the eight of xmm, and
		     * up to len bytes in all the stack words; ARG comes behind */
	SERVE_CALL, /* call function off back, which is at v[src], or unless src is 7 where the patch file
		     * says, with len stack words; data: the index of the case's call that is made again */
};
#define SERVE_NO_LIVE	     7
#define SERVE_MUST_BE_SHARED 1
#define PATCH_SHARED_MAX     65536

struct serve_op {
	unsigned char kind, dst, src;
	unsigned char
		is_optional; /* WRITE, FOLLOW: memory that is not there is passed over, v[dst] is then 0 */
	unsigned int off, len;
	/* WRITE: the call left this as it was. It is passed over in objects that were made for the program
	 * (by ALLOC with data): they hold what was recorded, or what the program has made of it since. */
	unsigned int is_kept;
	unsigned long long data; /* an offset in the case (WRITE), or a number */
};

struct case_call {
	unsigned int alias;
	unsigned int role;	       /* enum patch_role */
	unsigned int key, key_len;     /* offset; inputs */
	unsigned int ops, ops_cnt;     /* struct serve_op */
	struct patch_registers result; /* of patch_func.results; unless SERVE_RESULT sets rax or rdx */
	unsigned int has_errno;
	int error_number;
	unsigned int unserved;	     /* offset of text why it cannot be served (it did not return, ...); 0 */
	unsigned int did_not_return; /* then when_missing may know an answer */
};

struct case_header {
	unsigned int bytes;
	unsigned int calls, calls_cnt; /* struct case_call in the order of seq */
	unsigned int ops, ops_cnt;     /* builds the operation's arguments */
	unsigned int stack_words;
	unsigned long long name[2]; /* of the recording: what PATCH_ASKS answers by */
	unsigned long long args[6]; /* unless SERVE_ARG sets them */
	unsigned long long xmm[8];
	unsigned long long stack[PATCH_STACK_WORDS];
};

/* --- the outcome --- */

enum outcome_kind {
	OUTCOME_ENTRY = 1, /* regs: rdi rsi rdx rcx r8 r9 rsp 0; IN fragments, of the plan's floating-point
			    * registers too. Operation, inputs, outputs */
	OUTCOME_RETURN, /* regs: rax rdx errno; OUT fragments. The operation, and functions that really ran */
};

struct outcome_event {
	unsigned int len; /* with fragments (struct plan_fragment), a multiple of 8 */
	unsigned int kind, func;
	unsigned int seq;    /* 0: the operation; calls from 1 */
	unsigned int served; /* index of the case's call; PATCH_NONE: none */
	unsigned int flags;  /* OUTCOME_F_ */
	unsigned int thread;
	unsigned int pad;
	unsigned long long ts_ns; /* CLOCK_MONOTONIC */
	unsigned long long regs[8];
};
#define OUTCOME_F_STEPS	 1
#define OUTCOME_F_BUDGET 2
#define OUTCOME_F_RAN	 4 /* the real function ran (when_missing: run) */

enum outcome_end {
	OUTCOME_NONE = 0,  /* the child vanished before it could say */
	OUTCOME_DONE,	   /* the operation returned */
	OUTCOME_UNMATCHED, /* an input no recorded call has the key of, and when_missing is fail; or an output
			      never recorded */
	OUTCOME_UNSERVED,  /* the matched call cannot be served: text */
	OUTCOME_SIGNAL,	   /* signal, address, pc */
	OUTCOME_BLOCKED,   /* a system call that would leave the sandbox, or SYS_fork beyond PATCH_FORKS_MAX:
			      number, pc; text: the path that it names */
	OUTCOME_EXIT,	   /* the program called exit: status; or the operation's thread ended: 0 */
	OUTCOME_FULL,	   /* PATCH_OUTCOME_BYTES was too small */
	OUTCOME_LEFT,	   /* the operation was left by longjmp or an exception */
	OUTCOME_TROUBLE,   /* the engine could not play the case: text */
	OUTCOME_END_CNT,
};

/*
 * Events are made in the header's window and copied to the others behind it, by a system call, when there are
 * many: a page that is written to costs its process more than many events do. So what was made last is in the
 * window, until the driver has moved it, too.
 */
union outcome_made {
	struct {
		unsigned int bytes;  /* header and events; grows while the child runs */
		unsigned int window; /* of events that come behind these, in the window */
	};
	unsigned long long both; /* they change at once */
};

struct outcome_header {
	union outcome_made made;
	unsigned int end;  /* enum outcome_end */
	int number;	   /* signal, system call or exit status */
	unsigned int func; /* UNMATCHED, UNSERVED: which */
	unsigned long long pc, addr;
	/* The nearest return address on the stack that lies outside libc and ld.so: who called it. 0: none
	 * found. */
	unsigned long long caller;
	/* Index of patch_module that pc and caller lie in: they are then addresses of its file. PATCH_NONE:
	 * live. */
	unsigned int pc_module, caller_module;
	unsigned int events_cnt;
	unsigned int calls_cnt;
	unsigned int forks_cnt; /* by libc's fork, of all processes of the case */
	unsigned int is_write;	/* SIGNAL: of a page fault */
	/* SIGNAL, of a fenced case: the object that the access was around, by where it was recorded (0:
	 * none), how far from its start that was, and the case's call that it was made for (PATCH_NONE: the
	 * operation). */
	unsigned long long object;
	long long distance;
	unsigned int object_call, pad;
	/* What the last mmap asked for that was more than the sandbox has; 0: there was none. */
	unsigned long long refused_bytes;
	/* The sandbox's limit of memory, when a signal came with most of it in use; else 0. */
	unsigned long long used_up_bytes;
	/* Offset, far behind the events, of a bit for each counter that is not 0, in their order; 0: not
	 * known. */
	unsigned int reached, reached_cnt;
	char text[PATCH_TEXT_MAX];
	unsigned char window[PATCH_WINDOW_BYTES]; /* begins on the page of all the above */
	unsigned int watched[PATCH_FUNCS_MAX];	  /* by function: calls of a PATCH_WATCHED */
	/* Load biases when the case began; PATCH_NOT_LOADED. Not the driver's to clear. */
	unsigned long long bases[PATCH_MODULES_MAX];
};
_Static_assert(__builtin_offsetof(struct outcome_header, window) % 8 == 0 &&
		       __builtin_offsetof(struct outcome_header, window) < 1024,
	       "events are made on the header's page");

/* --- messages --- */

/* Not 0, so that the process is told from one that went to the background. */
#define PATCH_STATUS_PLAYED 86

enum message_kind {
	/* target to driver */
	MESSAGE_READY = 1, /* number: threads; text: where ("accept"); spans: what memory it has */
	MESSAGE_FAILED,	   /* text */
	MESSAGE_ENDED, /* a forked case ended. number: wait status of the child; flags & 1: it was killed at
			* the time limit */
	/* driver to target */
	MESSAGE_RUN, /* number: time limit, ms; flags: PATCH_RUN_ */
	MESSAGE_QUIT,
};

/* Addresses between which a program has memory, not too far apart. */
struct patch_span {
	unsigned long long from, to;
};

enum {
	PATCH_RUN_HERE = 1, /* in this process, which then exits with PATCH_STATUS_PLAYED */
	/* And which stops itself before the operation, for a debugger, the operation's entry as the program
	 * has it. */
	PATCH_RUN_DEBUGGED = 2,
	PATCH_RUN_FENCED = 4, /* rebuilt objects have nothing around them */
	PATCH_RUN_OTHERS = 8, /* another pattern behind them */
};

struct patch_message {
	unsigned int kind;
	int number;
	unsigned int flags, spans_cnt;
	char text[PATCH_TEXT_MAX];
	struct patch_span spans[PATCH_SPANS_MAX];
};
