// SPDX-License-Identifier: BSD-3-Clause
// gcc's copy for one constant argument takes other parameters than what is written.
// @builds: gcc-O2-*
// @refused: 'scale' no longer takes its parameters as written: the compiler left only the copy 'scale.constprop.0'
// @refused: mark it __attribute__((noipa))
static __attribute__((noinline)) int scale(int amount, int factor, int shift)
{
	__asm__ volatile("");
	return amount * factor + (amount << shift);
}

__attribute__((noinline)) int handle(int amount)
{
	return scale(amount, 3, 1) + scale(amount + 1, 3, 1);
}

int main(void)
{
	return handle(2) == 25 ? 0 : 1;
}
