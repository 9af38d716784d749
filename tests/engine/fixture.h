/* SPDX-License-Identifier: BSD-3-Clause */
/* The victim in its sandbox, under a server. Everything here asserts. */
#pragma once

#include <limits.h>
#include <stddef.h>

#include "lib/buf.h"
#include "replay/server.h"
#include "tests/engine/kit.h"

struct err;

#define FIXTURE_TIMEOUT_MS 3000 /* for one case */
#define FIXTURE_CASE_MAX   (1u << 20)
#define FIXTURE_FUNCS	   24

/* From the command line: the program, and the engine. */
extern char fixture_victim[PATH_MAX], fixture_engine[PATH_MAX];
/* What most cases need to be intercepted; the first is the operation. */
extern const struct kit_func fixture_funcs[FIXTURE_FUNCS];

struct fixture {
	struct kit_patch patch;
	struct server *server;
	struct buf data;
	struct server_result result; /* of the last case */
	const struct outcome_header *outcome;
	unsigned how; /* PATCH_RUN_ */
};

/* One server for all cases that need no other, from fixture_setup to fixture_teardown. */
extern struct fixture shared;
void fixture_init(int argc, char **argv);
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* @how: the victim's first argument. */
int fixture_start(struct fixture *f, const struct kit_func *table, size_t cnt, unsigned ready_main,
		  const char *how, struct err *err);
void fixture_start_or_fail(struct fixture *f, const char *how);
void fixture_stop(struct fixture *f);
void fixture_run(struct fixture *f, const struct kit_case *made);
#define CASE(...) (&(const struct kit_case){__VA_ARGS__})
const struct outcome_event *fixture_last(const struct fixture *f);
/* The operation returned @result. */
void fixture_assert_done(const struct fixture *f, long result);
void fixture_assert_nothing_real(const struct fixture *f);
