/* SPDX-License-Identifier: BSD-3-Clause */
/* The walls around a replayed program, put up between fork and exec. */
#pragma once

#include <stddef.h>

struct err;

enum sandbox_layer { SANDBOX_NAMESPACES, SANDBOX_LANDLOCK, SANDBOX_SECCOMP, SANDBOX_CNT };
const char *sandbox_layer_name(enum sandbox_layer layer);

struct sandbox_opts {
	const char *work_dir; /* can be written, besides @scratch */
	char *const *scratch; /* folders to be covered by private ones, see scratch.h; NULL: none */
	size_t memory_max;    /* bytes of address space; 0: SANDBOX_MEMORY_DEFAULT */
	/* The file @exe is hidden behind @copy, so that the copy runs under its own path. NULL: not. */
	const char *exe, *copy;
	int kept_from, kept_to; /* closing these descriptors does nothing; 0: none */
};
#define SANDBOX_MEMORY_DEFAULT	 (8ull << 30)
#define SANDBOX_MEMORY_UNLIMITED ((size_t)-1) /* sanitizers reserve terabytes */

/* In the child, before exec: user, network, ipc, uts, mount and pid namespaces, Landlock (read anywhere,
 * write in work_dir and the private folders), no_new_privs, limits, no core dumps, and a seccomp filter that
 * stops connections to the outside. Returns a mask of the layers that are up, SANDBOX_COVERED when @exe is
 * hidden behind @copy; -errno when nothing could keep the network away. Where there are pid namespaces it
 * returns in a grandchild: the child stays behind and ends as the grandchild ends. All die with the thread
 * that forked. Async-signal-safe.
 */
#define SANDBOX_COVERED (1 << 30)
int sandbox_enter(const struct sandbox_opts *opts);
/* Which layers this machine allows, for doctor and the report: a mask. */
int sandbox_probe(void);
