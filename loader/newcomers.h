/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Libraries that a process loads while it is recorded. Returns are hooked where nothing in it unwinds the
 * stack; a plug-in in C++ may end that.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct process;
struct program;

#define NEWCOMER_PLACES_MAX 4
#define NEWCOMER_NAME_MAX   256

/* Code that runs when a library has come: of ld.so for any, or of a runtime that unwinds the stack, when it
 * is that runtime. */
struct newcomer_place {
	char *path; /* the caller's to free */
	uint64_t offset;
	bool is_runtime;
};

/* Fills @places and returns how many there are; a program without a loader has none. */
size_t newcomers_places(struct newcomer_place places[NEWCOMER_PLACES_MAX], const struct program *program);
/* 1: process @pid has a file that @program does not know and that may unwind the stack: its name in @name. 0:
 * it has not, or is gone. */
int newcomers_look(char name[NEWCOMER_NAME_MAX], const struct process *process, pid_t pid,
		   const struct program *program, struct err *err);
