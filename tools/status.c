// SPDX-License-Identifier: BSD-3-Clause
#include "tools/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define DUE_NS	    100000000ull
#define TEXT_MAX    256
#define WIDTH_OR_SO 80 /* where the terminal does not tell */

uint64_t status_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

void status_init(struct status_line *status)
{
	*status = (struct status_line){.is_terminal = isatty(STDERR_FILENO),
				       .is_shared = isatty(STDOUT_FILENO)};
}

bool status_is_due(const struct status_line *status)
{
	return status->is_terminal && status_now_ns() - status->shown_ns >= DUE_NS;
}

static int width(void)
{
	struct winsize size;

	return !ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col ? size.ws_col : WIDTH_OR_SO;
}

void status_show(struct status_line *status, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;

	if (!status->is_terminal)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fflush(stdout);
	fprintf(stderr, "\r%.*s\033[K", width() - 1, text);
	status->is_shown = true;
	status->shown_ns = status_now_ns();
}

void status_make_way(struct status_line *status)
{
	if (status->is_shared)
		status_clear(status);
}

void status_clear(struct status_line *status)
{
	if (status->is_shown)
		fprintf(stderr, "\r\033[K");
	status->is_shown = false;
}
