/* SPDX-License-Identifier: BSD-3-Clause */
/* One target process, started and run to ready; plays cases, one after another. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct server;
struct outcome_header;
struct patch_span;

struct server_opts {
	const char *exe;    /* the build; run from a private copy */
	const char *engine; /* libtapedeck-replay.so */
	char *const *args;  /* of main, behind its name; NULL: none */
	char *const *env;   /* NAME=VALUE, beside and before the fixed ones; NULL: none */
	/* A case without an operation, whose calls are served before ready; NULL: none. Must outlive the
	 * server. */
	const void *startup;
	size_t startup_len;
	const void *patch; /* the patch file */
	size_t patch_len;
	int ready_timeout_ms;
	int cpu;	   /* pin to; -1: not pinned */
	char *const *libs; /* SONAME=PATH..., NULL-terminated; NULL: none */
	bool keep;	   /* leave the target's folder behind */
	/* Set while it waits for the target: the wait is over, and the target's life. NULL: nobody does. */
	const volatile sig_atomic_t *interrupt;
	/* Each case runs in the target's first process, and gdb stops in its operation. */
	bool is_debugged;
	bool is_checked; /* under valgrind's memcheck */
	struct server_stop {
		const char *symbol; /* NULL: none */
		unsigned module;
		uint64_t addr; /* in the module's file */
	} stop;
};
#define SERVER_READY_MS 10000

/* The target dies with the thread that starts it. @opts is copied but for @patch, which must outlive the
 * server. */
int server_start(struct server **out, const struct server_opts *opts, struct err *err);
/* Threads exist at ready: each case gets a process of its own. */
int server_has_threads(const struct server *server);
const char *server_ready_at(const struct server *server); /* "accept" */
const char *server_folder(const struct server *server);
/* Where the program had memory when it was ready. */
const struct patch_span *server_spans(const struct server *server, size_t *cnt);
unsigned server_layers(const struct server *server); /* mask of enum sandbox_layer */

struct server_result {
	const struct outcome_header
		*outcome; /* borrowed until the next run; checked: lengths and kinds make sense */
	int wait_status;
	int timed_out, timeout_ms;
	const char *said;   /* borrowed likewise: as launch_said */
	const char *report; /* and as launch_report */
};
/* Play @case_data, as the mask of PATCH_RUN_FENCED and PATCH_RUN_OTHERS @how says. What the target does,
 * crashes included, is a result; -errno is our own failure. */
int server_run(struct server *server, const void *case_data, size_t len, int timeout_ms, unsigned how,
	       struct server_result *out, struct err *err);
void server_stop(struct server *server);
