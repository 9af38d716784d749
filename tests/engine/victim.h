/* SPDX-License-Identifier: BSD-3-Clause */
/* What the victim's operation can do. */
#pragma once

struct reply {
	long total;
	int *lines;
};

struct big {
	long a[4];
};

enum {
	DO_STATIC,
	DO_LIVE,
	DO_FLOAT,
	DO_LIBC,
	DO_ERRNO,
	DO_SEQUENCE,
	DO_OUTPUTS,
	DO_CRASH,
	DO_HANG,
	DO_EXIT,
	DO_CONNECT,
	DO_REPLY,
	DO_BIG,
	DO_MANY,
	DO_THROUGH,
	DO_LONGJMP,
	DO_ABORT,
	DO_LIBC_CRASH,
	DO_THREADS,
	DO_REGISTERS,
	DO_TINY,
	DO_DOUBLES,
	DO_SERVED_DOUBLES,
	DO_UNWIND,
	DO_SIGNAL,
	DO_FORK,
	DO_NESTED,
	DO_OVERFLOW,
	DO_BAD_POINTER,
	DO_OUT,
	DO_JUMP,
	DO_UNDERSCORE_EXIT,
	DO_VOID,
	DO_ADDRESS,
	DO_SHOP,
	DO_BEYOND,
	DO_FREED,
	DO_LOOP,
	DO_PAUSE,
	DO_HAND_ON,
	DO_PREPARED,
};

long operation(int what, long a, struct reply *out);
