// SPDX-License-Identifier: BSD-3-Clause
/* The runner: every case in every build, a few at a time, each in a process of its own. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "lib/util.h"
#include "tests/hard/case.h"

#define CASES_MAX 512
#define JOBS_MAX  16

static const char usage[] =
	"usage: hard [--few | --one] [--inside] [--jobs N] [--build GLOB] [--update] [--keep] BUILD CASES [NAME...]\n"
	"  --inside: by --engine preload: the same must come out;\n"
	"  --few: two builds of each case; --one: one; --build: those of this name, \"gcc-O2-pie-stripped\";\n"
	"  --update: write what was recorded beside the case; --keep: leave the folders\n";

struct job {
	pid_t pid;
	const struct hard_case *c;
	struct variant variant;
	char log[64];
};

struct runner {
	struct case_opts opts;
	bool is_few, is_one;
	size_t jobs;
	const char *build_glob, *dir;
	struct hard_case cases[CASES_MAX];
	size_t cases_cnt;
	struct job job[JOBS_MAX];
	size_t passed, failed;
	const struct hard_case *shown; /* the last whose failure was shown */
};

/* --- cases --- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct hard_case *)a)->name, ((const struct hard_case *)b)->name);
}

/* A case is where a configuration is. */
static bool find_cases(struct runner *runner)
{
	DIR *dir = opendir(runner->dir);
	struct dirent *entry;

	if (!dir)
		return false;
	while ((entry = readdir(dir))) {
		char *name = strdup(entry->d_name), *end = strchr(name, '.');

		if (!end || strcmp(end, ".json") || runner->cases_cnt == CASES_MAX) {
			free(name);
			continue;
		}
		*end = '\0';
		if (!case_read(&runner->cases[runner->cases_cnt++], runner->dir, name))
			return false;
	}
	closedir(dir);
	qsort(runner->cases, runner->cases_cnt, sizeof(*runner->cases), compare_names);
	return true;
}

/* Whether another is nearer to the one that would be best. */
static bool is_before(const struct runner *runner, size_t idx, unsigned best, unsigned variant)
{
	for (unsigned i = 0; i < VARIANTS_CNT; i++) {
		struct variant v;

		variant_of(&v, (best + i) % VARIANTS_CNT);
		if (case_wants(&runner->cases[idx], &v))
			return (best + i) % VARIANTS_CNT != variant;
	}
	return true;
}

/* Of each case two that differ in everything; which two, changes from case to case. */
static bool is_chosen(const struct runner *runner, size_t idx, unsigned variant)
{
	unsigned one = (idx * 5 + 10) % VARIANTS_CNT;
	struct variant v;
	char name[64];

	variant_of(&v, variant);
	variant_name(&v, name);
	if (!case_wants(&runner->cases[idx], &v))
		return false;
	if (runner->build_glob)
		return strstr(name, runner->build_glob);
	if (runner->is_one)
		return !is_before(runner, idx, one, variant);
	/* Where only some builds are wanted, a few are all. */
	if (!runner->is_few || runner->cases[idx].builds[0])
		return true;
	return variant == one || variant == (one ^ (VARIANTS_CNT - 1));
}

/* --- jobs --- */

static void start(struct runner *runner, struct job *job, const struct hard_case *c, unsigned variant)
{
	int fd;

	job->c = c;
	variant_of(&job->variant, variant);
	snprintf(job->log, sizeof(job->log), "/tmp/tapedeck-hard.XXXXXX");
	fd = mkstemp(job->log);
	fflush(stdout);
	job->pid = fork();
	if (job->pid) {
		close(fd);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	dup2(fd, 1);
	dup2(fd, 2);
	exit(!case_run(c, &job->variant, &runner->opts));
}

static void show_log(const char *path)
{
	char text[4096];
	FILE *file = fopen(path, "r");
	size_t len;

	while (file && (len = fread(text, 1, sizeof(text), file)))
		fwrite(text, 1, len, stdout);
	if (file)
		fclose(file);
}

static void finish(struct runner *runner, struct job *job, int status)
{
	char name[64];

	variant_name(&job->variant, name);
	runner->passed += !status;
	runner->failed += status != 0;
	if (status)
		printf("FAILED  %s  %s\n", job->c->name, name);
	/* Further builds of a case mostly fail for the same reason. */
	if (!status || job->c != runner->shown)
		show_log(job->log);
	if (status)
		runner->shown = job->c;
	unlink(job->log);
	job->pid = 0;
}

static struct job *wait_for_one(struct runner *runner)
{
	for (;;) {
		int status;
		pid_t pid;

		for (size_t i = 0; i < runner->jobs; i++)
			if (!runner->job[i].pid)
				return &runner->job[i];
		pid = wait(&status);
		for (size_t i = 0; i < runner->jobs; i++)
			if (runner->job[i].pid == pid)
				finish(runner, &runner->job[i], status);
	}
}

static void wait_for_all(struct runner *runner)
{
	for (size_t i = 0; i < runner->jobs; i++) {
		int status;

		if (runner->job[i].pid && waitpid(runner->job[i].pid, &status, 0) > 0)
			finish(runner, &runner->job[i], status);
	}
}

static bool is_named(const struct hard_case *c, char *const names[])
{
	if (!names[0])
		return true;
	for (size_t i = 0; names[i]; i++)
		if (!strcmp(c->name, names[i]))
			return true;
	return false;
}

static void run_all(struct runner *runner, char *const names[])
{
	for (size_t i = 0; i < runner->cases_cnt; i++) {
		bool has_run = false;

		for (unsigned v = 0; v < VARIANTS_CNT; v++) {
			if (!is_named(&runner->cases[i], names) || !is_chosen(runner, i, v))
				continue;
			if (runner->opts.is_updating && has_run)
				continue;
			has_run = true;
			start(runner, wait_for_one(runner), &runner->cases[i], v);
		}
	}
	wait_for_all(runner);
}

static int read_options(struct runner *runner, int argc, char **argv)
{
	int at = 1;

	for (; at < argc && !strncmp(argv[at], "--", 2); at++) {
		if (!strcmp(argv[at], "--few"))
			runner->is_few = true;
		else if (!strcmp(argv[at], "--one"))
			runner->is_one = true;
		else if (!strcmp(argv[at], "--update"))
			runner->opts.is_updating = true;
		else if (!strcmp(argv[at], "--inside"))
			runner->opts.is_inside = true;
		else if (!strcmp(argv[at], "--keep"))
			runner->opts.keeps = true;
		else if (!strcmp(argv[at], "--jobs") && at + 1 < argc)
			runner->jobs = strtoul(argv[++at], NULL, 10);
		else if (!strcmp(argv[at], "--build") && at + 1 < argc)
			runner->build_glob = argv[++at];
		else
			return -1;
	}
	runner->jobs = MAX(1u, MIN(runner->jobs, (size_t)JOBS_MAX));
	return argc - at < 2 ? -1 : at;
}

int main(int argc, char **argv)
{
	static struct runner runner = {.jobs = 2};
	int at = read_options(&runner, argc, argv);
	time_t begun = time(NULL);

	if (at < 0) {
		fputs(usage, stderr);
		return 2;
	}
	runner.opts.build = realpath(argv[at], NULL);
	runner.dir = realpath(argv[at + 1], NULL);
	if (!runner.opts.build || !runner.dir || !find_cases(&runner)) {
		fprintf(stderr, "no cases in '%s', or no build in '%s'\n", argv[at + 1], argv[at]);
		return 2;
	}
	run_all(&runner, argv + at + 2);
	printf("hard cases: %zu right, %zu wrong, in %ld s\n", runner.passed, runner.failed,
	       (long)(time(NULL) - begun));
	return runner.failed || !runner.passed;
}
