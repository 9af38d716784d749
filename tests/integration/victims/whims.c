// SPDX-License-Identifier: BSD-3-Clause
/* A plug-in that does what the environment says, on recordings whose ID has WHIM_ID in it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tapedeck/plugin.h>

static int is(const char *whim)
{
	const char *wanted = getenv("WHIM");

	return wanted && !strcmp(wanted, whim);
}

static int is_meant(const char *id)
{
	const char *wanted = getenv("WHIM_ID");

	return !wanted || strstr(id, wanted) != NULL;
}

static void *open_it(const char *category, char **error)
{
	if (is("refuse"))
		*error = strdup("not today");
	if (is("crash at start"))
		raise(SIGBUS);
	return strdup(category);
}

static char *result(void *state, const struct tapedeck_recording *recording, char **error)
{
	printf("chatter on stdout\n");
	if (!is_meant(recording->id))
		return strdup("1");
	if (is("crash"))
		raise(SIGSEGV);
	if (is("hang"))
		pause();
	if (is("exit"))
		_exit(7);
	if (is("nonsense"))
		return strdup("{no json");
	if (is("fail"))
		*error = strdup("no such price");
	if (is("differ"))
		return strdup(recording->is_replay ? "{\"a\": [1, 2], \"c\": 1}"
						   : "{\"a\": [1, 3, 4], \"b\": 0}");
	return strdup("1");
}

/* Of a clock: the weekday that it was recorded on, for the example asks for a bonus by it. */
static char *restore(void *state, const char *id, const char *call, char **error)
{
	if (!is_meant(id))
		return strdup("{}");
	if (is("crash"))
		raise(SIGSEGV);
	if (!strstr(call, "\"alias\":\"libc.so.6:clock_gettime\"") ||
	    strcmp(state, "libc.so.6:clock_gettime") != 0)
		*error = strdup("that is no clock");
	return strdup(is("nonsense") ? "{\"out\": {\"tp\": \"noon\"}}"
				     : "{\"out\": {\"tp\": {\"tv_sec\": 518400, \"tv_nsec\": 5000000}}}");
}

const struct tapedeck_plugin tapedeck_plugin = {TAPEDECK_PLUGIN, .open = open_it, .close = free,
						.result = result, .restore = restore};
