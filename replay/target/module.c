// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/module.h"

#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "replay/target/engine.h"
#include "replay/target/guard.h"

#define PAGE		 4096ull
#define SEGMENTS_MAX	 16
#define CALLER_WORDS_MAX 4096 /* of stack looked through for a caller */

struct segment {
	uint64_t start, end; /* live */
	int prot;
};

static struct module {
	uint64_t base;
	const void *phdrs; /* where they are mapped: which of the loader's objects it is */
	struct segment segments[SEGMENTS_MAX];
	unsigned segments_cnt;
	uint64_t relro_start, relro_end;
	int is_loaded;
} modules[PATCH_MODULES_MAX];

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void put_segments(struct module *module, const struct dl_phdr_info *info)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uint64_t start = info->dlpi_addr + p->p_vaddr, end = start + p->p_memsz;

		if (p->p_type == PT_GNU_RELRO) {
			module->relro_start = start & -PAGE;
			module->relro_end = end & -PAGE;
		}
		if (p->p_type != PT_LOAD || module->segments_cnt == SEGMENTS_MAX)
			continue;
		module->segments[module->segments_cnt++] = (struct segment){
			.start = start,
			.end = end,
			.prot = (p->p_flags & PF_R ? PROT_READ : 0) | (p->p_flags & PF_W ? PROT_WRITE : 0) |
				(p->p_flags & PF_X ? PROT_EXEC : 0),
		};
	}
}

static int is_mapped(const struct dl_phdr_info *info, uint64_t from, uint64_t len)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && from >= p->p_vaddr && from - p->p_vaddr <= p->p_filesz &&
		    len <= p->p_filesz - (from - p->p_vaddr))
			return 1;
	}
	return 0;
}

/* The build id among mapped notes, or NULL. */
static const uint8_t *id_in_notes(const uint8_t *at, const uint8_t *end, size_t *len)
{
	while ((size_t)(end - at) >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *note = (void *)at;
		size_t name_len = (note->n_namesz + 3ull) & ~3ull;
		size_t note_len = sizeof(*note) + name_len + ((note->n_descsz + 3ull) & ~3ull);

		if (note_len > (size_t)(end - at))
			break;
		if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && !memcmp(note + 1, "GNU", 4)) {
			*len = note->n_descsz;
			return (const uint8_t *)(note + 1) + name_len;
		}
		at += note_len;
	}
	return NULL;
}

/* The build id of a mapped image, as much of it as a patch file has, or NULL. */
static const uint8_t *build_id(const struct dl_phdr_info *info, size_t *len)
{
	const size_t max = sizeof(((struct patch_module *)NULL)->build_id);

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		const uint8_t *at = (void *)(info->dlpi_addr + p->p_vaddr), *id;

		if (p->p_type != PT_NOTE || !is_mapped(info, p->p_vaddr, p->p_memsz))
			continue;
		id = id_in_notes(at, at + p->p_memsz, len);
		if (!id)
			continue;
		*len = *len < max ? *len : max;
		return id;
	}
	return NULL;
}

static void put_hex(char *out, const uint8_t *id, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sprintf(out + 2 * i, "%02x", id[i]);
	out[2 * len] = '\0';
}

static void check_build_id(const struct patch_module *want, const struct dl_phdr_info *info)
{
	char expected[2 * sizeof(want->build_id) + 1], found[sizeof(expected)] = "no build id";
	const uint8_t *id;
	size_t len = 0;

	if (!want->build_id_len)
		return;
	id = build_id(info, &len);
	if (id && len == want->build_id_len && !memcmp(id, want->build_id, len))
		return;
	put_hex(expected, want->build_id, want->build_id_len);
	if (id)
		put_hex(found, id, len);
	engine_fail("%s%s%s is not the file that was examined: build id %s, not %s",
		    want->name[0] ? "'" : "the executable", want->name, want->name[0] ? "'" : "", found,
		    expected);
}

static unsigned find_by_name(const char *name)
{
	for (unsigned i = 0; i < engine.patch->modules_cnt; i++)
		if (!modules[i].is_loaded && !strcmp(engine.modules[i].name, name))
			return i;
	return PATCH_NONE;
}

static int is_found(const struct dl_phdr_info *info)
{
	for (unsigned i = 0; i < engine.patch->modules_cnt; i++)
		if (modules[i].is_loaded && modules[i].phdrs == info->dlpi_phdr)
			return 1;
	return 0;
}

/* A library that is loaded by another name than it was examined by: through a link, or in another one's
 * place. What has no build id is known by its name alone. */
static unsigned find_by_id(const struct dl_phdr_info *info)
{
	size_t len = 0;
	const uint8_t *id = build_id(info, &len);

	for (unsigned i = 0; id && i < engine.patch->modules_cnt; i++) {
		const struct patch_module *want = &engine.modules[i];

		if (!modules[i].is_loaded && want->name[0] && want->build_id_len == len &&
		    !memcmp(id, want->build_id, len))
			return i;
	}
	return PATCH_NONE;
}

/* The first object that is listed is the executable. */
static int look(struct dl_phdr_info *info, size_t size, void *ctx)
{
	int *is_first = ctx;
	const char *name = *is_first ? "" : base_name(info->dlpi_name);
	unsigned found;

	if (!*is_first && !*name)
		return 0;
	found = find_by_name(name);
	if (found == PATCH_NONE && !*is_first && !is_found(info))
		found = find_by_id(info);
	*is_first = 0;
	if (found == PATCH_NONE)
		return 0;
	check_build_id(&engine.modules[found], info);
	modules[found].base = info->dlpi_addr;
	modules[found].phdrs = info->dlpi_phdr;
	modules[found].is_loaded = 1;
	put_segments(&modules[found], info);
	return 0;
}

void module_find_all(void)
{
	int is_first = 1;

	dl_iterate_phdr(look, &is_first);
}

uint64_t module_base(unsigned module)
{
	return modules[module].base;
}

int module_is_loaded(unsigned module)
{
	return modules[module].is_loaded;
}

static const struct segment *segment_of(unsigned module, uint64_t addr)
{
	for (unsigned i = 0; i < modules[module].segments_cnt; i++) {
		const struct segment *segment = &modules[module].segments[i];

		if (addr >= segment->start && addr < segment->end)
			return segment;
	}
	return NULL;
}

int module_prot(unsigned module, uint64_t addr)
{
	const struct segment *segment = segment_of(module, addr);

	if (!segment)
		return -1;
	if (addr >= modules[module].relro_start && addr < modules[module].relro_end)
		return PROT_READ;
	return segment->prot;
}

void module_span(unsigned module, uint64_t *low, uint64_t *high)
{
	*low = UINT64_MAX;
	*high = 0;
	for (unsigned i = 0; i < modules[module].segments_cnt; i++) {
		const struct segment *segment = &modules[module].segments[i];

		*low = segment->start < *low ? segment->start : *low;
		*high = segment->end > *high ? segment->end : *high;
	}
}

unsigned module_of(uint64_t *addr)
{
	if (!engine.patch)
		return PATCH_NONE;
	for (unsigned i = 0; i < engine.patch->modules_cnt; i++) {
		if (!segment_of(i, *addr))
			continue;
		*addr -= modules[i].base;
		return i;
	}
	return PATCH_NONE;
}

int module_is_system_name(const char *name)
{
	static const char *const names[] = {"libc.so", "ld-linux", "libpthread.so"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(name, names[i], strlen(names[i])))
			return 1;
	return 0;
}

int module_is_system(unsigned module)
{
	return module_is_system_name(engine.modules[module].name);
}

/* call rel32, or call r/m in one of its lengths. */
static int follows_call(uint64_t addr)
{
	uint8_t code[7];

	if (guard_read(code, addr - sizeof(code), sizeof(code)) != sizeof(code))
		return 0;
	if (code[2] == 0xe8)
		return 1;
	for (int len = 2; len <= 7; len++)
		if (code[7 - len] == 0xff && (code[8 - len] & 0x38) == 0x10)
			return 1;
	return 0;
}

uint64_t module_caller(uint64_t sp)
{
	for (unsigned i = 0; i < CALLER_WORDS_MAX; i++) {
		uint64_t word, addr;
		unsigned module;

		if (guard_read(&word, sp + 8 * i, sizeof(word)) != sizeof(word))
			return 0;
		addr = word;
		module = module_of(&addr);
		if (module == PATCH_NONE || module_is_system(module))
			continue;
		if (module_prot(module, word) & PROT_EXEC && follows_call(word))
			return word;
	}
	return 0;
}
