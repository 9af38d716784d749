// SPDX-License-Identifier: BSD-3-Clause
// Arrays in structs that are passed and returned in registers, with rules of their own: they lie nowhere in
// memory.
#include "case.h"

struct mac {
	char d[6];
};
struct frame {
	unsigned char n, data[7];
	short crc[2];
};

FUNC struct mac get(int k)
{
	return (struct mac){{1, 0, k, 3, 4, 5}};
}

FUNC struct frame next(struct frame frame)
{
	for (int i = 0; i < frame.n; i++)
		frame.data[i]++;
	frame.crc[0]++;
	return frame;
}

FUNC int put(struct mac mac)
{
	return mac.d[2];
}

FUNC int handle(struct mac mac, struct frame frame)
{
	struct mac got = get(mac.d[5]);
	struct frame after = next(frame);

	got.d[4] += mac.d[3];
	return put(got) + got.d[5] + after.data[3] + after.crc[0] + frame.crc[1];
}

int main(void)
{
	return handle((struct mac){{0, 1, 2, 3, 4, 5}}, (struct frame){4, {1, 2, 0, 40, 5, 6, 7}, {8, 9}}) ==
			       5 + 5 + 41 + 9 + 9
		       ? 0
		       : 1;
}
