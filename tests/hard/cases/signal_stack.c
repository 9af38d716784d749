// SPDX-License-Identifier: BSD-3-Clause
// Handlers on a stack of their own. Where it lies above the thread's, the kernel would take the returns that
// are pending below for abandoned: so the handler's call is not hooked, and its return not seen.
// @replay: equal|equalizer_failure 'in_get' cannot be served: when it was recorded it did not return
// (unknown)
#include "signal_stack.inc"
