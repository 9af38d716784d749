// SPDX-License-Identifier: BSD-3-Clause
// An operation that is discarded leaves nothing, nor does what goes on inside it, until it ends: by a return, or by an
// exception, which a program that throws may have.
// @flags: -I$BUILD/include
#include <stdexcept>
#include <tapedeck/mark.h>

#include "case.h"

FUNC int price(int n)
{
	return n * 2;
}

FUNC int handle(int n)
{
	char id[TAPEDECK_ID_BYTES];
	int sum = price(n);

	if (n % 2) {
		tapedeck_discard();
		if (*tapedeck_recording_id(id) || tapedeck_mode() != TAPEDECK_OFF)
			return -1;
		tapedeck_output("secret", &n, sizeof(n));
		sum += n > 10 ? 0 : handle(n + 11);
	}
	if (n == 5)
		throw std::out_of_range("five");
	return sum + price(n + 1) + (*tapedeck_recording_id(id) ? 0 : 1000);
}

int main()
{
	int sum = 0, caught = 0;

	for (int i = 0; i < 6; i++)
		try {
			sum += handle(i);
		} catch (const std::out_of_range &) {
			caught++;
		}
	return sum == 2 + 10 + 18 + (6 + 1000 + 50 + 1000) + (14 + 1000 + 58 + 1000) && caught == 1 ? 0 : sum & 127;
}
