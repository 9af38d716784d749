// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/thunk.h"

#include <cpuid.h>
#include <errno.h>
#include <string.h>

#define XSAVE_LEGACY 576 /* x87, SSE and the header */
/* SSE, AVX, the three AVX-512 parts, and the upper general registers of APX: what a caller may keep across a
 * call. Neither x87 nor tiles nor protection keys. */
#define XSAVE_WANTED   0x800e6u
#define XSAVE_PART_CNT 32

uint32_t thunk_xsave_mask, thunk_xsave_how;
uint64_t thunk_xsave_bytes = XSAVE_LEGACY;

static uint32_t enabled_parts(void)
{
	uint32_t low, high;

	__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return low;
}

/* Bytes of an area for the wanted parts: packed one after another, or each at its fixed place. */
static uint64_t area_bytes(uint32_t mask, int is_packed)
{
	uint64_t end = XSAVE_LEGACY;

	for (unsigned part = 2; part < XSAVE_PART_CNT; part++) {
		uint32_t size, offset, flags, unused;

		if (!(mask & 1u << part))
			continue;
		__cpuid_count(0xd, part, size, offset, flags, unused);
		if (!is_packed) {
			end = end > offset + size ? end : offset + size;
			continue;
		}
		if (flags & 2)
			end = (end + 63) & ~63ull;
		end += size;
	}
	return end;
}

void thunk_init(void)
{
	uint32_t a, b, c, d;

	__cpuid(1, a, b, c, d);
	if (!(c & bit_OSXSAVE))
		return;
	thunk_xsave_mask = enabled_parts() & XSAVE_WANTED;
	__cpuid_count(0xd, 1, a, b, c, d);
	thunk_xsave_how = a & 2 ? THUNK_XSAVEC : THUNK_XSAVE;
	thunk_xsave_bytes = area_bytes(thunk_xsave_mask, thunk_xsave_how == THUNK_XSAVEC);
}

void thunk_keep(struct frame *frame)
{
	if (!frame || frame->is_kept)
		return;
	thunk_keep_vectors(frame);
	if (!frame->has_errno)
		frame->error_number = errno;
}

void thunk_write_slot(unsigned char *slot, unsigned index)
{
	void (*entry)(void) = thunk_entry;

	slot[0] = 0x68; /* push imm32 */
	memcpy(slot + 1, &index, sizeof(index));
	memcpy(slot + 5, "\xff\x25\x05\x00\x00\x00", 6); /* jmp *5(%rip) */
	memset(slot + 11, 0xcc, 5);
	memcpy(slot + 16, &entry, sizeof(entry));
}
