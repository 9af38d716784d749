/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of the engine share: the patch file, the case, the outcome, and where we are. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "replay/target/patch.h"

/* Small variables that cases use lie together: each page that is written to is copied for each case, and each
 * that is touched is mapped anew. */
#define ENGINE_WRITTEN __attribute__((section(".data.written")))

struct func { /* a patch_func at run time */
	const struct patch_func *patch;
	const struct plan *plan;      /* NULL: none */
	const struct plan_gate *gate; /* NULL: it neither carries nor joins */
	void *slot;		      /* leads to the thunk */
	void *original;		      /* calls the real function; NULL: cannot be called */
};

enum engine_state {
	ENGINE_ABSENT,	 /* no replay: preloaded into some other program */
	ENGINE_STARTING, /* from exec to ready: what was recorded of it is served, the rest runs for real */
	ENGINE_SERVING,	 /* ready: waits for cases */
	ENGINE_PLAYING,	 /* runs the operation of a case */
	ENGINE_PLAIN,	 /* a process that the operation forked: everything runs for real */
	/* No replay: everything runs for real, and is recorded as the tape's control says. */
	ENGINE_RECORDING,
};

struct engine {
	volatile enum engine_state state;
	const struct patch_header *patch;
	const struct patch_module *modules;
	struct tape *tape;		  /* recording; else NULL */
	const struct case_header *played; /* the case */
	struct outcome_header *outcome;
	int socket, outcome_fd;
	int has_entered;	      /* the program itself runs, no longer the loader */
	volatile int has_new_imports; /* a library came; what imports from it is not patched yet */
	int *server; /* shared by what the program forks: the process that reached ready first; 0: none yet */
	int has_others;	    /* threads existed at ready beside the one that serves */
	int main_result;    /* valid once main has returned */
	int end_status;	    /* of a process that has played */
	unsigned how;	    /* PATCH_RUN_ of this case */
	struct func *funcs; /* as many as the patch file has */
};
extern struct engine engine;

/* Each ends the process without running anything of the program's. */
_Noreturn void engine_exit(int status);
/* Before ready: tell the driver why this target cannot be replayed, or not recorded. */
_Noreturn void engine_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* @cnt records of @size bytes at @offset lie inside @bytes bytes. */
static inline int engine_is_inside(uint64_t offset, uint64_t cnt, uint64_t size, uint64_t bytes)
{
	return offset <= bytes && cnt <= (bytes - offset) / size && offset % 8 == 0;
}
