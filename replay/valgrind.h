/* SPDX-License-Identifier: BSD-3-Clause */
/* The target under valgrind's memcheck: how it is started there, and what that reports. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct err;

#define VALGRIND_SLOWER 20 /* times that limits of time are longer */

/*
 * Make *@argv, allocated, NULL-terminated and of allocated strings, one that starts memcheck itself, whose
 * file is put in
 * *@tool (its launcher is a program or a script of its own, which the engine would be loaded into). The
 * program's file is to be put in the place of argv[VALGRIND_ARGS], which was argv[0]. @dir gets the rule that
 * the engine's own reads of the program's memory are no errors.
 */
#define VALGRIND_ARGS 7
int valgrind_prepare(char **tool, char ***argv, const char *dir, struct err *err);
#define VALGRIND_ENV "VALGRIND_LAUNCHER=/usr/bin/valgrind" /* it wants one */

/* The first error in @text, and how many there are: "valgrind: Invalid read of size 4 at orders.c:42 in
 * price_of (3 errors)"; false: there is none, and @out is "". */
bool valgrind_report(char *out, size_t len, const char *text);
