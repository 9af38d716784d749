// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/spans.h"

#include <fcntl.h>

#include "replay/target/syscalls.h"

#define APART	 (1ull << 30)
#define USER_END 0x800000000000ull
#define CHUNK	 4096

struct parser {
	struct patch_span *spans;
	unsigned cnt;
	unsigned long long number[2]; /* of the line, as far as it was read */
	int at;			      /* which number; 2: behind both */
};

static void add(struct parser *p)
{
	struct patch_span *last = p->cnt ? &p->spans[p->cnt - 1] : 0;

	if (p->number[0] >= USER_END)
		return;
	if (last && (p->number[0] < last->to + APART || p->cnt == PATCH_SPANS_MAX))
		last->to = p->number[1];
	else
		p->spans[p->cnt++] = (struct patch_span){p->number[0], p->number[1]};
}

/* "FROM-TO PERMISSIONS...", hexadecimal */
static void take(struct parser *p, char c)
{
	if (c == '\n') {
		add(p);
		*p = (struct parser){.spans = p->spans, .cnt = p->cnt};
	} else if (c == '-' || c == ' ') {
		p->at += p->at < 2;
	} else if (p->at < 2) {
		p->number[p->at] = p->number[p->at] << 4 | (c <= '9' ? c - '0' : c - 'a' + 10);
	}
}

unsigned spans_read(struct patch_span spans[PATCH_SPANS_MAX])
{
	struct parser p = {.spans = spans};
	char text[CHUNK];
	int fd = SYSCALL(SYS_open, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0, 0);
	long len;

	if (fd < 0)
		return 0;
	while ((len = syscalls_read(fd, text, sizeof(text))) > 0)
		for (long i = 0; i < len; i++)
			take(&p, text[i]);
	syscalls_close(fd);
	return p.cnt;
}
