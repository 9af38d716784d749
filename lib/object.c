// SPDX-License-Identifier: BSD-3-Clause
/*
 * libelf opens the file and checks its headers; everything behind them is read by chunk(), which gives only
 * what lies inside the file, within a budget. Files are read, not mapped: one that shrinks under us is an
 * error rather than a SIGBUS.
 *
 * The dynamic section is reached through the program headers, as ld.so does, so that relocations and needed
 * libraries are there even when the section headers were stripped.
 */
#include "lib/object.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/err.h"
#include "lib/util.h"

#define PAGE_BYTES	 4096
#define SYMBOLS_MAX	 (16u << 20)
#define NEEDED_MAX	 1024
#define NOTES_MAX	 (1u << 20) /* bytes of one note segment */
#define DYNAMIC_MAX	 4096	    /* entries */
#define CHUNKS_MAX	 64
#define CHUNKS_BYTES_MAX (2ull << 30) /* of one file, in memory */
#define OVERLAP_DEPTH	 64	      /* symbols looked back over for one that holds an address */

/* Better names first: they answer a lookup when several symbols fit. */
enum rank { RANK_GLOBAL, RANK_OLD_VERSION, RANK_LOCAL };

struct entry {
	struct symbol symbol; /* first: object_symbol() hands it out */
	enum rank rank;
};

/* Pieces of the file that were read, kept until it is closed. */
struct chunks {
	struct chunk {
		uint64_t offset, len;
		uint8_t *data;
	} row[CHUNKS_MAX];
	size_t cnt;
	uint64_t bytes;
};

struct dynamic {
	uint64_t strtab, strsz, symtab;
	uint64_t rela, relasz, jmprel, pltrelsz;
	uint64_t soname; /* offset in strtab; 0: none */
	uint64_t needed[NEEDED_MAX];
	size_t needed_cnt;
};

struct object {
	char *path;
	int fd;
	uint64_t file_len;
	struct chunks *chunks;
	Elf *elf;
	const Elf64_Ehdr *ehdr;
	const Elf64_Phdr *phdr;
	size_t phdr_cnt;
	char build_id[2 * BUILD_ID_MAX + 1];
	const char *interp;
	bool has_code; /* false: a separate debug file, whose segments are not in it */
	struct dynamic dynamic;
	struct entry *entries; /* by name, then rank, then address */
	size_t entries_cnt;
	struct entry **by_addr; /* functions with a size, by address, better rank last */
	size_t by_addr_cnt;
	char **owned; /* names that had a version suffix */
	size_t owned_cnt;
	bool has_errno; /* a defined thread-local `errno` */
	uint64_t errno_value;
};

/* --- bytes --- */

/* @len bytes of the file at @offset, or NULL when they are not all there. Read once. */
static const uint8_t *chunk(const struct object *object, uint64_t offset, uint64_t len)
{
	struct chunks *chunks = object->chunks;
	autofree uint8_t *data = NULL;

	for (size_t i = 0; i < chunks->cnt; i++)
		if (chunks->row[i].offset == offset && chunks->row[i].len == len)
			return chunks->row[i].data;
	if (!len || len > CHUNKS_BYTES_MAX - chunks->bytes || offset > INT64_MAX - len ||
	    chunks->cnt == CHUNKS_MAX || offset + len > object->file_len)
		return NULL;
	data = malloc(len);
	for (uint64_t got = 0; data && got < len;) {
		ssize_t n = pread(object->fd, data + got, len - got, (off_t)(offset + got));

		if (n <= 0)
			return NULL;
		got += n;
	}
	if (!data)
		return NULL;
	chunks->bytes += len;
	chunks->row[chunks->cnt] = (struct chunk){offset, len, data};
	chunks->cnt++;
	return TAKE_PTR(data);
}

static const Elf64_Phdr *segment_at(const struct object *object, uint64_t addr)
{
	for (size_t i = 0; i < object->phdr_cnt; i++) {
		const Elf64_Phdr *ph = &object->phdr[i];

		if (ph->p_type == PT_LOAD && addr >= ph->p_vaddr && addr - ph->p_vaddr < ph->p_filesz)
			return ph;
	}
	return NULL;
}

int object_offset(const struct object *object, uint64_t addr, uint64_t *offset)
{
	const Elf64_Phdr *ph = object->has_code ? segment_at(object, addr) : NULL;

	if (!ph)
		return -ERANGE;
	*offset = ph->p_offset + (addr - ph->p_vaddr);
	return 0;
}

const uint8_t *object_bytes(const struct object *object, uint64_t addr, size_t *len)
{
	const Elf64_Phdr *ph = object->has_code ? segment_at(object, addr) : NULL;
	const uint8_t *segment = ph ? chunk(object, ph->p_offset, ph->p_filesz) : NULL;

	if (!segment)
		return NULL;
	*len = MIN(*len, ph->p_filesz - (addr - ph->p_vaddr));
	return segment + (addr - ph->p_vaddr);
}

/* @len bytes at @addr, all of them or NULL. */
static const uint8_t *bytes_at(const struct object *object, uint64_t addr, size_t len)
{
	size_t got = len;
	const uint8_t *bytes = object_bytes(object, addr, &got);

	return got == len ? bytes : NULL;
}

bool object_text(const struct object *object, uint64_t *from, uint64_t *to)
{
	uint64_t low = UINT64_MAX, high = 0;

	for (size_t i = 0; i < object->phdr_cnt; i++) {
		const Elf64_Phdr *ph = &object->phdr[i];

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X) || ph->p_memsz > UINT64_MAX - ph->p_vaddr)
			continue;
		low = MIN(low, ph->p_vaddr);
		high = MAX(high, ph->p_vaddr + ph->p_memsz);
	}
	if (low >= high)
		return false;
	*from = low;
	*to = high;
	return true;
}

int object_bias(const struct object *object, uint64_t start, uint64_t offset, uint64_t *bias)
{
	for (size_t i = 0; i < object->phdr_cnt; i++) {
		const Elf64_Phdr *ph = &object->phdr[i];
		uint64_t in_page = ph->p_offset % PAGE_BYTES;

		/* Whole pages are mapped: the first begins before the segment does. */
		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X) || offset < ph->p_offset - in_page ||
		    offset - (ph->p_offset - in_page) >= ph->p_filesz + in_page)
			continue;
		*bias = start - (ph->p_vaddr - in_page + (offset - (ph->p_offset - in_page)));
		return 0;
	}
	return -ERANGE;
}

/* --- symbols --- */

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

/* A string of the section's bytes that ends inside it, or NULL. */
static const char *string_in(const uint8_t *strings, uint64_t len, uint64_t offset)
{
	if (offset >= len || !memchr(strings + offset, '\0', len - offset))
		return NULL;
	return (const char *)strings + offset;
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
		name = string_in(table->strings, table->strings_len, sym.st_name);
		if (!name)
			continue;
		if (ELF64_ST_TYPE(sym.st_info) == STT_FILE) {
			file = *name ? name : NULL;
			continue;
		}
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

static const Elf64_Shdr *section(const struct object *object, size_t idx)
{
	Elf_Scn *scn = elf_getscn(object->elf, idx);

	return scn ? elf64_getshdr(scn) : NULL;
}

/* The section of @type that names section @link, or NULL. */
static const Elf64_Shdr *section_of_type(const struct object *object, uint32_t type, size_t link, size_t cnt)
{
	for (size_t i = 1; i < cnt; i++) {
		const Elf64_Shdr *sh = section(object, i);

		if (sh && sh->sh_type == type && sh->sh_link == link)
			return sh;
	}
	return NULL;
}

/* 0 symbols when the section is no symbol table or lies outside the file. */
static struct table table_of(const struct object *object, size_t idx, size_t sections_cnt)
{
	const Elf64_Shdr *sh = section(object, idx), *strings, *versions;
	struct table table = {};

	if (!sh || (sh->sh_type != SHT_SYMTAB && sh->sh_type != SHT_DYNSYM))
		return table;
	strings = section(object, sh->sh_link);
	if (!strings || strings->sh_type != SHT_STRTAB)
		return table;
	table.symbols = chunk(object, sh->sh_offset, sh->sh_size);
	table.strings = chunk(object, strings->sh_offset, strings->sh_size);
	table.strings_len = strings->sh_size;
	if (!table.symbols || !table.strings)
		return table;
	table.cnt = sh->sh_size / sizeof(Elf64_Sym);
	versions = section_of_type(object, SHT_GNU_versym, idx, sections_cnt);
	if (versions && versions->sh_size / 2 >= table.cnt)
		table.versions = chunk(object, versions->sh_offset, versions->sh_size);
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
		if (object->entries[i].symbol.is_func && object->entries[i].symbol.size)
			object->by_addr[object->by_addr_cnt++] = &object->entries[i];
	qsort(object->by_addr, object->by_addr_cnt, sizeof(*object->by_addr), compare_addr);
	return 0;
}

static int read_symbols(struct object *object, struct err *err)
{
	size_t sections_cnt = 0, total = 0;
	int r;

	if (elf_getshdrnum(object->elf, &sections_cnt))
		sections_cnt = 0;
	for (size_t i = 1; i < sections_cnt; i++)
		total += table_of(object, i, sections_cnt).cnt;
	if (total > SYMBOLS_MAX)
		return err_set(err, -EFBIG, "'%s' has more than %u symbols", object->path, SYMBOLS_MAX);
	object->entries = calloc(total + 1, sizeof(*object->entries));
	if (!object->entries)
		return err_nomem(err);
	for (size_t i = 1; i < sections_cnt; i++) {
		struct table table = table_of(object, i, sections_cnt);

		r = add_table(object, &table, err);
		if (r)
			return r;
	}
	drop_duplicates(object);
	return index_addresses(object, err);
}

/* --- dynamic section, notes --- */

static void read_dynamic(struct object *object, const Elf64_Phdr *ph)
{
	size_t cnt = MIN(ph->p_filesz / sizeof(Elf64_Dyn), DYNAMIC_MAX);
	const uint8_t *bytes = chunk(object, ph->p_offset, cnt * sizeof(Elf64_Dyn));
	struct dynamic *dynamic = &object->dynamic;

	for (size_t i = 0; bytes && i < cnt; i++) {
		Elf64_Dyn dyn;
		uint64_t *field = NULL;

		memcpy(&dyn, bytes + i * sizeof(dyn), sizeof(dyn));
		switch (dyn.d_tag) {
		case DT_NULL:
			return;
		case DT_NEEDED:
			if (dynamic->needed_cnt < NEEDED_MAX)
				field = &dynamic->needed[dynamic->needed_cnt++];
			break;
		case DT_STRTAB:
			field = &dynamic->strtab;
			break;
		case DT_STRSZ:
			field = &dynamic->strsz;
			break;
		case DT_SYMTAB:
			field = &dynamic->symtab;
			break;
		case DT_SONAME:
			field = &dynamic->soname;
			break;
		case DT_RELA:
			field = &dynamic->rela;
			break;
		case DT_RELASZ:
			field = &dynamic->relasz;
			break;
		case DT_JMPREL:
			field = &dynamic->jmprel;
			break;
		case DT_PLTRELSZ:
			field = &dynamic->pltrelsz;
			break;
		}
		if (field)
			*field = dyn.d_un.d_val;
	}
}

static const char *dynamic_string(const struct object *object, uint64_t offset)
{
	const struct dynamic *dynamic = &object->dynamic;
	const uint8_t *strings = dynamic->strsz ? bytes_at(object, dynamic->strtab, dynamic->strsz) : NULL;

	return strings ? string_in(strings, dynamic->strsz, offset) : NULL;
}

static void read_build_id(struct object *object, const Elf64_Phdr *ph)
{
	uint64_t len = MIN(ph->p_filesz, NOTES_MAX), pos = 0;
	uint64_t align = ph->p_align == 8 ? 8 : 4;
	const uint8_t *bytes = chunk(object, ph->p_offset, len);

	while (bytes && len - pos >= sizeof(Elf64_Nhdr) && !object->build_id[0]) {
		Elf64_Nhdr note;
		uint64_t name = pos + sizeof(note), desc;

		memcpy(&note, bytes + pos, sizeof(note));
		desc = name + ALIGN_UP((uint64_t)note.n_namesz, align);
		pos = desc + ALIGN_UP((uint64_t)note.n_descsz, align);
		if (desc + note.n_descsz > len)
			return;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && !memcmp(bytes + name, "GNU", 4)) {
			for (unsigned i = 0; i < MIN(note.n_descsz, BUILD_ID_MAX); i++)
				sprintf(object->build_id + 2 * i, "%02x", bytes[desc + i]);
		}
		if (pos > len)
			return;
	}
}

static void read_segments(struct object *object)
{
	for (size_t i = 0; i < object->phdr_cnt; i++) {
		const Elf64_Phdr *ph = &object->phdr[i];

		if (ph->p_type == PT_NOTE)
			read_build_id(object, ph);
		if (!object->has_code)
			continue;
		if (ph->p_type == PT_DYNAMIC)
			read_dynamic(object, ph);
		if (ph->p_type == PT_INTERP && ph->p_filesz) {
			const uint8_t *text = chunk(object, ph->p_offset, ph->p_filesz);

			object->interp = text ? string_in(text, ph->p_filesz, 0) : NULL;
		}
	}
}

/* In a separate debug file the sections that would be loaded are SHT_NOBITS, code included; its notes are
 * found by section, for its segments keep offsets of another file. */
static void read_sections(struct object *object)
{
	size_t cnt = 0;

	object->has_code = true;
	if (elf_getshdrnum(object->elf, &cnt))
		return;
	for (size_t i = 1; i < cnt; i++) {
		const Elf64_Shdr *sh = section(object, i);

		if (!sh)
			continue;
		if (sh->sh_type == SHT_NOBITS && sh->sh_flags & SHF_EXECINSTR && sh->sh_size)
			object->has_code = false;
		if (sh->sh_type == SHT_NOTE) {
			Elf64_Phdr ph = {.p_offset = sh->sh_offset,
					 .p_filesz = sh->sh_size,
					 .p_align = sh->sh_addralign};

			read_build_id(object, &ph);
		}
	}
}

/* --- open --- */

static const struct {
	uint16_t machine;
	const char *name;
} machines[] = {
	{EM_386, "32-bit x86"}, {EM_ARM, "32-bit ARM"}, {EM_AARCH64, "aarch64"}, {EM_PPC64, "ppc64"},
	{EM_S390, "s390x"},	{EM_RISCV, "RISC-V"},	{EM_BPF, "BPF"},
};

static const char *machine_name(uint16_t machine)
{
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		if (machines[i].machine == machine)
			return machines[i].name;
	return "another machine";
}

static int check_kind(struct object *object, struct err *err)
{
	GElf_Ehdr any;

	if (elf_kind(object->elf) != ELF_K_ELF || !gelf_getehdr(object->elf, &any))
		return err_set(err, -ENOEXEC, "'%s' is not an ELF file", object->path);
	if (any.e_ident[EI_DATA] != ELFDATA2LSB || any.e_machine != EM_X86_64)
		return err_set(err, -ENOTSUP, "'%s' is for %s, not for x86-64", object->path,
			       machine_name(any.e_machine));
	if (any.e_ident[EI_CLASS] != ELFCLASS64)
		return err_set(err, -ENOTSUP, "'%s' is a 32-bit program (x32)", object->path);
	if (any.e_type != ET_EXEC && any.e_type != ET_DYN)
		return err_set(err, -ENOEXEC, "'%s' is neither a program nor a shared library", object->path);
	object->ehdr = elf64_getehdr(object->elf);
	object->phdr = elf64_getphdr(object->elf);
	if (!object->ehdr || !object->phdr || elf_getphdrnum(object->elf, &object->phdr_cnt))
		return err_set(err, -ENOEXEC, "'%s' has no program headers, or is cut short", object->path);
	return 0;
}

static int open_regular(int *out, uint64_t *len, const char *path, struct err *err)
{
	autoclose int fd = -1;
	struct stat st;

	/* O_NONBLOCK: a FIFO of that name must not hold us up. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st))
		return err_set(err, -errno, "cannot open '%s': %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return err_set(err, -EISDIR, "cannot open '%s': %s", path, strerror(EISDIR));
	if (!S_ISREG(st.st_mode))
		return err_set(err, -ENOEXEC, "'%s' is not a regular file", path);
	*len = st.st_size;
	*out = TAKE_FD(fd);
	return 0;
}

int object_open(struct object **out, const char *path, struct err *err)
{
	auto_object struct object *object = calloc(1, sizeof(*object));
	int r;

	if (!object)
		return err_nomem(err);
	object->fd = -1;
	object->path = strdup(path);
	object->chunks = calloc(1, sizeof(*object->chunks));
	if (!object->path || !object->chunks)
		return err_nomem(err);
	r = open_regular(&object->fd, &object->file_len, path, err);
	if (r)
		return r;
	elf_version(EV_CURRENT);
	object->elf = elf_begin(object->fd, ELF_C_READ, NULL);
	if (!object->elf)
		return err_set(err, -EIO, "cannot read '%s': %s", path, elf_errmsg(-1));
	r = check_kind(object, err);
	if (r)
		return r;
	read_sections(object);
	read_segments(object);
	r = read_symbols(object, err);
	if (r)
		return r;
	*out = TAKE_PTR(object);
	return 0;
}

void object_free(struct object *object)
{
	if (!object)
		return;
	elf_end(object->elf);
	closep(&object->fd);
	for (size_t i = 0; i < object->owned_cnt; i++)
		free(object->owned[i]);
	free(object->owned);
	for (size_t i = 0; object->chunks && i < object->chunks->cnt; i++)
		free(object->chunks->row[i].data);
	free(object->chunks);
	free(object->by_addr);
	free(object->entries);
	free(object->path);
	free(object);
}

void object_freep(struct object **object)
{
	object_free(*object);
}

/* --- questions --- */

const char *object_path(const struct object *object)
{
	return object->path;
}

const char *object_build_id(const struct object *object)
{
	return object->build_id;
}

const char *object_soname(const struct object *object)
{
	return object->dynamic.soname ? dynamic_string(object, object->dynamic.soname) : NULL;
}

const char *object_interp(const struct object *object)
{
	return object->interp;
}

uint64_t object_entry(const struct object *object)
{
	return object->ehdr->e_entry;
}

bool object_is_pie(const struct object *object)
{
	return object->ehdr->e_type == ET_DYN;
}

const char *object_needed(const struct object *object, size_t idx)
{
	const char *name;

	if (idx >= object->dynamic.needed_cnt)
		return NULL;
	name = dynamic_string(object, object->dynamic.needed[idx]);
	return name ? name : "";
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

const struct symbol *object_func_at(const struct object *object, uint64_t addr)
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

		if (addr - symbol->addr < symbol->size)
			return symbol;
	}
	return NULL;
}

/* --- relocations --- */

struct relocs {
	const uint8_t *bytes;
	size_t cnt;
};

/* The two tables ld.so walks. */
static void relocs_of(const struct object *object, struct relocs out[2])
{
	const struct dynamic *dynamic = &object->dynamic;

	out[0].bytes = dynamic->relasz ? bytes_at(object, dynamic->rela, dynamic->relasz) : NULL;
	out[0].cnt = out[0].bytes ? dynamic->relasz / sizeof(Elf64_Rela) : 0;
	out[1].bytes = dynamic->pltrelsz ? bytes_at(object, dynamic->jmprel, dynamic->pltrelsz) : NULL;
	out[1].cnt = out[1].bytes ? dynamic->pltrelsz / sizeof(Elf64_Rela) : 0;
	/* Some linkers count JMPREL in RELASZ: the same relocations twice. */
	if (dynamic->jmprel - dynamic->rela < dynamic->relasz)
		out[1].cnt = 0;
}

static Elf64_Rela reloc_at(const struct relocs *relocs, size_t idx)
{
	Elf64_Rela rela;

	memcpy(&rela, relocs->bytes + idx * sizeof(rela), sizeof(rela));
	return rela;
}

/* The name of dynamic symbol @idx; NULL when there is none. */
static const char *dynamic_symbol(const struct object *object, uint32_t idx, Elf64_Sym *sym)
{
	uint64_t offset = (uint64_t)idx * sizeof(*sym);
	const uint8_t *bytes;

	if (!idx || !object->dynamic.symtab || object->dynamic.symtab > UINT64_MAX - offset)
		return NULL;
	bytes = bytes_at(object, object->dynamic.symtab + offset, sizeof(*sym));
	if (!bytes)
		return NULL;
	memcpy(sym, bytes, sizeof(*sym));
	return dynamic_string(object, sym->st_name);
}

size_t object_import_slots(const struct object *object, const char *name, uint64_t *slots, size_t max)
{
	struct relocs relocs[2];
	size_t found = 0;

	relocs_of(object, relocs);
	for (size_t t = 0; t < ARRAY_SIZE(relocs); t++) {
		for (size_t i = 0; i < relocs[t].cnt; i++) {
			Elf64_Rela rela = reloc_at(&relocs[t], i);
			unsigned type = ELF64_R_TYPE(rela.r_info);
			const char *of;
			Elf64_Sym sym;

			if (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT && type != R_X86_64_64)
				continue;
			/* foo + 8 is no way to call foo. */
			if (type == R_X86_64_64 && rela.r_addend)
				continue;
			of = dynamic_symbol(object, ELF64_R_SYM(rela.r_info), &sym);
			if (!of || sym.st_shndx != SHN_UNDEF || strcmp(of, name))
				continue;
			if (found < max)
				slots[found] = rela.r_offset;
			found++;
		}
	}
	return found;
}

int object_errno_slot(const struct object *object, uint64_t *slot)
{
	struct relocs relocs[2];

	relocs_of(object, relocs);
	for (size_t i = 0; i < relocs[0].cnt; i++) {
		Elf64_Rela rela = reloc_at(&relocs[0], i);
		uint32_t idx = ELF64_R_SYM(rela.r_info);
		const char *of;
		Elf64_Sym sym;

		if (ELF64_R_TYPE(rela.r_info) != R_X86_64_TPOFF64)
			continue;
		of = idx ? dynamic_symbol(object, idx, &sym) : NULL;
		if ((idx && of && !strcmp(of, "errno") && !rela.r_addend) ||
		    (!idx && object->has_errno && (uint64_t)rela.r_addend == object->errno_value)) {
			*slot = rela.r_offset;
			return 0;
		}
	}
	return -ENOENT;
}

int object_errno_offset(const struct object *object, int32_t *offset)
{
	for (size_t i = 0; object->has_errno && i < object->phdr_cnt; i++) {
		const Elf64_Phdr *ph = &object->phdr[i];
		uint64_t align = MAX(ph->p_align, 1), size;

		if (ph->p_type != PT_TLS || ph->p_memsz > INT32_MAX || align > INT32_MAX)
			continue;
		size = ALIGN_UP(ph->p_memsz, align);
		if (size > INT32_MAX || object->errno_value >= ph->p_memsz)
			continue;
		*offset = (int32_t)((int64_t)object->errno_value - (int64_t)size);
		return 0;
	}
	return -ENOENT;
}
