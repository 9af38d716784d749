/* SPDX-License-Identifier: BSD-3-Clause */
/* What share of recordings of a size is stored: "sizes" of a configuration's "sample", as a cassette asks for
 * it. */
#pragma once

#include <stdint.h>

struct config;
struct err;
struct size_rates;

/* A copy of @config's: it does not change when the configuration is read again. *@out is NULL when there are
 * none. */
int size_rates_new(struct size_rates **out, const struct config *config, struct err *err);
void size_rates_free(struct size_rates *rates);
void size_rates_freep(struct size_rates **rates);
#define auto_size_rates __attribute__((cleanup(size_rates_freep)))
/* For cassette_opts.sample: @ctx is a struct size_rates. */
double size_rates_share(const char *category, uint64_t bytes, void *ctx);
