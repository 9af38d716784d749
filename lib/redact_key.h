/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The secret of "redact": "hmac". It is the content of the file that the configuration names ("redact":
 * {"key_file": PATH}), else of redact.key in the state folder of whoever records: /var/lib/tapedeck for root,
 * ~/.local/state/tapedeck else. Where it is not at hand, as at a desk, such values cannot be compared, and
 * count as neither equal nor different.
 */
#pragma once

#include <stdbool.h>

struct config;
struct err;

/* Read it into @config, if any function asks for it. With @must the default file is made where it is missing,
 * readable by its owner alone; else a default file that is missing is no failure. */
int redact_key_load(struct config *config, bool must, struct err *err);
