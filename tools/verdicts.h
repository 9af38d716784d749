/* SPDX-License-Identifier: BSD-3-Clause */
/* What replay and equalize show. */
#pragma once

struct comparison;
struct equalizer_totals;
struct notes;

void verdicts_print(const struct comparison *comparison);
void verdicts_print_summary(const struct equalizer_totals *totals);
void verdicts_print_notes(const struct notes *notes); /* stderr */
/* What they called that nothing had recorded and that gives another result in each run; stderr. */
void verdicts_print_unrecorded(const struct equalizer_totals *totals);
