// SPDX-License-Identifier: BSD-3-Clause
// What an output may have written is served, and cannot be redacted unless it is said that it only reads.
// @check: 'redact' on 'pan' of 'put': a replay serves it
// @check: say "direction": "in" of it, where the function does not write it
// @refused: say "direction": "in" of it, where the function does not write it
struct card {
	int cents;
	char pan[20];
};

__attribute__((noinline)) int put(struct card *card)
{
	return card->cents;
}

__attribute__((noinline)) int handle(int cents)
{
	struct card card = {cents, "4242"};

	return put(&card);
}

int main(void)
{
	return handle(5) != 5;
}
