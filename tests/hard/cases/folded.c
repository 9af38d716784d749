// SPDX-License-Identifier: BSD-3-Clause
// Two functions that the linker found to be the same code: a call of one looks like a call of the other.
// @flags: -ffunction-sections -fuse-ld=gold -Wl,--icf=all
// @refused: 'first_of' and 'second_of' became one piece of code, so their calls cannot be told apart
// @refused: link with --icf=none
__attribute__((noinline)) int first_of(const int *list, int factor)
{
	__asm__ volatile("");
	return list[0] * factor;
}

__attribute__((noinline)) int second_of(const int *numbers, int by)
{
	__asm__ volatile("");
	return numbers[0] * by;
}

__attribute__((noinline)) int handle(const int *list)
{
	return first_of(list, 2) + second_of(list + 1, 3);
}

int main(void)
{
	int list[2] = {3, 4};

	return handle(list) == 18 ? 0 : 1;
}
