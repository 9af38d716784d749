/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A C declaration of one function, "ssize_t read(int fd, void *buf, size_t n)", turned into the schema's BTF:
 * for code that no debug information describes.
 *
 * Known by themselves are C's base types, the integers of stdint.h and POSIX, and FILE and DIR, which stay
 * opaque. Other names are asked for. A struct or union that nobody knows is incomplete: a pointer to it is a
 * handle, a value of it is refused. An array parameter is a pointer, a pointer to a function points to code.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct err;
struct schema;

/* Where the names of types lead to. */
struct prototype_types {
	/* Add "struct order", "union u", "enum e" or "foo_t" to the schema. *@is_plain: a value of it is
	 * passed as its members say. -ENOENT: nobody knows it. NULL: nobody is asked. */
	int (*find)(void *ctx, const char *name, uint32_t *id, bool *is_plain, struct err *err);
	void *ctx;
};

#define PROTOTYPE_TEXT_MAX   4096 /* bytes */
#define PROTOTYPE_PARAMS_MAX 32	  /* of one function, members of one struct */
#define PROTOTYPE_DEPTH_MAX  16	  /* brackets within each other, pointers in a row */

/* Add the declared function; *@id is its BTF_KIND_FUNC, named @symbol. It must declare that name, unless
 * @symbol is none of C's. -EINVAL, a usage error, with the column: "at column 14: unknown type 'foo_t'". */
int prototype_add(struct schema *schema, const char *text, const char *symbol,
		  const struct prototype_types *types, uint32_t *id, struct err *err);
/* Add "struct NAME { ... }" with C's layout; its members may point to itself. */
int prototype_add_struct(struct schema *schema, const char *text, const struct prototype_types *types,
			 uint32_t *id, struct err *err);
