// SPDX-License-Identifier: BSD-3-Clause
#include "loader/cost.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/util.h"
#include "loader/own_code.h"
#include "loader/uprobe_link.h"

#define ROUNDS 5 /* the best of them counts: what disturbs a round only makes it dearer */
#define CALLS  200

/* A function for each kind, by its first instruction. */
void cost_site_nop5(void);
void cost_site_emulated(void);
void cost_site_stepped(void);
asm(".pushsection .text, \"ax\", @progbits\n"
    ".globl cost_site_nop5, cost_site_emulated, cost_site_stepped\n"
    ".hidden cost_site_nop5, cost_site_emulated, cost_site_stepped\n"
    ".type cost_site_nop5, @function\n"
    ".p2align 6\n"
    "cost_site_nop5:\n"
    "	.byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n"
    "	ret\n"
    ".type cost_site_emulated, @function\n"
    "cost_site_emulated:\n"
    "	push %rbp\n"
    "	pop %rbp\n"
    "	ret\n"
    ".type cost_site_stepped, @function\n"
    "cost_site_stepped:\n"
    "	xor %eax, %eax\n"
    "	ret\n"
    ".popsection\n");

static void (*const functions[SITE_CNT])(void) = {
	[SITE_NOP5] = cost_site_nop5,
	[SITE_EMULATED] = cost_site_emulated,
	[SITE_STEPPED] = cost_site_stepped,
};

static uint32_t time_calls(void (*function)(void))
{
	uint64_t best = UINT64_MAX;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t begun = clock_ns();

		for (int i = 0; i < CALLS; i++)
			function();
		best = MIN(best, (clock_ns() - begun) / CALLS);
	}
	return best;
}

int cost_measure(uint32_t ns[SITE_CNT], int prog_fd, int attach_type, struct err *err)
{
	uint64_t offsets[SITE_CNT], cookies[SITE_CNT] = {};
	struct uprobe_link link = {.offsets = offsets, .cookies = cookies, .cnt = SITE_CNT, .pid = getpid()};
	autoclose int fd = -1;

	for (int i = 0; i < SITE_CNT; i++) {
		struct own_code code;

		if (!own_code_find(&code, functions[i]))
			return err_set(err, -ENOTSUP,
				       "cannot measure what probes cost: our own code is in no file");
		link.path = code.path;
		offsets[i] = code.offset;
	}
	fd = uprobe_link_create(&link, prog_fd, attach_type, false);
	if (fd < 0)
		return err_set(err, fd, "cannot measure what probes cost: %s", strerror(-fd));
	for (int i = 0; i < SITE_CNT; i++)
		ns[i] = time_calls(functions[i]);
	return 0;
}

uint32_t cost_of_return(enum site_kind kind, uint32_t entry_ns)
{
	uint64_t entry = site_cost_ns(kind, false), pair = site_cost_ns(kind, true);

	/* The trap of a return is one of its own, whatever the entry's is. */
	return kind == SITE_STEPPED ? pair - entry : entry_ns * (pair - entry) / entry;
}
