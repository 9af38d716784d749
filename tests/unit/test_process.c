// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/object.h"
#include "lib/util.h"
#include "loader/process.h"

static char dir[] = "/tmp/test_processXXXXXX";

/* Says "main" to the file argv[1] when its main runs; ends with 7. */
static const char said[] = "#include <stdio.h>\n"
			   "int main(int argc, char **argv)\n"
			   "{ FILE *f = fopen(argv[1], \"a\"); fputs(\"main\", f); fclose(f); return 7; }\n";
/* Its constructor runs before the entry, being a library's. */
static const char forks[] =
	"#include <stdio.h>\n#include <stdlib.h>\n#include <sys/wait.h>\n#include <unistd.h>\n"
	"#include <signal.h>\n"
	"__attribute__((constructor)) static void begin(void)\n"
	"{ signal(SIGUSR1, SIG_IGN); raise(SIGUSR1); raise(SIGSTOP);\n"
	"  FILE *f = fopen(getenv(\"SAID\"), \"a\"); fputs(\"ctor \", f); fclose(f); fork(); }\n";
static const char aborts[] =
	"#include <stdlib.h>\n__attribute__((constructor)) static void b(void) { abort(); }\n";
/* Prints where errno is from the thread pointer, then waits. */
static const char errno_off[] =
	"#include <errno.h>\n#include <stdio.h>\n#include <unistd.h>\n"
	"static _Thread_local char pad[100];\n"
	"int main(void) { char *tp; pad[3] = 1; __asm__(\"mov %%fs:0, %0\" : \"=r\"(tp));\n"
	"printf(\"%d\\n\", (int)((char *)&errno - tp)); fflush(stdout); pause(); }\n";

/* One of its threads, not the first, is under a filter that allows all; closes its output then. */
static const char filtered[] =
	"#include <linux/filter.h>\n#include <linux/seccomp.h>\n#include <pthread.h>\n#include <sys/prctl.h>\n"
	"#include <unistd.h>\n"
	"static void *f(void *a)\n"
	"{ struct sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};\n"
	"  struct sock_fprog prog = {1, &allow};\n"
	"  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);\n"
	"  if (!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog)) close(1);\n"
	"  for (;;) pause(); return a; }\n"
	"int main(void) { pthread_t t; pthread_create(&t, 0, f, 0); for (;;) pause(); }\n";
static const char sandboxed[] = "int seccomp_load(void);\nint main(void) { return seccomp_load(); }\n";

static const char *in_dir(const char *name)
{
	static char paths[4][128];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void compile(const char *name, const char *source, const char *flags)
{
	char cmd[256];
	FILE *out;

	snprintf(cmd, sizeof(cmd), "cd %s && gcc -g -x c - -x none -o %s %s", dir, name, flags);
	out = popen(cmd, "w");
	fputs(source, out);
	assert_int_equal(pclose(out), 0);
}

static int setup(void **state)
{
	assert_non_null(mkdtemp(dir));
	setenv("LD_LIBRARY_PATH", dir, 1);
	setenv("SAID", in_dir("said"), 1);
	/* A sanitizer's own options are not those of the programs we start. */
	compile("pie", said, "-O2 -fPIE -pie");
	compile("fixed", said, "-O2 -fno-pie -no-pie");
	compile("static", said, "-O2 -static");
	compile("static-pie", said, "-O2 -static-pie");
	compile("libforks.so", forks, "-shared -fPIC");
	compile("forks", said, "-Wl,--no-as-needed -L. -lforks");
	compile("libaborts.so", aborts, "-shared -fPIC");
	compile("aborts", said, "-Wl,--no-as-needed -L. -laborts");
	compile("errno", errno_off, "");
	compile("errno-static", errno_off, "-static");
	compile("filtered", filtered, "-lpthread");
	compile("libfilter.so", "int seccomp_load(void) { return 0; }\n", "-shared -fPIC");
	compile("sandboxed", sandboxed, "-L. -lfilter");
	compile("go", said, "-Wl,--defsym=runtime.gopanic=main");
	return 0;
}

static int teardown(void **state)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	return system(cmd);
}

static struct process *spawned(char *const argv[])
{
	struct process *process = NULL;
	struct err err = {};

	if (process_spawn(&process, argv, &err))
		fail_msg("%s", err.msg);
	return process;
}

static void files_free(struct program_file *files, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		free(files[i].path);
		free(files[i].name);
	}
	free(files);
}

/* What the programs said so far. */
static const char *heard(void)
{
	static char text[64];
	FILE *file = fopen(in_dir("said"), "r");

	text[0] = '\0';
	if (!file)
		return text;
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

static void wait_end(const struct process *process)
{
	struct pollfd fd = {.fd = process->pidfd, .events = POLLIN};

	assert_int_equal(poll(&fd, 1, 20000), 1);
	assert_true(process_has_ended(process));
}

static void a_command_is_held_before_its_main_and_then_runs_unharmed(void **state)
{
	static const char *const names[] = {"pie", "fixed", "static", "static-pie"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *argv[] = {(char *)in_dir(names[i]), (char *)in_dir("said"), NULL};
		auto_process struct process *process = spawned(argv);
		int status;

		assert_true(process->is_ours && process->is_held);
		assert_false(process_has_ended(process));
		usleep(20000);
		assert_string_equal(heard(), "");
		assert_int_equal(process_release(process, NULL), 0);
		assert_false(process->is_held);
		wait_end(process);
		status = process_status(process);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 7);
		assert_int_equal(process_status(process), status);
		assert_string_equal(heard(), "main");
		unlink(in_dir("said"));
	}
}

/* What lies at the entry while it is held is what the file says: no int3 stays behind. */
static void the_entry_is_as_it_was(void **state)
{
	char *argv[] = {(char *)in_dir("fixed"), (char *)in_dir("said"), NULL};
	auto_process struct process *process = spawned(argv);
	auto_object struct object *object = NULL;
	uint8_t bytes[16];
	char path[64];
	size_t len = sizeof(bytes);
	int fd;

	assert_int_equal(object_open(&object, argv[0], NULL), 0);
	snprintf(path, sizeof(path), "/proc/%d/mem", process->pid);
	fd = open(path, O_RDONLY);
	assert_int_equal(pread(fd, bytes, len, (off_t)object_entry(object)), len);
	close(fd);
	assert_memory_equal(bytes, object_bytes(object, object_entry(object), &len), sizeof(bytes));
}

static void constructors_signals_and_forks_before_the_entry_go_their_way(void **state)
{
	char *argv[] = {(char *)in_dir("forks"), (char *)in_dir("said"), NULL};
	auto_process struct process *process = spawned(argv);
	int status;

	/* The forked child runs its main at once: nobody holds it. */
	for (int i = 0; i < 100 && strcmp(heard(), "ctor main"); i++)
		usleep(20000);
	assert_string_equal(heard(), "ctor main");
	assert_int_equal(process_release(process, NULL), 0);
	/* The SIGSTOP that came on the way takes effect now. */
	assert_int_equal(waitpid(process->pid, &status, WUNTRACED), process->pid);
	assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	kill(process->pid, SIGCONT);
	assert_int_equal(WEXITSTATUS(process_status(process)), 7);
	assert_string_equal(heard(), "ctor mainmain");
	unlink(in_dir("said"));
}

static void a_held_process_ends_with_its_holder_and_a_released_one_does_not(void **state)
{
	char *argv[] = {"sleep", "1000", NULL};
	struct process *process = spawned(argv);
	pid_t pid = process->pid;

	process_close(process);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);

	process = spawned(argv);
	pid = process->pid;
	assert_int_equal(process_release(process, NULL), 0);
	process_close(process);
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void what_cannot_be_run_says_why(void **state)
{
	const struct {
		char *command;
		int code;
		const char *want;
	} cases[] = {
		{"/no/such/program", -ENOENT, "cannot run '/no/such/program': No such file or directory"},
		{"no-such-program", -ENOENT, "cannot run 'no-such-program': No such file or directory"},
		{"/tmp", -EACCES, "cannot run '/tmp': Permission denied"},
		{(char *)in_dir("aborts"), -ECHILD,
		 "ended before its main program began: killed by signal 6 (Aborted)"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct process *process = (void *)1;
		struct err err = {};

		assert_int_equal(process_spawn(&process, (char *[]){cases[i].command, NULL}, &err),
				 cases[i].code);
		if (!strstr(err.msg, cases[i].want))
			fail_msg("'%s', not '%s'", err.msg, cases[i].want);
		assert_ptr_equal(process, (void *)1);
	}
	/* Nothing of them is left, not even a zombie. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void a_missing_library_is_the_commands_own_end(void **state)
{
	struct process *process = NULL;
	char *argv[] = {(char *)in_dir("forks"), (char *)in_dir("said"), NULL};
	struct err err = {};
	int saved = dup(2), null = open("/dev/null", O_WRONLY);

	unsetenv("LD_LIBRARY_PATH");
	dup2(null, 2);
	assert_int_equal(process_spawn(&process, argv, &err), -ECHILD);
	dup2(saved, 2);
	close(saved);
	close(null);
	setenv("LD_LIBRARY_PATH", dir, 1);
	assert_non_null(strstr(err.msg, "ended before its main program began: exit status 127"));
}

static void a_script_is_held_at_its_interpreters_entry(void **state)
{
	auto_process struct process *process = NULL;
	FILE *file = fopen(in_dir("script"), "w");
	struct program_file *files;
	size_t cnt;

	fputs("#!/bin/sh\nexit 5\n", file);
	fchmod(fileno(file), 0755);
	fclose(file);
	process = spawned((char *[]){(char *)in_dir("script"), NULL});
	assert_int_equal(process_files(process, &files, &cnt, NULL), 0);
	assert_string_equal(files[0].name, "dash");
	files_free(files, cnt);
	assert_int_equal(process_release(process, NULL), 0);
	assert_int_equal(WEXITSTATUS(process_status(process)), 5);
}

/* --- files --- */

static const struct program_file *file_named(const struct program_file *files, size_t cnt, const char *name)
{
	for (size_t i = 0; i < cnt; i++)
		if (!strcmp(files[i].name, name))
			return &files[i];
	fail_msg("no file '%s'", name);
	return NULL;
}

static void a_held_command_has_all_its_libraries(void **state)
{
	char *argv[] = {(char *)in_dir("forks"), (char *)in_dir("said"), NULL};
	auto_process struct process *process = spawned(argv);
	struct program_file *files;
	size_t cnt;

	assert_int_equal(process_files(process, &files, &cnt, NULL), 0);
	assert_string_equal(files[0].name, "forks");
	file_named(files, cnt, "libforks.so");
	file_named(files, cnt, "libc.so.6");
	file_named(files, cnt, "ld-linux-x86-64.so.2");
	assert_int_equal(cnt, 4);
	for (size_t i = 0; i < cnt; i++)
		assert_int_equal(access(files[i].path, R_OK), 0);
	files_free(files, cnt);
	unlink(in_dir("said"));
}

struct expect {
	const struct program_file *files;
	size_t cnt, found;
};

static int compare_base(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct expect *expect = ctx;
	const char *name = strrchr(info->dlpi_name, '/');

	if (!name || !strncmp(name, "/linux-vdso", 11))
		return 0;
	for (size_t i = 1; i < expect->cnt; i++)
		if (strstr(expect->files[i].path, name)) {
			assert_int_equal(expect->files[i].base, info->dlpi_addr);
			expect->found++;
		}
	return 0;
}

/* A child that is this very program, so that we know its bases. */
static void bases_are_those_of_the_loader(void **state)
{
	auto_process struct process *process = NULL;
	struct expect expect = {};
	struct program_file *files;
	struct err err = {};
	pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(0);
	}
	assert_int_equal(process_open(&process, pid, &err), 0);
	assert_false(process->is_ours);
	assert_int_equal(process_files(process, &files, &expect.cnt, &err), 0);
	expect.files = files;
	assert_string_equal(files[0].name, "test_process");
	dl_iterate_phdr(compare_base, &expect);
	assert_true(expect.found > 3);
	files_free(files, expect.cnt);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void a_deleted_program_is_still_opened(void **state)
{
	char cmd[256], *argv[] = {(char *)in_dir("gone"), "1000", NULL};
	auto_process struct process *process = NULL;
	auto_object struct object *sleeper = NULL, *exe = NULL;
	struct program_file *files;
	size_t cnt;

	snprintf(cmd, sizeof(cmd), "cp /bin/sleep %s", argv[0]);
	assert_int_equal(system(cmd), 0);
	process = spawned(argv);
	unlink(argv[0]);
	assert_int_equal(process_files(process, &files, &cnt, NULL), 0);
	assert_string_equal(files[0].name, "gone");
	assert_int_equal(object_open(&exe, files[0].path, NULL), 0);
	assert_int_equal(object_open(&sleeper, "/bin/sleep", NULL), 0);
	assert_string_equal(object_build_id(exe), object_build_id(sleeper));
	files_free(files, cnt);
}

/* Its file's path leads to another file now. */
static void a_replaced_library_is_opened_as_it_was_mapped(void **state)
{
	char cmd[512], *argv[] = {(char *)in_dir("forks"), (char *)in_dir("said"), NULL};
	auto_process struct process *process = spawned(argv);
	auto_object struct object *mapped = NULL, *now = NULL;
	struct program_file *files;
	size_t cnt;

	snprintf(cmd, sizeof(cmd), "cd %s && mv libforks.so old.so && cp libaborts.so libforks.so", dir);
	assert_int_equal(system(cmd), 0);
	assert_int_equal(process_files(process, &files, &cnt, NULL), 0);
	assert_int_equal(object_open(&mapped, file_named(files, cnt, "old.so")->path, NULL), 0);
	assert_int_equal(object_open(&now, in_dir("old.so"), NULL), 0);
	assert_string_equal(object_build_id(mapped), object_build_id(now));
	snprintf(cmd, sizeof(cmd), "cd %s && cp old.so kept.so && rm old.so", dir);
	assert_int_equal(system(cmd), 0);
	object_free(TAKE_PTR(mapped));
	files_free(files, cnt);
	assert_int_equal(process_files(process, &files, &cnt, NULL), 0);
	assert_int_equal(object_open(&mapped, file_named(files, cnt, "old.so")->path, NULL), 0);
	assert_string_equal(object_build_id(mapped), object_build_id(now));
	files_free(files, cnt);
	snprintf(cmd, sizeof(cmd), "cd %s && mv kept.so libforks.so", dir);
	assert_int_equal(system(cmd), 0);
	unlink(in_dir("said"));
}

static void what_is_no_process_to_trace_says_why(void **state)
{
	struct process *process = (void *)1;
	struct err err = {};
	pid_t pid = fork();
	char want[64];

	if (!pid)
		_exit(0);
	assert_int_equal(process_open(&process, 2, &err), -ENOTSUP);
	assert_string_equal(err.msg, "process 2 is a kernel thread");
	assert_string_equal(err.hint,
			    "give a process that runs a program: 'pgrep -a NAME' lists those of a name");
	assert_int_equal(process_open(&process, 0x3fffff, &err), -ESRCH);
	assert_string_equal(err.msg, "no process 4194303");
	assert_string_equal(err.hint, "'pgrep -a NAME' lists the processes of that name");
	assert_int_equal(process_open(&process, -5, &err), -ESRCH);
	assert_int_equal(process_open(&process, getpid(), &err), -EINVAL);
	assert_true(err.is_usage);
	usleep(50000);
	assert_int_equal(process_open(&process, pid, &err), -ESRCH);
	snprintf(want, sizeof(want), "process %d has ended", pid);
	assert_string_equal(err.msg, want);
	waitpid(pid, NULL, 0);
	assert_ptr_equal(process, (void *)1);
}

/* --- a program of opened files, without a configuration --- */

static struct program *program_of(const struct process *process)
{
	struct program *program = calloc(1, sizeof(*program));

	assert_int_equal(process_files(process, &program->files, &program->files_cnt, NULL), 0);
	program->objects = calloc(program->files_cnt, sizeof(*program->objects));
	for (size_t i = 0; i < program->files_cnt; i++)
		assert_int_equal(object_open(&program->objects[i], program->files[i].path, NULL), 0);
	return program;
}

static void program_close(struct program *program)
{
	for (size_t i = 0; i < program->files_cnt; i++)
		object_free(program->objects[i]);
	free(program->objects);
	files_free(program->files, program->files_cnt);
	free(program);
}

static void errno_and_libc_are_found_in_the_live_process(void **state)
{
	static const char *const names[] = {"errno", "errno-static"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_process struct process *process = NULL;
		struct program *program;
		char line[32] = "";
		int fds[2], saved = dup(1);
		struct err err = {};

		assert_int_equal(pipe(fds), 0);
		dup2(fds[1], 1);
		process = spawned((char *[]){(char *)in_dir(names[i]), NULL});
		dup2(saved, 1);
		close(saved);
		close(fds[1]);
		if (i == 0)
			assert_int_equal(process_release(process, NULL), 0);
		if (i == 0)
			assert_true(read(fds[0], line, sizeof(line) - 1) > 0);
		program = program_of(process);
		assert_int_equal(process_check(process, program, &err), 0);
		assert_int_equal(process_layout(process, program, &err), 0);
		if (i == 1) {
			assert_int_equal(process_release(process, NULL), 0);
			assert_true(read(fds[0], line, sizeof(line) - 1) > 0);
			assert_int_equal(process->libc[1], 0);
			assert_int_equal(process->loader[1], 0);
		} else {
			const struct program_file *libc =
				file_named(program->files, program->files_cnt, "libc.so.6");

			assert_in_range(process->libc[0], libc->base, process->libc[1] - 1);
			assert_true(process->loader[0] && process->loader[1] > process->loader[0]);
		}
		assert_int_equal(process->errno_off, atoi(line));
		close(fds[0]);
		program_close(program);
		kill(process->pid, SIGKILL);
		process_status(process);
	}
}

static void go_is_refused_because_its_stacks_move(void **state)
{
	char *argv[] = {(char *)in_dir("go"), (char *)in_dir("said"), NULL};
	auto_process struct process *process = spawned(argv);
	struct program *program = program_of(process);
	struct err err = {};
	char want[256];

	assert_int_equal(process_check(process, program, &err), -EPERM);
	snprintf(want, sizeof(want), "probes on returns break Go, and 'go' in process %d is written in it",
		 process->pid);
	assert_string_equal(err.msg, want);
	assert_string_equal(err.hint, "record a build that does without it");
	program_close(program);
}

/* From 6.11 on a return probe is a system call of the target's own; from 6.14 on filters do not see it. */
static const struct {
	const char *release;
	bool is_refused;
} kernels[] = {
	{"6.6.12", false},  {"6.10.14", false}, {"6.11.0-rc1", true}, {"6.12.48+deb13-amd64", true},
	{"6.13.7", true},   {"6.14.0", false},	{"6.18.44", false},   {"7.0.1", false},
	{"5.11.22", false},
};

static void a_filter_that_kills_return_probes_is_refused_where_it_does(void **state)
{
	int fds[2];
	auto_process struct process *process = NULL;
	struct program *program;
	char want[256], byte;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		dup2(fds[1], 1);
		close(fds[1]);
		execl(in_dir("filtered"), "filtered", NULL);
		_exit(1);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 0); /* its output is closed */
	close(fds[0]);
	assert_int_equal(process_open(&process, pid, NULL), 0);
	program = program_of(process);
	for (size_t i = 0; i < ARRAY_SIZE(kernels); i++) {
		struct err err = {};

		assert_int_equal(process_check_on(process, program, kernels[i].release, &err),
				 kernels[i].is_refused ? -EPERM : 0);
		snprintf(want, sizeof(want),
			 "process %d is under seccomp, which kills return probes on Linux %.4s", pid,
			 kernels[i].release);
		assert_string_equal(err.msg, kernels[i].is_refused ? want : "");
		if (kernels[i].is_refused)
			assert_string_equal(err.hint,
					    "run it without a seccomp filter, or on Linux 6.14 or later");
	}
	program_close(program);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void what_will_be_under_a_filter_is_refused_before(void **state)
{
	char *argv[] = {(char *)in_dir("sandboxed"), NULL};
	auto_process struct process *process = spawned(argv);
	struct program *program = program_of(process);
	struct err err = {};
	char want[256];

	assert_int_equal(process_check_on(process, program, "6.18.0", &err), 0);
	assert_int_equal(process_check_on(process, program, "6.12.3", &err), -EPERM);
	snprintf(
		want, sizeof(want),
		"'sandboxed' in process %d puts it under seccomp (seccomp_load), which kills return probes on Linux "
		"6.12",
		process->pid);
	assert_string_equal(err.msg, want);
	program_close(program);
}

static void a_process_under_a_debugger_is_refused(void **state)
{
	auto_process struct process *process = NULL;
	struct program *program;
	struct err err = {};
	char want[128];
	pid_t pid = fork();

	if (!pid) {
		execlp("sleep", "sleep", "1000", NULL);
		_exit(1);
	}
	usleep(100000);
	assert_int_equal(process_open(&process, pid, &err), 0);
	program = program_of(process);
	assert_int_equal(process_check(process, program, &err), 0);
	assert_int_equal(ptrace(PTRACE_SEIZE, pid, NULL, NULL), 0);
	assert_int_equal(process_check(process, program, &err), -EPERM);
	snprintf(want, sizeof(want),
		 "process %d is traced by process %d (a debugger or strace), which would see our probes", pid,
		 getpid());
	assert_string_equal(err.msg, want);
	program_close(program);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_is_held_before_its_main_and_then_runs_unharmed),
		cmocka_unit_test(the_entry_is_as_it_was),
		cmocka_unit_test(constructors_signals_and_forks_before_the_entry_go_their_way),
		cmocka_unit_test(a_held_process_ends_with_its_holder_and_a_released_one_does_not),
		cmocka_unit_test(what_cannot_be_run_says_why),
		cmocka_unit_test(a_missing_library_is_the_commands_own_end),
		cmocka_unit_test(a_script_is_held_at_its_interpreters_entry),
		cmocka_unit_test(a_held_command_has_all_its_libraries),
		cmocka_unit_test(bases_are_those_of_the_loader),
		cmocka_unit_test(a_deleted_program_is_still_opened),
		cmocka_unit_test(a_replaced_library_is_opened_as_it_was_mapped),
		cmocka_unit_test(what_is_no_process_to_trace_says_why),
		cmocka_unit_test(errno_and_libc_are_found_in_the_live_process),
		cmocka_unit_test(go_is_refused_because_its_stacks_move),
		cmocka_unit_test(a_filter_that_kills_return_probes_is_refused_where_it_does),
		cmocka_unit_test(what_will_be_under_a_filter_is_refused_before),
		cmocka_unit_test(a_process_under_a_debugger_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
