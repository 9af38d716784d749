// SPDX-License-Identifier: BSD-3-Clause
#include "loader/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/util.h"

#define CHUNK	   65536
#define STATUS_MAX 65536

void procfs_path(char path[PROCFS_PATH_MAX], pid_t pid, const char *name)
{
	snprintf(path, PROCFS_PATH_MAX, "/proc/%d/%s", pid, name);
}

int procfs_read(char **out, size_t *len, size_t max, pid_t pid, const char *name, struct err *err)
{
	auto_buf struct buf buf;
	char path[PROCFS_PATH_MAX], chunk[CHUNK];
	autoclose int fd = -1;
	ssize_t n;

	buf_init(&buf, max + 1);
	procfs_path(path, pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "cannot open '%s': %s", path, strerror(errno));
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_put(&buf, chunk, n);
	if (n < 0)
		return err_set(err, -errno, "cannot read '%s': %s", path, strerror(errno));
	buf_put_u8(&buf, 0);
	if (buf.failed)
		return err_set(err, buf.failed, "cannot read '%s': %s", path, strerror(-buf.failed));
	*len = buf.len - 1;
	*out = (char *)TAKE_PTR(buf.data);
	return 0;
}

long procfs_status(pid_t pid, const char *field)
{
	autofree char *text = NULL;
	size_t len, field_len = strlen(field);
	int r = procfs_read(&text, &len, STATUS_MAX, pid, "status", NULL);

	if (r)
		return r;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, field, field_len) && line[field_len] == ':')
			return strtol(line + field_len + 1, NULL, 10);
	}
	return -ENODATA;
}
