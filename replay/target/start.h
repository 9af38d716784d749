/* SPDX-License-Identifier: BSD-3-Clause */
/* From the loader to ready. */
#pragma once

/* When the program exits from now on, we hear of it before its own exit handlers do. */
void start_watch_exit(void);
