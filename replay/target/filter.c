// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/filter.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "replay/target/syscalls.h"

/* What reaches other hosts, other processes, or the machine. Not tgkill: libc sends it with all signals
 * blocked, where SIGSYS kills without a word; the sandbox keeps it inside. */
static const uint16_t leaving[] = {
	SYS_socket,
	SYS_connect,
	SYS_accept,
	SYS_accept4,
	SYS_bind,
	SYS_listen,
	SYS_sendto,
	SYS_sendmsg,
	SYS_sendmmsg,
	SYS_recvfrom,
	SYS_recvmsg,
	SYS_recvmmsg,
	SYS_kill,
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_pidfd_send_signal,
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_unshare,
	SYS_setns,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_io_uring_setup,
	SYS_reboot,
	SYS_kexec_load,
	SYS_kexec_file_load,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_swapon,
	SYS_swapoff,
	SYS_sethostname,
	SYS_setdomainname,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_adjtimex,
	SYS_clock_adjtime,
	SYS_acct,
	SYS_quotactl,
	SYS_iopl,
	SYS_ioperm,
	SYS_add_key,
	SYS_request_key,
	SYS_keyctl,
};
#define LEAVING_CNT (sizeof(leaving) / sizeof(leaving[0]))

/* What changes files: it is made in our handler, which sees whether the sandbox refused it. */
static const struct {
	uint16_t number;
	int8_t path;  /* which argument names the file */
	int8_t flags; /* which argument tells whether it is opened to be changed; -1: it is changed anyway */
} changing[] = {
	{SYS_open, 0, 1},	{SYS_openat, 1, 2},    {SYS_openat2, 1, -1}, {SYS_creat, 0, -1},
	{SYS_unlink, 0, -1},	{SYS_unlinkat, 1, -1}, {SYS_rename, 0, -1},  {SYS_renameat, 1, -1},
	{SYS_renameat2, 1, -1}, {SYS_mkdir, 0, -1},    {SYS_mkdirat, 1, -1}, {SYS_rmdir, 0, -1},
	{SYS_link, 1, -1},	{SYS_linkat, 3, -1},   {SYS_symlink, 1, -1}, {SYS_symlinkat, 2, -1},
	{SYS_truncate, 0, -1},	{SYS_mknod, 0, -1},    {SYS_mknodat, 1, -1},
};
#define CHANGING_CNT (sizeof(changing) / sizeof(changing[0]))
#define FLAGS_CNT    2 /* of those, with flags */
#define CHANGES	     (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

#define CODE_MAX (LEAVING_CNT + CHANGING_CNT + 4 * FLAGS_CNT + 16)

#define LOAD(field)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)

int filter_path(int number)
{
	for (size_t i = 0; i < CHANGING_CNT; i++)
		if (changing[i].number == number)
			return changing[i].path;
	return -1;
}

struct code {
	struct sock_filter at[CODE_MAX];
	unsigned short cnt;
};

#define SUSPECT	     0xff /* a jump to where the caller is looked at: its distance is filled in at last */
#define JUMP(op, k)  ((struct sock_filter)BPF_JUMP(BPF_JMP | (op) | BPF_K, k, SUSPECT, 0))
#define ARGUMENT(nr) ((uint32_t)(offsetof(struct seccomp_data, args) + 8 * (nr)))

static void put(struct code *code, struct sock_filter instruction)
{
	code->at[code->cnt++] = instruction;
}

/* System call @number is suspect when the word of its arguments at @offset passes @test. */
static void put_tested(struct code *code, uint32_t number, uint32_t offset, struct sock_filter test)
{
	put(code, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3));
	put(code, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
	put(code, test);
	put(code, (struct sock_filter)RETURN(SECCOMP_RET_ALLOW));
}

/* More than the sandbox has at all: with the address space unlimited there is no such thing. */
static void put_mapping(struct code *code)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_AS, &limit) && limit.rlim_cur != RLIM_INFINITY)
		put_tested(code, SYS_mmap, ARGUMENT(1) + 4,
			   JUMP(BPF_JGE, (uint32_t)(limit.rlim_cur >> 32) ?: 1));
}

/* Our own calls pass. */
static void put_suspect(struct code *code)
{
	uint64_t ours = (uint64_t)thunk_syscall_ip;

	for (unsigned i = 0; i < code->cnt; i++)
		if (BPF_CLASS(code->at[i].code) == BPF_JMP && code->at[i].jt == SUSPECT)
			code->at[i].jt = code->cnt - i - 1;
	put(code, (struct sock_filter)LOAD(instruction_pointer));
	put(code, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)ours, 0, 3));
	put(code,
	    (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					 (uint32_t)offsetof(struct seccomp_data, instruction_pointer) + 4));
	put(code, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(ours >> 32), 0, 1));
	put(code, (struct sock_filter)RETURN(SECCOMP_RET_ALLOW));
	put(code, (struct sock_filter)RETURN(SECCOMP_RET_TRAP));
}

/* The architecture is the sandbox's to check. The number comes first and mostly alone decides, so that the
 * kernel can remember which calls always pass. */
static void write_filter(struct code *code)
{
	put(code, (struct sock_filter)LOAD(nr));
	for (size_t i = 0; i < LEAVING_CNT; i++)
		put(code, JUMP(BPF_JEQ, leaving[i]));
	for (size_t i = 0; i < CHANGING_CNT; i++)
		if (changing[i].flags < 0)
			put(code, JUMP(BPF_JEQ, changing[i].number));
		else
			put_tested(code, changing[i].number, ARGUMENT(changing[i].flags),
				   JUMP(BPF_JSET, CHANGES));
	put_mapping(code);
	put(code, (struct sock_filter)RETURN(SECCOMP_RET_ALLOW));
	put_suspect(code);
}

void filter_install(int has_threads)
{
	struct code code = {};
	struct sock_fprog program = {.filter = code.at};

	write_filter(&code);
	program.len = code.cnt;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	SYSCALL(SYS_seccomp, SECCOMP_SET_MODE_FILTER, has_threads ? SECCOMP_FILTER_FLAG_TSYNC : 0, &program,
		0);
}
