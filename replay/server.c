// SPDX-License-Identifier: BSD-3-Clause
/*
 * The driver's end of replay/target/patch.h. A target that dies, or that plays in its own process because it
 * has threads, is started anew at the next case.
 */
#include "replay/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/util.h"
#include "replay/debugger.h"
#include "replay/launch.h"
#include "replay/target/patch.h"

#define INTERRUPT_MS 100  /* after that it is looked for */
#define GRACE_MS     5000 /* for the fork server to say that it killed a child */
#define SAID_SHOWN   200

struct server {
	struct launch *launch;
	int patch_fd, case_fd, outcome_fd;
	uint8_t *played;
	struct outcome_header *outcome;
	unsigned funcs_cnt;
	int ready_timeout_ms;
	const void *startup;
	size_t startup_len;

	pid_t pid; /* 0: not running */
	int socket;
	int layers;
	pid_t program; /* the process that is ready, as this one sees it; known when it is debugged */
	bool is_debugged;
	struct server_stop stop;
	const volatile sig_atomic_t *interrupt;
	unsigned threads_cnt;
	char ready_at[PATCH_TEXT_MAX];
	struct patch_span spans[PATCH_SPANS_MAX];
	size_t spans_cnt;
};

static void serverp(struct server **server)
{
	server_stop(*server);
}
#define auto_server __attribute__((cleanup(serverp)))

/* --- memory that both sides map --- */

static int make_memfd(int *fd, const char *name, size_t len, struct err *err)
{
	*fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0 || ftruncate(*fd, len))
		return err_set(err, -errno, "cannot share memory with the target: %s", strerror(errno));
	return 0;
}

static int map_shared(void **at, int fd, size_t len, struct err *err)
{
	void *mapped = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (mapped == MAP_FAILED)
		return err_set(err, -errno, "cannot share memory with the target: %s", strerror(errno));
	*at = mapped;
	return 0;
}

static int share_patch(struct server *server, const struct server_opts *opts, struct err *err)
{
	const struct patch_header *header = opts->patch;
	int r;

	if (opts->patch_len < sizeof(*header))
		return err_set(err, -EINVAL, "the patch file is too short");
	server->funcs_cnt = header->funcs_cnt;
	r = make_memfd(&server->patch_fd, "tapedeck-patch", 0, err);
	if (r)
		return r;
	for (size_t done = 0; done < opts->patch_len;) {
		ssize_t n = write(server->patch_fd, (char *)opts->patch + done, opts->patch_len - done);

		if (n < 0)
			return err_set(err, -errno, "cannot hand over the patch file: %s", strerror(errno));
		done += n;
	}
	fcntl(server->patch_fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	return 0;
}

static int share_memory(struct server *server, const struct server_opts *opts, struct err *err)
{
	int r;

	r = share_patch(server, opts, err);
	r = r ?: make_memfd(&server->case_fd, "tapedeck-case", PATCH_CASE_BYTES, err);
	r = r ?: make_memfd(&server->outcome_fd, "tapedeck-outcome", PATCH_OUTCOME_BYTES, err);
	if (!r)
		fcntl(server->outcome_fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	r = r ?: map_shared((void **)&server->played, server->case_fd, PATCH_CASE_BYTES, err);
	r = r ?: map_shared((void **)&server->outcome, server->outcome_fd, PATCH_OUTCOME_BYTES, err);
	return r;
}

/* --- one process --- */

/* The keeper's end ends all that is inside. */
static int reap(struct server *server, bool kill_it)
{
	int status = 0;

	if (!server->pid)
		return 0;
	if (kill_it)
		kill(server->pid, SIGKILL);
	while (waitpid(server->pid, &status, 0) < 0 && errno == EINTR)
		;
	server->pid = 0;
	closep(&server->socket);
	server->socket = -1;
	return status;
}

/* One message, and who sent it where the kernel tells. */
static ssize_t receive_message(struct server *server, struct patch_message *message)
{
	char control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec data = {message, sizeof(*message)};
	struct msghdr header = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(server->socket, &header, 0);
	const struct cmsghdr *part = n > 0 ? CMSG_FIRSTHDR(&header) : NULL;
	struct ucred from;

	if (part && part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_CREDENTIALS) {
		memcpy(&from, CMSG_DATA(part), sizeof(from));
		server->program = from.pid;
	}
	return n;
}

static bool is_interrupted(const struct server *server)
{
	return server->interrupt && *server->interrupt;
}

/* -ETIMEDOUT; -EINTR; -EPIPE when the other end is gone. A signal may come just before the wait begins: the
 * wait is short, and again. */
static int receive(struct server *server, struct patch_message *message, int timeout_ms)
{
	uint64_t until = clock_ms() + timeout_ms;

	for (;;) {
		struct pollfd ready = {.fd = server->socket, .events = POLLIN};
		int64_t left = MAX((int64_t)(until - clock_ms()), (int64_t)0);
		int n = poll(&ready, 1, server->interrupt ? MIN(left, (int64_t)INTERRUPT_MS) : left);

		if (n <= 0 && is_interrupted(server))
			return -EINTR;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0 && left > INTERRUPT_MS)
			continue;
		if (n == 0)
			return -ETIMEDOUT;
		n = receive_message(server, message);
		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof(*message))
			return -EPIPE;
		message->text[sizeof(message->text) - 1] = '\0';
		return 0;
	}
}

static int say_interrupted(struct server *server, struct err *err)
{
	reap(server, true);
	return err_set(err, -EINTR, "stopped");
}

static void put_last_words(struct server *server, struct err *err)
{
	const char *said = launch_said(server->launch);
	size_t len = strlen(said);

	if (len)
		err_hint(err, "it wrote: %s", said + (len > SAID_SHOWN ? len - SAID_SHOWN : 0));
}

static int say_why_dead(struct server *server, int status, struct err *err)
{
	int r;

	if (WIFSIGNALED(status))
		r = err_set(err, -EPIPE, "the program was killed by %s before it was ready",
			    strsignal(WTERMSIG(status)));
	else
		r = err_set(err, -EPIPE, "the program ended with status %d before it was ready",
			    WEXITSTATUS(status));
	put_last_words(server, err);
	return r;
}

/* A program that reads stdin finds nothing there and is done at once. */
static void put_ready_hint(struct server *server, const struct patch_message *message, struct err *err)
{
	if (strstr(message->text, " before '"))
		err_hint(
			err,
			"give it the arguments that it needs behind --; 'main' or 'end' of --ready replay at "
			"the start of main or at its end");
}

static int await_ready(struct server *server, struct err *err)
{
	struct patch_message message;
	int r = receive(server, &message, server->ready_timeout_ms);

	if (r == -EINTR)
		return say_interrupted(server, err);
	if (r == -ETIMEDOUT) {
		reap(server, true);
		r = err_set(err, r, "the program was not ready within %d ms", server->ready_timeout_ms);
		err_hint(err, "say with --ready where it waits for work, or 'main' to replay at its start");
		put_last_words(server, err);
		return r;
	}
	if (r)
		return say_why_dead(server, reap(server, false), err);
	if (message.kind == MESSAGE_READY) {
		server->threads_cnt = message.number;
		memcpy(server->ready_at, message.text, sizeof(server->ready_at));
		memcpy(server->spans, message.spans, sizeof(server->spans));
		server->spans_cnt = MIN(message.spans_cnt, ARRAY_SIZE(server->spans));
		return 0;
	}
	reap(server, true);
	if (message.kind != MESSAGE_FAILED)
		return err_set(err, -EPROTO, "the engine sent a message of kind %u", message.kind);
	r = err_set(err, -ECANCELED, "%s", message.text);
	put_ready_hint(server, &message, err);
	put_last_words(server, err);
	return r;
}

/* In the place of the case, until the program is ready. */
static void hand_over_startup(struct server *server)
{
	memset(server->played, 0, sizeof(struct case_header));
	if (server->startup_len)
		memcpy(server->played, server->startup, server->startup_len);
}

static int start_process(struct server *server, struct err *err)
{
	autoclose int theirs = -1;
	int ends[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return err_set(err, -errno, "cannot make a socket: %s", strerror(errno));
	server->socket = ends[0];
	if (server->is_debugged)
		setsockopt(server->socket, SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int));
	theirs = ends[1];
	hand_over_startup(server);
	r = launch_start(&server->pid, &server->layers, server->launch,
			 (const int[]){server->patch_fd, server->case_fd, server->outcome_fd, theirs}, err);
	if (r) {
		closep(&server->socket);
		server->socket = -1;
		return r;
	}
	close(TAKE_FD(theirs));
	return await_ready(server, err);
}

int server_start(struct server **out, const struct server_opts *opts, struct err *err)
{
	auto_server struct server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return err_nomem(err);
	server->patch_fd = server->case_fd = server->outcome_fd = server->socket = -1;
	server->ready_timeout_ms = opts->ready_timeout_ms > 0 ? opts->ready_timeout_ms : SERVER_READY_MS;
	server->is_debugged = opts->is_debugged;
	server->stop = opts->stop;
	server->interrupt = opts->interrupt;
	if (opts->startup_len > PATCH_CASE_BYTES)
		return err_set(err, -EFBIG, "the start-up takes %zu bytes, the limit is %u",
			       opts->startup_len, PATCH_CASE_BYTES);
	server->startup = opts->startup;
	server->startup_len = opts->startup_len;
	r = launch_new(&server->launch, opts, err);
	r = r ?: share_memory(server, opts, err);
	r = r ?: start_process(server, err);
	if (r)
		return r;
	*out = TAKE_PTR(server);
	return 0;
}

int server_has_threads(const struct server *server)
{
	return server->threads_cnt > 1;
}

const char *server_ready_at(const struct server *server)
{
	return server->ready_at;
}

const char *server_folder(const struct server *server)
{
	return launch_folder(server->launch);
}

const struct patch_span *server_spans(const struct server *server, size_t *cnt)
{
	*cnt = server->spans_cnt;
	return server->spans;
}

unsigned server_layers(const struct server *server)
{
	return server->layers;
}

void server_stop(struct server *server)
{
	if (!server)
		return;
	reap(server, true);
	if (server->played)
		munmap(server->played, PATCH_CASE_BYTES);
	if (server->outcome)
		munmap(server->outcome, PATCH_OUTCOME_BYTES);
	closep(&server->patch_fd);
	closep(&server->case_fd);
	closep(&server->outcome_fd);
	launch_free(server->launch);
	free(server);
}

/* --- one case --- */

static bool fragments_make_sense(const uint8_t *at, const uint8_t *end)
{
	while (at < end) {
		const struct plan_fragment *fragment = (const void *)at;
		size_t len = sizeof(*fragment);

		if ((size_t)(end - at) < len)
			return false;
		len += ALIGN_UP((size_t)fragment->captured, 8);
		if ((size_t)(end - at) < len)
			return false;
		at += len;
	}
	return true;
}

static void clear_outcome(struct outcome_header *outcome)
{
	memset(outcome, 0, offsetof(struct outcome_header, window));
	memset(outcome->watched, 0, sizeof(outcome->watched));
	outcome->made.bytes = sizeof(*outcome);
	outcome->func = outcome->pc_module = outcome->caller_module = PATCH_NONE;
}

/* The events that were made last, to the others. */
static bool take_window(struct outcome_header *outcome)
{
	union outcome_made made = {.both = *(volatile unsigned long long *)&outcome->made.both};

	if (made.bytes < sizeof(*outcome) || made.window > PATCH_WINDOW_BYTES ||
	    made.bytes > PATCH_OUTCOME_BYTES - made.window)
		return false;
	memcpy((char *)outcome + made.bytes, outcome->window, made.window);
	made.bytes += made.window;
	made.window = 0;
	outcome->made = made;
	return true;
}

static bool outcome_makes_sense(const struct server *server)
{
	const struct outcome_header *outcome = server->outcome;
	const uint8_t *at = (const uint8_t *)(outcome + 1),
		      *end = (const uint8_t *)outcome + outcome->made.bytes;
	unsigned cnt = 0;

	if (outcome->made.bytes < sizeof(*outcome) || outcome->made.bytes > PATCH_OUTCOME_BYTES ||
	    outcome->made.bytes % 8 || outcome->end >= OUTCOME_END_CNT)
		return false;
	for (; at < end; cnt++) {
		const struct outcome_event *event = (const void *)at;

		if ((size_t)(end - at) < sizeof(*event) || event->len < sizeof(*event) || event->len % 8 ||
		    event->len > (size_t)(end - at) || event->func >= server->funcs_cnt ||
		    (event->kind != OUTCOME_ENTRY && event->kind != OUTCOME_RETURN) ||
		    !fragments_make_sense((const uint8_t *)(event + 1), at + event->len))
			return false;
		at += event->len;
	}
	return cnt == outcome->events_cnt &&
	       (outcome->func == PATCH_NONE || outcome->func < server->funcs_cnt);
}

/* It ends by itself within the time, or is ended. */
static int play_here(struct server *server, int timeout_ms, struct server_result *result, struct err *err)
{
	struct patch_message message;
	int r = receive(server, &message, timeout_ms);
	bool is_late = r == -ETIMEDOUT;

	if (r == -EINTR)
		return say_interrupted(server, err);
	result->wait_status = reap(server, is_late);
	if (WIFEXITED(result->wait_status) && WEXITSTATUS(result->wait_status) == PATCH_STATUS_PLAYED)
		result->wait_status = 0;
	result->timed_out = is_late;
	return 0;
}

static int play_forked(struct server *server, int timeout_ms, struct server_result *result, struct err *err)
{
	struct patch_message message;
	int r = receive(server, &message, timeout_ms + GRACE_MS);

	if (!r && message.kind == MESSAGE_ENDED) {
		result->wait_status = message.number;
		result->timed_out = message.flags & 1;
		return 0;
	}
	if (r == -EINTR)
		return say_interrupted(server, err);
	reap(server, true);
	r = err_set(err, r ?: -EPROTO,
		    r == -ETIMEDOUT ? "the target does not answer"
				    : "the target's fork server ended unexpectedly");
	put_last_words(server, err);
	return r;
}

static int play_debugged(struct server *server, int timeout_ms, struct server_result *result, struct err *err)
{
	struct debugger_stop stop = {.symbol = server->stop.symbol};
	int r = debugger_await(server->program, server->ready_timeout_ms, err);

	/* It has said by now where its modules are. */
	stop.addr = server->outcome->bases[server->stop.module] + server->stop.addr;
	r = r ?: debugger_run(server->program, launch_exe(server->launch), &stop, err);
	if (r) {
		reap(server, true);
		return r;
	}
	return play_here(server, timeout_ms, result, err);
}

static int send_run(struct server *server, int timeout_ms, unsigned how, struct err *err)
{
	const struct patch_message message = {
		.kind = MESSAGE_RUN,
		.number = timeout_ms,
		.flags = (server_has_threads(server) || server->is_debugged ? PATCH_RUN_HERE : 0) |
			 (server->is_debugged ? PATCH_RUN_DEBUGGED : 0) | how,
	};

	if (send(server->socket, &message, sizeof(message), MSG_NOSIGNAL) == sizeof(message))
		return 0;
	reap(server, true);
	return err_set(err, -EPIPE, "the target ended while it waited for work");
}

static int play(struct server *server, int timeout_ms, unsigned how, struct server_result *result,
		struct err *err)
{
	int r = send_run(server, timeout_ms, how, err);

	if (r)
		return r;
	if (server->is_debugged)
		return play_debugged(server, timeout_ms, result, err);
	return server_has_threads(server) ? play_here(server, timeout_ms, result, err)
					  : play_forked(server, timeout_ms, result, err);
}

int server_run(struct server *server, const void *case_data, size_t len, int timeout_ms, unsigned how,
	       struct server_result *out, struct err *err)
{
	struct server_result result = {.outcome = server->outcome, .timeout_ms = timeout_ms};
	int r = 0;

	if (len < sizeof(struct case_header) || len > PATCH_CASE_BYTES)
		return err_set(err, -EFBIG, "the case takes %zu bytes, the limit is %u", len,
			       PATCH_CASE_BYTES);
	if (!server->pid)
		r = start_process(server, err);
	if (r)
		return err_wrap(err, r, "cannot start the target again");
	memcpy(server->played, case_data, len);
	clear_outcome(server->outcome);
	launch_clear_said(server->launch);
	r = play(server, timeout_ms, how, &result, err);
	if (r)
		return r;
	server->outcome->text[PATCH_TEXT_MAX - 1] = '\0';
	if (!take_window(server->outcome) || !outcome_makes_sense(server))
		return err_set(err, -EBADMSG, "the target's outcome makes no sense");
	result.said = launch_said(server->launch);
	result.report = launch_report(server->launch);
	*out = result;
	return 0;
}
