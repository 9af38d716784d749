// SPDX-License-Identifier: BSD-3-Clause
#include "replay/plugin.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/config_plugin.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/util.h"

#define HOST	     "tapedeck-plugin"
#define READ_AT_ONCE 65536
#define ENDS_MS	     200 /* from the end of its output to that of the process */
#define STARTS_MAX   3	 /* that fail in a row; then it is not tried again */

extern char **environ;

struct plugin {
	struct plugin_opts opts;
	char *name;		 /* for messages */
	pid_t pid;		 /* 0: it does not run; leads a process group */
	int to, from;		 /* its stdin and stdout */
	int limit_ms;		 /* for the answer that is waited for */
	unsigned does;		 /* mask of enum plugin_ask */
	unsigned age;		 /* comparisons */
	unsigned failed_starts;	 /* in a row */
	struct err trouble;	 /* of the last start that failed */
	struct buf line, answer; /* kept for their memory */
};

static const char *const asks[PLUGIN_ASK_CNT] = {
	[PLUGIN_RESULT] = "result",	[PLUGIN_COMPARE] = "compare", [PLUGIN_DATA] = "data",
	[PLUGIN_METADATA] = "metadata", [PLUGIN_RESTORE] = "restore",
};

/* --- the process --- */

static char *name_of(const struct config_plugin *config)
{
	const char *slash = config->path ? strrchr(config->path, '/') : NULL;
	auto_buf struct buf name = {};

	if (config->path)
		return strdup(slash ? slash + 1 : config->path);
	buf_init(&name, ERR_MSG_MAX);
	for (char **word = config->command; *word; word++)
		buf_printf(&name, "%s%s", name.len ? " " : "", *word);
	return name.failed ? strdup(config->command[0]) : strndup((const char *)name.data, name.len);
}

int plugin_new(struct plugin **out, const struct plugin_opts *opts, struct err *err)
{
	struct plugin *plugin = calloc(1, sizeof(*plugin));

	if (!plugin)
		return err_nomem(err);
	plugin->opts = *opts;
	plugin->name = name_of(opts->config);
	buf_init(&plugin->line, PLUGIN_LINE_MAX);
	buf_init(&plugin->answer, PLUGIN_LINE_MAX);
	if (!plugin->name) {
		plugin_free(plugin);
		return err_nomem(err);
	}
	*out = plugin;
	return 0;
}

/* The wait status; it is ended if it does not end by itself. */
static int stop(struct plugin *plugin, int grace_ms)
{
	int status = 0;

	close(plugin->to);
	close(plugin->from);
	for (; grace_ms > 0 && waitpid(plugin->pid, &status, WNOHANG) == 0; grace_ms -= 10)
		usleep(10000);
	if (kill(-plugin->pid, SIGKILL) == 0 || grace_ms <= 0)
		waitpid(plugin->pid, &status, 0);
	plugin->pid = 0;
	return status;
}

void plugin_free(struct plugin *plugin)
{
	if (!plugin)
		return;
	if (plugin->pid)
		stop(plugin, ENDS_MS);
	buf_release(&plugin->line);
	buf_release(&plugin->answer);
	free(plugin->name);
	free(plugin);
}

static int spawn(struct plugin *plugin, const char *const argv[], int in, int out)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, usual;
	int r;

	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr,
				 POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &usual);
	r = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO) ?:
	    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO) ?:
	    posix_spawn_file_actions_addchdir_np(&actions, plugin->opts.folder) ?:
	    posix_spawnp(&plugin->pid, argv[0], &actions, &attr, (char *const *)argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static int spawn_with_pipes(struct plugin *plugin, const char *const argv[], struct err *err)
{
	int in[2], out[2], r;

	if (pipe2(in, O_CLOEXEC))
		return err_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
	if (pipe2(out, O_CLOEXEC)) {
		r = err_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
		close(in[0]);
		close(in[1]);
		return r;
	}
	r = spawn(plugin, argv, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	plugin->to = in[1];
	plugin->from = out[0];
	if (r == 0 && !fcntl(plugin->to, F_SETFL, O_NONBLOCK) && !fcntl(plugin->from, F_SETFL, O_NONBLOCK))
		return 0;
	close(plugin->to);
	close(plugin->from);
	plugin->pid = 0;
	return err_set(err, r ?: -EIO, "plug-in '%s': cannot start '%s': %s", plugin->name, argv[0],
		       strerror(r ? -r : EIO));
}

static int launch(struct plugin *plugin, struct err *err)
{
	const struct config_plugin *config = plugin->opts.config;
	const char *slash = strrchr(plugin->opts.engine, '/');
	char host[4096];
	const char *const argv[] = {host, config->path, NULL};

	if (!config->path)
		return spawn_with_pipes(plugin, (const char *const *)config->command, err);
	snprintf(host, sizeof(host), "%.*s" HOST, slash ? (int)(slash + 1 - plugin->opts.engine) : 0,
		 plugin->opts.engine);
	return spawn_with_pipes(plugin, argv, err);
}

/* --- a question and its answer --- */

static int took_too_long(struct plugin *plugin, struct err *err)
{
	stop(plugin, 0);
	return err_set(err, -ETIMEDOUT, "plug-in '%s' took longer than %g s", plugin->name,
		       plugin->limit_ms / 1000.0);
}

/* Its output ended where an answer should be. */
static int is_gone(struct plugin *plugin, struct err *err)
{
	int status = stop(plugin, ENDS_MS);

	if (WIFSIGNALED(status))
		return err_set(err, -EPIPE, "plug-in '%s': SIG%s", plugin->name,
			       sigabbrev_np(WTERMSIG(status)) ?: "?");
	return err_set(err, -EPIPE, "plug-in '%s' ended with status %d in place of an answer", plugin->name,
		       WEXITSTATUS(status));
}

/* One step of writing; a plug-in that has gone is seen by its output. */
static void write_some(struct plugin *plugin, size_t *sent)
{
	ssize_t n = write(plugin->to, plugin->line.data + *sent, plugin->line.len - *sent);

	if (n > 0)
		*sent += n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		*sent = plugin->line.len;
}

/* One step of reading; 0: its output has ended. */
static ssize_t read_some(struct plugin *plugin)
{
	char bytes[READ_AT_ONCE];
	ssize_t n = read(plugin->from, bytes, sizeof(bytes));

	if (n > 0)
		buf_put(&plugin->answer, bytes, n);
	return n < 0 && errno != EAGAIN && errno != EINTR ? 0 : n;
}

static bool has_line(const struct plugin *plugin, size_t from)
{
	return plugin->answer.len > from &&
	       memchr(plugin->answer.data + from, '\n', plugin->answer.len - from);
}

/* Send plugin->line, and read plugin->answer up to the end of its line. It may answer before it has read all.
 */
static int exchange(struct plugin *plugin, struct err *err)
{
	uint64_t end_ms = clock_ms() + plugin->limit_ms;
	size_t sent = 0, seen = 0;

	plugin->answer.len = 0;
	while (!has_line(plugin, seen)) {
		struct pollfd fds[] = {{plugin->from, POLLIN}, {plugin->to, POLLOUT}};
		uint64_t now = clock_ms();

		seen = plugin->answer.len;
		if (now >= end_ms)
			return took_too_long(plugin, err);
		poll(fds, sent < plugin->line.len ? 2 : 1, end_ms - now);
		if (sent < plugin->line.len && fds[1].revents)
			write_some(plugin, &sent);
		if (fds[0].revents && read_some(plugin) == 0)
			return is_gone(plugin, err);
		if (plugin->answer.failed) {
			buf_release(&plugin->answer);
			buf_init(&plugin->answer, PLUGIN_LINE_MAX);
			stop(plugin, 0);
			return err_set(err, -EFBIG, "plug-in '%s': its answer is longer than %u MiB",
				       plugin->name, PLUGIN_LINE_MAX >> 20);
		}
	}
	return 0;
}

/* A pipe that nobody reads would end us, so the signal waits here. */
static int exchange_in_peace(struct plugin *plugin, struct err *err)
{
	const struct timespec at_once = {};
	sigset_t pipe, pending, before;
	bool was_pending;
	int r;

	sigpending(&pending);
	was_pending = sigismember(&pending, SIGPIPE);
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	r = exchange(plugin, err);
	sigpending(&pending);
	if (!was_pending && sigismember(&pending, SIGPIPE))
		sigtimedwait(&pipe, NULL, &at_once);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

/* What cannot be understood ends the process: nobody knows what its next line would answer. */
static int no_answer(struct plugin *plugin, struct err *err, const char *why)
{
	stop(plugin, 0);
	return err_set(err, -EBADMSG, "plug-in '%s': its answer %s: %.100s", plugin->name, why,
		       (const char *)plugin->answer.data);
}

static int parse_answer(struct plugin *plugin, struct cJSON **answer, struct err *err)
{
	char *text = (char *)plugin->answer.data, *end = memchr(text, '\n', plugin->answer.len);
	auto_cjson cJSON *json = NULL;
	const char *error;

	if (end != text + plugin->answer.len - 1)
		return no_answer(plugin, err, "is more than one line");
	*end = '\0';
	json = cJSON_Parse(text);
	if (!cJSON_IsObject(json))
		return no_answer(plugin, err, "is no JSON object");
	error = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "error"));
	if (error)
		return err_set(err, -EIO, "plug-in '%s': %.400s", plugin->name, error);
	*answer = TAKE_PTR(json);
	return 0;
}

static int ask(struct plugin *plugin, const struct cJSON *question, struct cJSON **answer, struct err *err)
{
	autofree char *text = json_print(question);
	int r;

	if (!text)
		return err_nomem(err);
	plugin->line.len = 0;
	buf_put(&plugin->line, text, strlen(text));
	buf_put_u8(&plugin->line, '\n');
	if (plugin->line.failed) {
		r = plugin->line.failed;
		buf_release(&plugin->line);
		buf_init(&plugin->line, PLUGIN_LINE_MAX);
		return err_set(err, r, "plug-in '%s': more than %u MiB would be asked", plugin->name,
			       PLUGIN_LINE_MAX >> 20);
	}
	r = exchange_in_peace(plugin, err);
	return r < 0 ? r : parse_answer(plugin, answer, err);
}

/* --- starting --- */

static int read_does(struct plugin *plugin, const struct cJSON *answer, struct err *err)
{
	const cJSON *version = cJSON_GetObjectItemCaseSensitive(answer, "version"),
		    *provides = cJSON_GetObjectItemCaseSensitive(answer, "provides"), *item;
	unsigned does = 0;

	if (!cJSON_IsNumber(version) || version->valuedouble != PLUGIN_VERSION)
		return err_set(err, -EPROTO, "plug-in '%s' does not speak version %d of the protocol",
			       plugin->name, PLUGIN_VERSION);
	cJSON_ArrayForEach(item, provides)
	{
		const char *name = cJSON_GetStringValue(item);
		int i = 0;

		while (i < PLUGIN_ASK_CNT && (!name || strcmp(asks[i], name)))
			i++;
		if (i == PLUGIN_ASK_CNT)
			return err_set(err, -EPROTO, "plug-in '%s' provides '%s', which is not known",
				       plugin->name, name ?: "?");
		does |= 1u << i;
	}
	plugin->does = does;
	return does ? 0 : err_set(err, -EPROTO, "plug-in '%s' provides nothing", plugin->name);
}

static int start(struct plugin *plugin, struct err *err)
{
	auto_cjson cJSON *hello = cJSON_CreateObject(), *answer = NULL;
	int r = launch(plugin, err);

	if (r < 0)
		return r;
	plugin->age = 0;
	plugin->limit_ms = MAX(plugin->opts.config->timeout_ms, PLUGIN_TIMEOUT_MS);
	cJSON_AddStringToObject(hello, "ask", "hello");
	cJSON_AddNumberToObject(hello, "version", PLUGIN_VERSION);
	cJSON_AddStringToObject(hello, "category", plugin->opts.category);
	r = ask(plugin, hello, &answer, err);
	if (r == 0)
		r = read_does(plugin, answer, err);
	if (r < 0 && plugin->pid)
		stop(plugin, 0);
	plugin->limit_ms = plugin->opts.config->timeout_ms ?: PLUGIN_TIMEOUT_MS;
	return r;
}

static int start_if_needed(struct plugin *plugin, struct err *err)
{
	int r;

	if (plugin->pid)
		return 0;
	if (plugin->failed_starts == STARTS_MAX) {
		if (err)
			*err = plugin->trouble;
		return -ECANCELED;
	}
	plugin->trouble = (struct err){};
	r = start(plugin, &plugin->trouble);
	plugin->failed_starts = r < 0 ? plugin->failed_starts + 1 : 0;
	if (r < 0 && err)
		*err = plugin->trouble;
	return r;
}

int plugin_start(struct plugin *plugin, struct err *err)
{
	int r;

	if (plugin->pid && plugin->opts.recycle && plugin->age >= plugin->opts.recycle)
		stop(plugin, ENDS_MS);
	r = start_if_needed(plugin, err);
	plugin->age++;
	return r;
}

bool plugin_does(const struct plugin *plugin, enum plugin_ask what)
{
	return plugin->does & 1u << what;
}

int plugin_ask(struct plugin *plugin, enum plugin_ask what, struct cJSON *question, struct cJSON **answer,
	       struct err *err)
{
	int r = start_if_needed(plugin, err);

	if (r < 0)
		return r;
	if (!cJSON_AddStringToObject(question, "ask", asks[what]))
		return err_nomem(err);
	return ask(plugin, question, answer, err);
}

int plugin_restore(struct plugin *plugin, const char *id, const struct cJSON *call, struct cJSON **changes,
		   struct err *err)
{
	auto_cjson cJSON *question = cJSON_CreateObject(), *answer = NULL;
	int r;

	cJSON_AddStringToObject(question, "id", id);
	cJSON_AddItemReferenceToObject(question, "call", (cJSON *)call);
	r = plugin_ask(plugin, PLUGIN_RESTORE, question, &answer, err);
	if (r < 0)
		return r;
	*changes = cJSON_DetachItemFromObjectCaseSensitive(answer, "call");
	return *changes ? 0
			: err_set(err, -EBADMSG, "plug-in '%s': its answer has no \"call\"", plugin->name);
}
