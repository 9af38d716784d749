/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that a replay reached for and the recording does not have: which recorded pointer led there, in
 * words.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_func;
struct err;
struct shape;
struct value;

#define UNCAPTURED_REACH  (64 * 1024) /* bytes behind a recorded address that an access is laid to it for */
#define UNCAPTURED_BEFORE 64 /* bytes before it: a string that keeps its length there, a member's owner */

struct uncaptured {
	const struct value *value; /* the pointer; NULL: none was found yet */
	const struct shape *shape; /* by which it was decoded */
	int64_t distance;	   /* of the access from the address */
	bool is_around;		   /* what it leads to was captured: the access was before or behind that */
	unsigned place;		   /* the caller's, of the root in which it was found */
};

/* Keep the nearest to @addr among the pointers in @root (NULL: none) that nothing was captured behind. */
void uncaptured_look(struct uncaptured *nearest, const struct value *root, const struct shape *shape,
		     unsigned place, uint64_t addr);
/* Keep the first pointer in @root that leads to the captured object at @object, of @len bytes in the build;
 * the access was at @distance from its start. */
void uncaptured_look_around(struct uncaptured *first, const struct value *root, const struct shape *shape,
			    unsigned place, uint64_t object, int64_t distance);

#define UNCAPTURED_TEXT_MAX 512
struct uncaptured_access {
	const struct config_func *func; /* whose value it is; NULL: not configured any more */
	const char *alias, *place;	/* "db_open"; "calls[db_open#1]." or "" */
	const char *where;		/* "in 'db_ping'", of the build */
	bool is_write;
};
/*
 * "db_open's result read at offset 8 in db_ping: record struct db to depth 1; it followed
 * 'calls[db_open#1].return', and nothing was captured there: it is opaque". *@advice, the caller's to free,
 * is what the configuration should say, as JSON to be laid over it; NULL where nothing simple helps. -ENOMEM.
 */
int uncaptured_text(char *out, size_t len, char **advice, const struct uncaptured *found,
		    const struct uncaptured_access *access, struct err *err);
