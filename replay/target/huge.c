// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/huge.h"

#include <string.h>
#include <sys/mman.h>

#include "replay/target/maps.h"
#include "replay/target/syscalls.h"

#define COLLAPSE 25 /* MADV_COLLAPSE of asm-generic/mman-common.h */
#define PAGE	 (2ull << 20)
/* Of one call: each has the kernel wait for all processors, and some failures end it. */
#define STEP	 (32 * PAGE)
#define MAPS_MAX 64

struct large {
	unsigned long long from[MAPS_MAX], to[MAPS_MAX];
	unsigned cnt;
};

static void add(const struct maps_line *line, void *ctx)
{
	struct large *large = ctx;

	if (line->inode || line->permissions[1] != 'w' || line->permissions[3] != 'p' ||
	    line->to - line->from < HUGE_MIN || large->cnt == MAPS_MAX)
		return;
	large->from[large->cnt] = (line->from + PAGE - 1) & ~(PAGE - 1);
	large->to[large->cnt++] = line->to & ~(PAGE - 1);
}

/* What cannot be collapsed (never touched, shared, no memory left) stays as it is. */
void huge_collapse(void)
{
	struct large large = {};

	maps_each(add, &large);
	for (unsigned i = 0; i < large.cnt; i++)
		for (unsigned long long at = large.from[i]; at < large.to[i]; at += STEP) {
			unsigned long long left = large.to[i] - at;

			SYSCALL(SYS_madvise, at, left < STEP ? left : STEP, COLLAPSE, 0);
		}
}

static struct {
	char *at; /* the first huge page of HUGE_COPY_MAX bytes; NULL: there is no room */
	size_t made;
	int is_refused;
} copy;

void huge_prepare(void)
{
	char *map = mmap(NULL, HUGE_COPY_MAX + PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map != MAP_FAILED)
		copy.at = (char *)(((unsigned long long)map + PAGE - 1) & -PAGE);
}

static void make(size_t len)
{
	memset(copy.at + copy.made, 0, len - copy.made);
	copy.is_refused = SYSCALL(SYS_madvise, copy.at + copy.made, len - copy.made, COLLAPSE, 0) != 0;
	copy.made = len;
	if (copy.is_refused)
		huge_leave_copy();
}

const void *huge_copy(const void *from, size_t len)
{
	if (!copy.at || len < HUGE_COPY_MIN || len > HUGE_COPY_MAX || copy.is_refused)
		return from;
	if (len > copy.made)
		make((len + PAGE - 1) & -PAGE);
	return copy.is_refused ? from : memcpy(copy.at, from, len);
}

void huge_leave_copy(void)
{
	if (copy.made)
		SYSCALL(SYS_madvise, copy.at, copy.made, MADV_DONTNEED, 0);
	copy.made = 0;
}
