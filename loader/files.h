/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The content of files that arguments name ("file": true), which the kernel's probes do not read. It is read
 * when the event arrives, a moment after the call: a file that was changed meanwhile, as its times and its
 * size say, is said to be, and its content is not taken. Two changes within one tick of the kernel's clock
 * look like one.
 */
#pragma once

#include "lib/event.h"

struct err;
struct files;
struct program;

/* *@out: NULL when no function has any. @program is borrowed. */
int files_new(struct files **out, const struct program *program, struct err *err);
/* *@event, or a longer one that is valid until the next call: with the content of what it names. */
int files_add(struct files *files, const struct event **event, struct err *err);
void files_free(struct files *files);
