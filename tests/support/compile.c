// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/compile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"

static void write_source(const struct built *built, const struct source *source)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", built->dir, source->name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(source->text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

void built_run(const struct built *built, const char *command)
{
	autofree char *line = NULL;

	assert_true(asprintf(&line, "cd %s && %s", built->dir, command) > 0);
	if (system(line))
		fail_msg("failed: %s", line);
}

void build(struct built *out, const char *cc, const char *flags, const char *link_flags,
	   const struct source *sources)
{
	const char *tmp = getenv("TMPDIR");
	autofree char *command = NULL;

	snprintf(out->dir, sizeof(out->dir), "%s/tapedeck-test-XXXXXX",
		 tmp && strlen(tmp) < 32 ? tmp : "/tmp");
	assert_non_null(mkdtemp(out->dir));
	snprintf(out->path, sizeof(out->path), "%s/prog", out->dir);
	for (const struct source *s = sources; s->name; s++)
		write_source(out, s);
	assert_true(asprintf(&command,
			     "for f in *.c*; do %s %s -c -o $f.o $f || exit 1; done && %s %s -o prog *.o %s",
			     cc, flags, cc, flags, link_flags) > 0);
	built_run(out, command);
}

void built_release(struct built *built)
{
	char command[96];

	if (!built->dir[0])
		return;
	snprintf(command, sizeof(command), "rm -rf %s", built->dir);
	if (system(command))
		fail_msg("failed: %s", command);
}
