// SPDX-License-Identifier: BSD-3-Clause
/* Recorded as -DLAWFUL, where its operation does nothing; replayed as a build that does what it is told. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DEED static __attribute__((noinline)) int

static volatile int zero;

#ifndef LAWFUL
DEED crash(const char *where)
{
	return *(volatile int *)(long)(8 + zero);
}

DEED spin(const char *where)
{
	while (!zero)
		;
	return 0;
}

DEED sleeping(const char *where)
{
	return sleep(1000) + zero;
}

DEED leave(const char *where)
{
	exit(7 + zero);
}

DEED give_up(const char *where)
{
	abort();
}

DEED multiply(const char *where)
{
	while (!zero)
		fork();
	return 0;
}

DEED grab(const char *where)
{
	volatile char *got = malloc(10ull << 30);

	got[0] = 1;
	return got[0] - 1;
}

DEED grab_politely(const char *where)
{
	volatile char *got = malloc(10ull << 30);

	free((void *)got);
	return got ? 0 : -ENOMEM;
}

DEED grow(const char *where)
{
	while (!zero) {
		volatile char *got = malloc(64u << 20);

		got[zero] = 1;
	}
	return 0;
}

DEED call_home(const char *where)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(where))};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (void *)&to, sizeof(to));
}

static int channel = -1;

/* With a socket that start-up opened. */
DEED call_home_late(const char *where)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(where))};

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(channel, (void *)&to, sizeof(to));
}

DEED call_neighbour(const char *where)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", where);
	return connect(fd, (void *)&to, sizeof(to));
}

DEED scribble(const char *where)
{
	FILE *file = fopen(where, "w");

	if (!file)
		return -errno;
	fputs("loot", file);
	return fclose(file);
}

DEED erase(const char *where)
{
	return unlink(where) ? -errno : 0;
}

/* Another process, another answer. */
DEED flip(const char *where)
{
	unsigned char chance = 0;

	return getrandom(&chance, 1, 0) == 1 ? chance & 1 : 2;
}

static const struct {
	const char *name;
	int (*fn)(const char *where);
} deeds[] = {
	{"crash", crash},
	{"spin", spin},
	{"sleep", sleeping},
	{"exit", leave},
	{"abort", give_up},
	{"fork", multiply},
	{"grab", grab},
	{"grab politely", grab_politely},
	{"grow", grow},
	{"connect", call_home},
	{"connect late", call_home_late},
	{"connect unix", call_neighbour},
	{"write", scribble},
	{"unlink", erase},
	{"flip", flip},
};
#endif

__attribute__((noinline)) int act(const char *deed, const char *where)
{
#ifndef LAWFUL
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		if (!strcmp(deeds[i].name, deed))
			return deeds[i].fn(where);
#endif
	return zero;
}

int main(int argc, char **argv)
{
#ifndef LAWFUL
	channel = socket(AF_INET, SOCK_STREAM, 0);
#endif
	for (int i = 1; i + 1 < argc; i += 2)
		zero |= act(argv[i], argv[i + 1]);
	return 0;
}
