/* SPDX-License-Identifier: BSD-3-Clause */
/* What probes cost on this machine, measured on ourselves. */
#pragma once

#include <stdint.h>

#include "lib/insn.h"

struct err;

/* A hit of the program @prog_fd, which leaves at once, by what the kernel does at the probed instruction: ns.
 */
int cost_measure(uint32_t ns[SITE_CNT], int prog_fd, int attach_type, struct err *err);
/* What a return that is hooked costs beside it, in the measure of @entry_ns. */
uint32_t cost_of_return(enum site_kind kind, uint32_t entry_ns);
