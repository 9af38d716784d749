// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/* The least that probes can do: what capturing is measured against. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Entry and return. */
SEC("uprobe.s")
int pair(void *ctx)
{
	return 0;
}

/* As a session: the return is not wanted. */
SEC("uprobe.s")
int skip(void *ctx)
{
	return 1;
}
