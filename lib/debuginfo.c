// SPDX-License-Identifier: BSD-3-Clause
/*
 * Functions by name. One name may have many DIEs: a declaration in every file that calls it, an abstract
 * instance that inlined copies refer to, a concrete one with the code, and the clones that gcc made of it
 * (f.constprop.0), which no longer take f's parameters. Which of them is meant is decided here.
 */
#include "lib/debuginfo.h"

#include <dwarf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/debuginfo_impl.h"
#include "lib/err.h"
#include "lib/insn.h"
#include "lib/nearest.h"
#include "lib/util.h"

#define CANDIDATES_MAX 65536 /* DIEs of one name */

int debuginfo_open(struct debuginfo **out, const struct object *object, struct err *err)
{
	auto_debuginfo struct debuginfo *info = calloc(1, sizeof(*info));
	int r;

	if (!info)
		return err_nomem(err);
	info->file = info->shared = DEBUG_FILE_NONE;
	r = debug_file_open(info, object, err);
	if (!r)
		r = debug_index_build(info, err);
	if (r)
		return r;
	*out = TAKE_PTR(info);
	return 0;
}

void debuginfo_free(struct debuginfo *info)
{
	if (!info)
		return;
	debug_types_forget(info);
	dwarf_end(info->dwarf);
	dwarf_end(info->shared_dwarf);
	debug_file_release(&info->file);
	debug_file_release(&info->shared);
	free(info->path);
	free(info->missing);
	free(info->funcs);
	free(info->names);
	free(info->by_addr);
	free(info->inlines);
	free(info->types);
	free(info->symbols);
	free(info);
}

void debuginfo_freep(struct debuginfo **info)
{
	debuginfo_free(*info);
}

const char *debuginfo_path(const struct debuginfo *info)
{
	return info->file.path;
}

void debuginfo_suggest(struct debuginfo *info, struct nearest *nearest)
{
	for (size_t i = 0; i < info->names_cnt; i++)
		nearest_try(nearest, info->names[i].name);
}

const char *debuginfo_missing(const struct debuginfo *info)
{
	return info->missing;
}

size_t debuginfo_names_cnt(const struct debuginfo *info)
{
	return info->names_cnt;
}

const char *debuginfo_name(const struct debuginfo *info, size_t idx)
{
	return info->names[idx].name;
}

/* --- where a function is written --- */

static int line_of(Dwarf_Die *die)
{
	int line = 0;

	return dwarf_decl_line(die, &line) ? 0 : line;
}

static const char *unit_of(Dwarf_Die die)
{
	Dwarf_Die root = debug_root(die), unit;

	return dwarf_diecu(&root, &unit, NULL, NULL) ? dwarf_diename(&unit) : NULL;
}

/* "orders.c" fits "/src/orders.c", "src/orders.c" too. */
static bool ends_in(const char *path, const char *file)
{
	size_t path_len = path ? strlen(path) : 0, len = strlen(file);

	if (path_len < len || strcmp(path + path_len - len, file))
		return false;
	return path_len == len || path[path_len - len - 1] == '/' || file[0] == '/';
}

/* By the file that is compiled, too: a static function of a header has one copy in each. */
static bool is_in(Dwarf_Die die, const char *file)
{
	return ends_in(debug_decl_file(&die), file) || ends_in(unit_of(die), file);
}

/* Of one function: the same DIE at the end, or written at the same place. */
static bool is_same_func(Dwarf_Die a, Dwarf_Die b)
{
	Dwarf_Die root_a = debug_root(a), root_b = debug_root(b);
	const char *file_a = debug_decl_file(&root_a), *file_b = debug_decl_file(&root_b);

	if (root_a.addr == root_b.addr)
		return true;
	return file_a && file_b && line_of(&root_a) == line_of(&root_b) && !strcmp(file_a, file_b);
}

/* --- what the compiler did to it --- */

/* gcc's names for copies that take other parameters than the function itself. */
static bool is_clone_name(const char *symbol)
{
	return symbol &&
	       (strstr(symbol, ".constprop.") || strstr(symbol, ".isra.") || strstr(symbol, ".part."));
}

static const char *clone_at(const struct debuginfo *info, const struct func_die *func)
{
	Dwarf_Die die = func->die;
	const char *symbol = debug_symbol_at(info, func->addr, dwarf_diename(&die));

	return is_clone_name(symbol) ? symbol : NULL;
}

static bool is_external(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	bool external = false;

	return dwarf_attr_integrate(die, DW_AT_external, &attr) && !dwarf_formflag(&attr, &external) &&
	       external;
}

/*
 * A parameter of constant value was optimised out by clang under the function's own name. So was one that
 * lives nowhere, not even at the entry, if nobody outside the file can call the function: for others the
 * compiler keeps the ABI, and only has nothing to say of what it does not use.
 */
static void find_fault(const struct debuginfo *info, const struct func_die *func, struct debug_func *out)
{
	const char *clone = clone_at(info, func);
	Dwarf_Die die = func->die, child;

	if (clone) {
		snprintf(out->abi_fault, sizeof(out->abi_fault),
			 "the compiler left only the copy '%.60s', which takes other parameters", clone);
		return;
	}
	if (dwarf_child(&die, &child))
		return;
	do {
		const char *name = dwarf_diename(&child);
		bool is_const = dwarf_hasattr(&child, DW_AT_const_value);

		if (dwarf_tag(&child) != DW_TAG_formal_parameter)
			continue;
		if (!is_const && (out->is_external || dwarf_hasattr(&child, DW_AT_location)))
			continue;
		snprintf(out->abi_fault, sizeof(out->abi_fault), "parameter '%.60s' was optimised out%s",
			 name ? name : "?", is_const ? " (it is always the same)" : "");
		return;
	} while (!dwarf_siblingof(&child, &child));
}

static size_t first_inline(const struct debuginfo *info, const void *origin)
{
	size_t low = 0, high = info->inlines_cnt;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (info->inlines[mid].origin < origin)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static const char *call_file(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Word idx;
	Dwarf_Die unit;
	Dwarf_Files *files;
	size_t cnt;

	if (dwarf_formudata(dwarf_attr(die, DW_AT_call_file, &attr), &idx) ||
	    !dwarf_diecu(die, &unit, NULL, NULL) || dwarf_getsrcfiles(&unit, &files, &cnt) || idx >= cnt)
		return NULL;
	return debug_base_name(dwarf_filesrc(files, idx, NULL, NULL));
}

static bool lists(const char *text, const char *place)
{
	size_t len = strlen(place);

	for (const char *at = text; (at = strstr(at, place)); at += len)
		if (at[len] == '\0' || at[len] == ',')
			return true;
	return false;
}

/* Count the place, unless an earlier copy stands on the same line. */
static void add_inlined(struct debug_func *out, Dwarf_Die *die)
{
	const char *file = call_file(die);
	size_t len = strlen(out->inlined_at);
	Dwarf_Attribute attr;
	Dwarf_Word line = 0;
	char place[64];

	dwarf_formudata(dwarf_attr(die, DW_AT_call_line, &attr), &line);
	snprintf(place, sizeof(place), "%.40s:%lu", file ? file : "?", (unsigned long)line);
	if (lists(out->inlined_at, place))
		return;
	out->inlined++;
	if (len + strlen(place) + 3 < sizeof(out->inlined_at))
		snprintf(out->inlined_at + len, sizeof(out->inlined_at) - len, "%s%s", len ? ", " : "",
			 place);
}

/* --- choosing --- */

struct candidates {
	struct debuginfo *info;
	uint32_t *func;
	size_t cnt;
};

static size_t first_name(const struct debuginfo *info, const char *name)
{
	size_t low = 0, high = info->names_cnt;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (strcmp(info->names[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int gather(struct candidates *c, const char *name, const char *file, struct err *err)
{
	struct debuginfo *info = c->info;

	for (size_t i = first_name(info, name); i < info->names_cnt && !strcmp(info->names[i].name, name);
	     i++) {
		uint32_t func = info->names[i].func;
		uint32_t *grown;

		if (c->cnt == CANDIDATES_MAX || (file && !is_in(info->funcs[func].die, file)))
			continue;
		grown = reallocarray(c->func, c->cnt + 1, sizeof(*grown));
		if (!grown)
			return err_nomem(err);
		c->func = grown;
		c->func[c->cnt++] = func;
	}
	return 0;
}

static const struct func_die *candidate(const struct candidates *c, size_t idx)
{
	return &c->info->funcs[c->func[idx]];
}

/* Code that is the function itself, then a clone's, then none at all, then a mere declaration. */
static int rank(const struct debuginfo *info, const struct func_die *func)
{
	if (func->is_declaration)
		return 3;
	if (!func->addr)
		return 2;
	return clone_at(info, func) ? 1 : 0;
}

static const struct func_die *best_of(const struct candidates *c)
{
	const struct func_die *best = NULL;

	for (size_t i = 0; i < c->cnt; i++)
		if (!best || rank(c->info, candidate(c, i)) < rank(c->info, best))
			best = candidate(c, i);
	return best;
}

static void put_file(char *text, size_t len, Dwarf_Die die)
{
	const char *file = debug_base_name(unit_of(die));
	size_t at = strlen(text);

	if (file && !strstr(text, file) && at + strlen(file) + 3 < len)
		snprintf(text + at, len - at, "%s%s", at ? ", " : "", file);
}

/* Another function of that name: code elsewhere, or written elsewhere. Clones belong to the function. */
static bool is_another(const struct debuginfo *info, const struct func_die *best, const struct func_die *func)
{
	if (func->is_declaration)
		return false;
	if (func->addr && best->addr && func->addr != best->addr && !clone_at(info, func))
		return true;
	return !is_same_func(func->die, best->die);
}

static int check_unique(const struct candidates *c, const struct func_die *best, const char *name,
			struct err *err)
{
	char files[256] = "";
	bool found = false;

	if (best->is_declaration)
		return 0;
	put_file(files, sizeof(files), best->die);
	for (size_t i = 0; i < c->cnt; i++) {
		if (!is_another(c->info, best, candidate(c, i)))
			continue;
		found = true;
		put_file(files, sizeof(files), candidate(c, i)->die);
	}
	if (!found)
		return 0;
	err_set(err, -ENOTUNIQ, "several functions are named '%s', in %s", name, files);
	err_hint(err, "write FILE:%s for the one that is meant", name);
	return -ENOTUNIQ;
}

static void count_inlines(const struct candidates *c, const struct func_die *best, struct debug_func *out)
{
	for (size_t i = 0; i < c->cnt; i++) {
		const void *root = debug_root(candidate(c, i)->die).addr;

		/* Each inlined copy refers to one root: count it there alone. */
		if (candidate(c, i)->die.addr != root || !is_same_func(candidate(c, i)->die, best->die))
			continue;
		for (size_t at = first_inline(c->info, root);
		     at < c->info->inlines_cnt && c->info->inlines[at].origin == root; at++)
			add_inlined(out, &c->info->inlines[at].die);
	}
}

static void describe(const struct candidates *c, const struct func_die *func, struct debug_func *out)
{
	Dwarf_Die die = func->die;

	*out = (struct debug_func){
		.die = func - c->info->funcs + 1,
		.addr = func->addr,
		.size = func->size,
		.file = debug_base_name(debug_decl_file(&die)),
		.line = line_of(&die),
		.is_declaration = func->is_declaration,
		.is_external = is_external(&die),
	};
	if (func->addr) {
		find_fault(c->info, func, out);
		debug_find_entry(c->info, &die, out);
	}
	count_inlines(c, func, out);
}

static int not_found(const struct debuginfo *info, const char *name, const char *file, struct err *err)
{
	if (info->missing) {
		err_set(err, -ENOENT,
			"no debug information describes '%s': '%s', where some of it is, was not found", name,
			info->missing);
		err_hint(
			err,
			"put the .dwo files where the build left them (a .dwp package is not read), or build without "
			"-gsplit-dwarf");
		return -ENOENT;
	}
	return file ? err_set(err, -ENOENT, "no function '%s' in file '%s' of '%s'", name, file, info->path)
		    : err_set(err, -ENOENT, "no debug information describes '%s' in '%s'", name, info->path);
}

static int choose(struct candidates *c, const char *name, const char *file, struct debug_func *out,
		  struct err *err)
{
	const struct func_die *best;
	int r = gather(c, name, file, err);

	if (r)
		return r;
	best = best_of(c);
	if (!best)
		return not_found(c->info, name, file, err);
	r = check_unique(c, best, name, err);
	if (!r)
		describe(c, best, out);
	return r;
}

int debuginfo_find(struct debuginfo *info, const char *name, const char *file, struct debug_func *out,
		   struct err *err)
{
	struct candidates c = {.info = info};
	int r = choose(&c, name, file, out, err);

	free(c.func);
	return r;
}

size_t debuginfo_parts(struct debuginfo *info, const struct debug_func *func, struct code_range *out,
		       size_t max)
{
	Dwarf_Die die = info->funcs[func->die - 1].die;
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;
	size_t cnt = 0;

	while ((at = dwarf_ranges(&die, at, &base, &start, &end)) > 0) {
		if (start == end)
			continue;
		if (cnt < max)
			out[cnt] = (struct code_range){start, end - start};
		cnt++;
	}
	return at < 0 ? 0 : cnt;
}

static size_t first_at(const struct debuginfo *info, uint64_t addr)
{
	size_t low = 0, high = info->by_addr_cnt;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (info->funcs[info->by_addr[mid]].addr < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int debuginfo_find_at(struct debuginfo *info, uint64_t addr, struct debug_func *out, struct err *err)
{
	size_t at = first_at(info, addr);
	struct candidates c = {.info = info};
	const struct func_die *func;
	Dwarf_Die die;
	int r;

	if (at == info->by_addr_cnt || info->funcs[info->by_addr[at]].addr != addr)
		return err_set(err, -ENOENT, "no debug information describes the function at 0x%lx in '%s'",
			       (unsigned long)addr, info->path);
	func = &info->funcs[info->by_addr[at]];
	die = func->die;
	r = gather(&c, dwarf_diename(&die), NULL, err);
	if (!r)
		describe(&c, func, out);
	free(c.func);
	return r;
}

bool debuginfo_is_same(const struct debuginfo *info, const struct debug_func *a, const struct debug_func *b)
{
	return is_same_func(info->funcs[a->die - 1].die, info->funcs[b->die - 1].die);
}
