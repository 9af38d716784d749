/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How probes come to read floating-point registers: see bpf/fpregs.bpf.h. Here are the real-time threads that
 * they wake, one on each CPU, and the calibration that finds the flag by which they know that what they read
 * is true.
 *
 * Nothing is believed. A function of our own is probed with random values in its registers: the flag is the
 * one bit of the thread's flags that is set whenever the saved registers are those values, and clear whenever
 * they are not. Then the reading itself must give them back. Where that fails, probes read nothing.
 */
#pragma once

#include <stdint.h>

struct err;
struct fpregs;

/* Reading them costs so much at each side of a recorded call, as measured on one 6.18 machine; for
 * orientation. */
#define FPREGS_COST_NS 14000

/* Start the threads and calibrate. -EPERM: no real-time priority; -ENOTSUP: it cannot be relied on here. Both
 * with words. */
int fpregs_start(struct fpregs **out, struct err *err);
/* Let the probes of another BPF object use it: its map `kicks`, sized to the possible CPUs. */
int fpregs_hand_down(const struct fpregs *fpregs, int kicks_fd, struct err *err);
/* For that object's fp_flag. */
uint64_t fpregs_flag(const struct fpregs *fpregs);
/* What reading the registers of one side of a call costs here, as measured. */
uint32_t fpregs_cost_ns(const struct fpregs *fpregs);
/* No probe reads any more. */
void fpregs_stop(struct fpregs *fpregs);
void fpregs_stopp(struct fpregs **fpregs);
#define auto_fpregs __attribute__((cleanup(fpregs_stopp)))
