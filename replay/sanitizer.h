/* SPDX-License-Identifier: BSD-3-Clause */
/* What a sanitizer found, out of what the program wrote to stderr. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The first report in @text: "AddressSanitizer: heap-use-after-free orders.c:42 in price_of", "orders.c:42:7:
 * runtime error: signed integer overflow: ..."; false: there is none, and @out is "". */
bool sanitizer_report(char *out, size_t len, const char *text);
