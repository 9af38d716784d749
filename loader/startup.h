/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The start-up of a process: what it was started with, and what its inputs gave before its first operation.
 * One recording of category "_startup", which all recordings of the process name; it is stored when the first
 * of them is there. Its operation is a function of the schema's that no process has.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct assemble;
struct err;
struct package_context;
struct process;
struct recording;
struct startup;
struct upload;

#define STARTUP_ARGS_MAX (128 * 1024) /* bytes of all arguments; more are not recorded */
#define STARTUP_FUNCTION "_startup"   /* category and function */

/* @is_from_exec: the process has not begun, and its calls will come. Else all that is known of it is kept
 * already. @context is borrowed. */
int startup_new(struct startup **out, const struct package_context *context, const struct process *process,
		bool is_from_exec, struct err *err);
void startup_free(struct startup *startup);
/* "_startup/20261125/0123..." */
const char *startup_id(const struct startup *startup);
/* Where it is from exec: the entry of its operation, which no probe makes. */
int startup_begin(const struct startup *startup, struct assemble *assemble, struct err *err);
/* Its end has not come yet. */
bool startup_is_open(const struct startup *startup);
/* Whether @recording, from assemble, is this. */
bool startup_is(const struct startup *startup, const struct recording *recording);
/* Take @recording over, always; @cut calls are not in it. */
int startup_keep(struct startup *startup, struct recording *recording, uint64_t cut, struct err *err);
/* A recording names it: hand it on as soon as it is there. @upload must be closed before @startup is freed.
 */
void startup_put(struct startup *startup, struct upload *upload);
