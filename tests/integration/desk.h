/* SPDX-License-Identifier: BSD-3-Clause */
/* A tiny program, its configuration and the tapedeck program, for tests of what the user sees. */
#pragma once

#include <stddef.h>

#include "tests/support/command.h"

struct cJSON;

/* In a folder of its own, which desk_path("~") names and everyone may read: `desk`, `desk-changed`,
 * `stripped`, `desk.json`, a copy of `tapedeck`, and a cassette `tape` with DESK_RECORDINGS recordings. */
int desk_setup(void **state);
int desk_teardown(void **state);
#define DESK_RECORDINGS 6

/* '~' stands for the folder, '@' for where this build's programs are. Valid for a while. */
const char *desk_path(const char *text);

#define DESK_ARGS_MAX 24
/* Run `tapedeck ARGS...`, each through desk_path. */
void desk_run(struct command *command, const char *const args[]);
/* The same, not waited for. */
void desk_start(struct command *command, const char *const args[]);
/* Start any program with each argument through desk_path. */
void desk_start_program(struct command *command, const char *const args[]);
/* Fails unless it ended so and stderr has both texts; NULL: nothing wanted. */
void desk_expect(struct command *command, int status, const char *message, const char *hint);
#define DESK_EXPECT(status, message, hint, ...)                                                              \
	do {                                                                                                 \
		struct command desk_command;                                                                 \
		desk_run(&desk_command, ARGV(__VA_ARGS__));                                                  \
		desk_expect(&desk_command, status, message, hint);                                           \
	} while (0)

void desk_write(const char *path, const void *data, size_t len);
void desk_write_text(const char *path, const char *text);
/* The ids of all recordings in @url; incomplete ones too. */
size_t desk_ids(const char *url, char ids[][256], size_t max);
/* The last line of stdout as JSON; the caller's. */
struct cJSON *desk_last_line(const struct command *command);
