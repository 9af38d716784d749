// SPDX-License-Identifier: BSD-3-Clause
#include "replay/launch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/object.h"
#include "lib/util.h"
#include "replay/launch_impl.h"
#include "replay/sanitizer.h"
#include "replay/scratch.h"
#include "replay/server.h"
#include "replay/target/patch.h"
#include "replay/valgrind.h"

#define REPORT_LOOKED_AT (64u << 20) /* bytes of stderr: as many as the sandbox lets it write */
#define SANITIZER_RULES	 "ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:alloc_dealloc_mismatch=0"

/* --- the environment: the same for every replay --- */

static int put_env(struct launch *launch, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int put_env(struct launch *launch, const char *fmt, ...)
{
	va_list args;
	int len;

	if (launch->env_cnt == LAUNCH_ENV_ROOM)
		return -E2BIG;
	va_start(args, fmt);
	len = vasprintf(&launch->env[launch->env_cnt], fmt, args);
	va_end(args);
	if (len < 0) {
		launch->env[launch->env_cnt] = NULL;
		return -ENOMEM;
	}
	launch->env_cnt++;
	return 0;
}

static bool has_sanitizer(const struct object *object)
{
	static const char *const inits[] = {"__asan_init", "__tsan_init", "__msan_init"};

	for (size_t i = 0; i < ARRAY_SIZE(inits); i++)
		if (object_find_func(object, inits[i], NULL, NULL))
			return true;
	return object_sanitizer(object);
}

/* What the replay itself decides. */
static bool is_ours(const char *variable)
{
	static const char *const names[] = {
		"HOME=",	 "TMPDIR=",	   "LD_",	    "TAPEDECK_",
		"ASAN_OPTIONS=", "UBSAN_OPTIONS=", "TSAN_OPTIONS=", "MSAN_OPTIONS="};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(variable, names[i], strlen(names[i])))
			return true;
	return false;
}

/* Before the fixed ones: the first of a name counts. */
static int put_recorded_env(struct launch *launch, char *const *env)
{
	int r = 0;

	for (size_t i = 0; r == 0 && env && env[i] && i < LAUNCH_ENV_MAX; i++)
		if (!is_ours(env[i]))
			r = put_env(launch, "%s", env[i]);
	return r;
}

static bool has_env(const struct launch *launch, const char *name)
{
	for (size_t i = 0; i < launch->env_cnt; i++)
		if (!strncmp(launch->env[i], name, strlen(name)))
			return true;
	return false;
}

/* The undefined behaviour sanitizer needs no room, and may be alone. */
static bool has_ubsan(const struct object *object)
{
	const char *needed;

	for (size_t i = 0; (needed = object_needed(object, i)); i++)
		if (!strncmp(needed, "libubsan.so", strlen("libubsan.so")))
			return true;
	return object_find_func(object, "__ubsan_on_report", NULL, NULL) ||
	       object_find_func(object, "__ubsan_handle_type_mismatch_v1", NULL, NULL);
}

static int fill_env(struct launch *launch, const char *engine, const char *sanitizer, struct err *err)
{
	const char *zone = has_env(launch, "TZ=") ? NULL : getenv("TZ"), *libs = getenv("LD_LIBRARY_PATH");
	int r = 0;

	if (!has_env(launch, "PATH="))
		r = put_env(launch, "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
	r = r ?: put_env(launch, "HOME=%s", launch->dir);
	r = r ?: put_env(launch, "TMPDIR=%s", launch->dir);
	r = r ?: has_env(launch, "LANG=") ? 0 : put_env(launch, "LANG=C");
	r = r ?: zone ? put_env(launch, "TZ=%s", zone) : 0;
	r = r
		    ?: put_env(launch, "LD_LIBRARY_PATH=%s/lib%s%s", launch->dir, libs ? ":" : "",
			       libs ? libs : "");
	/* Imports are resolved, once and for all, before the engine replaces some. */
	r = r ?: put_env(launch, "LD_BIND_NOW=1");
	if (!launch->is_linked_in)
		r = r
			    ?: put_env(launch, "LD_PRELOAD=%s%s%s", sanitizer ? sanitizer : "",
				       sanitizer ? ":" : "", engine);
	r = r ?: launch->has_sanitizer ? put_env(launch, SANITIZER_RULES) : 0;
	r = r
		    ?: put_env(launch, "TAPEDECK_REPLAY=%d %d %d %d", LAUNCH_SOCKET_FD - 3,
			       LAUNCH_SOCKET_FD - 2, LAUNCH_SOCKET_FD - 1, LAUNCH_SOCKET_FD);
	return r ? err_nomem(err) : 0;
}

/* argv[0] is the name as it was given, made absolute: the program starts in another folder. */
static int make_argv(struct launch *launch, const char *given, char *const *args, struct err *err)
{
	autofree char *folder = *given == '/' ? NULL : getcwd(NULL, 0), *exe = NULL;
	size_t cnt = 0;

	if (asprintf(&exe, "%s%s%s", folder ? folder : "", folder ? "/" : "", given) < 0) {
		exe = NULL;
		return err_nomem(err);
	}

	while (args && args[cnt])
		cnt++;
	launch->argv = calloc(1 + cnt + 1, sizeof(*launch->argv));
	if (!launch->argv)
		return err_nomem(err);
	for (size_t i = 0; i < 1 + cnt; i++) {
		launch->argv[i] = strdup(i ? args[i - 1] : exe);
		if (!launch->argv[i])
			return err_nomem(err);
	}
	return 0;
}

static int look_at_exe(struct launch *launch, const struct server_opts *opts, struct err *err)
{
	auto_object struct object *object = NULL;
	autofree char *engine = realpath(opts->engine, NULL);
	int r;

	launch->exe = realpath(opts->exe, NULL);
	if (!launch->exe)
		return err_set(err, -errno, "cannot open '%s': %s", opts->exe, strerror(errno));
	if (!engine)
		return err_set(err, -errno, "cannot find the replay engine '%s': %s", opts->engine,
			       strerror(errno));
	if (strpbrk(engine, ": "))
		return err_set(err, -EINVAL, "the path of the replay engine '%s' has a colon or a space",
			       engine);
	r = object_open(&object, launch->exe, err);
	if (r)
		return r;
	launch->is_linked_in = object_find_symbol(object, PATCH_LINKED_IN);
	if (!object_interp(object) && !launch->is_linked_in) {
		r = err_set(err, -ENOTSUP, "'%s' is a static program: nothing can be loaded into it",
			    opts->exe);
		err_hint(err, "link it dynamically, or link the engine into it");
		return r;
	}
	if (launch->is_linked_in && opts->is_checked) {
		r = err_set(err, -ENOTSUP,
			    "'%s' has the engine linked in, and valgrind cannot tell them apart", opts->exe);
		err_hint(err, "replay a dynamic build without it");
		return r;
	}
	launch->has_sanitizer = has_sanitizer(object);
	launch->reports = launch->has_sanitizer || has_ubsan(object);
	if (put_recorded_env(launch, opts->env))
		return err_nomem(err);
	return fill_env(launch, engine, object_sanitizer(object), err);
}

int launch_new(struct launch **out, const struct server_opts *opts, struct err *err)
{
	auto_launch struct launch *launch = calloc(1, sizeof(*launch));
	int r;

	if (!launch)
		return err_nomem(err);
	launch->out_fd = launch->err_fd = launch->null_fd = -1;
	launch->cpu = opts->cpu;
	launch->is_kept = opts->keep;
	r = launch_make_folder(launch, err);
	r = r ?: look_at_exe(launch, opts, err);
	r = r ?: launch_copy_exe(launch, err);
	r = r ?: launch_link_libs(launch, opts->libs, err);
	if (r)
		return r;
	launch_link_found_libs(launch);
	r = launch_open_streams(launch, err);
	r = r ?: make_argv(launch, opts->exe, opts->args, err);
	if (r == 0 && opts->is_checked)
		r = valgrind_prepare(&launch->valgrind, &launch->argv, launch->dir, err);
	if (r == 0 && opts->is_checked && put_env(launch, VALGRIND_ENV))
		r = err_nomem(err);
	r = r ?: scratch_choose(&launch->scratch, opts->args, err);
	if (r)
		return r;
	*out = TAKE_PTR(launch);
	return 0;
}

void launch_free(struct launch *launch)
{
	if (!launch)
		return;
	if (launch->dir && !launch->is_kept)
		launch_remove_folder(launch->dir);
	closep(&launch->out_fd);
	closep(&launch->err_fd);
	closep(&launch->null_fd);
	for (size_t i = 0; launch->argv && launch->argv[i]; i++)
		free(launch->argv[i]);
	for (size_t i = 0; i < launch->env_cnt; i++)
		free(launch->env[i]);
	free(launch->argv);
	free(launch->valgrind);
	scratch_free(launch->scratch);
	free(launch->dir);
	free(launch->exe);
	free(launch->copy);
	free(launch);
}

const char *launch_folder(const struct launch *launch)
{
	return launch->dir;
}

const char *launch_exe(const struct launch *launch)
{
	return launch->exe;
}

void launch_freep(struct launch **launch)
{
	launch_free(*launch);
}

/* --- what it wrote --- */

void launch_clear_said(struct launch *launch)
{
	/* Appended to: the next byte goes to the start again. */
	if (ftruncate(launch->out_fd, 0) || ftruncate(launch->err_fd, 0))
		return;
}

static size_t read_end(char said[LAUNCH_SAID_MAX + 1], int fd)
{
	off_t end = lseek(fd, 0, SEEK_END);
	ssize_t n = end < 0 ? 0 : pread(fd, said, LAUNCH_SAID_MAX, MAX(end - LAUNCH_SAID_MAX, 0));

	while (n > 0 && said[n - 1] == '\n')
		n--;
	said[MAX(n, 0)] = '\0';
	return MAX(n, 0);
}

const char *launch_said(struct launch *launch)
{
	if (!read_end(launch->said, launch->err_fd))
		read_end(launch->said, launch->out_fd);
	return launch->said;
}

const char *launch_report(struct launch *launch)
{
	autofree char *text = NULL;
	off_t end;
	ssize_t n;

	launch->report[0] = '\0';
	if (!launch->reports && !launch->valgrind)
		return launch->report;
	end = MIN(lseek(launch->err_fd, 0, SEEK_END), (off_t)REPORT_LOOKED_AT);
	text = end > 0 ? malloc(end + 1) : NULL;
	n = text ? pread(launch->err_fd, text, end, 0) : 0;
	if (n > 0) {
		for (ssize_t i = 0; i < n; i++) /* what the program wrote may have any bytes */
			text[i] = text[i] ?: '\n';
		text[n] = '\0';
		if (!sanitizer_report(launch->report, sizeof(launch->report), text) && launch->valgrind)
			valgrind_report(launch->report, sizeof(launch->report), text);
	}
	return launch->report;
}
