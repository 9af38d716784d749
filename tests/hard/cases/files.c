// SPDX-License-Identifier: BSD-3-Clause
// What files hold that arguments name: before the operation, after it, written by an input, read by an
// output.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case.h"

static long slurp(const char *path, char *to, size_t len)
{
	FILE *file = fopen(path, "r");
	size_t n = file ? fread(to, 1, len - 1, file) : 0;

	to[n] = '\0';
	if (file)
		fclose(file);
	return file ? (long)n : -1;
}

static void spill(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file)
		return;
	fputs(text, file);
	fclose(file);
}

FUNC int fetch(const char *url, const char *to)
{
	char text[64];

	snprintf(text, sizeof(text), "fetched %s", url);
	spill(to, text);
	return 0;
}

FUNC int publish(const char *path, const char *nothing)
{
	char text[128];

	USE(nothing);
	return slurp(path, text, sizeof(text)) > 0;
}

FUNC long handle(const char *in, const char *out)
{
	char given[64], got[64], text[160];

	fetch("http://a", "fetched.tmp");
	slurp("fetched.tmp", got, sizeof(got));
	if (slurp(in, given, sizeof(given)) < 0)
		return -1;
	snprintf(text, sizeof(text), "%s, %s", given, got);
	spill(out, text);
	publish(out, "/nowhere/to/be/found");
	return (long)strlen(text);
}

int main(void)
{
	char text[32];
	long got;

	/* Another number each time: a replay has the recorded one. */
	snprintf(text, sizeof(text), "%d", 10000000 + (int)getpid());
	spill("given.tmp", text);
	usleep(20000);
	got = handle("given.tmp", "out.tmp");
	usleep(200000); /* they are read behind the calls */
	return got == 8 + 2 + 16 ? 0 : 1;
}
