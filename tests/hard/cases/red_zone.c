// SPDX-License-Identifier: BSD-3-Clause
// Leaf functions that keep values below the stack pointer across a nop5, which kernels from 6.18 on would
// make a call that overwrites them: it is never where a probe sits, and all 4,000 results are right.
// @check: in_leaf: input in case
#include "case.h"

#define NOP5 ".byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n"

__asm__(".pushsection .text\n"
	".globl sum_in_red_zone\n.type sum_in_red_zone, @function\n"
	"sum_in_red_zone:\n"
	"mov %rdi, -8(%rsp)\n"
	"mov %rsi, -16(%rsp)\n" NOP5 "mov -8(%rsp), %rax\n"
	"add -16(%rsp), %rax\n"
	"ret\n"
	".size sum_in_red_zone, . - sum_in_red_zone\n"
	".popsection");
long sum_in_red_zone(long a, long b);

FUNC long in_leaf(long a, long b)
{
	volatile long kept[4] = {a, b, a + 1, b + 1};

	__asm__ volatile(NOP5 : : : "memory");
	return kept[0] + kept[1] + kept[2] + kept[3];
}

FUNC long op_sum(long number)
{
	return in_leaf(number, number + 1) + sum_in_red_zone(number, 7);
}

int main(void)
{
	for (long i = 0; i < 2000; i++)
		if (op_sum(i) != 4 * i + 4 + i + 7)
			return 1;
	return 0;
}
