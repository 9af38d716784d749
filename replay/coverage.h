/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What of a build's code a replay reached, as the build itself counts it. gcc and clang, told --coverage, count
 * the arcs between a function's basic blocks in arrays "__gcov0.FUNCTION" and "__llvm_gcov_ctr"; clang, told
 * -fprofile-instr-generate, its regions in the section __llvm_prf_cnts. All are counters of 8 bytes in memory:
 * no file is written and no tool is run.
 */
#pragma once

#include <stddef.h>

struct buf;
struct err;
struct outcome_header;
struct program;

/* Append a struct patch_counters for each function of the executable and the libraries with configured
 * functions. -ENOENT with a hint when nothing is counted. */
int coverage_write(struct buf *out, const struct program *program, struct err *err);
/* *@bits: the caller's to free, NULL when the case did not come to tell. @outcome is memory that the replayed
 * program could write: PATCH_OUTCOME_BYTES, whatever it says. */
int coverage_read(unsigned char **bits, size_t *cnt, const struct outcome_header *outcome, struct err *err);
