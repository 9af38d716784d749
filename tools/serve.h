/* SPDX-License-Identifier: BSD-3-Clause */
/* What to write into a configuration that lacks what differs from run to run. */
#pragma once

#include <stdio.h>

/* Behind a list of functions: the line that names @groups, a mask of enum serve_group. */
void serve_print_advice(FILE *to, unsigned groups);
