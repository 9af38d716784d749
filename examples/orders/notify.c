// SPDX-License-Identifier: BSD-3-Clause
#include "orders.h"

#include <stdio.h>

BOUNDARY int notify(const char *channel, const struct notice *notice)
{
	journal("notify",
		"\"channel\":\"%s\",\"order\":%u,\"currency\":%d,\"total_cents\":%lld,\"text\":\"%s\",\"return\":1",
		channel, notice->order, notice->currency, (long long)notice->total_cents, notice->text);
	return 1;
}

BOUNDARY void audit(const char *what, const uint8_t *digest, size_t len)
{
	char hex[2 * 16 + 1] = "";

	for (size_t i = 0; i < len && i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	journal("audit", "\"what\":\"%s\",\"digest\":\"%s\",\"len\":%zu", what, hex, len);
}
