// SPDX-License-Identifier: BSD-3-Clause
// An array of buffers: each element has its own length.
#include <string.h>
#include <sys/uio.h>

#include "case.h"

FUNC long emit(int fd, const struct iovec *iov, int cnt)
{
	long n = fd;

	for (int i = 0; i < cnt; i++)
		n += iov[i].iov_len;
	return n;
}

FUNC long take(struct iovec *iov, int cnt)
{
	memcpy(iov[0].iov_base, "\x01\x02", 2);
	memcpy(iov[1].iov_base, "end", 4);
	return 6 + cnt;
}

FUNC long handle(const char *text)
{
	char a[2] = {0}, b[4] = {0};
	struct iovec in[2] = {{a, sizeof(a)}, {b, sizeof(b)}};
	struct iovec out[3] = {{(void *)text, strlen(text)}, {NULL, 0}, {a, 1}};
	long n = take(in, 2);

	return n + emit(a[1], out, 3) + b[0];
}

int main(void)
{
	return handle("hello") == 8 + 2 + 6 + 'e' ? 0 : 1;
}
