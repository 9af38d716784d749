// SPDX-License-Identifier: BSD-3-Clause
#include "lib/libc_names.h"

#include <stdio.h>
#include <string.h>

#include "lib/util.h"

/* Sorted by function; what programs are usually recorded at: time, randomness, files, sockets, environment.
 */
static const struct {
	const char *func, *params;
} rows[] = {
	{"accept", "fd addr addr_len"},
	{"accept4", "fd addr addr_len flags"},
	{"access", "name type"},
	{"arc4random_buf", "buf size"},
	{"arc4random_uniform", "upper_bound"},
	{"bind", "fd addr len"},
	{"clock", ""},
	{"clock_getres", "clock_id res"},
	{"clock_gettime", "clock_id tp"},
	{"clock_nanosleep", "clock_id flags req rem"},
	{"close", "fd"},
	{"closedir", "dirp"},
	{"connect", "fd addr len"},
	{"fclose", "stream"},
	{"fdopen", "fd modes"},
	{"feof", "stream"},
	{"ferror", "stream"},
	{"fgetc", "stream"},
	{"fgets", "s n stream"},
	{"fopen", "filename modes"},
	{"fopen64", "filename modes"},
	{"fputc", "c stream"},
	{"fputs", "s stream"},
	{"fread", "ptr size n stream"},
	{"free", "ptr"},
	{"freeaddrinfo", "ai"},
	{"fseek", "stream off whence"},
	{"fstat", "fd buf"},
	{"fsync", "fd"},
	{"ftell", "stream"},
	{"ftruncate", "fd length"},
	{"fwrite", "ptr size n s"},
	{"getaddrinfo", "name service req pai"},
	{"getc", "stream"},
	{"getcwd", "buf size"},
	{"getdelim", "lineptr n delimiter stream"},
	{"getentropy", "buffer length"},
	{"getenv", "name"},
	{"gethostname", "name len"},
	{"getline", "lineptr n stream"},
	{"getpeername", "fd addr len"},
	{"getpwnam", "name"},
	{"getpwuid", "uid"},
	{"getrandom", "buffer length flags"},
	{"getsockname", "fd addr len"},
	{"getsockopt", "fd level optname optval optlen"},
	{"gettimeofday", "tv tz"},
	{"gmtime", "timer"},
	{"gmtime_r", "timer tp"},
	{"kill", "pid sig"},
	{"listen", "fd n"},
	{"localtime", "timer"},
	{"localtime_r", "timer tp"},
	{"lseek", "fd offset whence"},
	{"lstat", "file buf"},
	{"mkdir", "path mode"},
	{"mktime", "tp"},
	{"nanosleep", "requested_time remaining"},
	{"open", "file oflag"},
	{"open64", "file oflag"},
	{"openat", "fd file oflag"},
	{"opendir", "name"},
	{"poll", "fds nfds timeout"},
	{"pread", "fd buf nbytes offset"},
	{"pread64", "fd buf nbytes offset"},
	{"printf", "format"},
	{"puts", "s"},
	{"pwrite", "fd buf n offset"},
	{"pwrite64", "fd buf n offset"},
	{"rand", ""},
	{"rand_r", "seed"},
	{"random", ""},
	{"read", "fd buf nbytes"},
	{"readdir", "dirp"},
	{"readlink", "path buf len"},
	{"readv", "fd iovec count"},
	{"recv", "fd buf n flags"},
	{"recvfrom", "fd buf n flags addr addr_len"},
	{"recvmsg", "fd message flags"},
	{"remove", "filename"},
	{"rename", "old new"},
	{"rmdir", "path"},
	{"select", "nfds readfds writefds exceptfds timeout"},
	{"send", "fd buf n flags"},
	{"sendmsg", "fd message flags"},
	{"sendto", "fd buf n flags addr addr_len"},
	{"setenv", "name value replace"},
	{"setsockopt", "fd level optname optval optlen"},
	{"sleep", "seconds"},
	{"socket", "domain type protocol"},
	{"srand", "seed"},
	{"stat", "file buf"},
	{"strftime", "s maxsize format tp"},
	{"strtod", "nptr endptr"},
	{"strtol", "nptr endptr base"},
	{"strtoul", "nptr endptr base"},
	{"system", "command"},
	{"time", "timer"},
	{"truncate", "file length"},
	{"unlink", "name"},
	{"usleep", "useconds"},
	{"write", "fd buf n"},
	{"writev", "fd iovec count"},
};

static const char *params_of(const char *func)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].func, func))
			return rows[i].params;
	return "";
}

const char *libc_param_name(const char *func, unsigned idx, char *buf, size_t len)
{
	const char *at = params_of(func);
	size_t word;

	for (; idx && *at; idx--) {
		at += strcspn(at, " ");
		at += *at == ' ';
	}
	word = strcspn(at, " ");
	if (!word || word >= len)
		return NULL;
	snprintf(buf, len, "%.*s", (int)word, at);
	return buf;
}
