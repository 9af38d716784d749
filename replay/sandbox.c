// SPDX-License-Identifier: BSD-3-Clause
/*
 * The walls, from the outside in:
 *
 *	namespaces	an empty network with loopback alone; its own processes, mounts and IPC
 *	Landlock	reads everywhere, writes in the work directory and in private folders
 *	seccomp		no connection to anywhere from exec on, since a unix socket's path passes the other
 *two
 *
 * A service that listens must be able to in order to become ready, so sockets stay usable within the empty
 * network. Without a network namespace, bind and listen are pretended.
 */
#include "replay/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/util.h"
#include "replay/scratch.h"

#define BIT(layer)	    (1 << (layer))
#define FILE_BYTES_MAX	    (64ull << 20) /* of one file that the program writes */
#define SHM_MOUNT_OPTS	    "size=512m,mode=1777"
#define SCRATCH_STORE	    "/dev/shm/.tapedeck"
#define CAPABILITIES_CNT    64
#define CLOSE_RANGE_SYSCALL 436
#define FDS_MAX		    4096

const char *sandbox_layer_name(enum sandbox_layer layer)
{
	static const char *const names[] = {
		[SANDBOX_NAMESPACES] = "namespaces",
		[SANDBOX_LANDLOCK] = "landlock",
		[SANDBOX_SECCOMP] = "seccomp",
	};
	_Static_assert(ARRAY_SIZE(names) == SANDBOX_CNT, "a name for every layer");

	return names[layer];
}

/* --- namespaces --- */

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int r = fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return r;
}

/* The program keeps the identity it has: unmapped it would be nobody. */
static void map_identity(const char *path, unsigned id)
{
	char text[32];

	snprintf(text, sizeof(text), "%u %u 1", id, id);
	write_file(path, text);
}

static int enter_namespaces(void)
{
	const int inner = CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID;
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (!unshare(inner))
		return 0;
	if (unshare(CLONE_NEWUSER | inner))
		return -errno;
	write_file("/proc/self/setgroups", "deny");
	map_identity("/proc/self/uid_map", uid);
	map_identity("/proc/self/gid_map", gid);
	return 0;
}

static void raise_loopback(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
}

/* Returns SANDBOX_COVERED or 0. *@scratch: a mask of the folders that are private now. */
static int arrange_mounts(const struct sandbox_opts *opts, unsigned *scratch)
{
	*scratch = 0;
	if (mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return 0;
	if (!mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, SHM_MOUNT_OPTS))
		*scratch = scratch_mount(opts->scratch, SCRATCH_STORE);
	if (!opts->exe || mount(opts->copy, opts->exe, NULL, MS_BIND, NULL))
		return 0;
	return SANDBOX_COVERED;
}

/* --- process ids: two keepers stay behind, the outer in the driver's namespace, the inner as pid 1 --- */

_Noreturn static void end_as(int status)
{
	struct rlimit none = {};

	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	setrlimit(RLIMIT_CORE, &none);
	signal(WTERMSIG(status), SIG_DFL);
	kill(getpid(), WTERMSIG(status));
	_exit(128 + WTERMSIG(status));
}

/* A keeper holds nothing of the driver's or the program's. */
static void close_all(void)
{
	if (!syscall(CLOSE_RANGE_SYSCALL, 0, ~0u, 0))
		return;
	for (int fd = 0; fd < FDS_MAX; fd++)
		close(fd);
}

static int wait_for(pid_t pid)
{
	int status = 0;
	pid_t r;

	do
		r = waitpid(-1, &status, 0);
	while ((r > 0 && r != pid) || (r < 0 && errno == EINTR));
	return r == pid ? status : 0;
}

/*
 * The program, and what it leaves to run when it goes to the background with status 0. Anything else that its
 * first process or its orphans end with is the end of all.
 */
static int wait_for_all(pid_t program)
{
	bool has_ended = false;
	int status, last = 0;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, &status, 0);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return last;
		has_ended |= pid == program;
		if (!has_ended)
			continue;
		last = status;
		if (status)
			return last;
	}
}

/* Only the grandchild returns. */
static int enter_processes(void)
{
	volatile int *status =
		mmap(NULL, sizeof(*status), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t inner, program;

	if (status == MAP_FAILED)
		return -errno;
	inner = syscall(SYS_fork);
	if (inner < 0)
		return -errno;
	if (inner > 0) {
		close_all();
		wait_for(inner);
		end_as(*status);
	}
	*status = 1 << 8; /* should the inner keeper vanish */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	program = syscall(SYS_fork);
	if (program < 0)
		_exit(1);
	if (program > 0) {
		close_all();
		*status = wait_for_all(program);
		_exit(0);
	}
	munmap((void *)status, sizeof(*status));
	/* Refused where the container hides parts of /proc; the old one then shows numbers of outside. */
	mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	return 0;
}

/* --- Landlock: numbers of the kernel's ABI, for headers are older than kernels --- */

#define LL_CREATE_RULESET 444
#define LL_ADD_RULE	  445
#define LL_RESTRICT_SELF  446
#define LL_VERSION	  1u
#define LL_PATH_BENEATH	  1

#define LL_EXECUTE    (1ull << 0)
#define LL_WRITE_FILE (1ull << 1)
#define LL_READ_FILE  (1ull << 2)
#define LL_READ_DIR   (1ull << 3)
#define LL_ABI1	      ((1ull << 13) - 1)
#define LL_REFER      (1ull << 13) /* ABI 2 */
#define LL_TRUNCATE   (1ull << 14) /* ABI 3 */
#define LL_IOCTL_DEV  (1ull << 15) /* ABI 5 */
#define LL_CONNECT    (1ull << 1)  /* ABI 4, TCP */
#define LL_SCOPES     3ull	   /* ABI 6: abstract unix sockets, signals */

struct ll_ruleset {
	uint64_t fs, net, scoped;
};
struct ll_path {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

static uint64_t handled_by(int abi)
{
	return LL_ABI1 | (abi >= 2 ? LL_REFER : 0) | (abi >= 3 ? LL_TRUNCATE : 0) |
	       (abi >= 5 ? LL_IOCTL_DEV : 0);
}

static void allow(int ruleset, const char *path, uint64_t access)
{
	struct ll_path rule = {.allowed = access, .fd = open(path, O_PATH | O_CLOEXEC)};

	if (rule.fd < 0)
		return;
	syscall(LL_ADD_RULE, ruleset, LL_PATH_BENEATH, &rule, 0);
	close(rule.fd);
}

static int enter_landlock(const struct sandbox_opts *opts, unsigned scratch, int has_namespaces)
{
	static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random",
					      "/dev/urandom"};
	const uint64_t reading = LL_EXECUTE | LL_READ_FILE | LL_READ_DIR;
	int abi = syscall(LL_CREATE_RULESET, NULL, 0, LL_VERSION);
	struct ll_ruleset rules = {.fs = handled_by(abi),
				   .net = abi >= 4 && !has_namespaces ? LL_CONNECT : 0,
				   .scoped = abi >= 6 ? LL_SCOPES : 0};
	int ruleset, r;

	if (abi < 1)
		return -ENOSYS;
	ruleset = syscall(LL_CREATE_RULESET, &rules, abi < 4 ? 8 : abi < 6 ? 16 : sizeof(rules), 0);
	if (ruleset < 0)
		return -errno;
	allow(ruleset, "/", reading);
	allow(ruleset, opts->work_dir, rules.fs);
	for (unsigned i = 0; scratch >> i; i++)
		if (scratch >> i & 1)
			allow(ruleset, opts->scratch[i], rules.fs);
	if (has_namespaces)
		allow(ruleset, "/dev/shm", rules.fs);
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		allow(ruleset, devices[i],
		      (reading & ~LL_READ_DIR) | LL_WRITE_FILE | (abi >= 3 ? LL_TRUNCATE : 0));
	r = syscall(LL_RESTRICT_SELF, ruleset, 0) ? -errno : 0;
	close(ruleset);
	return r;
}

/* --- seccomp --- */

#define LOAD(field)	      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define IS(value, yes, no)    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define RETURN(what)	      BPF_STMT(BPF_RET | BPF_K, what)
#define ERRNO(number)	      RETURN(SECCOMP_RET_ERRNO | (number))
#define X32_BIT		      0x40000000u
#define SOCK_TYPE_BITS	      0xf
#define ABOVE(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, value, yes, no)
#define BELOW(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, value, no, yes)
#define LOAD_HIGH(field)                                                                                     \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field) + 4)

#define LEN_MAX 96

struct filter {
	struct sock_filter code[LEN_MAX];
	unsigned short cnt;
};

/* Each block begins by loading what it looks at, and falls through to the next. */
#define APPEND(filter, ...)                                                                                  \
	do {                                                                                                 \
		const struct sock_filter block_[] = {__VA_ARGS__};                                           \
                                                                                                             \
		memcpy((filter)->code + (filter)->cnt, block_, sizeof(block_));                              \
		(filter)->cnt += ARRAY_SIZE(block_);                                                         \
	} while (0)
#define ANSWER(filter, nr_, number) APPEND(filter, LOAD(nr), IS(nr_, 0, 1), ERRNO(number))

/* Daemons close what they did not open: the descriptors of the engine stay. */
static void keep_open(struct filter *filter, unsigned first, unsigned last)
{
	APPEND(filter, LOAD(nr), IS(SYS_close, 0, 4), LOAD(args[0]), BELOW(first, 2, 0), ABOVE(last, 1, 0),
	       ERRNO(0));
	/* ENOSYS: libc falls back to closing one by one. */
	APPEND(filter, LOAD(nr), IS(CLOSE_RANGE_SYSCALL, 0, 5), LOAD(args[0]), ABOVE(last, 3, 0),
	       LOAD(args[1]), BELOW(first, 1, 0), ERRNO(ENOSYS));
}

/*
 * Families that no network namespace holds back are refused. A unix datagram socket reaches any path without
 * connecting, so there are none.
 */
static void limit_sockets(struct filter *filter, int nr_, int has_namespaces)
{
	APPEND(filter, LOAD(nr), IS(nr_, 0, 12), LOAD(args[0]), IS(AF_NETLINK, 10, 0), IS(AF_UNIX, 4, 0),
	       IS(AF_INET, 2, 0), IS(AF_INET6, 1, 0), ERRNO(EAFNOSUPPORT),
	       BPF_STMT(BPF_JMP | BPF_JA, has_namespaces ? 5 : 0), LOAD(args[1]),
	       BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SOCK_TYPE_BITS), IS(SOCK_STREAM, 2, 0),
	       IS(SOCK_SEQPACKET, 1, 0), ERRNO(EACCES));
}

/* The real network is there: nobody may be reached, and who listens is told that he does. */
static void close_network(struct filter *filter)
{
	ANSWER(filter, SYS_bind, 0);
	ANSWER(filter, SYS_listen, 0);
	/* An address, or fast open, connects in passing. */
	APPEND(filter, LOAD(nr), IS(SYS_sendto, 0, 5), LOAD(args[4]), IS(0, 0, 2), LOAD_HIGH(args[4]),
	       IS(0, 1, 0), ERRNO(EACCES));
	APPEND(filter, LOAD(nr), IS(SYS_sendmsg, 0, 3), LOAD(args[2]),
	       BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MSG_FASTOPEN, 0, 1), ERRNO(EACCES));
	ANSWER(filter, SYS_sendmmsg, ENOSYS);
}

static int enter_seccomp(const struct sandbox_opts *opts, int has_namespaces)
{
	struct filter filter = {};
	struct sock_fprog program = {.filter = filter.code};

	APPEND(&filter, LOAD(arch), IS(AUDIT_ARCH_X86_64, 1, 0), RETURN(SECCOMP_RET_KILL_PROCESS), LOAD(nr),
	       BELOW(X32_BIT, 1, 0), ERRNO(ENOSYS));
	ANSWER(&filter, SYS_connect, EACCES);
	ANSWER(&filter, SYS_io_uring_setup, ENOSYS);
	ANSWER(&filter, SYS_ptrace, EPERM);
	if (opts->kept_from)
		keep_open(&filter, opts->kept_from, opts->kept_to);
	limit_sockets(&filter, SYS_socket, has_namespaces);
	limit_sockets(&filter, SYS_socketpair, has_namespaces);
	if (!has_namespaces)
		close_network(&filter);
	APPEND(&filter, RETURN(SECCOMP_RET_ALLOW));
	program.len = filter.cnt;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) ? -errno : 0;
}

/* --- all together --- */

static void limit(int resource, rlim_t max)
{
	struct rlimit limit = {.rlim_cur = max, .rlim_max = max}, now;

	if (!getrlimit(resource, &now) && now.rlim_max < max)
		limit.rlim_cur = limit.rlim_max = now.rlim_max;
	setrlimit(resource, &limit);
}

static void set_limits(const struct sandbox_opts *opts)
{
	/* 1, not 0: that is how a core_pattern with a pipe is told to stay away too. */
	limit(RLIMIT_CORE, 1);
	limit(RLIMIT_FSIZE, FILE_BYTES_MAX);
	signal(SIGXFSZ, SIG_IGN);
	if (opts->memory_max != SANDBOX_MEMORY_UNLIMITED)
		limit(RLIMIT_AS, opts->memory_max ? opts->memory_max : SANDBOX_MEMORY_DEFAULT);
}

/* Root keeps what a service needs to read its files and to become somebody else. */
static void drop_capabilities(void)
{
	static const int kept[] = {CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH,  CAP_FOWNER,
				   CAP_SETGID, CAP_SETUID,	 CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT,
				   CAP_KILL,   CAP_IPC_LOCK,	 CAP_SYS_NICE};

	for (int i = 0; i < CAPABILITIES_CNT; i++) {
		int is_kept = 0;

		for (size_t j = 0; j < ARRAY_SIZE(kept); j++)
			is_kept |= kept[j] == i;
		if (!is_kept)
			prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	}
}

int sandbox_enter(const struct sandbox_opts *opts)
{
	pid_t parent = getppid();
	int has_namespaces = !enter_namespaces(), layers = 0, r;
	unsigned scratch = 0;

	/* After the namespaces: a change of credentials forgets it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (has_namespaces) {
		raise_loopback();
		layers |= BIT(SANDBOX_NAMESPACES) | arrange_mounts(opts, &scratch);
		r = enter_processes();
		if (r)
			return r;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	drop_capabilities();
	set_limits(opts);
	if (!enter_landlock(opts, scratch, has_namespaces))
		layers |= BIT(SANDBOX_LANDLOCK);
	r = enter_seccomp(opts, has_namespaces);
	if (!r)
		layers |= BIT(SANDBOX_SECCOMP);
	if (r && !has_namespaces)
		return r;
	return layers;
}

int sandbox_probe(void)
{
	const struct sandbox_opts opts = {.work_dir = "/nonexistent", .memory_max = SANDBOX_MEMORY_UNLIMITED};
	pid_t pid = fork();
	int layers, status;

	if (pid < 0)
		return 0;
	if (pid == 0) {
		layers = sandbox_enter(&opts);
		_exit(layers < 0 ? 0 : layers & (BIT(SANDBOX_CNT) - 1));
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}
