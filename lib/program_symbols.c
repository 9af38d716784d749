// SPDX-License-Identifier: BSD-3-Clause
/*
 * Pointers into the program's images, by name. Only where a shape has opaque pointers is looked for them, and
 * every word there that lies in an image is taken for one: a name too many does no harm.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/object.h"
#include "lib/pool.h"
#include "lib/program_impl.h"
#include "lib/recording.h"
#include "lib/util.h"

/* Where the opaque pointers of one function lie. */
struct spots {
	bool *in_node; /* in what a pointer of this node leads to, or a result in memory */
	bool in_args, in_result;
};

struct program_spots {
	struct spots *func;
	size_t cnt;
};

static void find_spots(struct spots *spots, const struct shape *shape)
{
	for (size_t i = 0; i < shape->nodes_cnt; i++) {
		uint16_t at = i, root;

		if (shape->nodes[i].kind == SHAPE_VARARGS)
			spots->in_node[i] = true;
		if (shape->nodes[i].kind != SHAPE_HANDLE)
			continue;
		do {
			root = at;
			at = shape->nodes[at].parent;
		} while (at != SHAPE_NONE && shape->nodes[at].kind != SHAPE_POINTER &&
			 !(shape->nodes[at].kind == SHAPE_ARRAY &&
			   (shape->nodes[at].length || shape->nodes[at].has_terminator)));
		if (at != SHAPE_NONE)
			spots->in_node[at] = true;
		else if (root == shape->result.node)
			spots->in_node[root] = spots->in_result = true;
		else
			spots->in_args = true;
	}
}

int program_find_spots(struct program *program, struct err *err)
{
	struct program_spots *spots = calloc(1, sizeof(*spots));

	program->spots = spots;
	if (spots)
		spots->func = calloc(program->funcs_cnt + 1, sizeof(*spots->func));
	if (!spots || !spots->func)
		return err_nomem(err);
	for (; spots->cnt < program->funcs_cnt; spots->cnt++) {
		const struct shape *shape = program->funcs[spots->cnt].shape;

		if (!shape)
			continue;
		spots->func[spots->cnt].in_node = calloc(shape->nodes_cnt + 1, sizeof(bool));
		if (!spots->func[spots->cnt].in_node)
			return err_nomem(err);
		find_spots(&spots->func[spots->cnt], shape);
	}
	return 0;
}

void program_spots_free(struct program_spots *spots)
{
	for (size_t i = 0; spots && i < spots->cnt; i++)
		free(spots->func[i].in_node);
	free(spots ? spots->func : NULL);
	free(spots);
}

/* --- symbols --- */

static const struct symbol *symbol_at(const struct program *program, size_t module, uint64_t addr)
{
	return object_symbol_at(program->objects[module], addr);
}

static const struct symbol *symbol_named(const struct program *program, size_t module, const char *name)
{
	return object_find_symbol(program->objects[module], name);
}

static ssize_t module_named(const struct program *program, const char *name)
{
	if (!name[0])
		return 0;
	for (size_t i = 1; i < program->files_cnt; i++)
		if (!strcmp(program->files[i].name, name))
			return i;
	return -1;
}

static bool is_vtable(const char *name)
{
	return !strncmp(name, "_ZTV", 4) || !strncmp(name, "_ZTC", 4);
}

/* A class that has virtual bases, but no virtual functions: its objects point to the end of its table, where
 * another table of C++ may begin. */
static const struct symbol *vtable_before(const struct program *program, size_t module, uint64_t addr)
{
	const struct symbol *at = symbol_at(program, module, addr),
			    *before = symbol_at(program, module, addr - 1);

	if (!before || !is_vtable(before->name) || addr != before->addr + before->size)
		return NULL;
	return !at || !strncmp(at->name, "_ZT", 3) ? before : NULL;
}

/* Where the linker gives the executable a place of its own for what a library has, all use that one: a stub
 * of a function, a copy of an object. Another build may have done otherwise. */
bool program_locate(const struct program *program, const struct named_address *want, size_t *module,
		    uint64_t *addr)
{
	ssize_t named = module_named(program, want->module);
	const struct symbol *symbol = named > 0 ? object_find_symbol(program->objects[0], want->name) : NULL;
	uint64_t stub = named > 0 ? object_stub(program->objects[0], want->name) : 0;

	*module = stub || (symbol && !symbol->is_local && !symbol->is_func) ? 0 : MAX(named, 0);
	if (stub) {
		*addr = stub;
		return !want->off;
	}
	symbol = named < 0 ? NULL : symbol_named(program, *module, want->name);
	for (size_t i = 1; !symbol && named == 0 && i < program->files_cnt; i++) {
		symbol = object_find_symbol(program->objects[i], want->name);
		if (symbol && symbol->is_local)
			symbol = NULL;
		*module = i;
	}
	if (!symbol || (want->off && want->off >= symbol->size + is_vtable(symbol->name)))
		return false;
	*addr = symbol->addr + want->off;
	return true;
}

/* --- addresses --- */

struct image {
	uint64_t from, to, base;
};

#define RECENT_CNT 64

struct search {
	const struct program *program;
	struct image images[PROGRAM_MODULES_MAX];
	size_t images_cnt;
	uint64_t low, high;	     /* around all of them */
	uint64_t recent[RECENT_CNT]; /* by hash: most words come again and again */
	uint64_t *addrs;
	size_t cnt, cap;
	bool failed;
};

static void find_images(struct search *s, const uint64_t *bases)
{
	s->low = UINT64_MAX;
	for (size_t i = 0; i < s->program->files_cnt && i < PROGRAM_MODULES_MAX; i++) {
		uint64_t from, to;

		s->images_cnt++;
		if (bases[i] == PROGRAM_NOT_LOADED || !object_image(s->program->objects[i], &from, &to))
			continue;
		s->images[i] = (struct image){from + bases[i], to + bases[i], bases[i]};
		s->low = MIN(s->low, s->images[i].from);
		s->high = MAX(s->high, s->images[i].to);
	}
}

static void add_word(struct search *s, uint64_t word)
{
	uint64_t *recent = &s->recent[(word >> 3 ^ word >> 9) % RECENT_CNT];

	if (word < s->low || word >= s->high || s->cnt == SYMBOLS_CNT_MAX || *recent == word)
		return;
	*recent = word;
	if (s->cnt == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		uint64_t *addrs = reallocarray(s->addrs, cap, sizeof(*addrs));

		s->failed |= !addrs;
		if (!addrs)
			return;
		s->addrs = addrs;
		s->cap = cap;
	}
	s->addrs[s->cnt++] = word;
}

/* The words of a fragment that are aligned in the program. */
static void add_fragment(struct search *s, const struct fragment *fragment)
{
	size_t at = ALIGN_UP(fragment->addr, 8) - fragment->addr;

	for (; at + 8 <= fragment->captured; at += 8) {
		uint64_t word;

		memcpy(&word, fragment->bytes + at, sizeof(word));
		add_word(s, word);
	}
}

static void add_side(struct search *s, const struct spots *spots, const struct shape *shape,
		     const struct side *side)
{
	for (size_t i = 0; i < side->cnt; i++) {
		uint16_t node = side->fragments[i].node;

		if (node == SHAPE_NONE ? spots->in_args : node < shape->nodes_cnt && spots->in_node[node])
			add_fragment(s, &side->fragments[i]);
	}
}

static void add_call(struct search *s, const struct call *call)
{
	const struct spots *spots = &s->program->spots->func[call->func];
	const struct shape *shape = s->program->funcs[call->func].shape;

	if (!shape)
		return;
	for (size_t i = 0; spots->in_args && i < ARRAY_SIZE(call->args); i++)
		add_word(s, call->args[i]);
	if (spots->in_result) {
		add_word(s, call->rax);
		add_word(s, call->rdx);
	}
	add_side(s, spots, shape, &call->in);
	add_side(s, spots, shape, &call->out);
}

static int compare_words(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* "visit"; "walk.c:visit" where other files have a static one, too. */
static char *name_symbol(const struct program *program, size_t module, const struct symbol *symbol,
			 struct pool *pool)
{
	bool is_plain = !symbol->is_local || !symbol->file || symbol_named(program, module, symbol->name);

	return pool_printf(pool, "%.*s%s%.*s", SYMBOL_NAME_MAX / 2, is_plain ? "" : symbol->file,
			   is_plain ? "" : ":", SYMBOL_NAME_MAX / 2, symbol->name);
}

/* What address @addr of file @module stands for: itself, or the function that a stub there leads to. */
static const struct symbol *resolve(const struct program *program, size_t *module, uint64_t addr,
				    uint64_t *off)
{
	const char *import = object_stub_at(program->objects[*module], addr);
	const struct symbol *symbol = NULL;

	for (size_t i = 0; import && !symbol && i < program->files_cnt; i++) {
		symbol = object_find_func(program->objects[i], import, NULL, NULL);
		if (symbol && symbol->is_local)
			symbol = NULL;
		if (symbol)
			*module = i;
	}
	*off = 0;
	if (import)
		return symbol;
	symbol = vtable_before(program, *module, addr) ?: symbol_at(program, *module, addr);
	if (symbol)
		*off = addr - symbol->addr;
	return symbol;
}

static bool name_address(struct search *s, struct named_address *out, uint64_t addr, struct pool *pool)
{
	for (size_t i = 0; i < s->images_cnt; i++) {
		const struct symbol *symbol;
		size_t module = i;
		uint64_t off;

		if (addr < s->images[i].from || addr >= s->images[i].to)
			continue;
		symbol = resolve(s->program, &module, addr - s->images[i].base, &off);
		if (!symbol)
			return false;
		*out = (struct named_address){
			.addr = addr,
			.module = pool_printf(pool, "%.*s", SYMBOL_NAME_MAX / 2,
					      module ? s->program->files[module].name : ""),
			.name = name_symbol(s->program, module, symbol, pool),
			.off = off,
		};
		s->failed |= !out->module || !out->name;
		return true;
	}
	return false;
}

/* The names belong to the recording: it outlives the program. */
static int put_names(struct search *s, struct recording *recording, struct err *err)
{
	struct symbols symbols = {.row = pool_array(recording->pool, s->cnt, sizeof(*symbols.row))};

	if (!symbols.row)
		return err_nomem(err);
	qsort(s->addrs, s->cnt, sizeof(*s->addrs), compare_words);
	for (size_t i = 0; i < s->cnt; i++)
		if (!i || s->addrs[i] != s->addrs[i - 1])
			symbols.cnt +=
				name_address(s, &symbols.row[symbols.cnt], s->addrs[i], recording->pool);
	if (s->failed)
		return err_nomem(err);
	recording_set_symbols(recording, &symbols);
	return 0;
}

int program_symbolize(const struct program *program, struct recording *recording, const uint64_t *bases,
		      struct err *err)
{
	struct search search = {.program = program};
	int r = 0;

	if (!program->spots)
		return 0;
	find_images(&search, bases);
	if (recording->operation.func < program->funcs_cnt)
		add_call(&search, &recording->operation);
	for (size_t i = 0; i < recording->calls_cnt; i++)
		if (recording->calls[i].func < program->funcs_cnt)
			add_call(&search, &recording->calls[i]);
	if (search.failed)
		r = err_nomem(err);
	else if (search.cnt)
		r = put_names(&search, recording, err);
	free(search.addrs);
	return r;
}
