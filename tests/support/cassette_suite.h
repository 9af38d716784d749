/* SPDX-License-Identifier: BSD-3-Clause */
/* The promises of cassette.h, to be held by every driver. */
#pragma once

#include <stddef.h>

#include "lib/cassette.h"

#define SUITE_URL_MAX 320

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccc"

struct cassette_suite {
	const char *name; /* "cassette mem:" */
	/* An empty place of its own for a test, made or to be made by opening. */
	void (*make)(char url[SUITE_URL_MAX]);
	void (*unmake)(const char *url); /* NULL: nothing to do */
	/* "cached": all is read through one of these before it; "spool": all is put through one; NULL: neither */
	const char *behind;
};

/* Returns how many tests failed. */
int cassette_suite_run(const struct cassette_suite *suite);

struct recording_key suite_key(const char *category, const char *day, const char *id);
/* Stores "full" and "{}"; fails the test with the reason. */
void suite_put(struct cassette *cassette, const char *category, const char *day, const char *id);
/* Checks and frees it. */
void suite_assert_blob(const struct blob *blob, const void *data, size_t len);
/* For cassette_each: "category/day/first digit " to the text at @ctx. */
int suite_append(const struct recording_key *key, void *ctx);
