/* SPDX-License-Identifier: BSD-3-Clause */
/* Signal handlers: breakpoints of short functions, guarded reads, crashes, and blocked system calls. */
#pragma once

/* From the start on, where functions are intercepted by a breakpoint. */
void traps_install_breakpoints(void);
/* At ready: all of them, in place of the program's own. */
void traps_install(void);
