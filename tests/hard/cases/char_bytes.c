// SPDX-License-Identifier: BSD-3-Clause
// Arrays of char that hold bytes: shown and compared as text up to a NUL, rebuilt with what lies behind it.
#include <string.h>

#include "case.h"

struct digest {
	char d[8];
};
struct mac {
	char a[6];
};
struct report {
	int n;
	char mac[6];
	char rows[2][4];
};

FUNC struct digest read_digest(int k)
{
	return (struct digest){{1, 0, 3, 4, k, 6, 7, 8}};
}

FUNC struct mac read_mac(struct mac like, struct report *report)
{
	memcpy(report->mac, "\x52\x00\x12\x34\x56\x78", 6);
	memcpy(report->rows, "\x00\x01\x02\x03\x04\x00\x06\x07", 8);
	like.a[5]++;
	return like;
}

FUNC void put(const struct digest *digest)
{
	USE(digest);
}

FUNC int handle(const struct digest *req, struct mac own, struct report *report)
{
	struct digest digest = read_digest(req->d[6]);
	struct mac mac = read_mac(own, report);

	put(&digest);
	return req->d[7] + digest.d[4] + digest.d[7] + own.a[4] + mac.a[5] + report->mac[5] +
	       report->rows[0][3] + report->rows[1][2];
}

int main(void)
{
	struct digest req = {{0, 1, 2, 3, 4, 5, 60, 7}};
	struct report report = {};

	return handle(&req, (struct mac){{9, 0, 0, 0, 50, 70}}, &report) ==
			       7 + 60 + 8 + 50 + 71 + 0x78 + 3 + 6
		       ? 0
		       : 1;
}
