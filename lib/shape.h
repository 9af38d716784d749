/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The shape of a function's data: its parameters and result as a tree, types and rules resolved, cut at the
 * limits.
 *
 * The planner compiles a shape into a plan, a reader decodes fragments with it, and the replayer rebuilds
 * memory by it. It depends on the schema alone (types, rules), so the recorder and a reader years later build
 * the same tree with the same node numbers. Built breadth-first: when SHAPE_NODES_MAX is reached the deepest
 * pointers are cut first.
 *
 * Directions. A parameter `const T *` flows in, `T *` flows both ways, or only out when its length needs
 * `return` or `errno`; a rule's "direction" wins. Everything beneath a pointer flows as the pointer does
 * unless a rule says otherwise. What flows in is captured at entry, out at return.
 *
 * Depth counts pointers followed from a parameter or the result: depth 1 is what a parameter points to. A
 * rule's "depth" counts from its own path. What a rule of the function names is followed at any depth.
 *
 * A depth beyond RULE_DEPTH_TREE is for lists, trees and graphs, of any size: there a pointer to a struct
 * like one that a pointer above it leads to is an AGAIN, and all such objects share the nodes below that
 * pointer. The shape stays small; what follows it works off a list of objects.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/abi.h"

struct err;
struct expr;
struct path;
struct path_step;
struct schema;

#define SHAPE_NODES_MAX 1024
#define SHAPE_NONE	0xffff

enum shape_kind {
	SHAPE_INT, /* size, is_signed, bit-field; an integer of 1, 2, 4, 8 or 16 bytes */
	SHAPE_BOOL,
	SHAPE_ENUM,
	SHAPE_FLOAT,
	SHAPE_STRUCT,  /* children: members */
	SHAPE_UNION,   /* its bytes; with a `tag` children: members, of which `cases` tell the live one */
	SHAPE_ARRAY,   /* T[count]: one child, the element. With `length` or a terminator its elements are
			* read from a fragment of this node at its own address (a flexible array) */
	SHAPE_CHARS,   /* char[N]: text up to its NUL */
	SHAPE_POINTER, /* one child: what it points to. With `length` or a terminator: an array of them */
	SHAPE_STRING,  /* pointer to NUL-terminated text */
	SHAPE_BYTES,   /* pointer to `length` bytes; when is_inline, the bytes are a fragment of this node at
			* its own address (a flexible array of char) */
	SHAPE_HANDLE,  /* opaque pointer, pointer to void, to an incomplete type, to code */
	SHAPE_CUT,     /* not captured, `reason` says why (depth, limit, what this version cannot do); a NULL
			* pointer is still NULL */
	SHAPE_VARARGS, /* a parameter: the variable arguments of a printf format, see varargs; it is called
			* "..." and is the last, or is a va_list */
	SHAPE_FILE,  /* a parameter "file(NAME)": the content of the file that parameter NAME, `format`, names
		      */
	SHAPE_AGAIN, /* a pointer to one more object like those that `again`, a POINTER above, leads to */
	SHAPE_KIND_CNT,
};

enum { FLOW_IN = 1, FLOW_OUT = 2 };

/* The value of a tag, and the member that is live then. */
struct shape_case {
	int64_t value; /* as it is loaded: extended by its sign */
	uint16_t member;
};

struct shape_node {
	enum shape_kind kind;
	char *name; /* of the parameter or member ("return" for the result); NULL for pointees, elements and
		     * anonymous members */
	uint32_t type;	 /* BTF id as declared */
	uint32_t offset; /* bytes from the start of the parent object; of an element and a pointee 0 */
	uint32_t size;	 /* bytes of the value where it lies: 8 for pointers */
	uint8_t bit_offset, bit_size; /* of a bit-field, from `offset`; bit_size 0: not one */
	bool is_signed;
	uint8_t flows;	  /* pointers: when the pointee is captured; FLOW_IN | FLOW_OUT. Includes the flows of
			   * pointers beneath, so that they can be reached */
	bool is_const;	  /* pointers: the pointee is const */
	bool is_inline;	  /* BYTES that are not behind a pointer */
	bool is_out_only; /* a pointer parameter that is absent from args */
	bool is_explicit; /* the direction was written, not defaulted: keyed and compared at entry even when
			     not const */
	uint8_t container; /* STRUCT: enum container of schema.h. Its children are its content and numbers
			    * that tell its length */
	bool is_content; /* the pointer of a container: what it leads to is the container's value, and stands
			  * where the container does */
	uint8_t redact;	 /* enum redact: of the value itself, or of one around it */
	bool is_hidden;	 /* a number of a container: no value */
	bool has_terminator;
	int64_t terminator;
	uint32_t count; /* ARRAY: elements */
	uint32_t max;	/* POINTER arrays: elements; STRING, BYTES: bytes */
	const struct expr
		*length; /* elements or bytes, or NULL; borrowed from the schema's rule, a content's own
			  */
	const struct path *tag; /* UNION: what tells its live member, from `scope`; NULL: nothing */
	const struct shape_case *cases;
	uint16_t cases_cnt;
	uint16_t again;	 /* AGAIN */
	uint16_t levels; /* POINTER that an AGAIN means: pointers followed from it, at most; else 0 */
	uint16_t format; /* VARARGS, FILE: the node of the parameter that is their format, or names it */
	uint16_t scope;	 /* the STRUCT node whose members the length's or tag's paths start from; SHAPE_NONE:
			   the parameters */
	const char *reason;		    /* CUT: static text or owned by the shape */
	uint8_t depth;			    /* pointers followed to reach this node */
	uint16_t parent, first_child, next; /* SHAPE_NONE: none */
};

struct shape_param {
	uint16_t node;
	struct abi_loc loc; /* of "..." and "file(NAME)": nothing */
};

/* Where variable arguments begin: behind the parameters. */
struct shape_varargs {
	uint16_t node; /* SHAPE_NONE: the function has none, or nothing tells what they are */
	bool is_list;  /* a va_list; else: */
	uint8_t gprs, xmms;
	uint16_t words; /* of stack arguments */
};

struct shape {
	const struct schema *schema;
	uint32_t func; /* BTF_KIND_FUNC */
	struct shape_node *nodes;
	uint16_t nodes_cnt;
	struct shape_param params[ABI_PARAMS_MAX];
	size_t params_cnt;
	struct shape_param result; /* node SHAPE_NONE: void */
	struct shape_varargs varargs;
	bool is_variadic;
	bool is_cut; /* SHAPE_NODES_MAX was reached */
	uint32_t stack_bytes;
	bool reads_errno; /* recorded at return: always, for a function with a prototype */
};

/* What a wrong path or rule is about, so that the caller can add the place in the configuration. */
struct shape_fault {
	int rule;      /* index into the function's rules; -1: none of them */
	int type_rule; /* index of schema_type_rules; -1 */
};

/*
 * The shape of the schema's @func-th function. A rule whose path leads nowhere, or that says what its type
 * cannot be, is -EINVAL, a usage error: "no member 'itms' in 'struct req'", with the nearest name as the
 * hint; @fault (NULL allowed) says which rule. A function without a prototype is
 * -ENODATA. A type rule that is never reached is no fault.
 */
int shape_build(struct shape **out, const struct schema *schema, size_t func, struct shape_fault *fault,
		struct err *err);
void shape_free(struct shape *shape);
void shape_freep(struct shape **shape);
#define auto_shape __attribute__((cleanup(shape_freep)))

/* The POINTER node whose pointee pointer node @node leads to: itself, unless it is an AGAIN. */
static inline uint16_t shape_pointer(const struct shape *shape, uint16_t node)
{
	return shape->nodes[node].kind == SHAPE_AGAIN ? shape->nodes[node].again : node;
}

/* Nothing of it need have been passed. */
bool shape_is_unpassed(const struct shape_param *param);
extern const char shape_unpassed[]; /* the reason in words */

/* Follow @path from the parameters (@scope SHAPE_NONE) or from the members of the struct node @scope. *@node
 * is where it ends; `[]` and `[n]` both lead to the element, `.` and `->` are taken for each other. -EINVAL,
 * a usage error, with the nearest name. "errno" is no place. */
int shape_resolve(const struct shape *shape, uint16_t scope, const struct path *path, uint16_t *node,
		  struct err *err);
/* The live member of the UNION node @node when its tag is @value; SHAPE_NONE: no case says. */
uint16_t shape_case_of(const struct shape *shape, uint16_t node, int64_t value);
/* The two parts of it: where a path starts, and one step. */
int shape_root(const struct shape *shape, uint16_t scope, const char *name, uint16_t *node, struct err *err);
int shape_step(const struct shape *shape, uint16_t from, const struct path_step *step, uint16_t *node,
	       struct err *err);

/* How C would write @node: "c->argv[]->ptr", "return.name", "(*out)->id"; cut at @size. */
#define SHAPE_PATH_MAX 256
void shape_path(const struct shape *shape, uint16_t node, char *text, size_t size);

/* What values call an anonymous union at byte @off of its struct, with @before others in front of it: no
 * member can be called "union", nor "union+8". */
#define SHAPE_UNION_NAME 24
const char *shape_union_name(char text[SHAPE_UNION_NAME], unsigned before, uint32_t off);

/* The content of a container, as any node's member; no configuration can write this. */
#define SHAPE_CONTENT "(content)"

/* Anonymous members count as their parent's: the member @name of STRUCT node @node, or SHAPE_NONE. */
uint16_t shape_member(const struct shape *shape, uint16_t node, const char *name);
