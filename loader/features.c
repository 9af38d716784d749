// SPDX-License-Identifier: BSD-3-Clause
#include "loader/features.h"

#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/capability.h>

#include "lib/err.h"
#include "lib/util.h"
#include "loader/fpregs.h"
#include "loader/uprobe_link.h"

#define SLEEPABLE (1u << 4) /* BPF_F_SLEEPABLE */

/* `return 0` as a probe; its descriptor, or -errno. */
static int load_nothing(uint32_t flags, int attach_type)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = flags, .expected_attach_type = attach_type);
	int fd = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "nothing", "GPL", insns, ARRAY_SIZE(insns), &opts);

	return fd < 0 ? -errno : fd;
}

static bool loads(uint32_t flags)
{
	autoclose int fd = load_nothing(flags, 0);

	return fd >= 0;
}

/* A kernel that knows the link gets as far as looking at the path, and finds a folder. */
static bool links(int attach_type)
{
	const uint64_t offset = 1;
	const struct uprobe_link probes = {.path = "/", .offsets = &offset, .cnt = 1};
	autoclose int prog = load_nothing(SLEEPABLE, attach_type);
	autoclose int link = prog < 0 ? -1 : uprobe_link_create(&probes, prog, attach_type, false);

	return link == -EBADF;
}

static bool has_btf(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool is_there = btf != NULL;

	btf__free(btf);
	return is_there;
}

static bool has_bpf(void)
{
	return loads(0);
}

static bool has_sleepable(void)
{
	return loads(SLEEPABLE);
}

static bool has_uprobe_multi(void)
{
	return links(UPROBE_MULTI);
}

static bool has_uprobe_session(void)
{
	return links(UPROBE_SESSION);
}

static bool has_ptrace(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	return !syscall(__NR_capget, &header, data) &&
	       (data[CAP_TO_INDEX(CAP_SYS_PTRACE)].effective & CAP_TO_MASK(CAP_SYS_PTRACE));
}

static bool has_fpregs(void)
{
	auto_fpregs struct fpregs *fpregs = NULL;

	return !fpregs_start(&fpregs, NULL);
}

static const struct {
	const char *name;
	bool (*is_there)(void);
	bool is_required;
	const char *cost;
} table[FEATURE_CNT] = {
	/* Without privileges nothing else can be tried: it comes before what it hides. */
	[FEATURE_BTF] = {"kernel BTF", has_btf, true,
			 "the kernel has no BTF, so probes cannot be fitted to it: use a kernel with "
			 "CONFIG_DEBUG_INFO_BTF=y (/sys/kernel/btf/vmlinux)"},
	[FEATURE_BPF] = {"BPF programs", has_bpf, true,
			 "BPF is not permitted here: needs CAP_BPF and CAP_PERFMON (run as root, or: setcap "
			 "cap_bpf,cap_perfmon,cap_sys_ptrace+ep tapedeck)"},
	[FEATURE_SLEEPABLE] =
		{"sleepable uprobes", has_sleepable, true,
		 "the kernel is too old: recording needs Linux 6.6 or newer (sleepable uprobes)"},
	[FEATURE_UPROBE_MULTI] = {"uprobe_multi links", has_uprobe_multi, true,
				  "the kernel is too old: recording needs Linux 6.6 or newer (uprobe_multi)"},
	[FEATURE_UPROBE_SESSION] =
		{"uprobe sessions", has_uprobe_session, false,
		 "calls that are not recorded cost twice as much, as their return is probed too, and a program "
		 "cannot ask for its recording's name: Linux 6.13 or newer avoids it"},
	[FEATURE_PTRACE] =
		{"CAP_SYS_PTRACE", has_ptrace, false,
		 "processes of other users cannot be recorded: run as root, or add cap_sys_ptrace"},
	[FEATURE_FPREGS] = {"floating point", has_fpregs, false,
			    "floating-point arguments and results in registers are recorded as unavailable"},
};

bool feature_is_there(enum feature feature)
{
	libbpf_set_print(NULL);
	return table[feature].is_there();
}

bool features_hook_all(bool two_links)
{
	return two_links ||
	       (feature_is_there(FEATURE_UPROBE_MULTI) && !feature_is_there(FEATURE_UPROBE_SESSION));
}

static struct feature_state probe(enum feature feature)
{
	return (struct feature_state){.name = table[feature].name,
				      .is_there = feature_is_there(feature),
				      .is_required = table[feature].is_required,
				      .cost = table[feature].cost};
}

enum feature features_missing(struct feature_state *out)
{
	for (int i = 0; i < FEATURE_CNT; i++) {
		if (!table[i].is_required)
			continue;
		*out = probe(i);
		if (!out->is_there)
			return i;
	}
	return FEATURE_CNT;
}

void features_probe(struct feature_state out[FEATURE_CNT])
{
	auto_fpregs struct fpregs *fpregs = NULL;
	struct err err = {};

	for (int i = 0; i < FEATURE_CNT; i++)
		if (i != FEATURE_FPREGS)
			out[i] = probe(i);
	out[FEATURE_FPREGS] = (struct feature_state){.name = table[FEATURE_FPREGS].name,
						     .is_there = !fpregs_start(&fpregs, &err),
						     .cost = table[FEATURE_FPREGS].cost};
	snprintf(out[FEATURE_FPREGS].why, FEATURE_WHY_MAX, "%.*s", FEATURE_WHY_MAX - 1, err.msg);
}
