/* SPDX-License-Identifier: BSD-3-Clause */
/* The stack of BPF programs that sleep. */
#pragma once

struct err;

#define FRAMES_LOG_LEVEL 4 /* at which the verifier prints what frames_check reads */
#define FRAMES_LOG_BYTES (1024 * 1024)

/* -EINVAL unless the verifier's @log says of program @name that every frame is small enough. */
int frames_check(const char *name, const char *log, struct err *err);
