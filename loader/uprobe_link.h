/* SPDX-License-Identifier: BSD-3-Clause */
/* uprobe_multi and session links by bpf(2), for headers and a libbpf that are older than the kernel. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* enum bpf_attach_type of include/uapi/linux/bpf.h */
#define UPROBE_MULTI   48 /* 6.6 */
#define UPROBE_SESSION 57 /* 6.13 */

struct uprobe_link {
	const char *path;
	const uint64_t *offsets, *cookies;
	uint32_t cnt;
	pid_t pid;
};

/* The link's descriptor, or -errno. */
int uprobe_link_create(const struct uprobe_link *probes, int prog_fd, int attach_type, bool is_return);
