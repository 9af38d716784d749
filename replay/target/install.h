/* SPDX-License-Identifier: BSD-3-Clause */
/* Put thunks before the functions of the patch file. What cannot be done ends in engine_fail. */
#pragma once

#include <stdint.h>

struct func;

void install_all(void);
/* Where the loader stops when libraries were loaded: a breakpoint there is ours. 0: not watched. */
uint64_t install_watched(void);
/* Async-signal-safe: what was loaded now is patched at its entries, before it runs. */
void install_loaded(void);
/* What was loaded is relocated by now: replace its imports. Cheap when there is nothing to do. */
void install_imports(void);
/* The operation's entry as the program has it: what calls it now is not seen. */
void install_restore(struct func *func);
/* Some function is intercepted by a breakpoint: SIGTRAP must be handled. */
int install_has_traps(void);
/* The slot of the function whose breakpoint is at live @addr, or 0. Async-signal-safe. */
uint64_t install_trap_slot(uint64_t addr);
/* Breakpoints are the debugger's, which keeps them to itself: from now on ours are illegal instructions. */
void install_for_debugger(void);
/* Where the instruction at @pc lies in the program: those at a function's entry run where they were moved to.
 */
uint64_t install_moved_from(uint64_t pc);
