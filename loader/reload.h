/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration read again while recording. */
#pragma once

struct config;
struct err;
struct program;
struct source;

/*
 * Read @config's file again and let what decides about sampling take effect: rate, by, max_per_second, if,
 * keep_if, enabled; an operation that is no longer there is not recorded from here on. Of the rest @say tells
 * what was changed in vain. On failure nothing has changed.
 */
int reload(struct config *config, const struct program *program, struct source *source,
	   void (*say)(const char *text, void *ctx), void *ctx, struct err *err);
