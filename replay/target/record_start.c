// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/tape.h"
#include "replay/target/emit.h"
#include "replay/target/engine.h"
#include "replay/target/guard.h"
#include "replay/target/module.h"
#include "replay/target/record.h"
#include "replay/target/record_impl.h"
#include "replay/target/ring.h"
#include "replay/target/stack.h"
#include "replay/target/syscalls.h"

#define OUTSIDE_MAX 4 /* segments of code of libc and ld.so */

static struct {
	uint64_t from, to;
} outside[OUTSIDE_MAX];
static unsigned outside_cnt;

static int look(struct dl_phdr_info *info, size_t size, void *unused)
{
	const char *slash = strrchr(info->dlpi_name, '/'), *name = slash ? slash + 1 : info->dlpi_name;

	if (!module_is_system_name(name))
		return 0;
	for (int i = 0; i < info->dlpi_phnum && outside_cnt < OUTSIDE_MAX; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
			continue;
		outside[outside_cnt].from = info->dlpi_addr + p->p_vaddr;
		outside[outside_cnt++].to = info->dlpi_addr + p->p_vaddr + p->p_memsz;
	}
	return 0;
}

int record_is_outside(uint64_t ret)
{
	for (unsigned i = 0; i < outside_cnt; i++)
		if (ret >= outside[i].from && ret < outside[i].to)
			return 1;
	return 0;
}

static void tell_bases(void)
{
	for (unsigned i = 0; i < engine.patch->modules_cnt; i++) {
		engine.tape->bases[i] = module_base(i);
		engine.tape->is_loaded[i] = module_is_loaded(i);
	}
}

static void check_funcs(void)
{
	for (unsigned i = 0; i < engine.patch->funcs_cnt; i++) {
		const struct func *func = &engine.funcs[i];
		const struct patch_func *patch = func->patch;

		if (patch->how == PATCH_SITES || patch->role == PATCH_ENDS || patch->role == PATCH_CONFINES)
			continue;
		if (!module_is_loaded(patch->module))
			engine_fail("'%s' is not loaded when the program starts: '%s' cannot be recorded",
				    engine.modules[patch->module].name, patch->name);
		if (patch->number >= FUNC_MAX || !func->plan || !func->original)
			engine_fail("the patch of '%s' makes no sense", patch->name);
	}
}

static void check_memory(void)
{
	uint64_t word = TAPE_MAGIC, copy = 0;

	if (guard_peek(&copy, (uint64_t)&word, sizeof(word)) != sizeof(word) || copy != word)
		engine_fail("this system does not let a process read its memory by process_vm_readv");
}

void record_give_up(const char *why)
{
	struct tape *tape = engine.tape;

	engine.state = ENGINE_PLAIN;
	snprintf(tape->text, sizeof(tape->text), "%s", why);
	__atomic_store_n(&tape->state, TAPE_ENDED, __ATOMIC_RELEASE);
}

void record_map(int fd)
{
	struct tape head, *tape;
	long n = SYSCALL(SYS_pread64, fd, &head, sizeof(head), 0);

	if (n != sizeof(head) || head.magic != TAPE_MAGIC)
		engine_exit(1);
	tape = mmap(NULL, head.rings, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (tape == MAP_FAILED)
		engine_exit(1);
	engine.tape = tape;
	ring_map_all(fd);
	syscalls_close(fd);
}

void record_start(const void *stack_top)
{
	check_funcs();
	check_memory();
	emit_init();
	stack_init(stack_top);
	record_prepare();
	dl_iterate_phdr(look, NULL);
	tell_bases();
	engine.state = ENGINE_RECORDING;
	__atomic_store_n(&engine.tape->state, TAPE_READY, __ATOMIC_RELEASE);
}
