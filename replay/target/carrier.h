/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls of threads that were there before the operation: which are made for it. As bpf/gate.bpf.h decides
 * when they are recorded: by values that the operation, or a call that hands work on, carries. Once a
 * process, which plays one case. Under the dispatch lock.
 */
#pragma once

#include <stdint.h>

struct func;

/* What a call of @func carries is the case's from here on. @args: the registers of its arguments; @rsp: where
 * its return address stands, its other arguments behind it. */
void carrier_add(const struct func *func, const uint64_t *args, uint64_t rsp);
/* A call of @func joins by what the case carries. What was to be carried and could not be read may be
 * anything: then every call joins. */
int carrier_is_joined(const struct func *func, const uint64_t *args, uint64_t rsp);
