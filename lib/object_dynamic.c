// SPDX-License-Identifier: BSD-3-Clause
/*
 * The dynamic section, reached through the program headers as ld.so does, so that relocations and needed
 * libraries are there even when the section headers were stripped.
 */
#include "lib/object_impl.h"

#include <errno.h>
#include <string.h>

#include "lib/util.h"

#define DYNAMIC_MAX 4096 /* entries */

/* Tags that name one number. */
static const struct {
	int64_t tag;
	size_t field; /* of struct dynamic */
} tags[] = {
	{DT_STRTAB, offsetof(struct dynamic, strtab)},	   {DT_STRSZ, offsetof(struct dynamic, strsz)},
	{DT_SYMTAB, offsetof(struct dynamic, symtab)},	   {DT_SONAME, offsetof(struct dynamic, soname)},
	{DT_RUNPATH, offsetof(struct dynamic, runpath)},   {DT_RPATH, offsetof(struct dynamic, rpath)},
	{DT_RELA, offsetof(struct dynamic, rela)},	   {DT_RELASZ, offsetof(struct dynamic, relasz)},
	{DT_INIT, offsetof(struct dynamic, init)},	   {DT_JMPREL, offsetof(struct dynamic, jmprel)},
	{DT_PLTRELSZ, offsetof(struct dynamic, pltrelsz)},
};

void object_read_dynamic(struct object *object, const Elf64_Phdr *ph)
{
	size_t cnt = MIN(ph->p_filesz / sizeof(Elf64_Dyn), DYNAMIC_MAX);
	const uint8_t *bytes = object_chunk(object, ph->p_offset, cnt * sizeof(Elf64_Dyn));
	struct dynamic *dynamic = &object->dynamic;

	for (size_t i = 0; bytes && i < cnt; i++) {
		Elf64_Dyn dyn;

		memcpy(&dyn, bytes + i * sizeof(dyn), sizeof(dyn));
		if (dyn.d_tag == DT_NULL)
			return;
		if (dyn.d_tag == DT_NEEDED && dynamic->needed_cnt < NEEDED_MAX)
			dynamic->needed[dynamic->needed_cnt++] = dyn.d_un.d_val;
		for (size_t k = 0; k < ARRAY_SIZE(tags); k++)
			if (tags[k].tag == dyn.d_tag)
				*(uint64_t *)((char *)dynamic + tags[k].field) = dyn.d_un.d_val;
	}
}

static const char *dynamic_string(const struct object *object, uint64_t offset)
{
	const struct dynamic *dynamic = &object->dynamic;
	const uint8_t *strings =
		dynamic->strsz ? object_bytes_at(object, dynamic->strtab, dynamic->strsz) : NULL;

	return strings ? object_string_in(strings, dynamic->strsz, offset) : NULL;
}

const char *object_runpath(const struct object *object)
{
	return object->dynamic.runpath ? dynamic_string(object, object->dynamic.runpath) : NULL;
}

const char *object_rpath(const struct object *object)
{
	return object->dynamic.rpath ? dynamic_string(object, object->dynamic.rpath) : NULL;
}

const char *object_soname(const struct object *object)
{
	return object->dynamic.soname ? dynamic_string(object, object->dynamic.soname) : NULL;
}

uint64_t object_init(const struct object *object)
{
	return object->dynamic.init;
}

const char *object_needed(const struct object *object, size_t idx)
{
	const char *name;

	if (idx >= object->dynamic.needed_cnt)
		return NULL;
	name = dynamic_string(object, object->dynamic.needed[idx]);
	return name ? name : "";
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

	out[0].bytes = dynamic->relasz ? object_bytes_at(object, dynamic->rela, dynamic->relasz) : NULL;
	out[0].cnt = out[0].bytes ? dynamic->relasz / sizeof(Elf64_Rela) : 0;
	out[1].bytes = dynamic->pltrelsz ? object_bytes_at(object, dynamic->jmprel, dynamic->pltrelsz) : NULL;
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
	bytes = object_bytes_at(object, object->dynamic.symtab + offset, sizeof(*sym));
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

/* --- PLT entries --- */

#define SLOTS_MAX 64 /* of one name in one file */
#define STUB_JUMP 6  /* bytes: jmp *slot(%rip) */

static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
static const uint8_t bnd = 0xf2;

/* Each kind of entry is "[endbr64] [bnd] jmp *slot(%rip)" at its start: .plt, .plt.sec with CET, .plt.got. */
static bool leads_to(const uint8_t *bytes, uint64_t addr, const uint64_t *slots, size_t cnt)
{
	int32_t distance;

	if (bytes[0] != 0xff || bytes[1] != 0x25)
		return false;
	memcpy(&distance, bytes + 2, sizeof(distance));
	for (size_t i = 0; i < cnt; i++)
		if (addr + STUB_JUMP + distance == slots[i])
			return true;
	return false;
}

static uint64_t entry_of(const uint8_t *bytes, uint64_t at)
{
	if (at && bytes[at - 1] == bnd)
		at--;
	if (at >= sizeof(endbr64) && !memcmp(bytes + at - sizeof(endbr64), endbr64, sizeof(endbr64)))
		at -= sizeof(endbr64);
	return at;
}

static bool is_plt(const struct object *object, const Elf64_Shdr *sh)
{
	size_t names;
	const char *name;

	if (sh->sh_type != SHT_PROGBITS || !(sh->sh_flags & SHF_EXECINSTR) ||
	    elf_getshdrstrndx(object->elf, &names))
		return false;
	name = elf_strptr(object->elf, names, sh->sh_name);
	return name && !strncmp(name, ".plt", 4);
}

size_t object_import_stubs(const struct object *object, const char *name, uint64_t *stubs, size_t max)
{
	uint64_t slots[SLOTS_MAX];
	size_t slots_cnt = MIN(object_import_slots(object, name, slots, SLOTS_MAX), (size_t)SLOTS_MAX);
	size_t found = 0, sections = 0;

	if (!slots_cnt || elf_getshdrnum(object->elf, &sections))
		return 0;
	for (size_t i = 1; i < sections; i++) {
		const Elf64_Shdr *sh = object_section(object, i);
		const uint8_t *bytes =
			sh && is_plt(object, sh) ? object_bytes_at(object, sh->sh_addr, sh->sh_size) : NULL;

		for (uint64_t at = 0; bytes && at + STUB_JUMP <= sh->sh_size; at++) {
			if (!leads_to(bytes + at, sh->sh_addr + at, slots, slots_cnt))
				continue;
			if (found < max)
				stubs[found] = sh->sh_addr + entry_of(bytes, at);
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

const char *object_sanitizer(const struct object *object)
{
	static const char *const names[] = {"libasan.so", "libtsan.so"};
	const char *needed;

	for (size_t i = 0; (needed = object_needed(object, i)); i++)
		for (size_t k = 0; k < ARRAY_SIZE(names); k++)
			if (!strncmp(needed, names[k], strlen(names[k])))
				return needed;
	return NULL;
}
