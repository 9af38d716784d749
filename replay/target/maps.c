// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/maps.h"

#include <fcntl.h>
#include <stddef.h>

#include "replay/target/syscalls.h"

#define CHUNK 4096

struct parser {
	struct maps_line line;
	int field; /* 0 addresses, 1 permissions, 2 offset, 3 device, 4 inode, then its name */
	int is_to; /* behind the '-' */
	int at;	   /* permissions */
	void (*fn)(const struct maps_line *line, void *ctx);
	void *ctx;
};

static void add_digit(unsigned long long *number, char c, unsigned base)
{
	*number = *number * base + (c <= '9' ? c - '0' : c - 'a' + 10);
}

static void take_field(struct parser *p, char c)
{
	struct maps_line *line = &p->line;

	if (p->field == 0 && c == '-')
		p->is_to = 1;
	else if (p->field == 0)
		add_digit(p->is_to ? &line->to : &line->from, c, 16);
	else if (p->field == 1 && p->at < 4)
		line->permissions[p->at++] = c;
	else if (p->field == 2)
		add_digit(&line->offset, c, 16);
	else if (p->field == 3 && c != ':')
		add_digit(&line->device, c, 16);
	else if (p->field == 4)
		add_digit(&line->inode, c, 10);
}

/* "FROM-TO PERMISSIONS OFFSET DEVICE INODE NAME": proc_pid_maps(5). */
static void take(struct parser *p, char c)
{
	if (c == '\n') {
		p->fn(&p->line, p->ctx);
		*p = (struct parser){.fn = p->fn, .ctx = p->ctx};
	} else if (c == ' ') {
		p->field++;
	} else {
		take_field(p, c);
	}
}

void maps_each(void (*fn)(const struct maps_line *line, void *ctx), void *ctx)
{
	struct parser p = {.fn = fn, .ctx = ctx};
	char text[CHUNK];
	int fd = SYSCALL(SYS_open, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0, 0);
	long len;

	if (fd < 0)
		return;
	while ((len = syscalls_read(fd, text, sizeof(text))) > 0)
		for (long i = 0; i < len; i++)
			take(&p, text[i]);
	syscalls_close(fd);
}
