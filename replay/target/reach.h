/* SPDX-License-Identifier: BSD-3-Clause */
/* What of its code a build that counts it (patch_counters) reached in this case. */
#pragma once

/* The operation begins: what was reached until now is not its. */
void reach_forget(void);
/* Write it behind the events of the outcome; where there is no room it stays unknown. Async-signal-safe. */
void reach_report(void);
