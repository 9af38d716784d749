// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/filter.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
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
#define HEAD_CNT    1
#define TAIL_CNT    7

#define LOAD(field)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)

/* The architecture is the sandbox's to check. The number comes first and alone decides, so that the kernel
 * can remember which calls always pass. */
static size_t write_filter(struct sock_filter *at)
{
	uint64_t ours = (uint64_t)thunk_syscall_ip;
	struct sock_filter *start = at;

	*at++ = (struct sock_filter)LOAD(nr);
	for (size_t i = 0; i < LEAVING_CNT; i++)
		*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, leaving[i],
						     (uint8_t)(LEAVING_CNT - i), 0);
	*at++ = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	*at++ = (struct sock_filter)LOAD(instruction_pointer);
	*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)ours, 0, 3);
	*at++ = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, instruction_pointer) + 4);
	*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(ours >> 32), 0, 1);
	*at++ = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	*at++ = (struct sock_filter)RETURN(SECCOMP_RET_TRAP);
	return at - start;
}

void filter_install(int has_threads)
{
	struct sock_filter code[HEAD_CNT + LEAVING_CNT + TAIL_CNT];
	struct sock_fprog program = {.filter = code};

	program.len = write_filter(code);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	SYSCALL(SYS_seccomp, SECCOMP_SET_MODE_FILTER, has_threads ? SECCOMP_FILTER_FLAG_TSYNC : 0, &program,
		0);
}
