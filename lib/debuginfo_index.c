// SPDX-License-Identifier: BSD-3-Clause
/*
 * One walk over all DIEs, and tables to look up in afterwards: functions by name and address, types by name,
 * inlined copies by what they are copies of.
 */
#include <dwarf.h>
#include <errno.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>

#include "lib/debuginfo_impl.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/util.h"

#define GROW_FIRST 1024

/* Room for one more in the array @p of @cnt: doubled at powers of two. */
#define GROW(p, cnt)                                                                                         \
	({                                                                                                   \
		__typeof__(p) new_ = (p);                                                                    \
		if ((cnt) == 0 || ((cnt) >= GROW_FIRST && ((cnt) & ((cnt)-1)) == 0))                         \
			new_ = reallocarray((p), (cnt) ? 2 * (cnt) : GROW_FIRST, sizeof(*(p)));              \
		if (new_)                                                                                    \
			(p) = new_;                                                                          \
		new_ && (cnt) < DIE_CNT_MAX;                                                                 \
	})

struct walk {
	struct debuginfo *info;
	bool has_methods; /* of a language whose structs contain functions */
	bool failed;	  /* no memory */
};

static void walk_body(struct walk *w, Dwarf_Die *scope, int depth);

bool debug_ref(Dwarf_Die *die, unsigned attr, Dwarf_Die *out)
{
	Dwarf_Attribute value;
	Dwarf_Die unit;

	if (!dwarf_formref_die(dwarf_attr_integrate(die, attr, &value), out))
		return false;
	/* What stands in for a type that a type unit defines. */
	if (dwarf_formref_die(dwarf_attr(out, DW_AT_signature, &value), &unit))
		*out = unit;
	return true;
}

bool debug_number(Dwarf_Die *die, unsigned attr, uint64_t *out)
{
	Dwarf_Attribute value;
	Dwarf_Word word;

	if (dwarf_formudata(dwarf_attr_integrate(die, attr, &value), &word))
		return false;
	*out = word;
	return true;
}

bool debug_peel(Dwarf_Die *die)
{
	Dwarf_Die next;

	for (int depth = 0; depth < DIE_DEPTH_MAX; depth++) {
		switch (dwarf_tag(die)) {
		case DW_TAG_typedef:
		case DW_TAG_template_alias:
		case DW_TAG_const_type:
		case DW_TAG_volatile_type:
		case DW_TAG_restrict_type:
		case DW_TAG_atomic_type:
		case DW_TAG_packed_type:
		case DW_TAG_immutable_type:
		case DW_TAG_shared_type:
			if (!debug_ref(die, DW_AT_type, &next))
				return false;
			*die = next;
			break;
		default:
			return true;
		}
	}
	return false;
}

/* From a copy to what it is a copy of. */
static bool step(Dwarf_Die *die)
{
	static const unsigned links[] = {DW_AT_abstract_origin, DW_AT_specification};

	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		Dwarf_Attribute value;
		Dwarf_Die next;

		if (!dwarf_formref_die(dwarf_attr(die, links[i], &value), &next))
			continue;
		*die = next;
		return true;
	}
	return false;
}

Dwarf_Die debug_root(Dwarf_Die die)
{
	for (int depth = 0; depth < DIE_DEPTH_MAX && step(&die); depth++)
		;
	return die;
}

/* libdw's own dwarf_decl_file() asserts that there is a line table. */
const char *debug_decl_file(Dwarf_Die *die)
{
	Dwarf_Die at = *die, unit;
	Dwarf_Files *files;
	Dwarf_Word idx;
	Dwarf_Attribute attr;
	size_t cnt;

	for (int depth = 0; depth < DIE_DEPTH_MAX && !dwarf_attr(&at, DW_AT_decl_file, &attr); depth++)
		if (!step(&at))
			return NULL;
	if (dwarf_formudata(&attr, &idx) || !dwarf_diecu(&at, &unit, NULL, NULL) ||
	    dwarf_getsrcfiles(&unit, &files, &cnt) || idx >= cnt)
		return NULL;
	return dwarf_filesrc(files, idx, NULL, NULL);
}

const char *debug_base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path;
}

/* --- symbols --- */

static int compare_symbols(const void *a, const void *b)
{
	const struct code_symbol *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void read_symbols(struct walk *w, Elf_Scn *section, const GElf_Shdr *header)
{
	struct debuginfo *info = w->info;
	Elf_Data *data = elf_getdata(section, NULL);
	size_t cnt = data && header->sh_entsize ? data->d_size / header->sh_entsize : 0;

	for (size_t i = 0; i < cnt && !w->failed; i++) {
		GElf_Sym symbol;
		const char *name;

		if (!gelf_getsym(data, i, &symbol) || GELF_ST_TYPE(symbol.st_info) != STT_FUNC ||
		    !symbol.st_value)
			continue;
		name = elf_strptr(info->file.elf, header->sh_link, symbol.st_name);
		if (!name)
			continue;
		if (!GROW(info->symbols, info->symbols_cnt)) {
			w->failed = true;
			return;
		}
		info->symbols[info->symbols_cnt++] =
			(struct code_symbol){symbol.st_value, symbol.st_size, name};
	}
}

static void find_symbols(struct walk *w)
{
	struct debuginfo *info = w->info;
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_nextscn(info->file.elf, section)))
		if (gelf_getshdr(section, &header) && header.sh_type == SHT_SYMTAB)
			read_symbols(w, section, &header);
	if (info->symbols_cnt)
		qsort(info->symbols, info->symbols_cnt, sizeof(*info->symbols), compare_symbols);
}

const char *debug_symbol_at(const struct debuginfo *info, uint64_t addr, const char *want)
{
	size_t low = 0, high = info->symbols_cnt;
	const char *first = NULL;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (info->symbols[mid].addr < addr)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < info->symbols_cnt && info->symbols[low].addr == addr; low++) {
		if (!strcmp(info->symbols[low].name, want))
			return info->symbols[low].name;
		if (!first)
			first = info->symbols[low].name;
	}
	return first;
}

/* --- the walk --- */

/* gcc puts a function's unlikely part elsewhere, often lower: the entry is where its symbol is. */
static void find_code(const struct debuginfo *info, struct func_die *func, const char *name)
{
	Dwarf_Addr base, start, end, first = 0, first_end = 0;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(&func->die, at, &base, &start, &end)) > 0) {
		const char *symbol = debug_symbol_at(info, start, name);

		if (start < ADDR_FIRST || start >= (Dwarf_Addr)-16)
			continue;
		if (!first) {
			first = start;
			first_end = end;
		}
		if (!symbol || strcmp(symbol, name))
			continue;
		first = start;
		first_end = end;
		break;
	}
	func->addr = first;
	func->size = first_end > first ? first_end - first : 0;
}

static void add_name(struct walk *w, const char *name)
{
	struct debuginfo *info = w->info;

	if (!GROW(info->names, info->names_cnt)) {
		w->failed = true;
		return;
	}
	info->names[info->names_cnt++] = (struct func_name){name, info->funcs_cnt - 1};
}

static void add_func(struct walk *w, Dwarf_Die *die)
{
	struct debuginfo *info = w->info;
	const char *name = dwarf_diename(die), *linkage;
	struct func_die func = {.die = *die};
	Dwarf_Attribute attr;

	if (!name)
		return;
	linkage = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attr));
	if (!linkage)
		linkage = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attr));
	func.is_declaration = dwarf_hasattr(die, DW_AT_declaration);
	if (!func.is_declaration)
		find_code(info, &func, linkage ? linkage : name);
	if (!GROW(info->funcs, info->funcs_cnt)) {
		w->failed = true;
		return;
	}
	info->funcs[info->funcs_cnt++] = func;
	add_name(w, name);
	if (linkage && strcmp(linkage, name))
		add_name(w, linkage);
}

static void add_inline(struct walk *w, Dwarf_Die *die)
{
	struct debuginfo *info = w->info;

	if (!GROW(info->inlines, info->inlines_cnt)) {
		w->failed = true;
		return;
	}
	info->inlines[info->inlines_cnt++] = (struct inline_die){debug_root(*die).addr, *die};
}

static void add_type(struct walk *w, Dwarf_Die *die, enum type_kind kind)
{
	struct debuginfo *info = w->info;
	const char *name = dwarf_hasattr(die, DW_AT_declaration) ? NULL : dwarf_diename(die);

	if (!name)
		return;
	if (!GROW(info->types, info->types_cnt)) {
		w->failed = true;
		return;
	}
	info->types[info->types_cnt] = (struct type_die){name, kind, info->types_cnt, *die};
	info->types_cnt++;
}

static void walk_methods(struct walk *w, Dwarf_Die *type, int depth)
{
	if (w->has_methods)
		walk_body(w, type, depth);
}

static void walk_scope(struct walk *w, Dwarf_Die *scope, int depth)
{
	Dwarf_Die child;

	if (depth >= DIE_DEPTH_MAX || dwarf_child(scope, &child))
		return;
	do {
		switch (dwarf_tag(&child)) {
		case DW_TAG_subprogram:
			add_func(w, &child);
			walk_body(w, &child, depth + 1);
			break;
		case DW_TAG_namespace:
		case DW_TAG_module:
			walk_scope(w, &child, depth + 1);
			break;
		case DW_TAG_structure_type:
		case DW_TAG_class_type:
		case DW_TAG_interface_type:
			add_type(w, &child, TYPE_STRUCT);
			walk_methods(w, &child, depth + 1);
			break;
		case DW_TAG_union_type:
			add_type(w, &child, TYPE_UNION);
			walk_methods(w, &child, depth + 1);
			break;
		case DW_TAG_enumeration_type:
			add_type(w, &child, TYPE_ENUM);
			break;
		case DW_TAG_typedef:
			add_type(w, &child, TYPE_TYPEDEF);
			break;
		case DW_TAG_base_type:
			add_type(w, &child, TYPE_BASE);
			break;
		default:
			break;
		}
	} while (!w->failed && !dwarf_siblingof(&child, &child));
}

/* What lies inside a function or a type: only functions matter there. */
static void walk_body(struct walk *w, Dwarf_Die *scope, int depth)
{
	Dwarf_Die child;

	if (depth >= DIE_DEPTH_MAX || dwarf_child(scope, &child))
		return;
	do {
		switch (dwarf_tag(&child)) {
		case DW_TAG_inlined_subroutine:
			add_inline(w, &child);
			walk_body(w, &child, depth + 1);
			break;
		case DW_TAG_subprogram:
			add_func(w, &child);
			walk_body(w, &child, depth + 1);
			break;
		case DW_TAG_structure_type:
		case DW_TAG_class_type:
		case DW_TAG_union_type:
			walk_methods(w, &child, depth + 1);
			break;
		case DW_TAG_lexical_block:
		case DW_TAG_try_block:
		case DW_TAG_catch_block:
			walk_body(w, &child, depth + 1);
			break;
		default:
			break;
		}
	} while (!w->failed && !dwarf_siblingof(&child, &child));
}

static bool is_c(int language)
{
	return language == DW_LANG_C89 || language == DW_LANG_C || language == DW_LANG_C99 ||
	       language == DW_LANG_C11;
}

static void walk_unit(struct walk *w, Dwarf_Die *unit)
{
	int language = dwarf_srclang(unit);

	/* An assembler knows names, but neither parameters nor types. */
	if (language == DW_LANG_Mips_Assembler)
		return;
	w->has_methods = !is_c(language);
	walk_scope(w, unit, 0);
}

static void note_missing(struct walk *w, Dwarf_Die *unit)
{
	Dwarf_Attribute attr;
	const char *name = dwarf_formstring(dwarf_attr(unit, DW_AT_dwo_name, &attr));

	if (!name)
		name = dwarf_formstring(dwarf_attr(unit, DW_AT_GNU_dwo_name, &attr));
	if (!w->info->missing && name)
		w->info->missing = strdup(name);
}

static void walk_units(struct walk *w, Dwarf *dwarf)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die die, split;
	uint8_t type;

	while (!w->failed && !dwarf_get_units(dwarf, unit, &unit, NULL, &type, &die, &split)) {
		if (type != DW_UT_skeleton)
			walk_unit(w, &die);
		else if (split.addr)
			walk_unit(w, &split);
		else
			note_missing(w, &die);
	}
}

/* --- sorting --- */

static int compare_names(const void *a, const void *b)
{
	const struct func_name *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r ? r : (x->func > y->func) - (x->func < y->func);
}

/* Only equality matters of an address of a DIE: what is compared first never reaches the outside. */
static int compare_inlines(const void *a, const void *b)
{
	const struct inline_die *x = a, *y = b;

	if (x->origin != y->origin)
		return x->origin < y->origin ? -1 : 1;
	return (x->die.addr > y->die.addr) - (x->die.addr < y->die.addr);
}

static int compare_types(const void *a, const void *b)
{
	const struct type_die *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	if (!r)
		r = (int)x->kind - (int)y->kind;
	return r ? r : (x->order > y->order) - (x->order < y->order);
}

static int compare_addrs(const void *a, const void *b, void *ctx)
{
	const struct debuginfo *info = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (info->funcs[x].addr != info->funcs[y].addr)
		return info->funcs[x].addr < info->funcs[y].addr ? -1 : 1;
	return (x > y) - (x < y);
}

static int sort_addrs(struct debuginfo *info)
{
	info->by_addr = calloc(info->funcs_cnt + 1, sizeof(*info->by_addr));
	if (!info->by_addr)
		return -ENOMEM;
	for (size_t i = 0; i < info->funcs_cnt; i++)
		if (info->funcs[i].addr)
			info->by_addr[info->by_addr_cnt++] = i;
	qsort_r(info->by_addr, info->by_addr_cnt, sizeof(*info->by_addr), compare_addrs, info);
	return 0;
}

int debug_index_build(struct debuginfo *info, struct err *err)
{
	struct walk w = {.info = info};

	find_symbols(&w);
	walk_units(&w, info->dwarf);
	if (info->shared_dwarf)
		walk_units(&w, info->shared_dwarf);
	if (w.failed || sort_addrs(info))
		return err_nomem(err);
	if (info->names_cnt)
		qsort(info->names, info->names_cnt, sizeof(*info->names), compare_names);
	if (info->inlines_cnt)
		qsort(info->inlines, info->inlines_cnt, sizeof(*info->inlines), compare_inlines);
	if (info->types_cnt)
		qsort(info->types, info->types_cnt, sizeof(*info->types), compare_types);
	return 0;
}

/* --- types by name --- */

static size_t first_type(const struct debuginfo *info, enum type_kind kind, const char *name)
{
	struct type_die want = {.name = name, .kind = kind};
	size_t low = 0, high = info->types_cnt;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (compare_types(&info->types[mid], &want) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool debug_is_outermost(const struct debuginfo *info, enum type_kind kind, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	for (size_t i = name ? first_type(info, kind, name) : info->types_cnt; i < info->types_cnt; i++) {
		const struct type_die *type = &info->types[i];

		if (type->kind != kind || strcmp(type->name, name))
			return false;
		if (type->die.addr == die->addr)
			return true;
	}
	return false;
}

int debug_find_type(const struct debuginfo *info, enum type_kind kind, const char *name, Dwarf_Die *out)
{
	size_t first = first_type(info, kind, name);
	char want[DIGEST_HEX_LEN + 1], hex[DIGEST_HEX_LEN + 1];
	Dwarf_Die die;

	if (first == info->types_cnt || info->types[first].kind != kind ||
	    strcmp(info->types[first].name, name))
		return -ENOENT;
	die = info->types[first].die;
	if (debug_describe(&die, false, want))
		return -ENOMEM;
	for (size_t i = first + 1; i < info->types_cnt; i++) {
		Dwarf_Die other = info->types[i].die;

		if (info->types[i].kind != kind || strcmp(info->types[i].name, name))
			break;
		if (debug_describe(&other, false, hex))
			return -ENOMEM;
		if (strcmp(want, hex))
			return -ENOTUNIQ;
	}
	*out = die;
	return 0;
}
