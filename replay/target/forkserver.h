/* SPDX-License-Identifier: BSD-3-Clause */
/* Ready: waits for the driver's messages, and forks a child that plays each case. */
#pragma once

/* This thread serves from now on. @where: what was reached. Returns when another thread was first; where
 * another process was, this one waits for ever. */
void forkserver_run(const char *where);
