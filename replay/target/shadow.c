// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/shadow.h"

#include <string.h>

#include "replay/target/thunk.h"

#ifdef LINKED_IN

/* The linker would look for its variables in every program. */
void shadow_written(struct frame *frame, void *at, size_t len)
{
}

void shadow_passed(void)
{
}

void shadow_returned(void)
{
}

#else

#define PARAMS_BYTES 800 /* kMsanParamTlsSize, of compiler-rt */
#define RESULT_BYTES 32	 /* what registers return */
#define THEIRS	     __attribute__((weak, tls_model("initial-exec")))

extern void __msan_unpoison(const volatile void *at, size_t len) __attribute__((weak));
extern __thread char __msan_param_tls[PARAMS_BYTES] THEIRS;
extern __thread char __msan_retval_tls[PARAMS_BYTES] THEIRS;

void shadow_written(struct frame *frame, void *at, size_t len)
{
	if (!__msan_unpoison)
		return;
	thunk_keep(frame);
	__msan_unpoison(at, len);
}

void shadow_passed(void)
{
	if (__msan_unpoison)
		memset(__msan_param_tls, 0, PARAMS_BYTES);
}

void shadow_returned(void)
{
	if (__msan_unpoison)
		memset(__msan_retval_tls, 0, RESULT_BYTES);
}

#endif
