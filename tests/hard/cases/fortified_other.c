// SPDX-License-Identifier: BSD-3-Clause
// What _FORTIFY_SOURCE calls has other parameters: configured, it is recorded with its own.
// @flags: -D_FORTIFY_SOURCE=2
// @builds: gcc-O2-*
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

__attribute__((noinline)) long handle(int fd, unsigned long len, int flags)
{
	char part[8] = "", text[16] = "";
	long got = recv(fd, part, len, flags);
	int n = snprintf(text, len + 8, "%s/%ld", part, got);

	return got * 100 + part[1] + n + text[4];
}

int main(void)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) || write(fds[1], "abcdef", 6) != 6)
		return 1;
	return handle(fds[0], 4, MSG_PEEK) == 400 + 'b' + 6 + '/' ? 0 : 2;
}
