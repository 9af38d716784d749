/* SPDX-License-Identifier: BSD-3-Clause */
/* The toys, running, with our probes on them. What goes wrong ends the benchmark with status 3. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "lib/err.h"

#define STAGE_PATH_MAX 4096

struct attach;
struct config;
struct process;
struct program;

struct stage {
	char toys[STAGE_PATH_MAX]; /* the program */
	pid_t pid;
	FILE *to, *from;
	struct config *config;
	struct process *process;
	struct program *program;
	struct attach *attach;
	struct err err;
};

void stage_die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Die of a negative @r with the stage's error. */
void stage_must(struct stage *stage, int r);
/* Start the program. */
void stage_start(struct stage *stage, const char *toys);
/* Let it do what @fmt says, see toys.c; the nanoseconds it took. */
double stage_run(struct stage *stage, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Probe it by the configuration @text. Recording begins by attach_enable. */
void stage_attach(struct stage *stage, const char *text, uint32_t ring_bytes);
/* What got lost so far, of any kind. */
uint64_t stage_lost(struct stage *stage);
/* The program ends, then what was attached goes. */
void stage_end(struct stage *stage);
