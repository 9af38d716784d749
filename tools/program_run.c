// SPDX-License-Identifier: BSD-3-Clause
#include "tools/program_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/util.h"

#define CHUNK 16384

/* In the child, whose only way to tell is the descriptor @why. */
static void become(const char *const argv[], const char *folder, int out, int talk, int why)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(talk, 2) < 0 ||
	    (folder && chdir(folder)))
		goto failed;
	execvp(argv[0], (char *const *)argv);
failed:
	if (write(why, &errno, sizeof(errno)) < 0)
		_exit(126);
	_exit(127);
}

static void make_room(struct buf *buf, size_t len)
{
	size_t gone = MIN(buf->len, MAX(buf->max / 2, len));

	if (buf->len + len <= buf->max)
		return;
	memmove(buf->data, buf->data + gone, buf->len - gone);
	buf->len -= gone;
}

/* What @fd has, into @buf as far as there is room. False at its end. */
static bool take(int fd, struct buf *buf, bool is_talk)
{
	char chunk[CHUNK];
	ssize_t len = read(fd, chunk, sizeof(chunk));

	if (len < 0 && errno == EINTR)
		return true;
	if (len > 0 && buf && is_talk)
		make_room(buf, len);
	if (len > 0 && buf && !buf->failed && buf->len + len <= buf->max)
		buf_put(buf, chunk, len);
	return len > 0;
}

static void take_all(struct pollfd fds[2], struct buf *const bufs[2])
{
	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		for (int i = 0; i < 2; i++)
			if (fds[i].fd >= 0 && fds[i].revents && !take(fds[i].fd, bufs[i], bufs[i] == bufs[1]))
				fds[i].fd = -1;
	}
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int program_run(const char *const argv[], const char *folder, struct buf *out, struct buf *talk, int *status,
		struct err *err)
{
	autoclose int out_from = -1, out_to = -1, talk_from = -1, talk_to = -1, why_from = -1, why_to = -1;
	struct buf *const bufs[2] = {out, talk};
	int ends[3][2], failed = 0;
	struct pollfd fds[2];
	pid_t pid;

	if (pipe2(ends[0], O_CLOEXEC) || pipe2(ends[1], O_CLOEXEC) || pipe2(ends[2], O_CLOEXEC))
		return err_set(err, -errno, "cannot run '%s': %s", argv[0], strerror(errno));
	out_from = ends[0][0], out_to = ends[0][1], talk_from = ends[1][0], talk_to = ends[1][1];
	why_from = ends[2][0], why_to = ends[2][1];
	pid = fork();
	if (pid < 0)
		return err_set(err, -errno, "cannot run '%s': %s", argv[0], strerror(errno));
	if (pid == 0)
		become(argv, folder, out ? out_to : 2, talk ? talk_to : 2, why_to);
	close(TAKE_FD(out_to));
	close(TAKE_FD(talk_to));
	close(TAKE_FD(why_to));
	fds[0] = (struct pollfd){.fd = out_from, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = talk_from, .events = POLLIN};
	take_all(fds, bufs);
	if (read(why_from, &failed, sizeof(failed)) != sizeof(failed))
		failed = 0;
	*status = wait_for(pid);
	return failed ? err_set(err, -failed, "cannot run '%s': %s", argv[0], strerror(failed)) : 0;
}
