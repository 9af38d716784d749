// SPDX-License-Identifier: BSD-3-Clause
#include "replay/valgrind.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/util.h"

#define TOOL "memcheck-amd64-linux"

/* --- how it is started --- */

static const char *const folders[] = {"/usr/libexec/valgrind",	     "/usr/lib/x86_64-linux-gnu/valgrind",
				      "/usr/lib64/valgrind",	     "/usr/lib/valgrind",
				      "/usr/local/libexec/valgrind", "/usr/local/lib/valgrind"};

static int find_in(char **tool, const char *folder, struct err *err)
{
	autofree char *path = NULL;

	if (asprintf(&path, "%s/" TOOL, folder) < 0) {
		path = NULL;
		return err_nomem(err);
	}
	if (access(path, X_OK))
		return -ENOENT;
	*tool = TAKE_PTR(path);
	return 0;
}

static int find_tool(char **tool, struct err *err)
{
	const char *own = getenv("VALGRIND_LIB");
	int r = own ? find_in(tool, own, err) : -ENOENT;

	for (size_t i = 0; r == -ENOENT && i < ARRAY_SIZE(folders); i++)
		r = find_in(tool, folders[i], err);
	if (r == -ENOENT) {
		err_set(err, r, "cannot find valgrind's '" TOOL "'");
		err_hint(err, "install valgrind, or say with VALGRIND_LIB where it is");
	}
	return r;
}

/* Of the engine, with libc's copying between or not. */
static int write_rules(const char *path, struct err *err)
{
	static const char *const kinds[] = {"Addr1",  "Addr2",	"Addr4",  "Addr8",  "Addr16",  "Addr32",
					    "Value1", "Value2", "Value4", "Value8", "Value16", "Cond"};
	static const char *const between[] = {"*/vgpreload_memcheck-*.so", "*/libc.so.6"};
	FILE *file = fopen(path, "we");

	if (!file)
		return err_set(err, -errno, "cannot write '%s': %s", path, strerror(errno));
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		fprintf(file, "{\n\tengine\n\tMemcheck:%s\n\tobj:*/libtapedeck-replay.so\n}\n", kinds[i]);
		for (size_t k = 0; k < ARRAY_SIZE(between); k++)
			fprintf(file,
				"{\n\tengine\n\tMemcheck:%s\n\tobj:%s\n\tobj:*/libtapedeck-replay.so\n}\n",
				kinds[i], between[k]);
	}
	fprintf(file, "{\n\tengine\n\tMemcheck:Param\n\t*\n\t...\n\tobj:*/libtapedeck-replay.so\n}\n");
	return fclose(file) ? err_set(err, -errno, "cannot write '%s': %s", path, strerror(errno)) : 0;
}

int valgrind_prepare(char **tool, char ***argv, const char *dir, struct err *err)
{
	static const char *const options[] = {"valgrind", "-q", "--log-fd=2", "--vgdb=no",
					      "--error-limit=no"};
	autofree char *rules = NULL, *option = NULL;
	size_t cnt = 0, args_cnt = 0;
	char **longer;
	int r;

	if (asprintf(&rules, "%s/valgrind.supp", dir) < 0 ||
	    asprintf(&option, "--suppressions=%s/valgrind.supp", dir) < 0)
		return err_nomem(err);
	r = write_rules(rules, err);
	if (r == 0)
		r = find_tool(tool, err);
	if (r < 0)
		return r;
	while ((*argv)[args_cnt])
		args_cnt++;
	longer = realloc(*argv, (VALGRIND_ARGS + args_cnt + 1) * sizeof(*longer));
	if (!longer)
		return err_nomem(err);
	*argv = longer;
	memmove(longer + VALGRIND_ARGS, longer, (args_cnt + 1) * sizeof(*longer));
	for (; cnt < ARRAY_SIZE(options); cnt++)
		longer[cnt] = strdup(options[cnt]);
	longer[cnt++] = TAKE_PTR(option);
	longer[cnt++] = strdup("--");
	return 0;
}
_Static_assert(VALGRIND_ARGS == 7, "five options, the rules, and --");

/* --- what it reports --- */

struct line {
	const char *at;
	size_t len;
};

/* A line of valgrind's, without "==PID== "; at NULL: the program's. */
static struct line own_line(const char *text, size_t len)
{
	const char *at = text, *end = text + len;

	if (len < 4 || strncmp(at, "==", 2))
		return (struct line){};
	for (at += 2; at < end && isdigit((unsigned char)*at); at++)
		;
	if (end - at < 3 || strncmp(at, "== ", 3))
		return (struct line){};
	return (struct line){at + 3, end - at - 3};
}

static bool is_frame(const struct line *line)
{
	return line->len > 8 && (!strncmp(line->at, "   at 0x", 8) || !strncmp(line->at, "   by 0x", 8));
}

/* "   at 0x1091BA: handle (a.c:23)" as "a.c:23 in handle"; false where no file and line are known. */
static bool put_frame(char *out, size_t size, const struct line *line)
{
	const char *colon = memmem(line->at, line->len, ": ", 2), *open, *end = line->at + line->len - 1;

	if (!colon || *end != ')')
		return false;
	open = memrchr(line->at, '(', line->len);
	if (!open || open < colon || !memchr(open, ':', end - open) || !isdigit((unsigned char)end[-1]))
		return false;
	snprintf(out, size, "%.*s in %.*s", (int)(end - open - 1), open + 1, (int)(open - colon - 3),
		 colon + 2);
	return true;
}

/* Looks at one line after another; an error is a line that a frame follows. */
struct look {
	struct line before; /* may be an error's first */
	struct line first;  /* the first error */
	char place[160];
	bool is_open; /* the frames are of the first error */
	unsigned cnt;
};

static void look_at(struct look *r, const struct line *line)
{
	if (!line->at)
		return;
	if (is_frame(line)) {
		if (r->before.at && !r->cnt++)
			r->first = r->before;
		r->is_open = r->cnt == 1 && (r->before.at || r->is_open);
		if (r->is_open && !r->place[0])
			put_frame(r->place, sizeof(r->place), line);
		r->before = (struct line){};
		return;
	}
	r->is_open = false;
	r->before = line->len && line->at[0] != ' ' && strncmp(line->at, "Process ", strlen("Process "))
			    ? *line
			    : (struct line){};
}

bool valgrind_report(char *out, size_t size, const char *text)
{
	struct look r = {};
	char many[32] = "";

	out[0] = '\0';
	while (*text) {
		size_t len = strcspn(text, "\n");
		struct line line = own_line(text, len);

		look_at(&r, &line);
		text += len + (text[len] == '\n');
	}
	if (!r.cnt)
		return false;
	if (r.cnt > 1)
		snprintf(many, sizeof(many), " (%u errors)", r.cnt);
	snprintf(out, size, "valgrind: %.*s%s%s%s", (int)r.first.len, r.first.at, r.place[0] ? " at " : "",
		 r.place, many);
	return true;
}
