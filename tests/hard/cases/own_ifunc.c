// SPDX-License-Identifier: BSD-3-Clause
// A function in several variants, of which the processor's is chosen at start.
// @builds: gcc-*
// @refused: which code runs for 'sum_of' of 'case' is chosen when the program starts (an IFUNC)
__attribute__((target_clones("avx2", "default"), noinline)) int sum_of(const int *list, int cnt)
{
	int sum = 0;

	for (int i = 0; i < cnt; i++)
		sum += list[i];
	return sum;
}

__attribute__((noinline)) int handle(const int *list)
{
	return sum_of(list, 3);
}

int main(void)
{
	int list[3] = {1, 2, 3};

	return handle(list) == 6 ? 0 : 1;
}
