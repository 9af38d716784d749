/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A schema compiled beforehand and shipped, so that a production host needs no debug information: the types
 * of a program's configured functions, and where each function is in which build. docs/FORMAT.md has the
 * bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/digest.h"
#include "lib/object.h"

struct buf;
struct err;
struct schema;

#define COMPILED_BYTES_MAX (32 * 1024 * 1024)
#define COMPILED_ID_MAX	   (2 * BUILD_ID_MAX)

struct compiled_func {
	char *name;   /* as configured */
	char *module; /* the library's name; "" is the executable */
	/* Of the module: the function is at @addr of this build. "": in any build of the library it is where
	 * the library's symbol of its name is, for what calls it describes it. */
	char build_id[COMPILED_ID_MAX + 1];
	uint64_t addr, size;
	char *source; /* base name of its file; "" when it is not known */
	int line;
	unsigned inlined;
	char *inlined_at, *warning;
	char configured[DIGEST_HEX_LEN + 1]; /* digest of what the configuration says of its data */
};

struct compiled {
	char *program; /* base name of the executable, for messages */
	char build_id[COMPILED_ID_MAX + 1];
	char configured[DIGEST_HEX_LEN + 1]; /* of the configuration's types */
	struct compiled_func *funcs;	     /* in the order of the schema's */
	size_t funcs_cnt;
	struct schema *schema;
};

bool compiled_is_one(const void *data, size_t len);
/* Append the file's bytes. */
int compiled_write(struct buf *out, const struct compiled *compiled, struct err *err);
/* From bytes that someone else may have written: -EBADMSG with what is wrong, a newer version by name. */
int compiled_read(struct compiled **out, const void *data, size_t len, struct err *err);
/* The same from the file @path. */
int compiled_load(struct compiled **out, const char *path, struct err *err);
void compiled_free(struct compiled *compiled);
void compiled_freep(struct compiled **compiled);
#define auto_compiled __attribute__((cleanup(compiled_freep)))
