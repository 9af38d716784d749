/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why something failed, in words, and what to do about it.
 *
 * Functions return 0 or -errno and take a `struct err *` last, which may be NULL. Say what failed where
 * it is known, what it was for where that is known, and nothing in between:
 *
 *	return err_set(err, -ENOENT, "no function '%s' in '%s'", name, path);
 *	return err_wrap(err, r, "cannot probe '%s'", name);	prints "cannot probe 'f': no function ..."
 *
 * Messages are lower case without a full stop. A hint is one thing that the reader can do now.
 */
#pragma once

#define ERR_MSG_MAX  512
#define ERR_HINT_MAX 256

struct err {
	char msg[ERR_MSG_MAX];
	char hint[ERR_HINT_MAX];
	/* The user's own input is at fault (configuration, option): exit status 2 rather than 3. */
	int is_usage;
};

/* Each returns @code, so that a failure is one statement. Messages that do not fit are cut. */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int err_usage(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int err_wrap(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* What @from says. */
int err_pass(struct err *err, int code, const struct err *from);
/* Add the hint; call it after err_set. Returns nothing, fails never. */
void err_hint(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "out of memory"; returns -ENOMEM. */
int err_nomem(struct err *err);
