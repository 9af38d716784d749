// SPDX-License-Identifier: BSD-3-Clause
#include "loader/fpregs.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "lib/clock.h"
#include "lib/event.h"
#include "bpf/fpregs.skel.h"
#include "lib/err.h"
#include "lib/util.h"
#include "loader/frames.h"
#include "loader/own_code.h"
#include "loader/uprobe_link.h"

#define PRIORITY      1 /* above every thread that is not real-time, below all that are */
#define STACK_BYTES   (64 * 1024)
#define ROUNDS	      64 /* of finding the flag, and of verifying it */
#define SEEN_MIN      16 /* samples of either kind, to tell by */
#define VERIFIED_MIN  (ROUNDS / 2)
#define REGS	      (PLAN_FP_CNT - 1) /* xmm0 to 7 and st0 */
#define REGS_BYTES    (REGS * PLAN_FP_BYTES)
#define ST0_AT	      (PLAN_FP_ST0 * PLAN_FP_BYTES)
#define ST0_BYTES     10
#define ST0_EXPONENT  0x3fff /* of 1.0; with the integer bit set, any fraction is a number */
#define KICK_RING_MIN 4096

/* A thread on one CPU. Whatever its ring says, being woken is all that it is for. */
struct kicker {
	pthread_t thread;
	bool is_running;
	int ring, stop;
	volatile uint64_t *consumed, *produced; /* positions in the ring */
};

struct fpregs {
	struct kicker *kickers; /* by CPU */
	int cpus, running;
	int stop; /* eventfd: readable when the threads shall end */
	uint64_t flag;
	uint32_t cost_ns;
};

/* --- the threads --- */

static void *kicker_run(void *arg)
{
	struct kicker *kicker = arg;
	struct epoll_event event = {.events = EPOLLIN, .data.fd = kicker->ring};
	autoclose int set = epoll_create1(EPOLL_CLOEXEC);

	if (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, kicker->ring, &event))
		return NULL;
	event.data.fd = kicker->stop;
	if (epoll_ctl(set, EPOLL_CTL_ADD, kicker->stop, &event))
		return NULL;
	for (;;) {
		if (epoll_wait(set, &event, 1, -1) < 1)
			continue;
		if (event.data.fd == kicker->stop)
			return NULL;
		*kicker->consumed = __atomic_load_n(kicker->produced, __ATOMIC_ACQUIRE);
	}
}

static int kicker_map(struct kicker *kicker, struct err *err)
{
	size_t page = getpagesize();
	void *consumer, *producer;

	kicker->ring = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "kick", 0, 0, MAX(page, KICK_RING_MIN), NULL);
	if (kicker->ring < 0)
		return err_set(err, -errno, "cannot make a ring: %s", strerror(errno));
	consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, kicker->ring, 0);
	if (consumer == MAP_FAILED)
		return err_set(err, -errno, "cannot map a ring: %s", strerror(errno));
	kicker->consumed = consumer;
	producer = mmap(NULL, page, PROT_READ, MAP_SHARED, kicker->ring, page);
	if (producer == MAP_FAILED)
		return err_set(err, -errno, "cannot map a ring: %s", strerror(errno));
	kicker->produced = producer;
	return 0;
}

static int create_thread(struct kicker *kicker, int cpu)
{
	const struct sched_param priority = {.sched_priority = PRIORITY};
	pthread_attr_t attr;
	cpu_set_t cpus;
	int r;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &priority);
	pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
	r = pthread_create(&kicker->thread, &attr, kicker_run, kicker);
	pthread_attr_destroy(&attr);
	return r;
}

/* A CPU that is off, or that we may not use, gets no thread: on it nothing can be read. */
static int kicker_start(struct fpregs *fpregs, int cpu, struct err *err)
{
	struct kicker *kicker = &fpregs->kickers[cpu];
	sigset_t all, before;
	int r = kicker_map(kicker, err);

	if (r)
		return r;
	kicker->stop = fpregs->stop;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = create_thread(kicker, cpu);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == EPERM)
		return err_set(err, -EPERM, "no permission for real-time priority (CAP_SYS_NICE)");
	kicker->is_running = !r;
	fpregs->running += !r;
	return 0;
}

static int start_threads(struct fpregs *fpregs, struct err *err)
{
	int r = 0;

	fpregs->stop = eventfd(0, EFD_CLOEXEC);
	if (fpregs->stop < 0)
		return err_set(err, -errno, "cannot make an eventfd: %s", strerror(errno));
	for (int cpu = 0; cpu < fpregs->cpus && !r; cpu++)
		r = kicker_start(fpregs, cpu, err);
	if (!r && !fpregs->running)
		r = err_set(err, -ENOTSUP, "no thread can be started on any CPU");
	return r;
}

int fpregs_hand_down(const struct fpregs *fpregs, int kicks_fd, struct err *err)
{
	for (uint32_t cpu = 0; cpu < (uint32_t)fpregs->cpus; cpu++)
		if (fpregs->kickers[cpu].is_running &&
		    bpf_map_update_elem(kicks_fd, &cpu, &fpregs->kickers[cpu].ring, 0))
			return err_set(err, -errno, "cannot hand down a ring: %s", strerror(errno));
	return 0;
}

/* --- the function that is probed --- */

/* Registers as they lie in struct fp_sample. */
struct known {
	uint8_t regs[REGS_BYTES];
};

/* Fill the registers and pass the probe, which sits on the nop. */
void fpregs_pass(const struct known *known);
extern const char fpregs_probed[];
asm(".pushsection .text, \"ax\", @progbits\n"
    ".globl fpregs_pass, fpregs_probed\n"
    ".hidden fpregs_pass, fpregs_probed\n"
    ".type fpregs_pass, @function\n"
    "fpregs_pass:\n"
    "	movups	0(%rdi), %xmm0\n"
    "	movups	16(%rdi), %xmm1\n"
    "	movups	32(%rdi), %xmm2\n"
    "	movups	48(%rdi), %xmm3\n"
    "	movups	64(%rdi), %xmm4\n"
    "	movups	80(%rdi), %xmm5\n"
    "	movups	96(%rdi), %xmm6\n"
    "	movups	112(%rdi), %xmm7\n"
    "	fldt	128(%rdi)\n"
    "fpregs_probed:\n"
    "	nop\n"
    "	fstp	%st(0)\n"
    "	ret\n"
    ".size fpregs_pass, . - fpregs_pass\n"
    ".popsection\n");

static int fill(struct known *known, bool is_zero)
{
	const uint16_t exponent = ST0_EXPONENT;

	memset(known, 0, sizeof(*known));
	if (is_zero)
		return 0;
	if (getrandom(known, sizeof(*known), 0) != sizeof(*known))
		return -EIO;
	known->regs[ST0_AT + 7] |= 0x80;
	memcpy(known->regs + ST0_AT + 8, &exponent, sizeof(exponent));
	return 0;
}

static bool is_known(const struct fp_sample *sample, const struct known *known)
{
	return sample->is_there && !memcmp(sample->regs, known->regs, ST0_AT + ST0_BYTES);
}

/* --- calibration --- */

static int cannot(struct err *err, const char *why)
{
	return err_set(err, -ENOTSUP, "the calibration failed: %s", why);
}

static int load(struct fpregs_bpf *skel, const struct fpregs *fpregs, struct err *err)
{
	autofree char *log = calloc(1, FRAMES_LOG_BYTES);
	struct bpf_program *prog = skel->progs.calibrate;
	int r;

	if (!log)
		return err_nomem(err);
	if (bpf_map__set_max_entries(skel->maps.kicks, fpregs->cpus))
		return err_set(err, -EINVAL, "cannot size the BPF maps");
	bpf_program__set_expected_attach_type(prog, UPROBE_MULTI);
	bpf_program__set_log_level(prog, FRAMES_LOG_LEVEL);
	bpf_program__set_log_buf(prog, log, FRAMES_LOG_BYTES);
	r = fpregs_bpf__load(skel);
	bpf_program__set_log_buf(prog, NULL, 0);
	if (r)
		return err_set(err, -ENOTSUP, "the kernel refused the probe that would find out: %s",
			       strerror(-r));
	return frames_check(bpf_program__name(prog), log, err);
}

static int probe(struct fpregs_bpf *skel, struct err *err)
{
	struct own_code code;
	struct uprobe_link link = {.offsets = &code.offset, .cnt = 1, .pid = getpid()};
	int fd;

	if (!own_code_find(&code, fpregs_probed))
		return cannot(err, "our own code is in no file");
	link.path = code.path;
	fd = uprobe_link_create(&link, bpf_program__fd(skel->progs.calibrate), UPROBE_MULTI, false);
	return fd < 0 ? err_set(err, fd, "cannot probe ourselves: %s", strerror(-fd)) : fd;
}

/* What set of bits goes with the truth. */
struct evidence {
	uint64_t always_in_true, never_in_false;
	unsigned true_cnt, false_cnt;
};

static void weigh(struct evidence *evidence, const struct fp_sample *sample, const struct known *known)
{
	if (!sample->is_there)
		return;
	if (is_known(sample, known)) {
		evidence->always_in_true &= sample->flags;
		evidence->true_cnt++;
	} else {
		evidence->never_in_false &= ~sample->flags;
		evidence->false_cnt++;
	}
}

static int find_flag(uint64_t *flag, struct fpregs_bpf *skel, struct err *err)
{
	struct evidence evidence = {.always_in_true = UINT64_MAX, .never_in_false = UINT64_MAX};
	struct known known;
	uint64_t bits;

	for (int i = 0; i < ROUNDS; i++) {
		if (fill(&known, false))
			return cannot(err, "no random numbers");
		memset(&skel->bss->before, 0, sizeof(skel->bss->before));
		memset(&skel->bss->after, 0, sizeof(skel->bss->after));
		fpregs_pass(&known);
		weigh(&evidence, &skel->bss->before, &known);
		weigh(&evidence, &skel->bss->after, &known);
	}
	if (evidence.true_cnt + evidence.false_cnt == 0)
		return cannot(err, "the saved registers are not where they are looked for");
	if (evidence.true_cnt < SEEN_MIN)
		return cannot(err, "the registers cannot be had saved");
	if (evidence.false_cnt < SEEN_MIN)
		return cannot(err, "the registers are always saved, so that a flag shows nothing");
	bits = evidence.always_in_true & evidence.never_in_false;
	if (!bits || bits & (bits - 1))
		return cannot(err, bits ? "several flags of a thread go with saved registers"
					: "no flag of a thread goes with saved registers");
	*flag = bits;
	return 0;
}

/* As every probe will read: registers of any content, all zeros too. */
static int verify(struct fpregs *fpregs, struct fpregs_bpf *skel, struct err *err)
{
	uint64_t spent = 0, begun;
	struct known known;
	int right = 0;

	skel->bss->fp_flag = fpregs->flag;
	for (int i = 0; i < ROUNDS; i++) {
		if (fill(&known, i % 4 == 3))
			return cannot(err, "no random numbers");
		memset(&skel->bss->verified, 0, sizeof(skel->bss->verified));
		begun = clock_ns();
		fpregs_pass(&known);
		spent += clock_ns() - begun;
		if (skel->bss->verified.is_there && !is_known(&skel->bss->verified, &known))
			return cannot(err, "registers were read that were not there");
		right += skel->bss->verified.is_there;
	}
	if (right < VERIFIED_MIN)
		return cannot(err, "the registers can be read too seldom");
	fpregs->cost_ns = spent / ROUNDS;
	return 0;
}

/* glibc 2.35 and later; absent elsewhere. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));
#define RSEQ_UNREGISTER 1
#define RSEQ_SIGNATURE	0x53053053 /* glibc's for x86 */
#define RSEQ_BYTES	32	   /* of its first version: what is registered at least */

/* A thread with restartable sequences has a flag of its own set whenever it is switched out, which is then
 * not told from the one that is looked for. Nothing of ours uses them. */
static void leave_rseq(void)
{
	if (&__rseq_offset && &__rseq_size && __rseq_size)
		syscall(__NR_rseq, (char *)__builtin_thread_pointer() + __rseq_offset,
			MAX(__rseq_size, RSEQ_BYTES), RSEQ_UNREGISTER, RSEQ_SIGNATURE);
}

struct calibration {
	struct fpregs *fpregs;
	struct fpregs_bpf *skel;
	int result;
	struct err err;
};

static void *calibrate(void *arg)
{
	struct calibration *c = arg;
	autoclose int link = -1;

	leave_rseq();
	c->result = link = probe(c->skel, &c->err);
	if (link >= 0)
		c->result = find_flag(&c->fpregs->flag, c->skel, &c->err);
	if (!c->result)
		c->result = verify(c->fpregs, c->skel, &c->err);
	return NULL;
}

/* In a thread of its own, for what it does to that. */
static int calibrate_apart(struct fpregs *fpregs, struct fpregs_bpf *skel, struct err *err)
{
	struct calibration c = {.fpregs = fpregs, .skel = skel};
	pthread_t thread;
	int r = load(skel, fpregs, err);

	if (!r)
		r = fpregs_hand_down(fpregs, bpf_map__fd(skel->maps.kicks), err);
	if (r)
		return r;
	r = pthread_create(&thread, NULL, calibrate, &c);
	if (r)
		return err_set(err, -r, "cannot start a thread: %s", strerror(r));
	pthread_join(thread, NULL);
	return c.result ? err_pass(err, c.result, &c.err) : 0;
}

/* --- life --- */

int fpregs_start(struct fpregs **out, struct err *err)
{
	auto_fpregs struct fpregs *fpregs = calloc(1, sizeof(*fpregs));
	struct fpregs_bpf *skel;
	int r;

	if (!fpregs)
		return err_nomem(err);
	libbpf_set_print(NULL);
	fpregs->stop = -1;
	fpregs->cpus = libbpf_num_possible_cpus();
	if (fpregs->cpus < 0)
		return err_set(err, fpregs->cpus, "cannot count the CPUs");
	fpregs->kickers = calloc(fpregs->cpus, sizeof(*fpregs->kickers));
	if (!fpregs->kickers)
		return err_nomem(err);
	for (int i = 0; i < fpregs->cpus; i++)
		fpregs->kickers[i].ring = -1;
	r = start_threads(fpregs, err);
	if (r)
		return r;
	skel = fpregs_bpf__open();
	if (!skel)
		return err_set(err, -errno, "cannot open the BPF object: %s", strerror(errno));
	r = calibrate_apart(fpregs, skel, err);
	fpregs_bpf__destroy(skel);
	if (r)
		return r;
	*out = TAKE_PTR(fpregs);
	return 0;
}

uint64_t fpregs_flag(const struct fpregs *fpregs)
{
	return fpregs->flag;
}

uint32_t fpregs_cost_ns(const struct fpregs *fpregs)
{
	return fpregs->cost_ns;
}

void fpregs_stop(struct fpregs *fpregs)
{
	const uint64_t one = 1;

	if (!fpregs)
		return;
	if (fpregs->running && write(fpregs->stop, &one, sizeof(one)) != sizeof(one))
		return; /* the threads still use what would be freed */
	for (int i = 0; fpregs->kickers && i < fpregs->cpus; i++) {
		struct kicker *kicker = &fpregs->kickers[i];

		if (kicker->is_running)
			pthread_join(kicker->thread, NULL);
		if (kicker->consumed)
			munmap((void *)kicker->consumed, getpagesize());
		if (kicker->produced)
			munmap((void *)kicker->produced, getpagesize());
		closep(&kicker->ring);
	}
	free(fpregs->kickers);
	closep(&fpregs->stop);
	free(fpregs);
}

void fpregs_stopp(struct fpregs **fpregs)
{
	fpregs_stop(*fpregs);
}
