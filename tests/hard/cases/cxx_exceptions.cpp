// SPDX-License-Identifier: BSD-3-Clause
// Exceptions: thrown and caught inside an operation, leaving an operation, passing calls that are recorded.
// A return probe on any of these would end the program.
#include <stdexcept>
#include <string>

#include "case.h"

/* An input that calls what throws, and catches nothing: only what returns is asked of it. */
FUNC long price(int sku)
{
	return sku * 10L;
}

FUNC static void refuse(int sku)
{
	throw std::out_of_range("no sku " + std::to_string(sku));
}

FUNC static long try_one(int sku)
{
	try {
		if (sku < 0)
			refuse(sku);
		return price(sku);
	} catch (const std::out_of_range &) {
		return price(-sku) + 1;
	}
}

FUNC long total(int first, int last)
{
	long sum = try_one(first) + try_one(-first);

	if (first > last)
		throw std::runtime_error("nothing to add");
	for (int sku = first; sku <= last; sku++)
		sum += price(sku);
	return sum;
}

/* From deeper than where the operation was that an exception left. */
FUNC static long again(int depth)
{
	volatile char room[64] = {1};

	return depth ? again(depth - 1) + room[0] - 1 : total(7, 7);
}

int main()
{
	long sum = total(1, 2);

	if (sum != 10 + 11 + 10 + 20)
		return 1;
	try {
		total(5, 3);
		return 2;
	} catch (const std::runtime_error &) {
	}
	return again(3) == 70 + 71 + 70 ? 0 : 3;
}
