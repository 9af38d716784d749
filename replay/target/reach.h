/* SPDX-License-Identifier: BSD-3-Clause */
/* What of its code a build that counts it (patch_counters) reached in this case. */
#pragma once

/* The operation begins: what was reached until now is not its. */
void reach_forget(void);
/* Write it at the end of the outcome; where events need that room it stays unknown. Async-signal-safe. */
void reach_report(void);
