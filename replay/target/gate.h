/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether a call of an operation is taken, before anything is copied: sampling and predicates. */
#pragma once

struct frame;
struct func;

/* Counts what it rejects. */
int gate_takes(const struct func *func, const struct frame *frame);
