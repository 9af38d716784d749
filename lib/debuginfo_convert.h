/* SPDX-License-Identifier: BSD-3-Clause */
/* The queue between debuginfo_types.c, which gives ids to types, and debuginfo_write.c, which writes them. */
#pragma once

#include <elfutils/libdw.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;
struct debuginfo;

#define VLEN_MAX 65535 /* members, values, parameters that BTF can count */

/* What a queued item becomes. */
enum { KIND_COMPLEX = NR_BTF_KINDS };

struct item {
	uint32_t kind;	 /* BTF_KIND_*, or KIND_COMPLEX */
	uint32_t target; /* of references; of INT its encoding */
	uint32_t n;	 /* bytes, elements, or linkage */
	char *name;	 /* owned; NULL when it has none or the DIE says it */
	Dwarf_Die die;	 /* STRUCT, UNION, ENUM, ENUM64, FUNC_PROTO */
	bool is_func;	 /* FUNC_PROTO of a function, whose parameters need names */
	bool is_import;	 /* as its users' header declares it */
	const char *
		params; /* of a function: what to call them instead, in order, by spaces; borrowed, or NULL */
};

struct convert {
	struct debuginfo *info;
	struct btf *btf;
	struct item *items;
	size_t cnt, written;
	uint32_t first; /* id of items[0] */
	int failed;	/* 0, -ENOMEM, -E2BIG, -EINVAL */
};

/* The id of the type @die, which joins the queue unless it is known. 0: void, or c->failed. */
uint32_t convert_id(struct convert *c, Dwarf_Die *die);
uint32_t convert_push(struct convert *c, const struct item *item); /* @item's name is taken over */
char *convert_name(struct convert *c, const char *name);
uint32_t convert_bytes(struct convert *c, uint32_t cnt); /* unsigned char[cnt] */
uint32_t convert_void_ptr(struct convert *c);
uint32_t convert_index(struct convert *c); /* the type of all arrays' indexes */
