// SPDX-License-Identifier: BSD-3-Clause
// What an output is given is not stored as it was: text, numbers, bits, bytes and what lies behind pointers.
// The program sees all.
#include <string.h>

#include "case.h"

struct holder {
	const char *name;
	int age;
};
struct entry {
	char pan[20];
	unsigned cvv : 10, kind : 4;
	double amount;
	const struct holder *holder;
	int visible;
};

static int seen;

FUNC int audit(const struct entry *entry, const char *note, const unsigned char *raw, int len, int pin)
{
	seen += strlen(entry->pan) + entry->cvv + entry->kind + (int)entry->amount + entry->holder->age +
		strlen(entry->holder->name) + entry->visible + strlen(note) + raw[len - 1] + pin;
	return seen;
}

FUNC int handle(int amount)
{
	struct holder holder = {"Ada", 36};
	struct entry entry = {"4111111111111111", 123, 5, amount, &holder, 7};

	return audit(&entry, "paid by card", (const unsigned char *)"\1\2\3", 3, 4711);
}

int main(void)
{
	return handle(10) == 16 + 123 + 5 + 10 + 36 + 3 + 7 + 12 + 3 + 4711 ? 0 : 1;
}
