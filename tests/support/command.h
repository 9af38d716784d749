/* SPDX-License-Identifier: BSD-3-Clause */
/* Programs that a test starts: each is ended, by its pid, when the test forgets to. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct command {
	pid_t pid;
	char out[256], err[256]; /* files that stdout and stderr go to */
	bool is_over;
	int status; /* exit status as a shell gives it */
};

/* A fresh folder, removed by command_cleanup. */
const char *command_folder(void);
/* Where this build's programs are: $O, or two levels above the test program. */
const char *command_build(void);
void command_cleanup(void);

/* Start @argv, NULL-terminated; argv[0] is searched for in PATH. */
void command_start(struct command *command, const char *const argv[]);
/* Wait for its end; 124 when it takes longer than @timeout_s, and it is killed. */
int command_wait(struct command *command, int timeout_s);
bool command_runs(struct command *command);
void command_signal(struct command *command, int sig);
/* Wait until its stdout or stderr holds @text; false after @timeout_s, or when it ended without. */
bool command_says(struct command *command, const char *text, int timeout_s);
/* Start and wait. */
int command_run(struct command *command, const char *const argv[], int timeout_s);
/* Start, wait, and fail the test with its words unless it ends with @status. */
void command_must(struct command *command, const char *const argv[], int status, int timeout_s);
/* Text that stays until 64 more were made. */
const char *command_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A file's content, the caller's to free; "" when there is none. */
char *command_file(const char *path);

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})
