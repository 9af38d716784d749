/* SPDX-License-Identifier: BSD-3-Clause */
/* The patch file's modules as they are mapped in this process. */
#pragma once

#include <stdint.h>

/* Find all by name, else by build id, that were not found before, and check their build ids; what is wrong
 * ends in engine_fail. Modules that are not loaded are no failure: see module_base. */
void module_find_all(void);

/* Live address of the module's address 0. 0 with a base of 0 is real for fixed executables: ask
 * module_is_loaded. */
uint64_t module_base(unsigned module);
int module_is_loaded(unsigned module);
/* The protection that the page at live @addr must have once patched: PROT_ bits of its segment and RELRO;
 * -1: not in this module. */
int module_prot(unsigned module, uint64_t addr);
/* The lowest and the end of the highest live address. */
void module_span(unsigned module, uint64_t *low, uint64_t *high);

/* The index of the module that live @addr lies in, and *@addr turned into an address of its file; PATCH_NONE
 * leaves it alone. Async-signal-safe. */
unsigned module_of(uint64_t *addr);
/* libc or ld.so, by name. */
int module_is_system(unsigned module);
int module_is_system_name(const char *base_name);
/* The nearest return address at or above @sp that lies behind a call instruction outside libc and ld.so, or
 * 0. */
uint64_t module_caller(uint64_t sp);
