// SPDX-License-Identifier: BSD-3-Clause
#include "loader/own_code.h"

#include <link.h>

struct search {
	uintptr_t addr;
	struct own_code *out;
};

static int look(struct dl_phdr_info *info, size_t size, void *ctx)
{
	const struct search *search = ctx;

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t off = search->addr - info->dlpi_addr - p->p_vaddr;

		if (p->p_type != PT_LOAD || off >= p->p_filesz)
			continue;
		search->out->path = info->dlpi_name[0] ? info->dlpi_name : "/proc/self/exe";
		search->out->offset = p->p_offset + off;
		return 1;
	}
	return 0;
}

bool own_code_find(struct own_code *out, const void *addr)
{
	struct search search = {.addr = (uintptr_t)addr, .out = out};

	return dl_iterate_phdr(look, &search);
}
