// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <Zydis/Zydis.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/err.h"
#include "lib/insn.h"
#include "lib/object.h"
#include "lib/util.h"

#define LIBC   "/lib/x86_64-linux-gnu/libc.so.6"
#define SQLITE "/usr/lib/x86_64-linux-gnu/libsqlite3.so.0"

/* A function in assembly, at offset @at of a page, so that what lies on a page's end is chosen. */
#define FUNC_AT(at, name, body)                                                                              \
	__asm__(".pushsection .text.insn,\"ax\",@progbits\n.p2align 12,0xcc\n.skip " #at ", 0xcc\n"          \
		".globl " #name "\n.type " #name ",@function\n" #name ":\n" body "\n.size " #name            \
		",.-" #name "\n.popsection\n")
#define FUNC(name, body) FUNC_AT(16, name, body)
#define ENDBR		 ".byte 0xf3,0x0f,0x1e,0xfa\n"
#define NOP5		 ".byte 0x0f,0x1f,0x44,0x00,0x00\n"
#define TAIL		 "\npop %rbx\nret"

FUNC(s_push, "push %rbx" TAIL);
FUNC(s_push_r12, "push %r12\npop %r12\nret");
FUNC(s_endbr_push, ENDBR "push %rbx" TAIL);
FUNC(s_nop5, NOP5 "push %rbx" TAIL);
FUNC(s_endbr_nop5, ENDBR NOP5 "ret");
FUNC_AT(4093, s_nop5_on_two_pages, NOP5 "ret");
FUNC(s_nop5_inside, "mov %edi,%eax\n" NOP5 "ret");
FUNC(s_nop5_inside_then_push, "mov %edi,%eax\n" NOP5 "push %rbx" TAIL);
FUNC(s_patchable, ".fill 5,1,0x90\nret");
FUNC(s_nop9, ".byte 0x66,0x0f,0x1f,0x84,0,0,0,0,0\nret");
FUNC(s_66_nop5, ".byte 0x66,0x0f,0x1f,0x44,0,0\nret");
FUNC(s_mov_push, "mov %rdi,%rax\nxor %r10d,%r10d\ncmp $4,%esi\npush %rbx" TAIL);
FUNC(s_reads_memory, "mov 8(%rdi),%rax\npush %rbx" TAIL);
FUNC(s_lea, "lea s_push(%rip),%rax\npush %rbx" TAIL);
FUNC(s_call, "mov $1,%ebp\ncall s_push\nret");
FUNC(s_tail_jump, "mov $1,%eax\njmp s_push");
FUNC(s_writes_arg, "xor %edx,%edx\npush %rbx" TAIL);
FUNC(s_writes_arg_byte, "mov $1,%dil\npush %rbx" TAIL);
FUNC(s_writes_hidden, "cltd\npush %rbx" TAIL);
FUNC(s_writes_vector, "pxor %xmm0,%xmm0\npush %rbx" TAIL);
FUNC(s_writes_memory, "movl $0,(%rdi)\npush %rbx" TAIL);
FUNC(s_writes_red_zone, "mov %rdi,-8(%rsp)\npush %rbx" TAIL);
FUNC(s_moves_stack, "sub $8,%rsp\npush %rbx" TAIL);
FUNC(s_branches, "test %edi,%edi\nje 1f\npush %rbx\npop %rbx\n1: ret");
FUNC(s_branches_far, "mov %edi,%eax\ncmp $3,%edi\n.byte 0x0f,0x87\n.long 0\nret");
FUNC(s_branch_is_target, "test %edi,%edi\n1: je 2f\nxor %edi,%edi\njmp 1b\n2: ret");
FUNC(s_target, "mov %rdi,%rax\n1: push %rbx\npop %rbx\ndec %edi\njne 1b\nret");
FUNC(s_target_before, "mov %rdi,%rax\n1: mov %rax,%rbp\npush %rbx\npop %rbx\ndec %edi\njne 1b\nret");
FUNC(s_loop, "1: mov %rdi,%rax\ndec %rdi\njne 1b\nret");
FUNC(s_tail_recursion, "push %rbx\npop %rbx\ndec %edi\njne s_tail_recursion\nret");
FUNC(s_endbr_loop, ENDBR "1: dec %rdi\njne 1b\nret");
FUNC(s_recursive, "mov %rdi,%rax\npush %rbx\ncall s_recursive" TAIL);
FUNC(s_undecodable, "mov %rdi,%rax\npush %rbx\nret\n.byte 0x06,0x06");
/* Every case of the switch leads back to the read behind the endbr64, and one of them to the nop. */
FUNC(s_table,
     "mov %rdi,%rbp\n1: nop\nmov %rbp,%rax\nlea 9f(%rip),%r10\nmovslq (%r10,%rax,4),%rax\n"
     "add %r10,%rax\njmp *%rax\n2: ret\n.pushsection .rodata\n.p2align 2\n9: .long 1b-9b,2b-9b,0x7fffffff\n"
     ".popsection");
FUNC(s_table_elsewhere, "mov %rdi,%rbp\nnop\nmov %rbp,%rax\nlea 9f(%rip),%r10\n3: movslq (%r10,%rax,4),%rax\n"
			"add %r10,%rax\njmp *%rax\n2: ret\n.pushsection .rodata\n.p2align 2\n"
			"9: .long 3b-9b,2b-9b,0x7fffffff\n.popsection");
FUNC(s_computed_goto, "mov %rdi,%rbp\nnop\nmov (%rsi),%rax\njmp *%rax");
FUNC(s_computed_goto_push, "mov %rdi,%rbp\npush %rbx\npop %rbx\nmov (%rsi),%rax\njmp *%rax");
FUNC(s_two_entries, "mov %rdi,%rax\n.globl s_second_entry\n.type s_second_entry,@function\ns_second_entry:"
		    "push %rbx" TAIL "\n.size s_second_entry,.-s_second_entry");
/* What jumps elsewhere, and what is no table. */
FUNC(s_no_return, "push %rbx\n1: jmp 1b");
FUNC(s_returns, "test %edi,%edi\nje 1f\nret\n1: .byte 0xf3\nret\nnop");
FUNC(s_tail_jump_if, "test %edi,%edi\nje s_push\nret");
FUNC(s_tail_jump_got, "test %edi,%edi\nje 1f\nret\n1: jmp *puts@GOTPCREL(%rip)");
FUNC(s_tail_jump_virtual, "mov (%rdi),%rax\nmov 16(%rax),%rax\njmp *%rax\nret");
FUNC(s_tail_jump_virtual_mem, "mov (%rdi),%rax\njmp *16(%rax)\nret");
FUNC(s_jump_added, "add %rsi,%rax\njmp *%rax\nret");
FUNC(s_jump_inside_insn, "test %edi,%edi\n.byte 0x74,1\nmov $0xc3c3c3c3,%eax\nret");
FUNC(s_runs_on, "test %edi,%edi\nje 1f\nret\n1: mov %edi,%eax");
FUNC(s_ends_in_call, "test %edi,%edi\nje 1f\nret\n1: call abort@PLT");
/* As gcc splits off unlikely code. */
FUNC(s_split, "mov %rdi,%rbp\n.Lsplit: nop\ntest %edi,%edi\njne s_split.cold\nret");
FUNC(s_split.cold, "dec %edi\njmp .Lsplit");

FUNC(s_split_returns, "test %edi,%edi\njne s_split_returns.cold\nret");
FUNC(s_split_returns.cold, "dec %edi\nret");

static struct object *opened(const char *path)
{
	struct object *object = NULL;
	struct err err = {};

	if (object_open(&object, path, &err))
		fail_msg("%s", err.msg);
	return object;
}

static void a_site_is_chosen_by_cost_where_nothing_that_counts_has_changed(void **state)
{
	static const struct {
		const char *name;
		enum site_kind kind;
		uint32_t skipped;
		const char *text;
		bool is_variadic;
	} cases[] = {
		{"s_push", SITE_EMULATED, 0, "push rbx"},
		{"s_push_r12", SITE_EMULATED, 0, "push r12"},
		{"s_endbr_push", SITE_EMULATED, 4, "push rbx"},
		{"s_nop5", SITE_NOP5, 0, "nop"},
		{"s_endbr_nop5", SITE_NOP5, 4, "nop"},
		{"s_nop5_on_two_pages", SITE_EMULATED, 0, "nop"},
		{"s_nop5_inside", SITE_STEPPED, 0, "mov eax, edi"},
		{"s_nop5_inside_then_push", SITE_EMULATED, 7, "push rbx"},
		{"s_patchable", SITE_EMULATED, 0, "nop"},
		{"s_nop9", SITE_STEPPED, 0, "nop"},
		{"s_66_nop5", SITE_STEPPED, 0, "nop"},
		{"s_mov_push", SITE_EMULATED, 9, "push rbx"},
		{"s_mov_push", SITE_STEPPED, 0, "mov rax, rdi", true},
		{"s_reads_memory", SITE_EMULATED, 4, "push rbx"},
		{"s_lea", SITE_EMULATED, 7, "push rbx"},
		{"s_call", SITE_EMULATED, 5, "call"},
		{"s_tail_jump", SITE_EMULATED, 5, "jmp"},
		{"s_writes_arg", SITE_STEPPED, 0, "xor edx, edx"},
		{"s_writes_arg_byte", SITE_STEPPED, 0, "mov dil"},
		{"s_writes_hidden", SITE_STEPPED, 0, "cdq"},
		{"s_writes_vector", SITE_STEPPED, 0, "pxor"},
		{"s_writes_memory", SITE_STEPPED, 0, "mov"},
		{"s_writes_red_zone", SITE_STEPPED, 0, "mov"},
		{"s_moves_stack", SITE_STEPPED, 0, "sub rsp"},
		{"s_branches", SITE_EMULATED, 2, "jz"},
		{"s_branches_far", SITE_EMULATED, 5, "jnbe"},
		{"s_branch_is_target", SITE_STEPPED, 0, "test"},
		{"s_target", SITE_STEPPED, 0, "mov"},
		{"s_target_before", SITE_STEPPED, 0, "mov"},
		{"s_tail_recursion", SITE_EMULATED, 0, "push rbx"},
		{"s_endbr_loop", SITE_STEPPED, 0, "endbr64"},
		{"s_recursive", SITE_EMULATED, 3, "push rbx"},
		{"s_undecodable", SITE_STEPPED, 0, "mov"},
		{"s_table", SITE_STEPPED, 0, "mov"},
		{"s_table_elsewhere", SITE_EMULATED, 3, "nop"},
		{"s_computed_goto", SITE_STEPPED, 0, "mov"},
		{"s_computed_goto_push", SITE_EMULATED, 3, "push rbx"},
		{"s_two_entries", SITE_STEPPED, 0, "mov"},
		{"s_split", SITE_STEPPED, 0, "mov"},
	};
	auto_object struct object *self = opened("/proc/self/exe");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct symbol *func = object_find_func(self, cases[i].name, NULL, NULL);
		struct site site = {};
		struct err err = {};

		if (site_choose(&site, self, func->addr, func->size, cases[i].is_variadic, &err))
			fail_msg("%s: %s", cases[i].name, err.msg);
		if (site.kind != cases[i].kind || site.skipped != cases[i].skipped ||
		    site.addr != func->addr + cases[i].skipped ||
		    strncmp(site.text, cases[i].text, strlen(cases[i].text)))
			fail_msg("%s: %s at +%u, '%s'", cases[i].name, site_kind_name(site.kind),
				 site.skipped, site.text);
	}
}

static void a_loop_at_the_entry_is_refused(void **state)
{
	auto_object struct object *self = opened("/proc/self/exe");
	const struct symbol *func = object_find_func(self, "s_loop", NULL, NULL);
	struct site site = {.skipped = 77};
	struct err err = {};

	assert_int_equal(site_choose(&site, self, func->addr, func->size, false, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "a loop of the function begins at its first instruction"));
	assert_string_equal(err.hint, "record a function that calls it, or build it with -fcf-protection");
	assert_int_equal(site.skipped, 77);
}

static void what_has_no_code_or_no_size_is_handled(void **state)
{
	auto_object struct object *self = opened("/proc/self/exe");
	const struct symbol *func = object_find_func(self, "s_mov_push", NULL, NULL);
	struct prologue prologue;
	struct site site;
	struct err err = {};

	assert_int_equal(site_choose(&site, self, 1ull << 40, 16, false, &err), -ERANGE);
	assert_string_equal(err.msg, "'/proc/self/exe' has no code at 0x10000000000");
	/* Without a size nothing is known about what jumps where. */
	assert_int_equal(site_choose(&site, self, func->addr, 0, false, &err), 0);
	assert_int_equal(site.skipped, 0);
	assert_int_equal(prologue_move(&prologue, self, func->addr, 0, &err), -ENODATA);
}

static void costs_are_ordered_as_the_kinds_are(void **state)
{
	for (int kind = 0; kind + 1 < SITE_CNT; kind++) {
		assert_true(site_cost_ns(kind, false) < site_cost_ns(kind + 1, false));
		assert_true(site_cost_ns(kind, false) < site_cost_ns(kind, true));
	}
	assert_string_equal(site_kind_name(SITE_STEPPED), "single-stepped");
}

/* --- real code --- */

static bool decode(ZydisDecodedInstruction *i, ZydisDecodedOperand *operands, const uint8_t *code, size_t len)
{
	ZydisDecoder decoder;

	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, len, i, operands));
}

/* Said another way than in insn.c: which general registers may change. */
static bool may_change(ZydisRegister reg, bool is_variadic)
{
	static const char *const names[] = {"rbx", "rbp", "r10", "r11", "r12", "r13", "r14", "r15"};
	const char *name;

	if (strstr(ZydisRegisterGetString(reg), "flags"))
		return true;
	name = ZydisRegisterGetString(ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg));

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return !is_variadic && !strcmp(name, "rax");
}

static void check_skipped(const struct symbol *func, const struct site *site, const uint8_t *code, size_t len,
			  bool is_variadic)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction i;
	size_t pos = 0;

	for (; pos < site->skipped; pos += i.length) {
		if (!decode(&i, operands, code + pos, len - pos))
			fail_msg("%s: not code at +%zu", func->name, pos);
		for (size_t o = 0; o < i.operand_count; o++) {
			if (!(operands[o].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
				continue;
			if (operands[o].type != ZYDIS_OPERAND_TYPE_REGISTER ||
			    !may_change(operands[o].reg.value, is_variadic))
				fail_msg("%s: %s at +%zu is skipped", func->name,
					 ZydisMnemonicGetString(i.mnemonic), pos);
		}
	}
	if (pos != site->skipped || pos >= len)
		fail_msg("%s: +%u is no instruction of it", func->name, site->skipped);
	for (pos = 0; site->skipped && pos < len; pos += i.length) {
		assert_true(decode(&i, operands, code + pos, len - pos));
		if (i.raw.imm[0].is_relative) {
			int64_t target = (int64_t)(pos + i.length) + i.raw.imm[0].value.s;

			if (target > 0 && target <= site->skipped)
				fail_msg("%s: +%zu jumps between entry and site", func->name, pos);
		}
	}
}

static void check_prologue(const struct symbol *func, const struct prologue *p, size_t len)
{
	size_t start = p->addr - func->addr;

	if ((start != 0 && start != 4) || p->patched_len < PATCH_LEN || p->patched_len > PATCH_LEN + 14)
		fail_msg("%s: %u bytes patched at +%zu", func->name, p->patched_len, start);
	if (start + p->patched_len > len && p->patched_len != PATCH_LEN)
		fail_msg("%s: patched beyond its end", func->name);
	if (p->is_callable != (p->copy_len > 0) || (p->is_whole && !p->is_callable))
		fail_msg("%s: callable %d, whole %d, %u bytes", func->name, p->is_callable, p->is_whole,
			 p->copy_len);
	for (size_t i = 0; i < p->fixups_cnt; i++)
		if (p->fixups[i].at + 4 > p->fixups[i].end || p->fixups[i].end > p->copy_len)
			fail_msg("%s: fixup outside the copy", func->name);
}

static void sweep(const char *path)
{
	auto_object struct object *object = opened(path);
	size_t kinds[SITE_CNT] = {}, refused = 0, funcs = 0, callable = 0, short_ones = 0;

	for (size_t i = 0; i < object_symbols_cnt(object); i++) {
		const struct symbol *func = object_symbol(object, i);
		struct prologue prologue;
		struct site site;
		size_t len = func->size;
		const uint8_t *code;
		struct err err = {};
		int r;

		if (!func->is_func || !func->size)
			continue;
		funcs++;
		code = object_bytes(object, func->addr, &len);
		r = site_choose(&site, object, func->addr, func->size, i & 1, &err);
		if (r && r != -ENOTSUP)
			fail_msg("%s: %s", func->name, err.msg);
		refused += r != 0;
		if (!r) {
			kinds[site.kind]++;
			check_skipped(func, &site, code, len, i & 1);
		}
		r = prologue_move(&prologue, object, func->addr, func->size, &err);
		if (r && r != -ENOSPC)
			fail_msg("%s: %s", func->name, err.msg);
		short_ones += r != 0;
		if (!r) {
			callable += prologue.is_callable;
			check_prologue(func, &prologue, len);
		}
	}
	print_message("%s: %zu functions; nop5 %zu, emulated %zu, stepped %zu, refused %zu; "
		      "movable %zu, replaceable %zu, too short %zu\n",
		      path, funcs, kinds[SITE_NOP5], kinds[SITE_EMULATED], kinds[SITE_STEPPED], refused,
		      callable, funcs - short_ones - callable, short_ones);
	assert_true(funcs > 200);
	assert_true(kinds[SITE_EMULATED] > funcs * 2 / 5);
	assert_true(refused < funcs / 100);
	assert_true(callable > funcs * 95 / 100);
}

static void every_function_of_libc_has_a_site_and_can_be_moved(void **state)
{
	sweep(LIBC);
}

static void every_function_of_sqlite_has_a_site_and_can_be_moved(void **state)
{
	sweep(SQLITE);
}

/* --- moved code, run --- */

typedef long (*func_fn)(long, long);

static int first_bias(struct dl_phdr_info *info, size_t size, void *ctx)
{
	*(uintptr_t *)ctx = info->dlpi_addr;
	return 1;
}

/* A page within reach of a 32-bit distance from @near. */
static uint8_t *page_near(uintptr_t near)
{
	for (uintptr_t off = 1 << 20; off < 1u << 30; off += 1 << 20) {
		void *at = (void *)((near & ~4095ul) - off);
		void *page = mmap(at, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		if (page == at)
			return page;
		if (page != MAP_FAILED)
			munmap(page, 4096);
	}
	fail_msg("no page near");
	return NULL;
}

/* Lay out @p as the engine does: fixed up, with a jump back. */
static void *install(const struct prologue *p, uintptr_t bias)
{
	uint8_t *page = page_near(bias + p->addr);
	uint64_t back = bias + p->addr + p->patched_len;

	memset(page, 0xcc, 4096);
	memcpy(page, p->copy, p->copy_len);
	for (size_t i = 0; i < p->fixups_cnt; i++) {
		const struct insn_fixup *fixup = &p->fixups[i];
		int64_t distance = (int64_t)(bias + fixup->target) - (int64_t)(uintptr_t)(page + fixup->end);

		assert_true(distance == (int32_t)distance);
		memcpy(page + fixup->at, &(int32_t){(int32_t)distance}, 4);
	}
	if (!p->is_whole) {
		memcpy(page + p->copy_len, "\xff\x25\0\0\0\0", 6);
		memcpy(page + p->copy_len + 6, &back, 8);
	}
	return page;
}

static void poke(uintptr_t addr, const void *bytes, size_t len)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	assert_int_equal(pwrite(fd, bytes, len, (off_t)addr), len);
	close(fd);
}

FUNC(m_plain, "push %rbx\nmov %rdi,%rbx\nlea (%rbx,%rsi),%rax" TAIL);
FUNC(m_endbr, ENDBR "push %rbx\nmov %rdi,%rbx\nlea (%rbx,%rsi),%rax" TAIL);
FUNC(m_rip, "mov m_data(%rip),%rax\nadd %rdi,%rax\nret");
FUNC(m_rip_immediate, "cmpl $1000,m_data(%rip)\nsete %al\nmovzbl %al,%eax\nret");
FUNC(m_jcc8, "test %rdi,%rdi\nje 1f\nlea (%rdi,%rsi),%rax\nret\n1: mov $-5,%rax\nret");
FUNC(m_jmp8, "jmp 1f\n.byte 0x90,0x90,0x90\n1: lea 1(%rdi),%rax\nret");
FUNC(m_jcc32,
     "test %rdi,%rdi\n.byte 0x0f,0x84\n.long 1f-.-4\nlea (%rdi,%rsi),%rax\nret\n1: mov $-5,%rax\nret");
FUNC(m_call, "call m_plain\nadd $1,%rax\nret");
FUNC(m_tail, "jmp m_plain");
FUNC(m_short, "lea (%rdi,%rsi),%eax\nret\n.nops 12");
FUNC(m_ret, "ret");
FUNC(m_loop_inside, "xor %eax,%eax\n1: add %rdi,%rax\ndec %rdi\njne 1b\nret");
FUNC(m_loop_at_entry, "1: add %rdi,%rsi\ndec %rdi\njne 1b\nmov %rsi,%rax\nret");
FUNC(m_loop_calls, "mov %edi,%eax\n1: dec %rdi\njs 2f\nadd m_data(%rip),%rax\njmp 1b\n2: ret");
FUNC(m_recursive,
     "test %rdi,%rdi\nje 1f\npush %rdi\ndec %rdi\ncall m_recursive\npop %rdi\nadd %rdi,%rax\nret\n"
     "1: xor %eax,%eax\nret");
__asm__(".data\nm_data: .quad 1000\n.text\n");

__attribute__((noinline)) long compiled_switch(long a, long b);
long compiled_switch(long a, long b)
{
	switch (a) {
	case 0:
		return b * 3;
	case 1:
		return b / 7;
	case 2:
		return b - 9;
	case 3:
		return b ^ 0x55;
	case 4:
		return ~b;
	case 5:
		return b << 3;
	}
	return a + b;
}

__attribute__((noinline)) long compiled_calls(long a, long b);
long compiled_calls(long a, long b)
{
	char text[64];

	snprintf(text, sizeof(text), "%ld/%ld", compiled_switch(a, b), b);
	return (long)strlen(text) + text[0] * a;
}

static const struct {
	const char *name;
	bool is_whole;
} moved[] = {
	{"m_plain"},
	{"m_endbr"},
	{"m_rip"},
	{"m_rip_immediate"},
	{"m_jcc8"},
	{"m_jmp8"},
	{"m_jcc32"},
	{"m_call"},
	{"m_tail", true},
	{"m_loop_inside", true},
	{"m_loop_at_entry", true},
	{"m_loop_calls", true},
	{"m_recursive"},
	{"compiled_switch"},
	{"compiled_calls"},
};

static void moved_functions_do_what_they_did(void **state)
{
	auto_object struct object *self = opened("/proc/self/exe");
	uintptr_t bias = 0;

	dl_iterate_phdr(first_bias, &bias);
	for (size_t i = 0; i < ARRAY_SIZE(moved); i++) {
		const struct symbol *symbol = object_find_func(self, moved[i].name, NULL, NULL);
		uint8_t saved[32], patch[32];
		struct prologue p = {};
		struct err err = {};
		func_fn original, copy;
		long want[8], got[8];

		if (prologue_move(&p, self, symbol->addr, symbol->size, &err))
			fail_msg("%s: %s", moved[i].name, err.msg);
		if (!p.is_callable || p.is_whole != moved[i].is_whole)
			fail_msg("%s: callable %d, whole %d", moved[i].name, p.is_callable, p.is_whole);
		original = (func_fn)(bias + symbol->addr);
		copy = (func_fn)install(&p, bias);
		for (long a = 0; a < 8; a++)
			want[a] = original(a + 1, 1234567 + a);
		/* The entry now leads to the copy, and whatever jumps between is killed. */
		memcpy(saved, (void *)(bias + p.addr), p.patched_len);
		memset(patch, 0xcc, sizeof(patch));
		patch[0] = 0xe9;
		memcpy(patch + 1, &(int32_t){(int32_t)((uintptr_t)copy - (bias + p.addr + 5))}, 4);
		poke(bias + p.addr, patch, p.patched_len);
		for (long a = 0; a < 8; a++)
			got[a] = a & 1 ? original(a + 1, 1234567 + a) : copy(a + 1, 1234567 + a);
		poke(bias + p.addr, saved, p.patched_len);
		for (long a = 0; a < 8; a++)
			if (got[a] != want[a])
				fail_msg("%s(%ld): %ld, not %ld", moved[i].name, a + 1, got[a], want[a]);
		munmap((void *)copy, 4096);
	}
}

static int compare_longs(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return (x > y) - (x < y);
}

static void *copy_of(const struct object *libc, uintptr_t bias, const char *name)
{
	const struct symbol *symbol = object_find_func(libc, name, NULL, NULL);
	struct prologue p = {};
	struct err err = {};

	if (prologue_move(&p, libc, symbol->addr, symbol->size, &err) || !p.is_callable)
		fail_msg("%s: %s", name, err.msg);
	return install(&p, bias);
}

static void copies_of_libc_functions_work(void **state)
{
	auto_object struct object *libc = opened(LIBC);
	void *handle = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	struct link_map *map;
	long numbers[] = {5, 3, 9, 1, 7};
	char text[64];

	assert_int_equal(dlinfo(handle, RTLD_DI_LINKMAP, &map), 0);
	((__typeof__(&qsort))copy_of(libc, map->l_addr, "qsort"))(numbers, 5, sizeof(long), compare_longs);
	assert_int_equal(numbers[0], 1);
	assert_int_equal(numbers[4], 9);
	((__typeof__(&snprintf))copy_of(libc, map->l_addr, "snprintf"))(text, sizeof(text), "%d %.2f %s", 7,
									1.5, "x");
	assert_string_equal(text, "7 1.50 x");
	assert_int_equal(((__typeof__(&strtol))copy_of(libc, map->l_addr, "strtol"))("-42", NULL, 10), -42);
	assert_true(((__typeof__(&strtod))copy_of(libc, map->l_addr, "strtod"))("2.5", NULL) == 2.5);
	assert_non_null(((__typeof__(&getenv))copy_of(libc, map->l_addr, "getenv"))("PATH"));
	assert_int_equal(((__typeof__(&labs))copy_of(libc, map->l_addr, "labs"))(-3), 3);
	dlclose(handle);
}

/* m_ret and m_short: one byte with int3 behind it, and a body that ends under the jump. */
static void short_functions_use_their_padding_or_are_refused(void **state)
{
	auto_object struct object *self = opened("/proc/self/exe");
	const struct symbol *func = object_find_func(self, "m_ret", NULL, NULL);
	struct prologue p = {};
	struct err err = {};
	char want[128];

	/* What follows on its page is int3. */
	assert_int_equal(prologue_move(&p, self, func->addr, func->size, &err), 0);
	assert_true(p.is_whole && p.is_callable);
	assert_int_equal(p.patched_len, PATCH_LEN);
	assert_int_equal(p.copy_len, 1);
	/* The first bytes of a function with another function behind it. */
	func = object_find_func(self, "s_two_entries", NULL, NULL);
	assert_int_equal(prologue_move(&p, self, func->addr, func->size, &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "'s_second_entry' begins right behind"));
	func = object_find_func(self, "s_mov_push", NULL, NULL);
	assert_int_equal(prologue_move(&p, self, func->addr, 3, &err), -ENOSPC);
	snprintf(want, sizeof(want),
		 "the function at 0x%lx of '/proc/self/exe' has 3 bytes, too few for a jump",
		 (unsigned long)func->addr);
	assert_string_equal(err.msg, want);
	assert_string_equal(err.hint, "build it with -falign-functions=16");
}

/* A breakpoint covers one instruction, whatever stands behind it. */
static void short_functions_can_be_copied_for_a_breakpoint(void **state)
{
	auto_object struct object *self = opened("/proc/self/exe");
	const struct symbol *func = object_find_func(self, "s_two_entries", NULL, NULL);
	struct prologue p = {};

	assert_int_equal(prologue_trap(&p, self, func->addr, func->size, NULL), 0);
	assert_int_equal(p.addr, func->addr);
	assert_true(p.is_callable);
	assert_int_equal(p.copy_len, p.patched_len);
	assert_true(p.patched_len < PATCH_LEN);
	func = object_find_func(self, "m_ret", NULL, NULL);
	assert_int_equal(prologue_trap(&p, self, func->addr, func->size, NULL), 0);
	assert_true(p.is_whole && p.is_callable);
	assert_int_equal(p.patched_len, 1);
	func = object_find_func(self, "s_endbr_push", NULL, NULL);
	assert_int_equal(prologue_trap(&p, self, func->addr, func->size, NULL), 0);
	assert_int_equal(p.addr, func->addr + 4);
	assert_int_equal(p.copy[0], 0x53);
	assert_int_equal(p.copy_len, 1);
	assert_false(p.is_whole);
}

FUNC(r_loop_insn, "mov %edi,%ecx\nloop 1f\n1: mov %edi,%eax\nret");
FUNC(r_long_loop, "mov %edi,%eax\n1: add $1,%eax\n.nops 70\ndec %edi\njne 1b\nret");

static void what_cannot_be_copied_can_still_be_replaced(void **state)
{
	static const char *const names[] = {"r_loop_insn", "r_long_loop", "s_table", "s_undecodable"};
	auto_object struct object *self = opened("/proc/self/exe");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct symbol *func = object_find_func(self, names[i], NULL, NULL);
		struct prologue p = {};

		assert_int_equal(prologue_move(&p, self, func->addr, func->size, NULL), 0);
		if (p.is_callable || p.is_whole || p.copy_len || p.fixups_cnt)
			fail_msg("%s is callable", names[i]);
		assert_true(p.patched_len >= PATCH_LEN);
	}
}

/* The returns of @name, whose code is also that of @part (NULL: none), as offsets from its entry. */
static int returns_of(char *out, size_t len, const struct object *object, const char *name, const char *part,
		      struct err *err)
{
	const struct symbol *self = object_find_func(object, name, NULL, NULL);
	const struct symbol *cold = part ? object_find_func(object, part, NULL, NULL) : NULL;
	struct code_range parts[2] = {{self->addr, self->size}};
	autofree uint64_t *rets = NULL;
	size_t cnt = 0, at = 0;
	int r;

	if (cold)
		parts[1] = (struct code_range){cold->addr, cold->size};
	r = insn_returns(&rets, &cnt, object, parts, cold ? 2 : 1, err);
	out[0] = '\0';
	for (size_t i = 0; i < cnt; i++) {
		const struct symbol *in = cold && rets[i] - cold->addr < cold->size ? cold : self;

		at += snprintf(out + at, len - at, "%s%s%lu", i ? " " : "", in == cold ? "cold+" : "",
			       (unsigned long)(rets[i] - in->addr));
	}
	return r;
}

static void a_function_returns_at_all_its_rets_or_is_refused(void **state)
{
	static const char leaves[] = "it may leave by the jump at 0x", unclear[] = "is not understood";
	static const struct {
		const char *name, *part, *want, *refused;
	} cases[] = {
		{"s_push", NULL, "2"},
		{"s_returns", NULL, "4 5"},
		{"s_no_return", NULL, ""},
		{"s_branches", NULL, "6"},
		{"s_table", NULL, "23"},
		{"s_ends_in_call", NULL, "4"},
		{"s_split_returns", "s_split_returns.cold", "8 cold+2"},
		{"s_split_returns", NULL, "", leaves},
		{"s_tail_jump", NULL, "", leaves},
		{"s_tail_jump_if", NULL, "", leaves},
		{"s_tail_jump_got", NULL, "", leaves},
		{"s_tail_jump_virtual", NULL, "", leaves},
		{"s_tail_jump_virtual_mem", NULL, "", leaves},
		{"s_tail_recursion", NULL, "", leaves},
		{"s_computed_goto", NULL, "", leaves},
		{"s_jump_added", NULL, "", unclear},
		{"s_jump_inside_insn", NULL, "", unclear},
		{"s_runs_on", NULL, "", unclear},
		{"s_undecodable", NULL, "", unclear},
	};
	auto_object struct object *object = opened("/proc/self/exe");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = {};
		char got[128];
		int r = returns_of(got, sizeof(got), object, cases[i].name, cases[i].part, &err);

		if (strcmp(got, cases[i].want) || !r != !cases[i].refused)
			fail_msg("%s: '%s' %d %s", cases[i].name, got, r, err.msg);
		if (r)
			assert_non_null(strstr(err.msg, cases[i].refused));
		if (r)
			assert_non_null(strstr(err.hint, "\"nothrow\": true"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_returns_at_all_its_rets_or_is_refused),
		cmocka_unit_test(a_site_is_chosen_by_cost_where_nothing_that_counts_has_changed),
		cmocka_unit_test(a_loop_at_the_entry_is_refused),
		cmocka_unit_test(what_has_no_code_or_no_size_is_handled),
		cmocka_unit_test(costs_are_ordered_as_the_kinds_are),
		cmocka_unit_test(every_function_of_libc_has_a_site_and_can_be_moved),
		cmocka_unit_test(every_function_of_sqlite_has_a_site_and_can_be_moved),
		cmocka_unit_test(moved_functions_do_what_they_did),
		cmocka_unit_test(copies_of_libc_functions_work),
		cmocka_unit_test(short_functions_use_their_padding_or_are_refused),
		cmocka_unit_test(short_functions_can_be_copied_for_a_breakpoint),
		cmocka_unit_test(what_cannot_be_copied_can_still_be_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
