/* SPDX-License-Identifier: BSD-3-Clause */
/* Where this process has memory. */
#pragma once

#include "replay/target/patch.h"

/* From /proc/self/maps, what lies close together as one; returns how many. Where more are apart than
 * PATCH_SPANS_MAX the last reaches over all of the rest. */
unsigned spans_read(struct patch_span spans[PATCH_SPANS_MAX]);
