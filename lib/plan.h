/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A plan: what a probe copies, as a small program over a file of 64-bit values.
 *
 * The planner compiles it from types and rules in user space; two interpreters run it and know nothing of
 * types: bpf/capture.bpf.h in the kernel, and replay/target/capture.c inside a replayed program. What it
 * emits are fragments: pieces of the target's memory with the address where they lay.
 *
 * A plan has three sections in one array of ops: IN runs at entry, OUT at return, KEY (user space only)
 * at entry of a replayed input. In KEY nothing is a fragment: COPY appends its bytes, STRING its bytes and
 * one zero, EMIT a number, and each fault of LOAD, COPY or STRING one byte KEY_FAULT (key.h). This header
 * includes nothing from elsewhere, so that the kernel side and the in-target side can share it.
 */
#pragma once

#include "lib/plan_format.h"

#define PLAN_OPS_MAX	8192	    /* ops of all three sections together */
#define PLAN_VALUES	64	    /* the value file */
#define PLAN_KEEP_MAX	8	    /* values carried from entry to return: entry(x), stack arguments */
#define PLAN_STEPS_MAX	4096	    /* ops that IN or OUT may execute: ends loops over hostile data */
#define PLAN_DEEP_STEPS (1 << 17)   /* the same of a plan that has a list of work */
#define PLAN_WORK_MAX	4096	    /* objects on that list */
#define PLAN_KEY_STEPS	(1 << 18)   /* ops that KEY may execute */
#define PLAN_BYTES_MAX	(64 * 1024) /* fragment bytes, headers included, of one section run and event */
/* The same where a rule's max asks for more: then several events, all but the last nearly full, carry them.
 */
#define PLAN_TOTAL_MAX (16 * 1024 * 1024)
/* Bytes of one fragment. Longer data is several, one behind the other, each of len = what was wanted from its
 * own address on (0xffffffff: that or more): a full fragment with captured < len goes on in the next of its
 * node. A fault, max or the end of the budget makes a fragment the last. */
#define PLAN_FRAGMENT_MAX (16 * 1024)

/* The value file at the start of a section. Register arguments are as they were at entry, in OUT too; stack
 * arguments belong to the callee, so OUT takes them from keep[], which is zeroed before IN. */
enum plan_value {
	PLAN_V_ARG0 = 0,  /* rdi rsi rdx rcx r8 r9 */
	PLAN_V_RSP = 6,	  /* at entry: [rsp] is the return address, rsp+8 the first stack argument */
	PLAN_V_RAX = 7,	  /* OUT only */
	PLAN_V_RDX = 8,	  /* OUT only */
	PLAN_V_ERRNO = 9, /* OUT only; sign-extended */
	PLAN_V_ZERO = 10, /* always 0 */
	PLAN_V_TEMP = 11, /* the first temporary; undefined until written */
};

/*
 * v[] is the value file; arithmetic is signed 64-bit and wraps, INT64_MIN / -1 too; division and remainder by
 * zero give 0. A jump is relative to the next op: pc += 1 + jmp. A section ends at PLAN_END or behind its
 * last op. PLAN_V_ZERO is never a dst. An address that is NULL is v[a] == 0, before imm is added.
 */
enum plan_kind {
	PLAN_END = 0,
	PLAN_CONST,  /* v[dst] = imm | (u64)max << 32 */
	PLAN_MOVE,   /* v[dst] = v[a] + imm */
	PLAN_EXTEND, /* v[dst] = low |imm| bytes of v[a] (1, 2, 4, 8), sign-extended when imm < 0 */
	PLAN_LOAD,   /* v[dst] = *(v[a] + imm), |max| bytes (as EXTEND: (s32)max < 0 sign-extends); a fault
		      * gives 0 and jumps by jmp */
	PLAN_COPY,   /* fragment: v[b] bytes (max bytes when b is PLAN_V_ZERO) at v[a] + imm, at most max;
		      * nothing when v[a] is 0; a length of 0 or less is an empty fragment (len 0) */
	PLAN_STRING, /* fragment: bytes at v[a] + imm up to and with a NUL, at most max (which is at most
		      * PLAN_FRAGMENT_MAX); nothing when v[a] is 0. Without a NUL, len is captured + 1 */
	PLAN_JZ,     /* if (!v[a]) jump */
	PLAN_JUMP,   /* jump */
	PLAN_NEXT,   /* v[dst]++; v[a] += max; if ((s64)v[dst] < (s64)v[b]) jump (backwards: a loop's end) */
	PLAN_KEEP,   /* IN: keep[imm] = v[a] */
	PLAN_KEPT,   /* OUT: v[dst] = keep[imm] */
	PLAN_ADD,
	PLAN_SUB,
	PLAN_MUL,
	PLAN_DIV,
	PLAN_MOD, /* v[dst] = v[a] op v[b] */
	PLAN_LT,
	PLAN_LE,
	PLAN_EQ,
	PLAN_NE,
	PLAN_MIN,
	PLAN_MAX,
	PLAN_NOT,  /* v[dst] = !v[a] */
	PLAN_BITS, /* v[dst] = bits [max & 255, + max >> 8) of v[a], sign-extended when imm < 0 */
	PLAN_EMIT, /* KEY: the low imm bytes of v[a]; max 1: an address, which in an image is PLAN_IMAGE(...)
		    */
	PLAN_XMM,  /* KEY: v[dst] = the low eight bytes of xmm imm at entry */
	PLAN_HASH, /* gate: v[dst] = plan_hash of the text at v[a] + imm up to its NUL, at most max bytes (max
		    * at most PLAN_HASH_MAX); 0 when v[a] is 0; a fault gives 0 and jumps by jmp */
	PLAN_FORMAT, /* IN, KEY: the arguments of the printf format at v[b], nothing when that is 0. They
		      * begin where jmp says (PLAN_FORMAT_FROM), or when dst is not PLAN_V_ZERO with the
		      * va_list at v[dst]. Fragments: each text, max bytes of it at most (v[a] is where the op
		      * keeps its address), then the arguments' words at PLAN_FORMAT_ADDR; what lies in a
		      * floating-point register is 0 there. In KEY see key.h */
	PLAN_PUSH, /* IN, OUT: the object at v[a] is put on the list of work, for the ops where a jump by jmp
		    * leads; nothing when v[a] is 0, when it was put there before for these ops, or when the
		    * object at hand is more than max - imm levels from where the list began (an object has as
		    * many levels as the one at hand, and imm more) */
	PLAN_POP,  /* IN, OUT: v[dst] = the next object of the list, and go on where it is for; the end of the
		    * section when there is none */
	PLAN_FILE, /* IN, OUT, not in the kernel: the content of the file whose name is the text at v[a], max
		    * bytes at most, as a fragment at PLAN_FILE_ADDR; its len is the size of the file. One at
		    * PLAN_FILE_ADDR + enum plan_file says why there is none. In the kernel's stead the
		    * recorder reads it (loader/files.h) */
	PLAN_KIND_CNT,
};

#define PLAN_FILE_ADDR	   0xfb00000000000000ull /* an address that no memory has */
#define PLAN_FILE_NAME_MAX 4096

enum plan_file {
	PLAN_FILE_READ,
	PLAN_FILE_ABSENT,
	PLAN_FILE_UNREAD,  /* no permission, or another error */
	PLAN_FILE_NO_FILE, /* a directory, a device, a socket... */
	PLAN_FILE_CHANGED, /* since the instant at which it was to be read */
	PLAN_FILE_CNT,
};

/* Where variable arguments begin: behind so many general and vector registers, and words of stack arguments.
 * What is passed to a function has fewer than 512 of these. */
#define PLAN_FORMAT_FROM(gprs, xmms, words) ((short)((gprs) | (xmms) << 3 | (words) << 7))
#define PLAN_FORMAT_GPRS(jmp)		    ((unsigned short)(jmp)&7)
#define PLAN_FORMAT_XMMS(jmp)		    ((unsigned short)(jmp) >> 3 & 15)
#define PLAN_FORMAT_STACK(jmp)		    ((unsigned short)(jmp) >> 7)
#define PLAN_FORMAT_ADDR		    0xfc00000000000000ull /* an address that no memory has */
/* As a va_list counts them: offsets of the first byte behind each kind of register in its save area. */
#define PLAN_VA_GPRS 48
#define PLAN_VA_XMMS (PLAN_VA_GPRS + 8 * 16)

/* A key of more bytes is two hashes of them, as of text, and how many they are: 24 bytes. */
#define PLAN_KEY_MAX  (64 * 1024)
#define PLAN_KEY_SEED 0x6b65792d6f74686eull /* of the second hash; the first begins with 0 */

/* An address of a module's file, by the module's number in the patch file: the same in every process. */
#define PLAN_IMAGE(module, addr) (((module) + 1ull) << 48 | (addr))

struct plan_op {
	unsigned char kind, dst, a, b;
	int imm;
	unsigned int max;
	short jmp;
	unsigned short node; /* the shape node that a fragment belongs to, see shape.h */
};
_Static_assert(sizeof(struct plan_op) == 16, "plan_op is copied into maps and patch files");

enum plan_flags {
	PLAN_F_ERRNO = 1 << 0,	      /* read errno at return */
	PLAN_F_RETURN = 1 << 1,	      /* there is a return side: result, OUT section, or errno */
	PLAN_F_OUTSIDE_LIBC = 1 << 2, /* counts only when the caller lies outside libc and ld.so */
	PLAN_F_DEEP = 1 << 4,	      /* has a list of work */
	PLAN_F_FP_BY_AL = 1 << 3,     /* al says at entry whether there is anything in vector registers */
};

/* Floating-point registers, in the order in which they lie in a fragment of node PLAN_NODE_FPREGS. */
enum plan_fpreg {
	PLAN_FP_XMM0 = 0, /* to xmm7 */
	PLAN_FP_ST0 = 8,
	PLAN_FP_ST1 = 9,
	PLAN_FP_CNT,
};
#define PLAN_FP_BYTES	 16		       /* of each */
#define PLAN_NODE_FPREGS 0xfffe		       /* a node that no shape has */
#define PLAN_FP_ADDR	 0xfd00000000000000ull /* an address that no memory has */

/*
 * fp_in, fp_out: how many floating-point registers, from xmm0 on, belong to the arguments and to the result.
 * They are one fragment of node PLAN_NODE_FPREGS at PLAN_FP_ADDR, the first of its side; registers in between
 * that are neither are anything. With captured 0 and PLAN_FRAGMENT_FAULT they could not be read.
 */
struct plan {
	unsigned int flags;
	unsigned short in, out, key;		 /* index of each section's first op */
	unsigned short in_cnt, out_cnt, key_cnt; /* 0: the section is empty */
	unsigned short ops_cnt;
	unsigned char fp_in, fp_out;
	unsigned int more_in, more_out; /* fragment bytes beyond PLAN_BYTES_MAX */
	struct plan_op ops[PLAN_OPS_MAX];
};

enum plan_status {
	PLAN_FRAGMENT_OK = 0,	  /* captured == length, or cut by max where captured < length */
	PLAN_FRAGMENT_FAULT = 1,  /* memory that could not be read from @captured on */
	PLAN_FRAGMENT_BUDGET = 2, /* the bytes of the section were reached: @captured are there */
};

/* On the wire: this header, then @captured bytes, then zeros to a multiple of 8. */
struct plan_fragment {
	unsigned long long addr;
	unsigned int len;      /* bytes wanted; of a STRING what was captured, or 1 more when no NUL was */
	unsigned int captured; /* bytes that follow */
	unsigned short node;
	unsigned char status; /* enum plan_status */
	unsigned char pad[5];
};
_Static_assert(sizeof(struct plan_fragment) == 24, "fragments are read by other programs");

#define PLAN_GATE_OPS 256 /* a power of two */
#define PLAN_HASH_MAX 256 /* bytes of text that are hashed */

/* What a gate leaves in the value file, in place of what only OUT has. */
enum plan_gate_value {
	PLAN_V_WANTED = PLAN_V_RAX,    /* 0: the call is not taken; 1 before the gate runs */
	PLAN_V_BY = PLAN_V_RDX,	       /* sampling goes by its hash; 0 before */
	PLAN_V_CARRIER = PLAN_V_ERRNO, /* what the call carries or joins by; 0 before: nothing */
};

enum plan_gate_flags {
	PLAN_GATE_WANTED = 1 << 0,
	PLAN_GATE_BY = 1 << 1,
	PLAN_GATE_CARRIES = 1 << 2, /* the value names the operation from here to its end, in any thread */
	PLAN_GATE_JOINS = 1 << 3,   /* the call belongs to the operation that carries the value */
};

/*
 * A gate decides at entry, in the kernel alone and before anything is copied: whether the call is wanted, by
 * what it is sampled, which operation it belongs to. It is a plan of one section whose ops copy nothing.
 */
struct plan_gate {
	unsigned int flags, cnt;
	struct plan_op ops[PLAN_GATE_OPS];
};

/* A number's bits, well mixed (Stafford's variant 13 of the finalizer of MurmurHash3). */
static inline unsigned long long plan_mix(unsigned long long x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

/* The hash of text: fold its eightbytes, the last one filled with zeros, its NUL included, from 0 on. */
static inline unsigned long long plan_hash(unsigned long long hash, unsigned long long eightbyte)
{
	return plan_mix(hash * 31 + eightbyte + 1);
}

/* What a program says to us by lib/tapedeck/mark.h. At its site rdi, rsi and rdx are its arguments, as at a
 * function's entry, and rax, which is 0, its result. */
enum plan_mark {
	PLAN_MARK_NONE = 0,
	PLAN_MARK_DATA,	    /* a call, whose result is 1 */
	PLAN_MARK_OUTPUT,   /* a call */
	PLAN_MARK_METADATA, /* a call until the recording is packed; then part of its metadata */
	PLAN_MARK_DISCARD,
	PLAN_MARK_KEEP,
	PLAN_MARK_ASK, /* rdi: below 128 a bit of the recording's name, the highest first, or: */
	PLAN_MARK_CNT,
};
#define PLAN_ASK_BITS	   128
#define PLAN_ASK_STATE	   128 /* 1: it is recorded; 2: it is replayed */
#define PLAN_ASK_IS	   129 /* whether its name is rsi, rdx */
#define PLAN_ASK_REPLAYING 2

/* The answer to a question of PLAN_MARK_ASK that has a yes and a no. */
static inline int plan_answer(const unsigned long long name[2], unsigned long long question,
			      unsigned long long a, unsigned long long b)
{
	if (question < PLAN_ASK_BITS)
		return name[question / 64] >> (63 - question % 64) & 1;
	return question == PLAN_ASK_STATE || (question == PLAN_ASK_IS && name[0] == a && name[1] == b);
}

/* The name of operation @op of a recording session whose key is @key. */
static inline void plan_name(unsigned long long name[2], const unsigned long long key[2],
			     unsigned long long op)
{
	name[0] = plan_mix(key[0] + op);
	name[1] = plan_mix(key[1] ^ op);
}
