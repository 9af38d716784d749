/* SPDX-License-Identifier: BSD-3-Clause */
/* What record says at its end: what was taken, sampled out, incomplete and lost, in all and by function. */
#pragma once

struct err;
struct program;
struct recorder_summary;

void record_summary_print(const struct program *program, const struct recorder_summary *summary,
			  const char *cassette);
/* One JSON line; @exit_status of the command, negative: there is none. */
int record_summary_json(const struct program *program, const struct recorder_summary *summary,
			const char *cassette, int exit_status, struct err *err);
