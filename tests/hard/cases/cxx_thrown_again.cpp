// SPDX-License-Identifier: BSD-3-Clause
// An input that threw when it was recorded runs for real where the configuration says so, and throws again.
// @replay: equal
#include <stdexcept>

#include "case.h"

FUNC long look_up(int key)
{
	if (key % 2)
		throw std::out_of_range("odd");
	return key + 100;
}

FUNC void report(long value)
{
	USE(value);
}

/* The next calls come from deeper and from the same depth. */
FUNC static void report_below(long value)
{
	volatile char room[256];

	room[0] = (char)value;
	report(value + room[0]);
}

FUNC long ask(int key)
{
	long found = -1;

	try {
		found = look_up(key);
	} catch (const std::exception &) {
		report_below(1);
		report(2);
	}
	return found + look_up(key & ~1);
}

int main()
{
	return ask(3) == -1 + 102 && ask(5) == -1 + 104 ? 0 : 1;
}
