// SPDX-License-Identifier: BSD-3-Clause
/*
 * A ring whose writer stops in the middle. No probe of ours does that, so a program of the test does: it
 * reserves a record and then reads memory which nobody provides.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <linux/bpf.h>
#include <linux/userfaultfd.h>

#include "lib/plan.h"
#include "lib/util.h"
#include "loader/drain.h"
#include "tests/integration/rig.h"

#define SLEEPABLE   (1u << 4) /* BPF_F_SLEEPABLE */
#define PATIENCE_MS 300
#define WORKERS	    8
#define EACH	    500
#define EVENTS	    6 /* of one operation */

static const struct probe probes[] = {
	{"op_work", ROLE_OPERATION},
	{"in_get", ROLE_INPUT},
	{"out_put", ROLE_OUTPUT},
};

/* A writer that stops while it holds a record. */
struct stuck {
	int prog, uffd;
	void *page;
	pthread_t thread;
};

static int load(int ring)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = 6, .src_reg = 1},
		{.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = ring},
		{},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = 64},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ringbuf_reserve},
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = 0, .off = 8},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 7, .src_reg = 0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 7},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = 8},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 3, .src_reg = 6},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_copy_from_user},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 7},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ringbuf_discard},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = SLEEPABLE);

	return bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "stuck", "GPL", insns, ARRAY_SIZE(insns), &opts);
}

static void *run(void *arg)
{
	struct stuck *stuck = arg;
	uint64_t address = (uintptr_t)stuck->page;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &address, .ctx_size_in = sizeof(address));

	bpf_prog_test_run_opts(stuck->prog, &opts);
	return NULL;
}

static void stop_in(struct stuck *stuck, int ring)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	struct uffd_msg fault;

	stuck->prog = load(ring);
	assert_true(stuck->prog >= 0);
	stuck->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	assert_true(stuck->uffd >= 0);
	assert_int_equal(ioctl(stuck->uffd, UFFDIO_API, &api), 0);
	stuck->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range.start = (uintptr_t)stuck->page;
	range.range.len = 4096;
	assert_int_equal(ioctl(stuck->uffd, UFFDIO_REGISTER, &range), 0);
	pthread_create(&stuck->thread, NULL, run, stuck);
	assert_int_equal(read(stuck->uffd, &fault, sizeof(fault)), sizeof(fault)); /* it is there */
}

static void go_on(struct stuck *stuck)
{
	struct uffdio_zeropage zero = {.range = {(uintptr_t)stuck->page, 4096}};

	assert_int_equal(ioctl(stuck->uffd, UFFDIO_ZEROPAGE, &zero), 0);
	pthread_join(stuck->thread, NULL);
	munmap(stuck->page, 4096);
	close(stuck->uffd);
	close(stuck->prog);
}

struct seen {
	uint64_t complete, incomplete;
};

static void on_work(const struct recording *recording, void *ctx)
{
	struct seen *seen = ctx;

	*(recording->complete ? &seen->complete : &seen->incomplete) += 1;
	if (recording->complete)
		assert_int_equal(recording->calls_cnt, 2);
}

static void a_dead_ring_is_abandoned_and_what_it_held_is_counted(void **state)
{
	const struct rig_opts opts = {.attach = {.ring_bytes = 4 * 1024 * 1024}};
	const uint64_t operations = WORKERS * (2 * EACH + 1);
	struct seen seen = {};
	struct rig *rig = rig_start(probes, ARRAY_SIZE(probes), &opts, on_work, &seen);
	struct assemble_counts assembled;
	struct stuck stuck = {};
	struct func_count sum;
	uint64_t missing;

	drain_set_patience(rig_drain(rig), PATIENCE_MS);
	stop_in(&stuck, rig_ring(rig, 0));
	rig_do(rig, "work 8 500");
	rig_run(rig, 2 * PATIENCE_MS);
	assert_int_equal(drain_abandoned(rig_drain(rig)), 1);
	go_on(&stuck); /* too late */
	rig_do(rig, "work 8 500");
	rig_do(rig, "work 8 1"); /* so that each gap has an end */
	rig_finish(rig, &sum, &assembled);
	missing = sum.emitted - rig_drained(rig);
	assert_int_equal(drain_abandoned(rig_drain(rig)), 1);
	assert_int_equal(sum.emitted + sum.dropped + sum.no_slot, operations * EVENTS);
	assert_int_equal(assembled.lost_events, missing + sum.dropped + sum.no_slot);
	assert_true(missing > 0);
	assert_true(seen.complete >= WORKERS * (EACH + 1));
	assert_true(seen.complete < operations);
	rig_end(rig);
}

/* Waiting for one ring, the others are read. */
static void a_slow_writer_costs_nothing(void **state)
{
	const struct rig_opts opts = {.attach = {.ring_bytes = 4 * 1024 * 1024}};
	struct seen seen = {};
	struct rig *rig = rig_start(probes, ARRAY_SIZE(probes), &opts, on_work, &seen);
	struct assemble_counts assembled;
	struct stuck stuck = {};
	struct func_count sum;

	stop_in(&stuck, rig_ring(rig, 0));
	rig_do_blind(rig, "work 8 500");
	go_on(&stuck);
	rig_do(rig, "work 8 1");
	rig_run(rig, 10);
	rig_finish(rig, &sum, &assembled);
	assert_int_equal(drain_abandoned(rig_drain(rig)), 0);
	assert_int_equal(sum.dropped + sum.no_slot, 0);
	assert_int_equal(seen.complete, WORKERS * (EACH + 1));
	rig_end(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dead_ring_is_abandoned_and_what_it_held_is_counted),
		cmocka_unit_test(a_slow_writer_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
