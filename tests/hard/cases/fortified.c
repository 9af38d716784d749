// SPDX-License-Identifier: BSD-3-Clause
// With _FORTIFY_SOURCE some calls of read go to __read_chk: they are calls of read.
// @flags: -D_FORTIFY_SOURCE=2
// @builds: *-O2-*
#include <poll.h>
#include <string.h>
#include <unistd.h>

__attribute__((noinline)) long handle(int fd, unsigned long len)
{
	char whole[8] = "", part[8] = "";
	struct pollfd fds[1] = {{fd, POLLIN, 0}};
	long got = poll(fds, len, 1000);

	got += read(fd, whole, sizeof(whole) - 4); /* known to fit */
	got += read(fd, part, len + 1);		   /* checked when it runs */
	return got * 100 + whole[0] + part[1];
}

int main(void)
{
	int fds[2];

	if (pipe(fds) || write(fds[1], "abcdef", 6) != 6)
		return 1;
	return handle(fds[0], 1) == 700 + 'a' + 'f' ? 0 : 2;
}
