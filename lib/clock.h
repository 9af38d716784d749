/* SPDX-License-Identifier: BSD-3-Clause */
/* What time it is. */
#pragma once

#include <stdint.h>

/* Never set back, and that of events: CLOCK_MONOTONIC. */
uint64_t clock_ns(void);
uint64_t clock_ms(void);
/* Since 1970. */
int64_t clock_wall_ns(void);
