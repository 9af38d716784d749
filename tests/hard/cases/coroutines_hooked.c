// SPDX-License-Identifier: BSD-3-Clause
// The same where the kernel hooks whatever has a return probe, as before 6.13: none is hooked then.
// @record: --two-links
// @unordered
// @inside: --two-links needs --engine bpf
#include "coroutines.inc"
