// SPDX-License-Identifier: BSD-3-Clause
#include "loader/newcomers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/object.h"
#include "lib/program.h"
#include "lib/util.h"
#include "loader/process.h"

/* What ld.so calls for debuggers, before and after a library is mapped, and before its code runs. */
#define LOADER_FUNC "_dl_debug_state"

/* All that gcc, clang and rustc link unwinds by this one. */
static const char runtime[] = "libgcc_s.so.1";
static const char *const folders[] = {
	"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"};

static bool find_loader(struct newcomer_place *out, const struct program *program)
{
	for (size_t i = 1; i < program->files_cnt; i++) {
		const struct object *object = program->objects[i];
		const struct symbol *symbol = object_find_func(object, LOADER_FUNC, NULL, NULL);

		if (!symbol || strncmp(program->files[i].name, "ld-", 3) ||
		    object_offset(object, symbol->addr, &out->offset))
			continue;
		out->path = strdup(program->files[i].path);
		return out->path;
	}
	return false;
}

/* Where the process would find it, though it has not. */
static bool find_runtime(struct newcomer_place *out, const struct program *program)
{
	char root[32] = "";
	int pid, end = 0;

	if (sscanf(program->files[0].path, "/proc/%d/%n", &pid, &end) == 1 && end)
		snprintf(root, sizeof(root), "/proc/%d/root", pid);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		auto_object struct object *object = NULL;
		autofree char *path = NULL;

		if (asprintf(&path, "%s%s/%s", root, folders[i], runtime) < 0) {
			path = NULL;
			return false;
		}
		if (object_open(&object, path, NULL) || !object_init(object) ||
		    object_offset(object, object_init(object), &out->offset))
			continue;
		out->path = TAKE_PTR(path);
		return true;
	}
	return false;
}

size_t newcomers_places(struct newcomer_place places[NEWCOMER_PLACES_MAX], const struct program *program)
{
	size_t cnt = 0;

	if (!find_loader(&places[0], program))
		return 0;
	places[cnt++].is_runtime = false;
	if (!find_runtime(&places[cnt], program))
		return cnt;
	places[cnt++].is_runtime = true;
	return cnt;
}

static bool is_known(const struct program *program, const char *path)
{
	for (size_t i = 0; i < program->files_cnt; i++)
		if (!strcmp(program->files[i].path, path))
			return true;
	return false;
}

static bool may_unwind(const struct program *program, const struct program_file *file)
{
	auto_object struct object *object = NULL;

	return !is_known(program, file->path) && !object_open(&object, file->path, NULL) &&
	       program_may_unwind(object);
}

int newcomers_look(char name[NEWCOMER_NAME_MAX], const struct process *process, pid_t pid,
		   const struct program *program, struct err *err)
{
	struct process other = *process;
	struct program_file *files = NULL;
	size_t cnt = 0;
	int r, found = 0;

	other.pid = pid;
	r = process_files(&other, &files, &cnt, err);
	if (r == -ENOMEM)
		return r;
	if (r)
		return 0; /* it has ended */
	for (size_t i = 1; i < cnt && !found; i++) {
		found = may_unwind(program, &files[i]);
		if (found)
			snprintf(name, NEWCOMER_NAME_MAX, "%s", files[i].name);
	}
	program_files_free(files, cnt);
	return found;
}
