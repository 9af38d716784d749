// SPDX-License-Identifier: BSD-3-Clause
#include "tests/engine/kit.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/insn.h"
#include "lib/object.h"
#include "lib/util.h"

#define FILE_MAX (16u << 20)
#define LIBRARY	 2 /* its module */

static void put_op(struct plan *plan, struct plan_op op)
{
	plan->ops[plan->ops_cnt++] = op;
}

static void fill_plan(struct plan *plan, const struct kit_func *func)
{
	*plan = (struct plan){.flags = PLAN_F_RETURN | PLAN_F_ERRNO};
	for (int i = 0; i < func->key_args; i++)
		put_op(plan, (struct plan_op){.kind = PLAN_EMIT, .a = i, .imm = 8});
	for (int i = 0; i < func->key_xmm; i++) {
		put_op(plan, (struct plan_op){.kind = PLAN_XMM, .dst = PLAN_V_TEMP, .imm = i});
		put_op(plan, (struct plan_op){.kind = PLAN_EMIT, .a = PLAN_V_TEMP, .imm = 8});
	}
	plan->fp_in = func->fp_in;
	plan->fp_out = func->fp_out;
	if (func->key_string)
		put_op(plan, (struct plan_op){.kind = PLAN_STRING, .a = 0, .max = 64});
	plan->key_cnt = plan->ops_cnt;
	plan->out = plan->ops_cnt;
	if (func->out_arg)
		put_op(plan, (struct plan_op){.kind = PLAN_COPY,
					      .a = func->out_arg - 1,
					      .b = PLAN_V_ZERO,
					      .max = 16,
					      .node = 7});
	plan->out_cnt = plan->ops_cnt - plan->out;
}

static unsigned put_gate(struct buf *out, const struct kit_func *func)
{
	struct plan_gate gate = {
		.flags = func->carries ? PLAN_GATE_CARRIES : PLAN_GATE_JOINS,
		.cnt = 1,
		.ops = {{.kind = PLAN_MOVE,
			 .dst = PLAN_V_CARRIER,
			 .a = (func->carries ? func->carries : func->joins) - 1}},
	};
	unsigned at = out->len;

	buf_put(out, &gate, offsetof(struct plan_gate, ops) + gate.cnt * sizeof(gate.ops[0]));
	buf_align(out, 8);
	return at;
}

static unsigned alias_of(const struct kit_func *funcs, size_t cnt, const char *alias)
{
	for (size_t i = 0; i < cnt; i++)
		if (!strcmp(funcs[i].alias ?: funcs[i].name, alias))
			return i;
	return 100;
}

static void fill_entry(struct patch_func *out, const struct object *object, const char *name)
{
	const struct symbol *symbol = object_find_func(object, name, NULL, NULL);
	struct prologue prologue = {};
	int r;

	assert_non_null(symbol);
	out->how = PATCH_ENTRY;
	r = prologue_move(&prologue, object, symbol->addr, symbol->size, NULL);
	if (r == -ENOSPC) {
		out->how = PATCH_TRAP;
		r = prologue_trap(&prologue, object, symbol->addr, symbol->size, NULL);
	}
	assert_int_equal(r, 0);
	out->addr = prologue.addr;
	out->is_callable = prologue.is_callable;
	out->is_whole = prologue.is_whole;
	out->patched_len = prologue.patched_len;
	out->copy_len = prologue.copy_len;
	out->fixups_cnt = prologue.fixups_cnt;
	memcpy(out->copy, prologue.copy, sizeof(out->copy));
	for (int i = 0; i < prologue.fixups_cnt; i++)
		out->fixups[i] = (struct patch_fixup){.at = prologue.fixups[i].at,
						      .end = prologue.fixups[i].end,
						      .target = prologue.fixups[i].target};
}

static void fill_module(struct patch_module *module, const struct object *object)
{
	const char *id = object_build_id(object);

	for (size_t i = 0; id[2 * i] && i < sizeof(module->build_id); i++) {
		unsigned byte;

		assert_int_equal(sscanf(id + 2 * i, "%2x", &byte), 1);
		module->build_id[i] = byte;
		module->build_id_len = i + 1;
	}
}

static void open_library(struct object **library, const char *exe)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.*s/libvictim.so", (int)(strrchr(exe, '/') - exe), exe);
	assert_int_equal(object_open(library, path, NULL), 0);
}

void kit_patch_init(struct kit_patch *patch, const char *exe, const struct kit_func *funcs, size_t cnt,
		    unsigned ready_main)
{
	struct patch_header header = {.magic = PATCH_MAGIC,
				      .version = PATCH_VERSION,
				      .ready_main = ready_main,
				      .end_will_do = !ready_main};
	struct patch_module modules[] = {{}, {.name = "libc.so.6"}, {.name = "libvictim.so"}};
	struct patch_func all[KIT_FUNCS] = {};
	struct patch_slot slots[KIT_FUNCS * 4];
	auto_object struct object *object = NULL, *library = NULL;
	struct plan plan;

	assert_int_equal(object_open(&object, exe, NULL), 0);
	open_library(&library, exe);
	fill_module(&modules[0], object);
	*patch = (struct kit_patch){.funcs = funcs, .funcs_cnt = cnt};
	buf_init(&patch->file, FILE_MAX);
	buf_put(&patch->file, &header, sizeof(header));
	for (size_t i = 0; i < cnt; i++) {
		struct patch_func *out = &all[i];
		uint64_t addrs[4];
		size_t addrs_cnt;

		snprintf(out->name, sizeof(out->name), "%s", funcs[i].name);
		out->role = funcs[i].role;
		out->missing = funcs[i].missing;
		out->missing_return.rax = funcs[i].missing_return;
		out->results = funcs[i].results;
		out->alias = alias_of(funcs, cnt, funcs[i].alias ?: funcs[i].name);
		if (funcs[i].fallback)
			out->fallbacks[out->fallbacks_cnt++] = alias_of(funcs, cnt, funcs[i].fallback);
		fill_plan(&plan, &funcs[i]);
		out->plan = patch->file.len;
		buf_put(&patch->file, &plan, offsetof(struct plan, ops) + plan.ops_cnt * sizeof(plan.ops[0]));
		buf_align(&patch->file, 8);
		if (funcs[i].joins)
			out->role |= PATCH_JOINS;
		if (funcs[i].carries || funcs[i].joins)
			out->gate = put_gate(&patch->file, &funcs[i]);
		if (!funcs[i].is_import) {
			out->module = funcs[i].is_library ? LIBRARY : 0;
			fill_entry(out, funcs[i].is_library ? library : object, funcs[i].name);
			continue;
		}
		out->how = PATCH_IMPORT;
		out->is_callable = 1;
		addrs_cnt = object_import_slots(object, funcs[i].name, addrs, ARRAY_SIZE(addrs));
		assert_in_range(addrs_cnt, 1, ARRAY_SIZE(addrs));
		for (size_t k = 0; k < addrs_cnt; k++)
			slots[header.slots_cnt++] = (struct patch_slot){.func = i, .addr = addrs[k]};
		addrs_cnt = object_import_slots(library, funcs[i].name, addrs, ARRAY_SIZE(addrs));
		for (size_t k = 0; k < addrs_cnt; k++)
			slots[header.slots_cnt++] =
				(struct patch_slot){.module = LIBRARY, .func = i, .addr = addrs[k]};
	}
	header.modules = patch->file.len;
	header.modules_cnt = ARRAY_SIZE(modules);
	buf_put(&patch->file, modules, sizeof(modules));
	buf_align(&patch->file, 8);
	header.funcs = patch->file.len;
	header.funcs_cnt = cnt;
	buf_put(&patch->file, all, cnt * sizeof(all[0]));
	header.slots = patch->file.len;
	buf_put(&patch->file, slots, header.slots_cnt * sizeof(slots[0]));
	header.bytes = patch->file.len;
	assert_false(patch->file.failed);
	memcpy(patch->file.data, &header, sizeof(header));
}

void kit_patch_release(struct kit_patch *patch)
{
	buf_release(&patch->file);
}

static unsigned put_ops(struct buf *out, const struct serve_op *ops, size_t max, unsigned *cnt)
{
	unsigned at = out->len;

	for (*cnt = 0; *cnt < max && ops[*cnt].kind; (*cnt)++)
		buf_put(out, &ops[*cnt], sizeof(ops[0]));
	return at;
}

static void put_key(struct buf *out, struct case_call *call, const struct kit_call *made,
		    const struct kit_func *func)
{
	call->key = out->len;
	if (func->key_string)
		buf_put(out, made->key_text, strlen(made->key_text) + 1);
	else
		buf_put(out, made->key, func->key_args * sizeof(made->key[0]));
	buf_put(out, made->key_fp, func->key_xmm * sizeof(made->key_fp[0]));
	call->key_len = out->len - call->key;
	buf_align(out, 8);
}

void kit_case_write(struct buf *out, const struct kit_case *made, const struct kit_patch *patch)
{
	struct case_header header = {.stack_words = made->stack_words};
	struct case_call calls[KIT_CALLS] = {};

	out->len = 0;
	buf_grow(out, sizeof(header));
	memcpy(header.args, made->args, sizeof(header.args));
	memcpy(header.stack, made->stack, sizeof(made->stack));
	header.ops = put_ops(out, made->ops, ARRAY_SIZE(made->ops), &header.ops_cnt);
	for (const struct kit_call *call = made->calls; call->func; call++) {
		struct case_call *to = &calls[header.calls_cnt++];
		unsigned alias = alias_of(patch->funcs, patch->funcs_cnt, call->func);

		to->alias = alias;
		to->role = call->role ?: PATCH_INPUT;
		put_key(out, to, call, &patch->funcs[alias]);
		to->ops = put_ops(out, call->ops, ARRAY_SIZE(call->ops), &to->ops_cnt);
		to->result.rax = call->rax;
		memcpy(to->result.xmm, call->fp, sizeof(call->fp));
		memcpy(to->result.st, call->st, sizeof(call->st));
		to->result.rdx = call->rdx;
		to->has_errno = call->error_number != 0;
		to->error_number = call->error_number;
		if (call->unserved) {
			to->unserved = out->len;
			buf_put(out, call->unserved, strlen(call->unserved) + 1);
			buf_align(out, 8);
		}
	}
	header.calls = out->len;
	buf_put(out, calls, header.calls_cnt * sizeof(calls[0]));
	assert_in_range(out->len, 1, KIT_DATA);
	buf_grow(out, KIT_DATA - out->len);
	buf_put(out, made->data, made->data_len);
	header.bytes = out->len;
	assert_false(out->failed);
	memcpy(out->data, &header, sizeof(header));
}

const struct outcome_event *kit_event(const struct outcome_header *outcome, size_t n)
{
	const char *at = (const char *)(outcome + 1), *end = (const char *)outcome + outcome->made.bytes;

	while (at < end) {
		const struct outcome_event *event = (const void *)at;

		if (!n--)
			return event;
		at += event->len;
	}
	return NULL;
}

const char *kit_text(const char *fmt, ...)
{
	static char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return text;
}
