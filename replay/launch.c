// SPDX-License-Identifier: BSD-3-Clause
#include "replay/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/err.h"
#include "lib/object.h"
#include "lib/program.h"
#include "lib/util.h"
#include "replay/sandbox.h"
#include "replay/sanitizer.h"
#include "replay/scratch.h"
#include "replay/server.h"
#include "replay/target/patch.h"
#include "replay/valgrind.h"

#define SOCKET_FD	 200 /* where programs that open a few files do not come, and forks copy small tables */
#define ENV_MAX		 (16 + LAUNCH_ENV_MAX)
#define REPORT_LOOKED_AT (1u << 20) /* bytes of stderr */
#define RM_DEPTH	 16
#define COPY_BYTES	 (1u << 20)
#define EXIT_NOT_STARTED 127
#define BUSY_TRIES	 400
#define BUSY_PAUSE_NS	 5000000
#define CLOSE_RANGE	 436
#define SANITIZER_RULES	 "ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:alloc_dealloc_mismatch=0"

struct launch {
	char *dir;  /* 0700, the target's to write */
	char *exe;  /* as it really is called */
	char *copy; /* of it, in dir */
	char **argv;
	char **scratch; /* folders it may write to in private */
	char *env[ENV_MAX + 1];
	size_t env_cnt;
	int out_fd, err_fd, null_fd;
	int cpu;
	bool has_sanitizer, is_kept, is_linked_in;
	char *valgrind; /* NULL: not under it */
	bool reports;	/* it may have a sanitizer's reports on stderr */
	char said[LAUNCH_SAID_MAX + 1];
	char report[LAUNCH_REPORT_MAX];
};

/* --- the folder --- */

static int make_dir(struct launch *launch, struct err *err)
{
	const char *tmp = getenv("TMPDIR");

	if (asprintf(&launch->dir, "%s/tapedeck-replay-XXXXXX", tmp && *tmp ? tmp : "/tmp") < 0) {
		launch->dir = NULL;
		return err_nomem(err);
	}
	if (!mkdtemp(launch->dir)) {
		int r = err_set(err, -errno, "cannot make a folder '%s': %s", launch->dir, strerror(errno));

		freep(&launch->dir);
		return r;
	}
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	remove(path);
	return 0;
}

/* What the target made unsearchable is opened first, top down. */
static int open_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	if (kind == FTW_DNR || (kind == FTW_D && (st->st_mode & 0700) != 0700))
		chmod(path, 0700);
	return 0;
}

static void remove_dir(const char *dir)
{
	nftw(dir, open_one, RM_DEPTH, FTW_PHYS | FTW_MOUNT);
	nftw(dir, remove_one, RM_DEPTH, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static int open_in(const struct launch *launch, const char *name, int flags, mode_t mode)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", launch->dir, name);
	return open(path, flags | O_CLOEXEC, mode);
}

static int copy_bytes(int to, int from)
{
	autofree char *data = malloc(COPY_BYTES);
	ssize_t n;

	if (!data)
		return -ENOMEM;
	while ((n = read(from, data, COPY_BYTES)) > 0)
		for (ssize_t done = 0, w; done < n; done += w) {
			w = write(to, data + done, n - done);
			if (w < 0)
				return -errno;
		}
	return n < 0 ? -errno : 0;
}

/* A new inode: no probe sits in it, and neither set-user-id nor capabilities do. */
static int copy_exe(struct launch *launch, struct err *err)
{
	const char *name = strrchr(launch->exe, '/') + 1;
	autoclose int from = open(launch->exe, O_RDONLY | O_CLOEXEC), to = -1;
	int r;

	if (from < 0)
		return err_set(err, -errno, "cannot open '%s': %s", launch->exe, strerror(errno));
	to = open_in(launch, name, O_WRONLY | O_CREAT | O_EXCL, 0500);
	r = to < 0 ? -errno : copy_bytes(to, from);
	if (!r && fchmod(to, 0500))
		r = -errno;
	if (r)
		return err_set(err, r, "cannot copy '%s' to '%s': %s", launch->exe, launch->dir,
			       strerror(-r));
	if (asprintf(&launch->copy, "%s/%s", launch->dir, name) < 0) {
		launch->copy = NULL;
		return err_nomem(err);
	}
	return 0;
}

/* SONAME=PATH as links in a folder that the loader looks in first. */
static int link_libs(const struct launch *launch, char *const *libs, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/lib", launch->dir);
	if (mkdir(path, 0700))
		return err_set(err, -errno, "cannot make a folder '%s': %s", path, strerror(errno));
	for (; libs && *libs; libs++) {
		const char *equals = strchr(*libs, '=');
		autofree char *real = equals ? realpath(equals + 1, NULL) : NULL;

		if (!equals || equals == *libs || memchr(*libs, '/', equals - *libs))
			return err_usage(err, -EINVAL, "'%s' is not SONAME=PATH", *libs);
		if (!real)
			return err_set(err, -errno, "cannot find library '%s': %s", equals + 1,
				       strerror(errno));
		snprintf(path, sizeof(path), "%s/lib/%.*s", launch->dir, (int)(equals - *libs), *libs);
		if (symlink(real, path))
			return err_set(err, -errno, "cannot link '%s': %s", path, strerror(errno));
	}
	return 0;
}

static bool is_system_path(const char *path)
{
	static const char *const dirs[] = {"/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/"};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (!strncmp(path, dirs[i], strlen(dirs[i])))
			return true;
	return false;
}

/*
 * The copy may run under its own path, where RUNPATH's $ORIGIN means this folder: what the loader finds for
 * the executable itself is linked here, unless another stands in for it. What is not found is the loader's to
 * say.
 */
static void link_found_libs(const struct launch *launch)
{
	struct program_file *files = NULL;
	char path[PATH_MAX];
	size_t cnt = 0;

	if (program_files(&files, &cnt, launch->exe, NULL))
		return;
	for (size_t i = 1; i < cnt; i++) {
		snprintf(path, sizeof(path), "%s/lib/%s", launch->dir, files[i].name);
		if (!is_system_path(files[i].path) && symlink(files[i].path, path) && errno != EEXIST)
			break;
	}
	program_files_free(files, cnt);
}

static int open_streams(struct launch *launch, struct err *err)
{
	launch->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	launch->out_fd = open_in(launch, "stdout", O_RDWR | O_CREAT | O_APPEND, 0600);
	launch->err_fd = open_in(launch, "stderr", O_RDWR | O_CREAT | O_APPEND, 0600);
	if (launch->null_fd < 0 || launch->out_fd < 0 || launch->err_fd < 0)
		return err_set(err, -errno, "cannot open the target's streams in '%s': %s", launch->dir,
			       strerror(errno));
	return 0;
}

/* --- the environment: the same for every replay --- */

static int put_env(struct launch *launch, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int put_env(struct launch *launch, const char *fmt, ...)
{
	va_list args;
	int len;

	if (launch->env_cnt == ENV_MAX)
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
		    ?: put_env(launch, "TAPEDECK_REPLAY=%d %d %d %d", SOCKET_FD - 3, SOCKET_FD - 2,
			       SOCKET_FD - 1, SOCKET_FD);
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
	r = make_dir(launch, err);
	r = r ?: look_at_exe(launch, opts, err);
	r = r ?: copy_exe(launch, err);
	r = r ?: link_libs(launch, opts->libs, err);
	if (r)
		return r;
	link_found_libs(launch);
	r = open_streams(launch, err);
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
		remove_dir(launch->dir);
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

/* --- between fork and exec: async-signal-safe --- */

struct started {
	int layers; /* as sandbox_enter says; negative: it failed */
	int exec_errno;
};

/* Moves the descriptors to their numbers, by way of others, and closes all else: also what other threads
 * write, which could not be run until it is closed here. */
static void place_fds(const struct launch *launch, const int fds[LAUNCH_FDS], int *status_fd)
{
	int away[LAUNCH_FDS];

	*status_fd = fcntl(*status_fd, F_DUPFD_CLOEXEC, SOCKET_FD + 1);
	for (int i = 0; i < LAUNCH_FDS; i++)
		away[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, SOCKET_FD + 1);
	for (int i = 0; i < LAUNCH_FDS; i++)
		dup2(away[i], SOCKET_FD - 3 + i);
	dup2(launch->null_fd, 0);
	dup2(launch->out_fd, 1);
	dup2(launch->err_fd, 2);
	syscall(CLOSE_RANGE, 3, SOCKET_FD - LAUNCH_FDS, 0);
	if (*status_fd > SOCKET_FD + 1)
		syscall(CLOSE_RANGE, SOCKET_FD + 1, *status_fd - 1, 0);
	syscall(CLOSE_RANGE, *status_fd + 1, ~0u, 0);
}

static void reset_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* Another thread's fork may hold the copy open for writing until its own exec. Returns an errno. */
static int run(const struct launch *launch, const char *path)
{
	const struct timespec pause = {.tv_nsec = BUSY_PAUSE_NS};

	if (launch->valgrind) {
		launch->argv[VALGRIND_ARGS] = (char *)path;
		path = launch->valgrind;
	}
	for (int i = 0; i < BUSY_TRIES; i++) {
		execve(path, launch->argv, launch->env);
		if (errno != ETXTBSY)
			break;
		nanosleep(&pause, NULL);
	}
	return errno;
}

_Noreturn static void become_target(const struct launch *launch, const int fds[LAUNCH_FDS], int status_fd)
{
	const struct sandbox_opts sandbox = {
		.work_dir = launch->dir,
		.scratch = launch->scratch,
		.memory_max = launch->has_sanitizer || launch->valgrind ? SANDBOX_MEMORY_UNLIMITED : 0,
		.exe = launch->exe,
		.copy = launch->copy,
		.kept_fd = SOCKET_FD,
	};
	struct started started = {};

	setsid();
	reset_signals();
	place_fds(launch, fds, &status_fd);
	pin(launch->cpu);
	/* The same addresses in every run. */
	personality(ADDR_NO_RANDOMIZE);
	started.layers = sandbox_enter(&sandbox);
	if (write(status_fd, &started, sizeof(started)) < 0 || started.layers < 0)
		_exit(EXIT_NOT_STARTED);
	started.exec_errno = run(launch, started.layers & SANDBOX_COVERED ? launch->exe : launch->copy);
	if (write(status_fd, &started, sizeof(started)) < 0)
		_exit(EXIT_NOT_STARTED);
	_exit(EXIT_NOT_STARTED);
}

/* The last record says how far it came; an exec that works closes the pipe. */
static int read_started(struct started *started, int fd)
{
	struct started record;
	ssize_t n;
	int r = -EPIPE;

	for (;;) {
		n = read(fd, &record, sizeof(record));
		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof(record))
			return r;
		*started = record;
		r = 0;
	}
}

static int check_started(const struct launch *launch, int fd, int *layers, struct err *err)
{
	struct started started = {};
	int r = read_started(&started, fd);

	if (r)
		return err_set(err, r, "the process for '%s' ended before it was started", launch->exe);
	if (started.layers < 0) {
		r = err_set(err, started.layers, "no sandbox can be put up: %s", strerror(-started.layers));
		err_hint(err,
			 "allow user namespaces or seccomp filters; 'tapedeck doctor' shows what is there");
		return r;
	}
	if (started.exec_errno == EACCES && !access(launch->copy, R_OK)) {
		r = err_set(err, -EACCES, "cannot run the copy of '%s' in '%s'", launch->exe, launch->dir);
		err_hint(err, "set TMPDIR to a folder on a file system that is not mounted noexec");
		return r;
	}
	if (started.exec_errno)
		return err_set(err, -started.exec_errno, "cannot run '%s': %s", launch->exe,
			       strerror(started.exec_errno));
	*layers = started.layers & ~SANDBOX_COVERED;
	return 0;
}

int launch_start(pid_t *pid, int *layers, struct launch *launch, const int fds[LAUNCH_FDS], struct err *err)
{
	autoclose int from_child = -1, to_parent = -1;
	int ends[2], status, r;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return err_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
	from_child = ends[0];
	to_parent = ends[1];
	launch_clear_said(launch);
	child = fork();
	if (child < 0)
		return err_set(err, -errno, "cannot fork: %s", strerror(errno));
	if (child == 0)
		become_target(launch, fds, to_parent);
	close(TAKE_FD(to_parent));
	r = check_started(launch, from_child, layers, err);
	if (r) {
		kill(child, SIGKILL);
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
		return r;
	}
	*pid = child;
	return 0;
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
	ssize_t n;

	launch->report[0] = '\0';
	if ((!launch->reports && !launch->valgrind) || lseek(launch->err_fd, 0, SEEK_END) <= 0)
		return launch->report;
	text = malloc(REPORT_LOOKED_AT + 1);
	n = text ? pread(launch->err_fd, text, REPORT_LOOKED_AT, 0) : 0;
	if (n > 0) {
		text[n] = '\0';
		if (!sanitizer_report(launch->report, sizeof(launch->report), text) && launch->valgrind)
			valgrind_report(launch->report, sizeof(launch->report), text);
	}
	return launch->report;
}
