// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "replay/target/clock.h"
#include "replay/target/engine.h"
#include "replay/target/files.h"
#include "replay/target/guard.h"
#include "replay/target/install.h"
#include "replay/target/module.h"
#include "replay/target/reach.h"
#include "replay/target/syscalls.h"

/* Fragments that one event of @report may have. */
static size_t room_for(const struct report *report, enum capture_section section)
{
	const struct plan *plan = report->func->plan;

	if (!plan)
		return PLAN_BYTES_MAX;
	return PLAN_BYTES_MAX + (section == CAPTURE_IN ? plan->more_in : plan->more_out);
}

static ENGINE_WRITTEN unsigned threads_cnt;
static __thread unsigned thread_number; /* from 1; 0: not numbered yet */

unsigned report_thread(void)
{
	if (!thread_number)
		thread_number = __atomic_add_fetch(&threads_cnt, 1, __ATOMIC_RELAXED);
	return thread_number - 1;
}

/* Events in the window before they are moved: a few pages. */
#define WINDOW_FULL (8u << 10)

/* Whether the program has not forbidden itself to write so much: it would be told by a signal. */
static int may_write(uint64_t end)
{
	struct rlimit limit = {};

	return !SYSCALL(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit) && end <= limit.rlim_cur;
}

static void move_window(void)
{
	union outcome_made made = engine.outcome->made;
	unsigned len = made.window, end = made.bytes + len;

	if (!len)
		return;
	if (!may_write(end) ||
	    SYSCALL(SYS_pwrite64, engine.outcome_fd, engine.outcome->window, len, made.bytes) != len)
		memcpy((char *)engine.outcome + made.bytes, engine.outcome->window, len);
	made.bytes = end;
	made.window = 0;
	__atomic_store_n(&engine.outcome->made.both, made.both, __ATOMIC_RELEASE);
}

/* Where @room bytes of an event may be made. */
static void *place(size_t room)
{
	struct outcome_header *outcome = engine.outcome;
	int is_large = room > PATCH_WINDOW_BYTES - WINDOW_FULL;

	if (is_large || outcome->made.window >= WINDOW_FULL)
		move_window();
	return is_large ? (unsigned char *)outcome + outcome->made.bytes
			: outcome->window + outcome->made.window;
}

void *report_scratch(void)
{
	return place(REPORT_SCRATCH);
}

static struct outcome_event *begin(const struct report *report, unsigned kind)
{
	enum capture_section section = kind == OUTCOME_ENTRY ? CAPTURE_IN : CAPTURE_OUT;
	size_t room = sizeof(struct outcome_event) + room_for(report, section) + 64;
	union outcome_made made = engine.outcome->made;
	struct outcome_event *event;

	if (PATCH_OUTCOME_BYTES - made.bytes < made.window + room)
		report_end(OUTCOME_FULL, report->func, 0);
	event = place(room);
	*event = (struct outcome_event){
		.kind = kind,
		.func = report->func - engine.funcs,
		.seq = report->seq,
		.served = report->served,
		.flags = report->flags,
		.thread = report_thread(),
		.ts_ns = clock_now_ns(),
	};
	return event;
}

/* Only whole events count: the driver reads as far as `made` says. */
static void finish(struct outcome_event *event, size_t fragments_len, int capture_flags)
{
	union outcome_made made = engine.outcome->made;

	if (capture_flags & CAPTURE_STEPS)
		event->flags |= OUTCOME_F_STEPS;
	if (capture_flags & CAPTURE_BUDGET)
		event->flags |= OUTCOME_F_BUDGET;
	event->len = sizeof(*event) + fragments_len;
	engine.outcome->events_cnt++;
	if ((char *)event < (char *)(engine.outcome + 1))
		made.window += event->len;
	else
		made.bytes += event->len;
	__atomic_store_n(&engine.outcome->made.both, made.both, __ATOMIC_RELEASE);
}

static uint64_t address(uint64_t addr)
{
	unsigned module = module_of(&addr);

	return module == PATCH_NONE ? addr : PLAN_IMAGE(module, addr);
}

/* Whoever captures holds the lock of dispatch.c, or is alone. */
static struct capture_work work;

void report_values(struct capture *capture, const struct report *report)
{
	memcpy(capture->v, report->args, sizeof(report->args));
	capture->v[PLAN_V_RSP] = report->rsp;
	capture->xmm = report->xmm;
	capture->v[PLAN_V_ZERO] = 0;
	capture->work = &work;
	capture->file = files_read;
	capture->read = guard_read;
	capture->address = address;
	capture->more = NULL;
	capture->flags = 0;
	capture->len = 0;
}

/* The first @cnt floating-point registers, of which @fp says what it knows. */
struct fpregs {
	const uint64_t (*xmm)[2];
	unsigned xmms;
	const uint8_t (*st)[PLAN_FP_BYTES];
};

static size_t put_fpregs(uint8_t *out, const struct fpregs *fp, unsigned cnt)
{
	struct plan_fragment f = {.addr = PLAN_FP_ADDR,
				  .len = cnt * PLAN_FP_BYTES,
				  .captured = cnt * PLAN_FP_BYTES,
				  .node = PLAN_NODE_FPREGS};
	uint8_t *regs = out + sizeof(f);

	if (!cnt || cnt > PLAN_FP_CNT)
		return 0;
	memcpy(out, &f, sizeof(f));
	memset(regs, 0, f.captured);
	memcpy(regs, fp->xmm, (cnt < fp->xmms ? cnt : fp->xmms) * PLAN_FP_BYTES);
	if (cnt > PLAN_FP_ST0)
		memcpy(regs + PLAN_FP_ST0 * PLAN_FP_BYTES, fp->st, (cnt - PLAN_FP_ST0) * PLAN_FP_BYTES);
	return sizeof(f) + f.captured;
}

static void capture_event(struct outcome_event *event, struct report *report, struct capture *capture,
			  enum capture_section section, const struct fpregs *fp)
{
	const struct plan *plan = report->func->plan;

	if (plan) {
		capture->out = (uint8_t *)(event + 1);
		capture->room = room_for(report, section);
		capture->len =
			put_fpregs(capture->out, fp, section == CAPTURE_IN ? plan->fp_in : plan->fp_out);
		memcpy(capture->keep, report->keep, sizeof(report->keep));
		capture_run(capture, plan, section);
		memcpy(report->keep, capture->keep, sizeof(report->keep));
	}
	finish(event, capture->len, capture->flags);
}

void report_entry(struct report *report)
{
	struct outcome_event *event = begin(report, OUTCOME_ENTRY);
	const struct fpregs fp = {.xmm = report->xmm, .xmms = PLAN_FP_ST0};
	struct capture capture;

	memcpy(event->regs, report->args, sizeof(report->args));
	event->regs[6] = report->rsp;
	report_values(&capture, report);
	memset(report->keep, 0, sizeof(report->keep));
	capture_event(event, report, &capture, CAPTURE_IN, &fp);
}

void report_return(struct report *report, const struct patch_registers *result, int error_number)
{
	struct outcome_event *event = begin(report, OUTCOME_RETURN);
	const uint64_t xmm[2][2] = {{result->xmm[0]}, {result->xmm[1]}};
	const struct fpregs fp = {.xmm = xmm, .xmms = 2, .st = result->st};
	struct capture capture;

	event->regs[0] = result->rax;
	event->regs[1] = result->rdx;
	event->regs[2] = (int64_t)error_number;
	report_values(&capture, report);
	capture.v[PLAN_V_RAX] = result->rax;
	capture.v[PLAN_V_RDX] = result->rdx;
	capture.v[PLAN_V_ERRNO] = (int64_t)error_number;
	capture_event(event, report, &capture, CAPTURE_OUT, &fp);
}

/* Two threads may fault at once: one of them writes. */
static int claim_end(enum outcome_end end)
{
	unsigned none = OUTCOME_NONE;

	return __atomic_compare_exchange_n(&engine.outcome->end, &none, end, 0, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

void report_end(enum outcome_end end, const struct func *func, int number)
{
	if (claim_end(end)) {
		engine.outcome->func = func ? func - engine.funcs : PATCH_NONE;
		engine.outcome->number = number;
		reach_report();
	}
	engine_exit(engine.end_status);
}

void report_trouble(enum outcome_end end, const struct func *func, const char *fmt, ...)
{
	va_list args;

	if (engine.outcome->end == OUTCOME_NONE) {
		va_start(args, fmt);
		vsnprintf(engine.outcome->text, sizeof(engine.outcome->text), fmt, args);
		va_end(args);
	}
	report_end(end, func, 0);
}

void report_place(uint64_t pc, uint64_t sp)
{
	struct outcome_header *outcome = engine.outcome;

	pc = install_moved_from(pc);
	outcome->pc_module = module_of(&pc);
	outcome->pc = pc;
	outcome->caller_module = PATCH_NONE;
	outcome->caller = module_caller(sp);
	outcome->caller_module = module_of((uint64_t *)&outcome->caller);
}

void report_path(uint64_t path)
{
	char *text = engine.outcome->text;
	size_t len = guard_read(text, path, sizeof(engine.outcome->text) - 1);

	if (engine.outcome->end == OUTCOME_NONE)
		text[len] = '\0';
}

void report_fault(enum outcome_end end, int number, uint64_t pc, uint64_t sp, uint64_t addr)
{
	if (!claim_end(end))
		return;
	engine.outcome->number = number;
	engine.outcome->func = PATCH_NONE;
	engine.outcome->addr = addr;
	report_place(pc, sp);
}
