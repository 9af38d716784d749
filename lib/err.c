// SPDX-License-Identifier: BSD-3-Clause
#include "lib/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void set(struct err *err, int is_usage, const char *fmt, va_list args)
{
	if (!err)
		return;
	vsnprintf(err->msg, sizeof(err->msg), fmt, args);
	err->hint[0] = '\0';
	err->is_usage = is_usage;
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	set(err, 0, fmt, args);
	va_end(args);
	return code;
}

int err_usage(struct err *err, int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	set(err, 1, fmt, args);
	va_end(args);
	return code;
}

int err_wrap(struct err *err, int code, const char *fmt, ...)
{
	char purpose[ERR_MSG_MAX], cause[ERR_MSG_MAX];
	va_list args;

	if (!err)
		return code;
	va_start(args, fmt);
	vsnprintf(purpose, sizeof(purpose), fmt, args);
	va_end(args);
	memcpy(cause, err->msg, sizeof(cause));
	if (snprintf(err->msg, sizeof(err->msg), "%s: %s", purpose, cause) < 0)
		err->msg[0] = '\0';
	return code;
}

int err_pass(struct err *err, int code, const struct err *from)
{
	if (err)
		*err = *from;
	return code;
}

void err_hint(struct err *err, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return;
	va_start(args, fmt);
	vsnprintf(err->hint, sizeof(err->hint), fmt, args);
	va_end(args);
}

int err_nomem(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}
