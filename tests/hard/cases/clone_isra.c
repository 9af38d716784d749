// SPDX-License-Identifier: BSD-3-Clause
// gcc passes the member instead of the pointer to its struct.
// @builds: gcc-O2-*
// @refused: 'tax_of' no longer takes its parameters as written: the compiler left only the copy 'tax_of.isra.0'
struct order {
	int rate, amount;
};

static __attribute__((noinline)) int tax_of(struct order *order, int rate)
{
	int amount = order->amount;

	return amount * rate / 100;
}

__attribute__((noinline)) int handle(struct order *order)
{
	return tax_of(order, 19) + tax_of(order + 1, order->rate);
}

int main(void)
{
	struct order orders[2] = {{7, 100}, {0, 200}};

	return handle(orders) == 33 ? 0 : 1;
}
