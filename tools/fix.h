/* SPDX-License-Identifier: BSD-3-Clause */
/* The advice of a verdict, written into the configuration file. */
#pragma once

struct err;

/* Lay @advice (JSON, as comparison.advice) over the file at @path: comments and layout stay, the file is
 * replaced as a whole or not at all, and not by a configuration that would be refused. Says on stderr what it
 * changed. */
int fix_config(const char *path, const char *advice, struct err *err);
