/* SPDX-License-Identifier: BSD-3-Clause */
/* The programs of a case that rebuild recorded memory in this process. */
#pragma once

#include <stdint.h>

#include "replay/target/patch.h"

struct serve {
	uint64_t v[PATCH_SERVE_VALUES];	      /* address registers; set v[0..6] before */
	uint64_t args[6 + PATCH_STACK_WORDS]; /* SERVE_ARG */
	uint64_t result[2];		      /* SERVE_RESULT: rax, rdx */
	uint32_t call;	   /* index of the case's call that is served; PATCH_NONE: the operation */
	char trouble[128]; /* why it could not be done */
};

/* Run @cnt ops at offset @ops of the case. 0, or -1 with trouble. */
int serve_run(struct serve *serve, unsigned ops, unsigned cnt);
/* Another case comes: what was shared is of the last one. */
void serve_forget(void);
