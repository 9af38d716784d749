// SPDX-License-Identifier: BSD-3-Clause
#include "tools/guess.h"

#include <bpf/btf.h>
#include <stdio.h>
#include <string.h>

#include "lib/abi.h"
#include "lib/util.h"

static const struct btf_type *type_of(const struct schema *schema, uint32_t id)
{
	return btf__type_by_id(schema_btf(schema), schema_strip(schema, id));
}

static const char *name_at(const struct schema *schema, uint32_t name_off)
{
	const char *name = btf__name_by_offset(schema_btf(schema), name_off);

	return name ? name : "";
}

/* --- what an argument or member looks like --- */

enum look {
	LOOKS_OTHER,
	LOOKS_NUMBER,	/* could be a length */
	LOOKS_TEXT,	/* const char * */
	LOOKS_CHARS,	/* char * */
	LOOKS_BYTES,	/* of void, or of bytes that are no char */
	LOOKS_POINTERS, /* to a pointer */
	LOOKS_NUMBERS,	/* to what could be a length */
	LOOKS_OBJECTS,	/* to anything else that has a size */
	LOOK_CNT,
};

struct item {
	const char *name;
	enum look look;
	bool is_const;	  /* what it points to */
	uint32_t pointee; /* of a pointer; of a flexible array its elements */
};

static bool is_number(const struct btf_type *t)
{
	return btf_is_int(t) && t->size >= 2 && t->size <= 8 && !(btf_int_encoding(t) & BTF_INT_BOOL);
}

static bool is_char(const struct schema *schema, const struct btf_type *t)
{
	return btf_is_int(t) && t->size == 1 && !strcmp(name_at(schema, t->name_off), "char");
}

/* Typedefs may hide a const as well. */
static bool has_const(const struct schema *schema, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(schema_btf(schema), id);

	for (int i = 0; t && btf_is_mod(t) && i < SCHEMA_DEPTH_MAX; i++) {
		if (btf_is_const(t))
			return true;
		t = btf__type_by_id(schema_btf(schema), t->type);
	}
	return t && btf_is_typedef(t) && has_const(schema, t->type);
}

static enum look look_of_pointee(const struct schema *schema, uint32_t id, bool is_const)
{
	const struct btf_type *t = type_of(schema, id);

	if (btf_is_ptr(t))
		return LOOKS_POINTERS;
	if (btf_is_void(t))
		return LOOKS_BYTES;
	if (btf_is_int(t) && t->size == 1 && !(btf_int_encoding(t) & BTF_INT_BOOL))
		return !is_char(schema, t) ? LOOKS_BYTES : is_const ? LOOKS_TEXT : LOOKS_CHARS;
	if (btf_is_func_proto(t) || !schema_size(schema, id))
		return LOOKS_OTHER;
	return is_number(t) ? LOOKS_NUMBERS : LOOKS_OBJECTS;
}

static struct item item_of(const struct schema *schema, const char *name, uint32_t id)
{
	const struct btf_type *t = type_of(schema, id);
	struct item item = {.name = name};

	if (is_number(t))
		item.look = LOOKS_NUMBER;
	if (btf_is_array(t) && !btf_array(t)->nelems)
		item.pointee = btf_array(t)->type;
	else if (btf_is_ptr(t))
		item.pointee = t->type;
	else
		return item;
	item.is_const = has_const(schema, item.pointee);
	item.look = look_of_pointee(schema, item.pointee, item.is_const);
	return item;
}

/* --- names --- */

static bool ends_in(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len >= end_len && !strcmp(name + len - end_len, end);
}

static bool is_one_of(const char *name, const char *const names[])
{
	for (; *names; names++)
		if (!strcmp(name, *names))
			return true;
	return false;
}

/* "nitems", "n_items", "num_items", "items_count"... of "items". */
static bool is_count_of(const char *name, const char *of)
{
	static const char *const before[] = {"n", "n_", "num", "num_", NULL};
	static const char *const behind[] = {"_count", "_cnt", "_n",  "_num", "_len",
					     "_size",  "len",  "cnt", NULL};
	size_t len = strlen(of);

	for (size_t i = 0; before[i]; i++)
		if (!strncmp(name, before[i], strlen(before[i])) && !strcmp(name + strlen(before[i]), of))
			return true;
	return !strncmp(name, of, len) && is_one_of(name + len, behind);
}

static bool is_count(const char *name, const char *of)
{
	static const char *const names[] = {"n", "num", "cnt", "count", NULL};

	return is_one_of(name, names) || ends_in(name, "_cnt") || ends_in(name, "_count") ||
	       is_count_of(name, of);
}

static bool is_length(const char *name, const char *of)
{
	static const char *const ends[] = {"len", "length", "size", "sz", "bytes", "cap", "capacity", "max"};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (ends_in(name, ends[i]))
			return true;
	return is_count(name, of);
}

/* It is only written. */
static bool is_out(const char *name)
{
	static const char *const names[] = {"out",    "result", "res",	"reply", "resp", "response", "answer",
					    "output", "dst",	"dest", "ret",	 "tp",	 NULL};

	return is_one_of(name, names) || ends_in(name, "_out") || !strncmp(name, "out_", 4);
}

static bool is_format(const char *name)
{
	static const char *const names[] = {"fmt", "format", "fmtstr", "template", "f", NULL};

	return is_one_of(name, names) || ends_in(name, "_fmt") || ends_in(name, "_format");
}

/* What lies behind its NUL is anybody's guess. */
static bool is_text(const char *name)
{
	static const char *const names[] = {"text",    "txt",  "str",  "string", "msg",
					    "message", "line", "name", NULL};

	return is_one_of(name, names);
}

/* --- arguments --- */

enum length { NO_LENGTH, LENGTH, LENGTH_BEHIND_POINTER };
enum result { RESULT_OTHER, RESULT_INT, RESULT_LONG };
#define ANY (-1)

#define BYTES	   "{ \"bytes\": \"$\" }"
#define COUNT	   "{ \"count\": \"$\" }"
#define OUT	   "{ \"direction\": \"out\" }"
#define IN_BYTES   "{ \"direction\": \"in\", \"bytes\": \"$\" }"
#define OUT_BYTES  "{ \"direction\": \"out\", \"bytes\": \"$\" }"
#define OUT_RETURN "{ \"direction\": \"out\", \"bytes\": \"min(return, $)\" }"
#define OUT_BEHIND "{ \"direction\": \"out\", \"bytes\": \"*$\" }"
#define UNLESS	   "or $ alone, unless it returns how many it wrote"
#define WHEN	   "or min(return, $), when it returns how many it wrote"

/* The first row that fits says it; $ is the length's name. */
static const struct {
	enum look look;
	int is_const, length, role, result;
	const char *rule, *note;
	bool is_comment;
} args_table[] = {
	{LOOKS_BYTES, true, LENGTH, ANY, ANY, BYTES, ""},
	{LOOKS_BYTES, true, NO_LENGTH, ANY, ANY, "{ \"bytes\": \"LENGTH\" }", "a handle until then", true},
	{LOOKS_TEXT, ANY, LENGTH, ANY, ANY, BYTES, "when it is no text", true},
	{LOOKS_CHARS, ANY, LENGTH, ROLE_OUTPUT, ANY, IN_BYTES, ""},
	{LOOKS_BYTES, ANY, LENGTH, ROLE_OUTPUT, ANY, IN_BYTES, ""},
	{LOOKS_CHARS, ANY, LENGTH, ANY, RESULT_LONG, OUT_RETURN, UNLESS},
	{LOOKS_BYTES, ANY, LENGTH, ANY, RESULT_LONG, OUT_RETURN, UNLESS},
	{LOOKS_CHARS, ANY, LENGTH, ANY, RESULT_INT, OUT_BYTES, WHEN},
	{LOOKS_BYTES, ANY, LENGTH, ANY, RESULT_INT, OUT_BYTES, WHEN},
	{LOOKS_CHARS, ANY, LENGTH, ANY, ANY, OUT_BYTES, ""},
	{LOOKS_BYTES, ANY, LENGTH, ANY, ANY, OUT_BYTES, ""},
	{LOOKS_CHARS, ANY, LENGTH_BEHIND_POINTER, ANY, ANY, OUT_BEHIND, ""},
	{LOOKS_BYTES, false, LENGTH_BEHIND_POINTER, ANY, ANY, OUT_BEHIND, ""},
	{LOOKS_CHARS, ANY, NO_LENGTH, ANY, ANY, "{ \"string\": true }",
	 "when it is text; a handle until then", true},
	{LOOKS_BYTES, false, NO_LENGTH, ANY, ANY, "{ \"type\": \"struct WHAT\" }",
	 "what it points to; a handle until then", true},
	{LOOKS_OBJECTS, true, LENGTH, ANY, ANY, COUNT, ""},
	{LOOKS_NUMBERS, true, LENGTH, ANY, ANY, COUNT, ""},
};

struct function {
	struct item params[ABI_PARAMS_MAX];
	size_t params_cnt;
	bool is_variadic;
	enum role role;
	enum result result;
};

static void read_function(struct function *out, const struct schema *schema, uint32_t func, enum role role)
{
	const struct btf_type *t = btf__type_by_id(schema_btf(schema), func), *result;
	const struct btf_type *proto = t ? btf__type_by_id(schema_btf(schema), t->type) : NULL;

	*out = (struct function){.role = role};
	if (!proto || !btf_is_func_proto(proto))
		return;
	for (uint32_t i = 0; i < btf_vlen(proto) && i < ARRAY_SIZE(out->params); i++) {
		const struct btf_param *p = &btf_params(proto)[i];

		if (!p->type)
			out->is_variadic = true;
		else
			out->params[out->params_cnt++] =
				item_of(schema, name_at(schema, p->name_off), p->type);
	}
	result = type_of(schema, proto->type);
	if (is_number(result) && btf_int_encoding(result) & BTF_INT_SIGNED)
		out->result = result->size == 8 ? RESULT_LONG : RESULT_INT;
}

static bool counts(const struct item *item, const struct item *length)
{
	bool is_bytes = item->look == LOOKS_BYTES || item->look == LOOKS_CHARS || item->look == LOOKS_TEXT;

	return is_bytes ? is_length(length->name, item->name) : is_count(length->name, item->name);
}

static bool is_pointer(const struct item *item)
{
	return item->pointee || item->look == LOOKS_BYTES;
}

/* The argument behind it may be its length, else the one before it, which is nobody else's. */
static const struct item *length_of(const struct function *f, size_t idx, enum length *kind)
{
	const struct item *item = &f->params[idx];
	bool has_before = idx == 1 || (idx > 1 && !is_pointer(item - 2));
	const struct item *near[] = {idx + 1 < f->params_cnt ? item + 1 : NULL, has_before ? item - 1 : NULL};

	*kind = NO_LENGTH;
	for (size_t i = 0; i < ARRAY_SIZE(near); i++) {
		if (!near[i] || !counts(item, near[i]))
			continue;
		if (near[i]->look != LOOKS_NUMBER && near[i]->look != LOOKS_NUMBERS)
			continue;
		*kind = near[i]->look == LOOKS_NUMBER ? LENGTH : LENGTH_BEHIND_POINTER;
		return near[i];
	}
	return NULL;
}

/* @pattern with each '$' replaced by @name. */
static void fill(char *out, size_t size, const char *pattern, const char *name)
{
	size_t len = 0;

	for (; *pattern && len < size - 1; pattern++) {
		if (*pattern != '$')
			out[len++] = *pattern;
		else
			len += snprintf(out + len, size - len, "%s", name);
	}
	out[MIN(len, size - 1)] = '\0';
}

static void add(struct guesses *out, const char *path, const char *rule, const char *note, const char *length,
		bool is_comment)
{
	struct guess *guess = &out->row[out->cnt];

	if (out->cnt == GUESSES_MAX)
		return;
	*guess = (struct guess){.is_comment = is_comment};
	snprintf(guess->path, sizeof(guess->path), "%s", path);
	fill(guess->rule, sizeof(guess->rule), rule, length);
	fill(guess->note, sizeof(guess->note), note, length);
	out->cnt++;
}

/* T **: what comes out is a pointer; of an output it may as well be an array that goes in. */
static void guess_pointers(struct guesses *out, const struct schema *schema, const struct item *item,
			   enum role role)
{
	static const char *const vectors[] = {"argv", "envp", "environ", NULL};
	const struct btf_type *inner = type_of(schema, item->pointee);
	char below[128];

	if (is_one_of(item->name, vectors))
		return add(out, item->name, "{ \"terminator\": 0 }", "", "", false);
	if (item->is_const)
		return;
	if (role == ROLE_OUTPUT)
		return add(out, item->name, "{ \"direction\": \"in\" }", "when it is read, and so compared",
			   "", true);
	add(out, item->name, OUT, "", "", false);
	if (!is_char(schema, type_of(schema, inner->type)) || has_const(schema, inner->type))
		return;
	snprintf(below, sizeof(below), "*%.120s", item->name);
	add(out, below, "{ \"string\": true }", "when it is text", "", true);
}

static void guess_arg(struct guesses *out, const struct schema *schema, const struct function *f, size_t idx)
{
	const struct item *item = &f->params[idx];
	enum length kind;
	const struct item *length = length_of(f, idx, &kind);

	if (item->look == LOOKS_POINTERS)
		return guess_pointers(out, schema, item, f->role);
	if (f->is_variadic && idx + 1 == f->params_cnt && item->look == LOOKS_TEXT)
		return add(out, item->name, "{ \"format\": true }",
			   is_format(item->name) ? "" : "when it is a printf format", "",
			   !is_format(item->name));
	if (item->look == LOOKS_CHARS && kind == LENGTH && f->role != ROLE_OUTPUT &&
	    f->result != RESULT_LONG && is_text(item->name))
		return add(out, item->name, "{ \"direction\": \"out\", \"string\": true }",
			   "or \"bytes\": \"$\", when it is no text", length->name, false);
	for (size_t i = 0; i < ARRAY_SIZE(args_table); i++) {
		if (args_table[i].look != item->look ||
		    (args_table[i].is_const != ANY && args_table[i].is_const != item->is_const) ||
		    (args_table[i].length != ANY && args_table[i].length != (int)kind) ||
		    (args_table[i].role != ANY && args_table[i].role != (int)f->role) ||
		    (args_table[i].result != ANY && args_table[i].result != (int)f->result))
			continue;
		return add(out, item->name, args_table[i].rule, args_table[i].note,
			   length ? length->name : "", args_table[i].is_comment);
	}
	if (item->pointee && !item->is_const && item->look != LOOKS_OTHER && is_out(item->name))
		add(out, item->name, OUT, "", "", false);
}

void guess_args(struct guesses *out, const struct schema *schema, uint32_t func, enum role role)
{
	struct function f;

	out->cnt = 0;
	read_function(&f, schema, func, role);
	for (size_t i = 0; i < f.params_cnt; i++)
		if (f.params[i].name[0])
			guess_arg(out, schema, &f, i);
}

/* --- members --- */

/* The member that counts @item: by its name; where the struct has one pointer only, "count" or "len" will do.
 */
static const char *member_length(const struct schema *schema, const struct btf_type *t,
				 const struct item *item, bool is_only)
{
	const struct btf_member *m = btf_members(t);
	bool is_argv = !strcmp(item->name, "argv");

	for (uint32_t i = 0; is_argv && i < btf_vlen(t); i++)
		if (!strcmp(name_at(schema, m[i].name_off), "argc") && is_number(type_of(schema, m[i].type)))
			return "argc";
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const char *name = name_at(schema, m[i].name_off);

		if (!is_number(type_of(schema, m[i].type)) || !strcmp(name, item->name))
			continue;
		if (is_count_of(name, item->name) || (is_only && counts(item, &(struct item){.name = name})))
			return name;
	}
	return NULL;
}

/* A struct that leads to its like is a node of a list or tree: the count is of what hangs together. */
static bool leads_to_its_like(const struct schema *schema, uint32_t id)
{
	const struct btf_type *t = type_of(schema, id);
	uint32_t self = schema_strip(schema, id);

	for (uint32_t i = 0; btf_is_composite(t) && i < btf_vlen(t); i++) {
		const struct btf_type *member = type_of(schema, btf_members(t)[i].type);

		if (btf_is_ptr(member) && schema_strip(schema, member->type) == self)
			return true;
	}
	return false;
}

static bool can_be_counted(const struct schema *schema, const struct item *item)
{
	if (item->look == LOOKS_OBJECTS)
		return !leads_to_its_like(schema, item->pointee);
	return item->look == LOOKS_BYTES || item->look == LOOKS_CHARS || item->look == LOOKS_POINTERS ||
	       item->look == LOOKS_NUMBERS;
}

void guess_members(struct guesses *out, const struct schema *schema, uint32_t type)
{
	const struct btf_type *t = type_of(schema, type);
	const struct btf_member *m = btf_members(t);
	unsigned countable = 0;

	out->cnt = 0;
	if (!btf_is_struct(t))
		return;
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct item item = item_of(schema, name_at(schema, m[i].name_off), m[i].type);

		countable += can_be_counted(schema, &item);
	}
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct item item = item_of(schema, name_at(schema, m[i].name_off), m[i].type);
		const char *length = NULL;

		if (can_be_counted(schema, &item) && item.name[0])
			length = member_length(schema, t, &item, countable == 1);
		if (length)
			add(out, item.name,
			    item.look == LOOKS_BYTES || item.look == LOOKS_CHARS ? BYTES : COUNT, "", length,
			    false);
	}
}

/* --- structs --- */

#define REACH_MAX 8 /* pointers and members deep */

static void reach(struct guess_structs *out, const struct schema *schema, uint32_t id, int depth)
{
	uint32_t plain = schema_strip(schema, id);
	const struct btf_type *t = btf__type_by_id(schema_btf(schema), plain);

	if (depth == REACH_MAX || !t || out->cnt == GUESS_STRUCTS_MAX)
		return;
	if (btf_is_ptr(t))
		return reach(out, schema, t->type, depth + 1);
	if (btf_is_array(t))
		return reach(out, schema, btf_array(t)->type, depth + 1);
	if (!btf_is_composite(t))
		return;
	for (size_t i = 0; i < out->cnt; i++)
		if (out->id[i] == plain)
			return;
	if (name_at(schema, t->name_off)[0])
		out->id[out->cnt++] = plain;
	for (uint32_t i = 0; i < btf_vlen(t); i++)
		reach(out, schema, btf_members(t)[i].type, depth + 1);
}

void guess_structs(struct guess_structs *out, const struct schema *schema, uint32_t func)
{
	const struct btf_type *t = btf__type_by_id(schema_btf(schema), func);
	const struct btf_type *proto = t ? btf__type_by_id(schema_btf(schema), t->type) : NULL;

	if (!proto || !btf_is_func_proto(proto))
		return;
	for (uint32_t i = 0; i < btf_vlen(proto); i++)
		if (btf_params(proto)[i].type)
			reach(out, schema, btf_params(proto)[i].type, 0);
	reach(out, schema, proto->type, 0);
}
