/* SPDX-License-Identifier: BSD-3-Clause */
/* Patch files and cases made by hand, for the engine's tests. Everything here asserts. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "replay/server.h"
#include "replay/target/patch.h"

struct object;

#define KIT_FUNCS 32
#define KIT_CALLS 16
#define KIT_OPS	  64

/* What the patch file says of a function. */
struct kit_func {
	const char *name;
	unsigned char role, missing;
	unsigned results;
	long missing_return;
	int is_import;		     /* of libc */
	int is_library;		     /* in libvictim.so, beside the executable */
	int key_args;		     /* how many argument registers are the key */
	int key_xmm;		     /* how many vector registers are the key, after those */
	unsigned char fp_in, fp_out; /* of the plan */
	int key_string;		     /* the first argument is a string, and the key */
	int out_arg;		     /* argument register from 1 whose pointee's 16 bytes flow out; 0: none */
	int carries, joins;	     /* argument register from 1 that names the operation; 0: none */
	const char *alias;	     /* NULL: the name */
	const char *fallback;
};

struct kit_patch {
	struct buf file;
	const struct kit_func *funcs;
	size_t funcs_cnt;
};
/* Functions are looked up in @exe. The first must be the operation. */
void kit_patch_init(struct kit_patch *patch, const char *exe, const struct kit_func *funcs, size_t cnt,
		    unsigned ready_main);
void kit_patch_release(struct kit_patch *patch);

struct kit_call {
	const char *func;
	unsigned char role; /* 0: input */
	long key[6];
	double key_fp[2], fp[2]; /* of the key; the result in xmm0 and xmm1 */
	long double st[2];	 /* the result in st0 and st1 */
	const char *key_text;
	long rax, rdx;
	int error_number; /* 0: not served */
	const char *unserved;
	struct serve_op ops[4]; /* kind 0 ends */
};

struct kit_case {
	long args[6];
	long stack[4];
	unsigned stack_words;
	struct serve_op ops[8];
	struct kit_call calls[KIT_CALLS]; /* func NULL ends */
	const char *data;		  /* for SERVE_WRITE: at KIT_DATA */
	size_t data_len;
};
#define KIT_DATA 8192 /* offset of data in the case */
void kit_case_write(struct buf *out, const struct kit_case *made, const struct kit_patch *patch);

/* The n-th event, or NULL. */
const struct outcome_event *kit_event(const struct outcome_header *outcome, size_t n);
const char *kit_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
