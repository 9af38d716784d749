// SPDX-License-Identifier: BSD-3-Clause
// Functions of libc without a rule: what they fill in is as long as they said.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int check(int ok)
{
	return ok ? 0 : 1;
}

static int files(void)
{
	char line[16] = "", text[8] = "", more[4] = "";
	struct iovec out[2] = {{"ab", 2}, {"cdef", 4}}, in[2] = {{text, 3}, {more, 3}};
	struct stat st;
	FILE *file;
	int fds[2], bad;

	bad = check(!pipe(fds) && writev(fds[1], out, 2) == 6 && readv(fds[0], in, 2) == 6);
	bad += check(write(fds[1], "xyz", 3) == 3 && read(fds[0], text, sizeof(text)) == 3 && text[0] == 'x');
	bad += check(!fstat(fds[0], &st) && S_ISFIFO(st.st_mode));
	bad += check(!close(fds[0]) && !close(fds[1]));
	file = fopen("/dev/null", "r");
	bad += check(file && !fgets(line, sizeof(line), file) && !fclose(file));
	return bad + check(read(-1, text, sizeof(text)) == -1);
}

static int sockets(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	char text[8] = "";
	struct pollfd pollfd;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) || getsockname(fd, (struct sockaddr *)&addr, &len))
		return 1;
	if (sendto(fd, "ping", 4, 0, (struct sockaddr *)&addr, len) != 4)
		return 1;
	pollfd = (struct pollfd){.fd = fd, .events = POLLIN};
	if (poll(&pollfd, 1, 1000) != 1 || pollfd.revents != POLLIN)
		return 1;
	len = sizeof(addr);
	if (recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&addr, &len) != 4 || text[3] != 'g')
		return 1;
	return check(!close(fd) && recv(-1, text, sizeof(text), 0) == -1);
}

static int names(void)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *list = NULL;
	struct passwd *root = getpwuid(0);
	int bad = check(root && !strcmp(root->pw_name, "root"));

	bad += check(!getaddrinfo("::1", NULL, &hints, &list) && list->ai_addrlen == 28);
	freeaddrinfo(list);
	return bad + check(!getenv("NOT_IN_THE_ENVIRONMENT"));
}

static int clocks(void)
{
	struct timespec now, again;
	struct timeval day;
	unsigned char noise[4];
	time_t second = time(NULL);

	if (clock_gettime(CLOCK_REALTIME, &now) || gettimeofday(&day, NULL) || clock_gettime(CLOCK_REALTIME, &again))
		return 1;
	if (getrandom(noise, sizeof(noise), 0) != sizeof(noise))
		return 1;
	return check(second <= now.tv_sec && day.tv_sec >= now.tv_sec && again.tv_sec >= now.tv_sec);
}

__attribute__((noinline)) int handle(void)
{
	return files() + sockets() + names() + clocks();
}

int main(void)
{
	return handle();
}
