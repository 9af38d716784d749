// SPDX-License-Identifier: BSD-3-Clause
// The same where the kernel hooks whatever has a return probe, as before 6.13: no return is hooked then, and
// all are seen.
// @record: --two-links
// @inside: --two-links needs --engine bpf
#include "signal_stack.inc"
