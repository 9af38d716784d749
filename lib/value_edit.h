/* SPDX-License-Identifier: BSD-3-Clause */
/* Other values in a recorded call's place: the reverse of showing them. */
#pragma once

struct call;
struct cJSON;
struct err;
struct pool;
struct shape;

/*
 * Make what flowed out of @call be what @json says: {"out": {name: value}, "return": value}, as `show --json`
 * prints a call; what it does not name stays, members too. Numbers, bools, text and bytes may change, where
 * they are at most as long as what was recorded; no pointers. -EINVAL: "'tp.tv_sec' cannot become "x"", and
 * @call is as it was. New bytes are @pool's.
 */
int value_edit(struct call *call, const struct shape *shape, struct cJSON *json, struct pool *pool,
	       struct err *err);
