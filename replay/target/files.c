// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/plan.h"
#include "replay/target/syscalls.h"

int files_read(const char *name, uint64_t off, void *to, size_t most, size_t *len, uint64_t *size)
{
	struct stat stat = {};
	long fd = SYSCALL(SYS_open, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0, 0), n = 1;

	*len = 0;
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? PLAN_FILE_ABSENT : PLAN_FILE_UNREAD;
	if (SYSCALL(SYS_fstat, fd, &stat, 0, 0) < 0 || !S_ISREG(stat.st_mode)) {
		syscalls_close(fd);
		return PLAN_FILE_NO_FILE;
	}
	while (*len < most && n > 0) {
		n = SYSCALL(SYS_pread64, fd, (char *)to + *len, most - *len, off + *len);
		*len += n > 0 ? n : 0;
	}
	syscalls_close(fd);
	*size = (uint64_t)stat.st_size > off + *len ? (uint64_t)stat.st_size : off + *len;
	return n < 0 ? PLAN_FILE_UNREAD : PLAN_FILE_READ;
}

static void make_folders(const char *name)
{
	char path[PLAN_FILE_NAME_MAX];

	for (size_t i = 0; name[i] && i + 1 < sizeof(path); i++) {
		path[i] = name[i];
		path[i + 1] = '\0';
		if (i && name[i] == '/')
			SYSCALL(SYS_mkdir, path, 0700, 0, 0);
	}
}

int files_write(const char *name, const void *data, size_t len)
{
	const char *at = data;
	long fd, n = 0;

	make_folders(name);
	fd = SYSCALL(SYS_open, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600, 0);
	if (fd < 0)
		return (int)fd;
	while (len && n >= 0) {
		n = syscalls_write(fd, at, len);
		at += n > 0 ? n : 0;
		len -= n > 0 ? n : 0;
	}
	syscalls_close(fd);
	return n < 0 ? (int)n : 0;
}
