// SPDX-License-Identifier: BSD-3-Clause
// Operations that let coroutines work for them, on stacks below and above their own. What coroutines call is
// not recorded, and said to be missing; what the operation itself calls is right.
// @unordered
#include "coroutines.inc"
