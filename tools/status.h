/* SPDX-License-Identifier: BSD-3-Clause */
/* A line on stderr that is written over as things go on; only where stderr is a terminal. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct status_line {
	bool is_terminal, is_shown;
	bool is_shared;	   /* stdout goes to a terminal too: presumably to the same */
	uint64_t shown_ns; /* monotonic */
};

void status_init(struct status_line *status);
/* Whether it is worth showing again: not more often than an eye follows. */
bool status_is_due(const struct status_line *status);
/* Cut to the terminal's width. */
void status_show(struct status_line *status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Before something is printed on stdout that more will follow. */
void status_make_way(struct status_line *status);
void status_clear(struct status_line *status);

uint64_t status_now_ns(void);
