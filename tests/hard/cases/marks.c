// SPDX-License-Identifier: BSD-3-Clause
// What a program says of its own recording: data by key, played back, output, kept, named; outside of an operation
// nothing. In a leaf the stack's red zone is in use around a mark.
// @flags: -I$BUILD/include
// @check: tapedeck:data: a mark of the program's in case
#include <stdio.h>
#include <string.h>
#include <tapedeck/mark.h>

#include "case.h"

static int computed;

FUNC long leaf(long a, long b)
{
	volatile long red[8] = {a, b, a + b, a - b, 5, 6, 7, 8};
	long sum = 0;

	tapedeck_record_data("leaf", (const void *)red, sizeof(red[0]));
	for (int i = 0; i < 8; i++)
		sum += red[i];
	return sum;
}

FUNC long priced(int n)
{
	long price;

	if (!tapedeck_play_data("price", &price, sizeof(price))) {
		computed++;
		price = 100 + n + computed;
		tapedeck_record_data("price", &price, sizeof(price));
	}
	return price;
}

FUNC int handle(int n)
{
	char text[8] = "", id[TAPEDECK_ID_BYTES], again[TAPEDECK_ID_BYTES];
	enum tapedeck_mode mode = tapedeck_mode();

	if (mode == TAPEDECK_RECORDING)
		snprintf(text, sizeof(text), "run %d", n);
	if (tapedeck_data("text", text, sizeof(text)) != (mode == TAPEDECK_REPLAYING))
		return -1;
	if (tapedeck_data("text", text + 4, 2) != (mode == TAPEDECK_REPLAYING))
		return -2;
	tapedeck_output("text", text, strlen(text));
	if (n == 2)
		tapedeck_keep();
	tapedeck_recording_id(id);
	if (strlen(id) != 32 || strcmp(tapedeck_recording_id(again), id))
		return -3;
	tapedeck_output("id", id, sizeof(id) - 1);
	return mode == TAPEDECK_OFF ? -4 : priced(n) * 100 + leaf(n, 3);
}

int main(void)
{
	char id[TAPEDECK_ID_BYTES] = "x";
	int n = 7;

	tapedeck_keep();
	tapedeck_discard();
	if (tapedeck_data("n", &n, sizeof(n)) || n != 7 || tapedeck_mode() != TAPEDECK_OFF ||
	    *tapedeck_recording_id(id))
		return 1;
	for (int i = 0; i < 4; i++)
		if (handle(i) != (101 + i + i) * 100 + 26 + 3 * i + 3)
			return 2;
	return 0;
}
