// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/invoke.h"

#include <errno.h>
#include <string.h>

#include "replay/target/dispatch.h"
#include "replay/target/engine.h"
#include "replay/target/shadow.h"

void invoke_prepare(struct invocation *i, const uint64_t xmm[8], unsigned stack_words)
{
	memcpy(i->call.gpr, i->report.args, sizeof(i->call.gpr));
	for (int k = 0; k < 8; k++)
		i->call.xmm[k][0] = xmm[k];
	i->call.stack = i->stack + 1;
	i->call.stack_words = (stack_words + 1) & ~1u;
	i->call.fp = i->report.func->patch->results & (PATCH_RESULT_ST0 | PATCH_RESULT_ST1);
	i->report.rsp = (uint64_t)i->stack;
	i->report.xmm = i->call.xmm;
}

int invoke_call(struct invocation *i, void *target)
{
	int error_number;

	dispatch_leave();
	errno = 0;
	shadow_passed();
	thunk_call(&i->call, target);
	error_number = errno;
	dispatch_enter();
	return error_number;
}

void invoke_report_return(struct invocation *i, int error_number)
{
	struct patch_registers result = {
		.rax = i->call.rax, .rdx = i->call.rdx, .xmm = {i->call.xmm[0][0], i->call.xmm[1][0]}};

	memcpy(result.st, i->call.st, sizeof(result.st));
	report_return(&i->report, &result, error_number);
}
