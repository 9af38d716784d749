// SPDX-License-Identifier: BSD-3-Clause
/*
 * libelf opens the file and checks its headers; everything behind them is read by object_chunk(), which gives
 * only what lies inside the file, within a budget. Files are read, not mapped: one that shrinks under us is
 * an error rather than a SIGBUS.
 */
#include "lib/object_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/err.h"
#include "lib/util.h"

#define PAGE_BYTES 4096
#define NOTES_MAX  (1u << 20) /* bytes of one note segment */

/* --- bytes --- */

const uint8_t *object_chunk(const struct object *object, uint64_t offset, uint64_t len)
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
	const uint8_t *segment = ph ? object_chunk(object, ph->p_offset, ph->p_filesz) : NULL;

	if (!segment)
		return NULL;
	*len = MIN(*len, ph->p_filesz - (addr - ph->p_vaddr));
	return segment + (addr - ph->p_vaddr);
}

const uint8_t *object_bytes_at(const struct object *object, uint64_t addr, size_t len)
{
	size_t got = len;
	const uint8_t *bytes = object_bytes(object, addr, &got);

	return got == len ? bytes : NULL;
}

const char *object_string_in(const uint8_t *strings, uint64_t len, uint64_t offset)
{
	if (offset >= len || !memchr(strings + offset, '\0', len - offset))
		return NULL;
	return (const char *)strings + offset;
}

const Elf64_Shdr *object_section(const struct object *object, size_t idx)
{
	Elf_Scn *scn = elf_getscn(object->elf, idx);

	return scn ? elf64_getshdr(scn) : NULL;
}

/* Around the segments that have all of @flags. */
static bool span(const struct object *object, uint32_t flags, uint64_t *from, uint64_t *to)
{
	uint64_t low = UINT64_MAX, high = 0;

	for (size_t i = 0; i < object->phdr_cnt; i++) {
		const Elf64_Phdr *ph = &object->phdr[i];

		if (ph->p_type != PT_LOAD || (ph->p_flags & flags) != flags ||
		    ph->p_memsz > UINT64_MAX - ph->p_vaddr)
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

bool object_text(const struct object *object, uint64_t *from, uint64_t *to)
{
	return span(object, PF_X, from, to);
}

bool object_image(const struct object *object, uint64_t *from, uint64_t *to)
{
	return span(object, 0, from, to);
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

/* --- segments and sections --- */

static void read_build_id(struct object *object, const Elf64_Phdr *ph)
{
	uint64_t len = MIN(ph->p_filesz, NOTES_MAX), pos = 0;
	uint64_t align = ph->p_align == 8 ? 8 : 4;
	const uint8_t *bytes = object_chunk(object, ph->p_offset, len);

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
			object_read_dynamic(object, ph);
		if (ph->p_type == PT_INTERP && ph->p_filesz) {
			const uint8_t *text = object_chunk(object, ph->p_offset, ph->p_filesz);

			object->interp = text ? object_string_in(text, ph->p_filesz, 0) : NULL;
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
		const Elf64_Shdr *sh = object_section(object, i);

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

#define SCRIPT_LINE_MAX 256

static int refuse_other(const struct object *object, struct err *err)
{
	char line[SCRIPT_LINE_MAX] = "", *runner = line + 2;
	ssize_t len = pread(object->fd, line, sizeof(line) - 1, 0);

	if (len < 3 || strncmp(line, "#!", 2))
		return err_set(err, -ENOEXEC, "'%s' is not an ELF file", object->path);
	runner += strspn(runner, " \t");
	err_set(err, -ENOEXEC, "'%s' is a script, run by '%.*s'", object->path,
		(int)strcspn(runner, " \t\r\n"), runner);
	err_hint(err, "name the program that it starts");
	return -ENOEXEC;
}

static int check_kind(struct object *object, struct err *err)
{
	GElf_Ehdr any;

	if (elf_kind(object->elf) != ELF_K_ELF || !gelf_getehdr(object->elf, &any))
		return refuse_other(object, err);
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
	r = object_read_symbols(object, err);
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
	object_free(object->more);
	free(object->by_addr);
	free(object->stubs);
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
