// SPDX-License-Identifier: BSD-3-Clause
#include "tools/inside.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/object.h"
#include "lib/program.h"
#include "lib/util.h"
#include "loader/preload.h"
#include "loader/process.h"
#include "replay/patchfile.h"
#include "tools/common.h"

#define PATCH_FILE_MAX (64u << 20)

/* Where execvp finds it. */
static int find_command(char path[PATH_MAX], const char *name, struct err *err)
{
	const char *folders = getenv("PATH") ?: "/bin:/usr/bin";

	snprintf(path, PATH_MAX, "%s", name);
	if (strchr(name, '/'))
		return 0;
	for (size_t len; *folders; folders += len + (folders[len] == ':')) {
		struct stat st;

		len = strcspn(folders, ":");
		snprintf(path, PATH_MAX, "%.*s/%s", len ? (int)len : 1, len ? folders : ".", name);
		if (!access(path, X_OK) && !stat(path, &st) && S_ISREG(st.st_mode))
			return 0;
	}
	err_set(err, -ENOENT, "cannot run '%s': %s", name, strerror(ENOENT));
	err_hint(err, "give its path, or put its folder in PATH");
	return -ENOENT;
}

static int check(const struct program *program, const char *path, struct err *err)
{
	const char *moving = program_moves_stacks(program);

	if (!object_interp(program->objects[0]) && !patchfile_has_engine(program)) {
		err_set(err, -ENOTSUP, "'%s' is a static program: nothing can be loaded into it", path);
		err_hint(err, "record it with --engine bpf, link it dynamically, or link the engine into it");
		return -ENOTSUP;
	}
	if (!moving)
		return 0;
	err_set(err, -ENOTSUP, "'%s' moves its stacks while it runs (Go): it cannot be recorded", moving);
	return -ENOTSUP;
}

int inside_open(struct program **out, struct config *config, char *const argv[],
		const struct inside_opts *opts, struct err *err)
{
	auto_program struct program *program = NULL;
	struct program_file *files;
	char path[PATH_MAX];
	size_t cnt;
	int r = find_command(path, argv[0], err);

	if (r == 0)
		r = program_files(&files, &cnt, path, err);
	if (r == 0)
		r = common_program(&program, config, files, cnt, opts->schema, err);
	if (r == 0)
		r = program_usable(program, err);
	if (r == 0)
		r = check(program, path, err);
	if (r < 0)
		return r;
	*out = TAKE_PTR(program);
	return 0;
}

int inside_start(struct preload **out, struct process **process, const struct config *config,
		 struct program *program, char *const argv[], const struct inside_opts *opts, struct err *err)
{
	const struct patchfile_opts patch_opts = {.is_recording = true};
	auto_preload struct preload *preload = NULL;
	auto_buf struct buf patch = {};
	char engine[PATH_MAX];
	struct preload_opts preload_opts = {
		.library = patchfile_has_engine(program) ? NULL : engine,
		.ring_bytes = opts->ring_bytes,
		.is_seeded = opts->seed != 0,
		.seed = opts->seed,
		.is_following = opts->follow,
	};
	int r = preload_opts.library ? common_engine(engine, sizeof(engine), err) : 0;

	buf_init(&patch, PATCH_FILE_MAX);
	if (r == 0)
		r = patchfile_write(&patch, config, program, &patch_opts, err);
	if (r < 0)
		return r;
	preload_opts.patch = patch.data;
	preload_opts.patch_len = patch.len;
	r = preload_new(&preload, program, &preload_opts, err);
	if (r < 0)
		return r;
	r = process_spawn_with(process, argv, preload_setup(preload), err);
	/* What the engine says comes before how the command ended. */
	if (r < 0)
		return preload_check(preload, err) ?: r;
	r = preload_arrive(preload, *process, err);
	if (r < 0)
		return r;
	*out = TAKE_PTR(preload);
	return 0;
}
