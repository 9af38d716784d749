/* SPDX-License-Identifier: BSD-3-Clause */
/* The walls around a replayed program, put up between fork and exec. */
#pragma once

#include <stddef.h>

struct err;

enum sandbox_layer { SANDBOX_NAMESPACES, SANDBOX_LANDLOCK, SANDBOX_SECCOMP, SANDBOX_CNT };
const char *sandbox_layer_name(enum sandbox_layer layer);

struct sandbox_opts {
	const char *work_dir; /* the only place that can be written */
	size_t memory_max;    /* bytes of address space; 0: SANDBOX_MEMORY_DEFAULT */
};
#define SANDBOX_MEMORY_DEFAULT (8ull << 30)

/* In the child, before exec: user, network, ipc, uts and pid namespaces, Landlock (read anywhere, write in
 * work_dir), no_new_privs, limits, no core dumps, and a seccomp filter that stops connections and signals to
 * the outside. Returns a mask of the layers that are up; -errno when not one of network namespace, Landlock
 * or seccomp could keep the network away. Async-signal-safe. */
int sandbox_enter(const struct sandbox_opts *opts);
/* Which layers this machine allows, for doctor and the report: a mask. */
int sandbox_probe(void);
