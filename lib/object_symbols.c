// SPDX-License-Identifier: BSD-3-Clause
/* Symbols: read from both tables, and looked up by name and by address. */
#include "lib/object_impl.h"

#include <errno.h>
#include <string.h>

#include "lib/err.h"
#include "lib/symbols.h"
#include "lib/util.h"

#define SYMBOLS_MAX   (16u << 20)
#define OVERLAP_DEPTH 64 /* symbols looked back over for one that holds an address */

/* --- reading --- */

static bool has_type(unsigned type)
{
	return type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_OBJECT || type == STT_NOTYPE;
}

/* The name up to '@', owned by the object; @name itself when there is none. NULL: no memory. */
static const char *plain_name(struct object *object, const char *name)
{
	const char *at = strchr(name, '@');
	char *plain, **owned;

	if (!at || at == name)
		return name;
	plain = strndup(name, at - name);
	if (!plain)
		return NULL;
	/* Doubles whenever the count is a power of two. */
	if (!(object->owned_cnt & (object->owned_cnt - 1))) {
		size_t cnt = object->owned_cnt ? object->owned_cnt * 2 : 1;

		owned = reallocarray(object->owned, cnt, sizeof(*owned));
		if (!owned) {
			free(plain);
			return NULL;
		}
		object->owned = owned;
	}
	object->owned[object->owned_cnt++] = plain;
	return plain;
}

static enum rank rank_of(const Elf64_Sym *sym, const char *name, bool is_old_version)
{
	const char *at = strchr(name, '@');

	if (ELF64_ST_BIND(sym->st_info) == STB_LOCAL)
		return RANK_LOCAL;
	return is_old_version || (at && at != name && at[1] != '@') ? RANK_OLD_VERSION : RANK_GLOBAL;
}

static int add_symbol(struct object *object, const Elf64_Sym *sym, const char *name, bool is_old_version,
		      const char *file, struct err *err)
{
	struct entry *entry = &object->entries[object->entries_cnt];
	unsigned type = ELF64_ST_TYPE(sym->st_info);
	const char *plain = plain_name(object, name);

	if (!plain)
		return err_nomem(err);
	/* The file grew since it was counted. */
	if (object->entries_cnt == object->entries_max)
		return 0;
	if (type == STT_TLS) {
		if (!strcmp(plain, "errno")) {
			object->has_errno = true;
			object->errno_value = sym->st_value;
		}
		return 0;
	}
	entry->rank = rank_of(sym, name, is_old_version);
	entry->symbol = (struct symbol){
		.name = plain,
		.addr = sym->st_value,
		.size = sym->st_size,
		.is_func = type == STT_FUNC || type == STT_GNU_IFUNC,
		.is_ifunc = type == STT_GNU_IFUNC,
		.is_local = entry->rank == RANK_LOCAL,
		.file = entry->rank == RANK_LOCAL ? file : NULL,
	};
	object->entries_cnt++;
	return 0;
}

static bool add_stub(struct object *object, const Elf64_Sym *sym, const char *name)
{
	struct stub *stubs = reallocarray(object->stubs, object->stubs_cnt + 1, sizeof(*stubs));
	const char *plain = stubs ? plain_name(object, name) : NULL;

	if (stubs)
		object->stubs = stubs;
	if (plain)
		stubs[object->stubs_cnt++] = (struct stub){plain, sym->st_value};
	return plain;
}

struct table {
	const uint8_t *symbols, *strings;
	const uint8_t *versions; /* two bytes a symbol, or NULL */
	uint64_t cnt, strings_len;
};

static int add_table(struct object *object, const struct table *table, struct err *err)
{
	const char *file = NULL;

	for (uint64_t i = 1; i < table->cnt; i++) {
		uint16_t version = 0;
		const char *name;
		Elf64_Sym sym;
		int r;

		memcpy(&sym, table->symbols + i * sizeof(sym), sizeof(sym));
		name = object_string_in(table->strings, table->strings_len, sym.st_name);
		if (!name)
			continue;
		if (ELF64_ST_TYPE(sym.st_info) == STT_FILE) {
			file = *name ? name : NULL;
			continue;
		}
		if (*name && sym.st_shndx == SHN_UNDEF && sym.st_value && !add_stub(object, &sym, name))
			return err_nomem(err);
		if (!*name || sym.st_shndx == SHN_UNDEF || sym.st_shndx == SHN_ABS ||
		    sym.st_shndx == SHN_COMMON)
			continue;
		if (!has_type(ELF64_ST_TYPE(sym.st_info)) && ELF64_ST_TYPE(sym.st_info) != STT_TLS)
			continue;
		if (table->versions)
			memcpy(&version, table->versions + 2 * i, sizeof(version));
		r = add_symbol(object, &sym, name, version & 0x8000, file, err);
		if (r)
			return r;
	}
	return 0;
}

/* The section of @type that names section @link, or NULL. */
static const Elf64_Shdr *section_of_type(const struct object *object, uint32_t type, size_t link, size_t cnt)
{
	for (size_t i = 1; i < cnt; i++) {
		const Elf64_Shdr *sh = object_section(object, i);

		if (sh && sh->sh_type == type && sh->sh_link == link)
			return sh;
	}
	return NULL;
}

/* 0 symbols when the section is no symbol table or lies outside the file. */
static struct table table_of(const struct object *object, size_t idx, size_t sections_cnt)
{
	const Elf64_Shdr *sh = object_section(object, idx), *strings, *versions;
	struct table table = {};

	if (!sh || (sh->sh_type != SHT_SYMTAB && sh->sh_type != SHT_DYNSYM))
		return table;
	strings = object_section(object, sh->sh_link);
	if (!strings || strings->sh_type != SHT_STRTAB)
		return table;
	table.symbols = object_chunk(object, sh->sh_offset, sh->sh_size);
	table.strings = object_chunk(object, strings->sh_offset, strings->sh_size);
	table.strings_len = strings->sh_size;
	if (!table.symbols || !table.strings)
		return table;
	table.cnt = sh->sh_size / sizeof(Elf64_Sym);
	versions = section_of_type(object, SHT_GNU_versym, idx, sections_cnt);
	if (versions && versions->sh_size / 2 >= table.cnt)
		table.versions = object_chunk(object, versions->sh_offset, versions->sh_size);
	return table;
}

static int compare_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = strcmp(x->symbol.name, y->symbol.name);

	if (r)
		return r;
	if (x->symbol.addr != y->symbol.addr)
		return x->symbol.addr < y->symbol.addr ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return (x->symbol.size < y->symbol.size) - (x->symbol.size > y->symbol.size);
}

static int compare_addr(const void *a, const void *b)
{
	const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;

	if (x->symbol.addr != y->symbol.addr)
		return x->symbol.addr < y->symbol.addr ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return strcmp(y->symbol.name, x->symbol.name);
}

/* Both tables name the exported symbols: keep one of each name and address. */
static void drop_duplicates(struct object *object)
{
	size_t kept = 0;

	qsort(object->entries, object->entries_cnt, sizeof(*object->entries), compare_name);
	for (size_t i = 0; i < object->entries_cnt; i++) {
		struct entry *entry = &object->entries[i], *last = kept ? &object->entries[kept - 1] : NULL;

		if (last && last->symbol.addr == entry->symbol.addr &&
		    !strcmp(last->symbol.name, entry->symbol.name))
			continue;
		object->entries[kept++] = *entry;
	}
	object->entries_cnt = kept;
}

static int index_addresses(struct object *object, struct err *err)
{
	object->by_addr = calloc(object->entries_cnt + 1, sizeof(*object->by_addr));
	if (!object->by_addr)
		return err_nomem(err);
	for (size_t i = 0; i < object->entries_cnt; i++)
		if (object->entries[i].symbol.size)
			object->by_addr[object->by_addr_cnt++] = &object->entries[i];
	qsort(object->by_addr, object->by_addr_cnt, sizeof(*object->by_addr), compare_addr);
	return 0;
}

int object_read_symbols(struct object *object, struct err *err)
{
	size_t sections_cnt = 0, total = 0;
	int r;

	if (elf_getshdrnum(object->elf, &sections_cnt))
		sections_cnt = 0;
	for (size_t i = 1; i < sections_cnt; i++)
		total += table_of(object, i, sections_cnt).cnt;
	if (total > SYMBOLS_MAX)
		return err_set(err, -EFBIG, "'%s' has more than %u symbols", object->path, SYMBOLS_MAX);
	object->entries_max = total;
	object->entries = calloc(total + 1, sizeof(*object->entries));
	if (!object->entries)
		return err_nomem(err);
	for (size_t i = 1; i < sections_cnt; i++) {
		struct table table = table_of(object, i, sections_cnt);

		r = add_table(object, &table, err);
		if (r)
			return r;
		object->has_symtab |= table.cnt && object_section(object, i)->sh_type == SHT_SYMTAB;
	}
	drop_duplicates(object);
	return index_addresses(object, err);
}

int object_add_symbols(struct object *object, const struct object *more, struct err *err)
{
	size_t cnt = object->entries_cnt + more->entries_cnt;
	struct entry *entries = reallocarray(object->entries, cnt + 1, sizeof(*entries));

	if (!entries)
		return err_nomem(err);
	memcpy(entries + object->entries_cnt, more->entries, more->entries_cnt * sizeof(*entries));
	object->entries = entries;
	object->entries_cnt = object->entries_max = cnt;
	object->has_symtab |= more->has_symtab;
	drop_duplicates(object);
	free(TAKE_PTR(object->by_addr));
	object->by_addr_cnt = 0;
	return index_addresses(object, err);
}

/* --- looking up --- */

bool object_is_stripped(const struct object *object)
{
	return !object->has_symtab;
}

size_t object_symbols_cnt(const struct object *object)
{
	return object->entries_cnt;
}

const struct symbol *object_symbol(const struct object *object, size_t idx)
{
	return &object->entries[idx].symbol;
}

static bool is_in_file(const struct symbol *symbol, const char *file)
{
	return symbol->file && !strcmp(basename(symbol->file), basename(file));
}

/* First of the entries named @name; entries_cnt when there is none. */
static size_t first_named(const struct object *object, const char *name)
{
	size_t low = 0, high = object->entries_cnt;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(object->entries[mid].symbol.name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

#define FITS_NOT   (-1)
#define FITS_LOCAL (1 + RANK_LOCAL)

/* How well @entry answers a lookup; lower is better, 0 a local one of the wanted file. */
static int fit(const struct entry *entry, const char *file)
{
	if (!entry->symbol.is_func)
		return FITS_NOT;
	if (file && entry->symbol.is_local)
		return is_in_file(&entry->symbol, file) ? 0 : FITS_NOT;
	return 1 + entry->rank;
}

const struct symbol *object_find_func(const struct object *object, const char *name, const char *file,
				      size_t *cnt)
{
	size_t from = first_named(object, name), to = from, found = 0;
	const struct entry *best = NULL;

	for (; to < object->entries_cnt && !strcmp(object->entries[to].symbol.name, name); to++) {
		const struct entry *entry = &object->entries[to];
		int fits = fit(entry, file);

		if (fits != FITS_NOT && (!best || fits < fit(best, file)))
			best = entry;
	}
	for (size_t i = from; best && i < to; i++) {
		int fits = fit(&object->entries[i], file);

		found += fits == fit(best, file) || fits == FITS_LOCAL;
	}
	if (cnt)
		*cnt = found;
	return best ? &best->symbol : NULL;
}

static const struct symbol *find_at(const struct object *object, uint64_t addr, bool only_funcs)
{
	size_t low = 0, high = object->by_addr_cnt;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (object->by_addr[mid]->symbol.addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	for (size_t back = 0; low && back < OVERLAP_DEPTH; low--, back++) {
		const struct symbol *symbol = &object->by_addr[low - 1]->symbol;

		if (addr - symbol->addr < symbol->size && (symbol->is_func || !only_funcs))
			return symbol;
	}
	return NULL;
}

const struct symbol *object_func_at(const struct object *object, uint64_t addr)
{
	return find_at(object, addr, true);
}

const struct symbol *object_symbol_at(const struct object *object, uint64_t addr)
{
	return find_at(object, addr, false);
}

const char *object_stub_at(const struct object *object, uint64_t addr)
{
	for (size_t i = 0; i < object->stubs_cnt; i++)
		if (object->stubs[i].addr == addr)
			return object->stubs[i].name;
	return NULL;
}

uint64_t object_stub(const struct object *object, const char *name)
{
	for (size_t i = 0; i < object->stubs_cnt; i++)
		if (!strcmp(object->stubs[i].name, name))
			return object->stubs[i].addr;
	return 0;
}

/* Whether @entry can be what was called @name of @len bytes: exactly, or up to the number of a local copy. */
static bool is_named(const struct entry *entry, const char *name, size_t len, bool is_exact)
{
	const char *own = entry->symbol.name;

	return !strncmp(own, name, len) && (is_exact ? !own[len] : symbol_stem(own) == len);
}

/* The best of them; NULL when several are equally good. */
static const struct symbol *find_named(const struct object *object, const char *name, size_t len,
				       const char *file, bool is_exact)
{
	const struct entry *best = NULL;
	bool is_alone = true;

	for (size_t i = is_exact ? first_named(object, name) : 0; i < object->entries_cnt; i++) {
		const struct entry *entry = &object->entries[i];

		if (!is_named(entry, name, len, is_exact)) {
			if (is_exact)
				break;
			continue;
		}
		if (file && (!entry->symbol.is_local || !is_in_file(&entry->symbol, file)))
			continue;
		is_alone = !best || entry->rank != best->rank || entry->symbol.addr == best->symbol.addr;
		if (!best || entry->rank < best->rank)
			best = entry;
	}
	return best && is_alone ? &best->symbol : NULL;
}

const struct symbol *object_find_symbol(const struct object *object, const char *name)
{
	const char *colon = strchr(name, ':');
	const char *plain = colon ? colon + 1 : name;
	autofree char *file = colon ? strndup(name, colon - name) : NULL;
	const struct symbol *symbol = find_named(object, plain, strlen(plain), file, true);

	return symbol ? symbol : find_named(object, plain, symbol_stem(plain), file, false);
}
