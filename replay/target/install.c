// SPDX-License-Identifier: BSD-3-Clause
/*
 * Each function gets a slot, which leads to the thunk. An entry is overwritten by a jump to the slot, so
 * slots lie within 2 GB of their module, together with the trampolines: the overwritten instructions, moved
 * by the driver, and a jump back behind them. Imports need no nearness: their GOT slots hold whole addresses.
 * A mark is a nop that becomes a call; each has a slot of its own, for they may lie in any module.
 */
#include "replay/target/install.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "replay/target/engine.h"
#include "replay/target/module.h"
#include "replay/target/thunk.h"

#define PAGE		 4096ull
#define TRAMPOLINE_BYTES 96 /* a moved prologue and the jump back */
#define CELL_BYTES	 (THUNK_SLOT_BYTES + TRAMPOLINE_BYTES)
#define NEAR_STEP	 (1ull << 20)
#define NEAR_MAX	 ((2ull << 30) - (64ull << 20))
#define JUMP_BYTES	 5
#define INT3		 0xcc
#define NO_INSN		 0x06 /* of one byte: an illegal instruction */
#define JUMP		 0xe9
#define CALL		 0xe8

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#pragma weak _r_debug

/* What a mark does for real. */
void install_nothing(void);
__asm__(".pushsection .text\n.hidden install_nothing\ninstall_nothing: ret\n.popsection");

static int has_traps;
static uint8_t replaced[PATCH_FUNCS_MAX][JUMP_BYTES]; /* by function: what its entry was */
static int is_patched[PATCH_MODULES_MAX];
static uint64_t watched;

static int is_in_code(const struct patch_func *func)
{
	return func->how == PATCH_ENTRY || func->how == PATCH_TRAP;
}

static uint64_t live(const struct patch_func *func)
{
	return module_base(func->module) + func->addr;
}

static void *map_at(uint64_t at, size_t len)
{
	void *area = mmap((void *)at, len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (area == MAP_FAILED)
		return NULL;
	if ((uint64_t)area == at)
		return area;
	munmap(area, len);
	return NULL;
}

/* All of the area reaches, and is reached from, all of the module. Below first: the heap grows above an
 * executable. */
static void *map_near(unsigned module, size_t len)
{
	uint64_t low, high;
	void *area;

	module_span(module, &low, &high);
	for (uint64_t away = NEAR_STEP; away < NEAR_MAX; away += NEAR_STEP) {
		uint64_t below = (low & -PAGE) - away, above = ((high + PAGE - 1) & -PAGE) + away;

		if (below < low && below + NEAR_MAX > high) {
			area = map_at(below, len);
			if (area)
				return area;
		}
		if (above + len < low + NEAR_MAX) {
			area = map_at(above, len);
			if (area)
				return area;
		}
	}
	/* A fixed executable begins at 4 MB: look closer. */
	for (uint64_t away = 64 * PAGE; away < NEAR_STEP; away += 16 * PAGE) {
		area = map_at((low & -PAGE) - away, len);
		if (area)
			return area;
	}
	return NULL;
}

static int write_through_proc(uint64_t addr, const void *bytes, size_t len)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = pwrite(fd, bytes, len, addr);
	close(fd);
	return n == (ssize_t)len ? 0 : -EPERM;
}

/* Overwrite read-only memory. Writable and executable at once, for the page may hold what we are running. */
static int overwrite(unsigned module, uint64_t addr, const void *bytes, size_t len)
{
	uint64_t start = addr & -PAGE, end = (addr + len + PAGE - 1) & -PAGE;
	int prot = module_prot(module, addr);

	if (prot < 0 || module_prot(module, addr + len - 1) < 0)
		return -EFAULT;
	if (prot & PROT_WRITE) {
		memcpy((void *)addr, bytes, len);
		return 0;
	}
	if (mprotect((void *)start, end - start, prot | PROT_WRITE))
		return write_through_proc(addr, bytes, len);
	memcpy((void *)addr, bytes, len);
	mprotect((void *)start, end - start, prot);
	return 0;
}

static void put_branch(uint8_t *at, uint8_t opcode, uint64_t from, uint64_t to)
{
	int32_t distance = to - (from + JUMP_BYTES);

	at[0] = opcode;
	memcpy(at + 1, &distance, sizeof(distance));
}

static void put_jump(uint8_t *at, uint64_t from, uint64_t to)
{
	put_branch(at, JUMP, from, to);
}

/* The moved instructions at @at, with the fields that depend on where they lie, and the way back. */
static void write_trampoline(uint8_t *at, const struct patch_func *func)
{
	memcpy(at, func->copy, func->copy_len);
	for (unsigned i = 0; i < func->fixups_cnt; i++) {
		const struct patch_fixup *fixup = &func->fixups[i];
		int32_t field = module_base(func->module) + fixup->target - ((uint64_t)at + fixup->end);

		memcpy(at + fixup->at, &field, sizeof(field));
	}
	if (!func->is_whole)
		put_jump(at + func->copy_len, (uint64_t)at + func->copy_len, live(func) + func->patched_len);
}

static void check_prologue(const struct patch_func *func)
{
	int is_bad = func->copy_len > sizeof(func->copy) || func->fixups_cnt > 8 ||
		     (func->how == PATCH_ENTRY && func->patched_len < JUMP_BYTES) ||
		     (func->is_callable && !func->copy_len);

	for (unsigned i = 0; !is_bad && i < func->fixups_cnt; i++)
		is_bad = func->fixups[i].at + 4 > func->copy_len;
	if (is_bad)
		engine_fail("the patch of '%s' makes no sense", func->name);
}

static void patch_entry(struct func *func, uint8_t *cell)
{
	const struct patch_func *patch = func->patch;
	uint8_t jump[JUMP_BYTES] = {INT3};
	int is_trap = patch->how == PATCH_TRAP, r;

	check_prologue(patch);
	func->slot = cell;
	thunk_write_slot(cell, func - engine.funcs);
	if (patch->is_callable) {
		func->original = cell + THUNK_SLOT_BYTES;
		write_trampoline(func->original, patch);
	}
	if (!is_trap)
		put_jump(jump, live(patch), (uint64_t)cell);
	has_traps |= is_trap;
	memcpy(replaced[func - engine.funcs], (void *)live(patch), JUMP_BYTES);
	r = overwrite(patch->module, live(patch), jump, is_trap ? 1 : JUMP_BYTES);
	if (r)
		engine_fail("cannot patch '%s': %s", patch->name, strerror(-r));
}

void install_restore(struct func *func)
{
	const struct patch_func *patch = func->patch;

	if (!is_in_code(patch) ||
	    overwrite(patch->module, live(patch), replaced[func - engine.funcs], JUMP_BYTES))
		return;
	func->original = (void *)live(patch);
}

static void patch_site(const struct patch_site *site, uint8_t *cell)
{
	static const uint8_t nop[PATCH_SITE_BYTES] = {0x0f, 0x1f, 0x44, 0x00, 0x00};
	struct func *func = &engine.funcs[site->func];
	uint64_t addr = module_base(site->module) + site->addr;
	uint8_t call[PATCH_SITE_BYTES];
	int r;

	if (module_prot(site->module, addr) < 0 || memcmp((void *)addr, nop, sizeof(nop)))
		engine_fail("there is no mark '%s' where the patch file says", func->patch->name);
	thunk_write_slot(cell, site->func);
	func->slot = cell;
	func->original = (void *)install_nothing;
	put_branch(call, CALL, addr, (uint64_t)cell);
	r = overwrite(site->module, addr, call, sizeof(call));
	if (r)
		engine_fail("cannot patch the mark '%s': %s", func->patch->name, strerror(-r));
}

static void patch_module(unsigned module)
{
	const struct patch_site *sites = (void *)((char *)engine.patch + engine.patch->sites);
	unsigned cnt = 0, cell = 0;
	uint8_t *area;
	size_t len;

	for (unsigned i = 0; i < engine.patch->funcs_cnt; i++)
		cnt += engine.funcs[i].patch->module == module && is_in_code(engine.funcs[i].patch);
	for (unsigned i = 0; i < engine.patch->sites_cnt; i++)
		cnt += sites[i].module == module;
	is_patched[module] = 1;
	if (!cnt)
		return;
	len = (cnt * CELL_BYTES + PAGE - 1) & -PAGE;
	area = map_near(module, len);
	if (!area)
		engine_fail("no room near '%s' for the ways to its stubs", engine.modules[module].name);
	for (unsigned i = 0; i < engine.patch->funcs_cnt; i++)
		if (engine.funcs[i].patch->module == module && is_in_code(engine.funcs[i].patch))
			patch_entry(&engine.funcs[i], area + CELL_BYTES * cell++);
	for (unsigned i = 0; i < engine.patch->sites_cnt; i++)
		if (sites[i].module == module)
			patch_site(&sites[i], area + CELL_BYTES * cell++);
	if (mprotect(area, len, PROT_READ | PROT_EXEC))
		engine_fail("cannot make the stubs executable: %s", strerror(errno));
}

/*
 * The slot's content is the function, but where a fixed executable takes its address: there the executable's
 * PLT stub stands for it, which leads to another slot of ours. So an address outside the executable wins.
 */
static void keep_original(struct func *func, uint64_t addr)
{
	uint64_t kept = (uint64_t)func->original, in_file = kept;

	if (!kept || (module_is_loaded(0) && module_of(&in_file) == 0))
		func->original = (void *)addr;
}

/* The slot leads to the loader, which will put in what it finds when the function is first called. */
static int is_unbound(const struct patch_slot *slot, uint64_t content)
{
	return module_of(&content) == slot->module;
}

static void patch_slot(const struct patch_slot *slot)
{
	struct func *func = &engine.funcs[slot->func];
	uint64_t addr = module_base(slot->module) + slot->addr, original;

	if (!module_is_loaded(slot->module))
		return;
	if (module_prot(slot->module, addr) < 0)
		engine_fail("the slot of '%s' lies outside its module", func->patch->name);
	memcpy(&original, (void *)addr, sizeof(original));
	if (original == (uint64_t)func->slot || !original)
		return;
	if (engine.tape && is_unbound(slot, original))
		original = (uint64_t)dlsym(RTLD_NEXT, func->patch->name);
	if (!original)
		engine_fail("cannot find '%s', which the program imports", func->patch->name);
	keep_original(func, original);
	if (overwrite(slot->module, addr, &func->slot, sizeof(func->slot)))
		engine_fail("cannot replace the import '%s'", func->patch->name);
}

static void make_import_slots(void)
{
	size_t len = (engine.patch->funcs_cnt * THUNK_SLOT_BYTES + PAGE - 1) & -PAGE;
	uint8_t *area;

	area = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		engine_fail("out of memory");
	for (unsigned i = 0; i < engine.patch->funcs_cnt; i++) {
		if (engine.funcs[i].slot)
			continue;
		engine.funcs[i].slot = area + i * THUNK_SLOT_BYTES;
		thunk_write_slot(engine.funcs[i].slot, i);
	}
	if (mprotect(area, len, PROT_READ | PROT_EXEC))
		engine_fail("cannot make the stubs executable: %s", strerror(errno));
}

/* --- libraries that are loaded later --- */

static int is_return(const uint8_t *code)
{
	static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};

	return *code == 0xc3 || (!memcmp(code, endbr64, sizeof(endbr64)) && code[sizeof(endbr64)] == 0xc3);
}

/* The loader calls a function that does nothing whenever its list of libraries has changed: debuggers stop
 * there, and so do we. What it has mapped by then is not relocated yet. */
static int put_watch(const uint8_t *code, uint8_t byte)
{
	uint64_t page = (uint64_t)code & -PAGE;

	if (mprotect((void *)page, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC))
		return -errno;
	*(uint8_t *)code = byte;
	mprotect((void *)page, PAGE, PROT_READ | PROT_EXEC);
	return 0;
}

static void watch_loader(void)
{
	const uint8_t *code = &_r_debug ? (const uint8_t *)_r_debug.r_brk : NULL;

	if (!code || !is_return(code) || put_watch(code, INT3))
		engine_fail("cannot see which libraries the program will load: this ld.so is unknown");
	watched = (uint64_t)code;
}

uint64_t install_watched(void)
{
	return watched;
}

void install_loaded(void)
{
	module_find_all();
	for (unsigned i = 0; i < engine.patch->modules_cnt; i++)
		if (!is_patched[i] && module_is_loaded(i)) {
			patch_module(i);
			engine.has_new_imports = 1;
		}
}

static void patch_slots(void)
{
	const struct patch_slot *slots = (void *)((char *)engine.patch + engine.patch->slots);

	for (unsigned i = 0; i < engine.patch->slots_cnt; i++)
		patch_slot(&slots[i]);
}

void install_imports(void)
{
	if (!engine.has_new_imports)
		return;
	engine.has_new_imports = 0;
	patch_slots();
}

void install_all(void)
{
	int is_complete = 1;

	for (unsigned i = 0; i < engine.patch->modules_cnt; i++) {
		if (module_is_loaded(i))
			patch_module(i);
		is_complete &= module_is_loaded(i);
	}
	if (!engine.patch->funcs_cnt)
		return;
	make_import_slots();
	patch_slots();
	if (!is_complete && !engine.tape)
		watch_loader();
}

uint64_t install_moved_from(uint64_t pc)
{
	for (unsigned i = 0; i < engine.patch->funcs_cnt; i++) {
		const struct func *func = &engine.funcs[i];
		uint64_t off = pc - (uint64_t)func->original;

		if (!is_in_code(func->patch) || !func->original || off >= TRAMPOLINE_BYTES)
			continue;
		return live(func->patch) + (off < func->patch->patched_len ? off : 0);
	}
	return pc;
}

int install_has_traps(void)
{
	return has_traps || watched;
}

uint64_t install_trap_slot(uint64_t addr)
{
	for (unsigned i = 0; i < engine.patch->funcs_cnt; i++) {
		const struct func *func = &engine.funcs[i];

		if (func->patch->how == PATCH_TRAP && is_patched[func->patch->module] &&
		    live(func->patch) == addr)
			return (uint64_t)func->slot;
	}
	return 0;
}

void install_for_debugger(void)
{
	const uint8_t illegal = NO_INSN;

	for (unsigned i = 0; i < engine.patch->funcs_cnt; i++) {
		const struct patch_func *patch = engine.funcs[i].patch;

		if (patch->how == PATCH_TRAP && is_patched[patch->module] &&
		    &engine.funcs[i] != &engine.funcs[engine.patch->operation])
			overwrite(patch->module, live(patch), &illegal, sizeof(illegal));
	}
	if (watched)
		put_watch((const uint8_t *)watched, illegal);
}
