/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files that build a shape share; included by lib/shape*.c only. */
#pragma once

#include "lib/expr.h"
#include "lib/rule.h"
#include "lib/schema.h"
#include "lib/shape.h"

struct abi_proto;
struct btf;
struct pool;

/* How a node hangs on its parent. */
enum link { LINK_ROOT, LINK_MEMBER, LINK_ANONYMOUS, LINK_POINTEE, LINK_ELEMENT };

/* What is known of a node only while it is built; parallel to the shape's nodes. */
struct draft {
	uint8_t link;	  /* enum link */
	uint8_t flows;	  /* of the pointer it is beneath, or of itself when it is one; 0: beneath none */
	bool is_returned; /* the result, and what it holds */
	uint16_t deep;	  /* depth that a rule gave beyond RULE_DEPTH_TREE, of this or a node above; or 0 */
	uint16_t limit;	  /* depth to which pointers here are followed */
	uint32_t pointee; /* POINTER: BTF id of what it points to */
};

struct build {
	const struct schema *schema;
	const struct btf *btf;
	const struct schema_func *func;
	struct shape *shape; /* nodes have room for SHAPE_NODES_MAX */
	struct pool *pool;
	struct draft *drafts;
	struct path *paths; /* of the function's rules, parsed */
	bool *used;	    /* a rule of the function found its node */
	struct shape_fault *fault;
};

/* The rules that speak of one node: the function's own, then its type's. */
struct said {
	const struct rule *rule[2]; /* NULL: none */
	uint16_t scope[2];
	bool leads_on; /* a rule of the function leads through this node */
};

/* --- shape_rule.c: what the rules say, and whether they can --- */
int rules_open(struct build *b, struct err *err);
void rules_close(struct build *b);
int rules_find(struct said *out, const struct build *b, uint16_t node, struct err *err);
/* -EINVAL for keys that what @node is cannot have. */
int rules_fit_plain(const struct build *b, const struct said *said, uint16_t node, struct err *err);
int rules_fit_pointer(const struct build *b, const struct said *said, uint32_t pointee, struct err *err);
/* Point the fault at @rule; returns @code. */
int rules_blame(const struct build *b, const struct rule *rule, int code);

/* The rule that says how long or what the pointee is; the one with "type"; the one with a direction. */
const struct rule *said_layout(const struct said *said, uint16_t *scope);
const struct rule *said_type(const struct said *said);
const struct rule *said_direction(const struct said *said);
const struct rule *said_tag(const struct said *said, uint16_t *scope);
uint32_t said_max(const struct said *said);
int said_depth(const struct said *said);
enum redact said_redact(const struct said *said);

/* Plain `char`, what text is made of. */
bool is_char(const struct build *b, uint32_t type);

/* --- shape_check.c: after the tree is built --- */
/* Rules that found no node. */
int check_used(const struct build *b, struct err *err);
/* Lengths that cannot be evaluated where they are needed. */
int check_lengths(const struct build *b, struct err *err);
/* That @path, which node @node needs at entry, ends at a number: *@end. */
int check_path_of(const struct build *b, uint16_t node, const struct path *path, uint16_t *end,
		  struct err *err);
/* Whether @expr needs `return` or `errno`, outside entry(). */
bool needs_return(const struct expr *expr);

/* --- shape_union.c --- */
/* Each tagged union's tag ends at a number, and its cases name members: sets the nodes' cases. */
int check_tags(const struct build *b, struct err *err);
struct path *union_tag(const struct build *b, const struct rule *rule, struct err *err);

/* --- shape_varargs.c --- */
/* What rules' "format" and "file" say of the parameters, which are all there. */
int grow_varargs(struct build *b, const struct abi_proto *abi, struct err *err);

/* --- shape_container.c --- */
/* The children of the container @node, of which the rules say @said. */
int container_grow(struct build *b, uint16_t node, const struct said *said, struct err *err);

/* --- shape_grow.c: nodes from types --- */
/* A node by itself, of 8 bytes at @offset in @parent: -E2BIG when there are too many. */
int grow_bare(struct build *b, uint16_t parent, const char *name, uint32_t type, uint32_t offset,
	      uint16_t *last, uint16_t *node, struct err *err);
void grow_cut(struct shape_node *n, const char *reason);
/* A parameter or the result, with all that lies in it. */
int grow_root(struct build *b, const char *name, uint32_t type, bool is_returned, uint16_t *node,
	      struct err *err);
/* What pointers point to, breadth first. */
int grow_pointees(struct build *b, struct err *err);
