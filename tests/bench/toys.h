/* SPDX-License-Identifier: BSD-3-Clause */
/* What the benchmark of capturing calls: each toy is the same code, at each kind of instruction that a probe
 * may sit on. */
#pragma once

/* X(name): toy_<name>_nop5 and toy_<name>_push. */
#define TOYS(X) X(pair) X(skip) X(rejected) X(registers) X(blocks) X(errno) X(structs) X(buffer)
