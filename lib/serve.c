// SPDX-License-Identifier: BSD-3-Clause
#include "lib/serve.h"

#include <string.h>

#include "lib/util.h"

#define OUT_BYTES(what, n)                                                                                   \
	{                                                                                                    \
		.path = what, .direction = DIRECTION_OUT, .bytes = n                                         \
	}
static const char *const groups[SERVE_GROUP_CNT] = {[SERVE_TIME] = "time",
						    [SERVE_RANDOM] = "random",
						    [SERVE_PID] = "pid",
						    [SERVE_UUID] = "uuid",
						    [SERVE_HOST] = "host"};

/* clang-format off */
static const struct serve_function functions[] = {
	{SERVE_TIME, "time"},
	{SERVE_TIME, "gettimeofday"},
	{SERVE_TIME, "clock_gettime"},
	{SERVE_TIME, "clock"},
	{SERVE_TIME, "times"},
	{SERVE_TIME, "timespec_get"},
	{SERVE_TIME, "getrusage"},
	{SERVE_RANDOM, "getrandom"},
	{SERVE_RANDOM, "getentropy"},
	{SERVE_RANDOM, "arc4random"},
	{SERVE_RANDOM, "arc4random_buf"},
	{SERVE_RANDOM, "arc4random_uniform"},
	{SERVE_RANDOM, "rand"},
	{SERVE_RANDOM, "rand_r"},
	{SERVE_RANDOM, "random"},
	{SERVE_RANDOM, "drand48"},
	{SERVE_RANDOM, "lrand48"},
	{SERVE_RANDOM, "mrand48"},
	{SERVE_RANDOM, "RAND_bytes", "libcrypto.so", "int RAND_bytes(unsigned char *buf, int num)", OUT_BYTES("buf", "(return == 1) * num")},
	{SERVE_RANDOM, "RAND_priv_bytes", "libcrypto.so", "int RAND_priv_bytes(unsigned char *buf, int num)", OUT_BYTES("buf", "(return == 1) * num")},
	{SERVE_PID, "getpid"},
	{SERVE_PID, "getppid"},
	{SERVE_PID, "gettid"},
	{SERVE_PID, "getpgrp"},
	{SERVE_PID, "getpgid"},
	{SERVE_PID, "getsid"},
	{SERVE_UUID, "uuid_generate", "libuuid.so", "void uuid_generate(unsigned char *out)", OUT_BYTES("out", "16")},
	{SERVE_UUID, "uuid_generate_random", "libuuid.so", "void uuid_generate_random(unsigned char *out)", OUT_BYTES("out", "16")},
	{SERVE_UUID, "uuid_generate_time", "libuuid.so", "void uuid_generate_time(unsigned char *out)", OUT_BYTES("out", "16")},
	{SERVE_UUID, "uuid_generate_time_safe", "libuuid.so", "int uuid_generate_time_safe(unsigned char *out)", OUT_BYTES("out", "16")},
	{SERVE_HOST, "gethostname"},
	{SERVE_HOST, "uname"},
	{SERVE_HOST, "getdomainname"},
	{SERVE_HOST, "gethostid"},
};
/* clang-format on */
_Static_assert(ARRAY_SIZE(functions) <= SERVE_FUNCTIONS_MAX, "the configuration has room for all");

const char *serve_group_name(enum serve_group group)
{
	return groups[group];
}

const struct serve_function *serve_function_at(size_t idx)
{
	return idx < ARRAY_SIZE(functions) ? &functions[idx] : NULL;
}

const struct serve_function *serve_function(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		if (!strcmp(functions[i].name, name))
			return &functions[i];
	return NULL;
}
