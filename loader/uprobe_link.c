// SPDX-License-Identifier: BSD-3-Clause
#include "loader/uprobe_link.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>

#define UPROBE_MULTI_RETURN 1 /* BPF_F_UPROBE_MULTI_RETURN */

/* The link_create member of union bpf_attr, with uprobe_multi (6.6). */
struct link_attr {
	uint32_t prog_fd, target_fd, attach_type, flags;
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t cnt, multi_flags, pid, path_fd;
};

int uprobe_link_create(const struct uprobe_link *probes, int prog_fd, int attach_type, bool is_return)
{
	struct link_attr attr = {
		.prog_fd = prog_fd,
		.attach_type = attach_type,
		.path = (uintptr_t)probes->path,
		.offsets = (uintptr_t)probes->offsets,
		.cookies = (uintptr_t)probes->cookies,
		.cnt = probes->cnt,
		.multi_flags = is_return ? UPROBE_MULTI_RETURN : 0,
		.pid = probes->pid,
	};
	int fd = syscall(__NR_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

	return fd < 0 ? -errno : fd;
}
