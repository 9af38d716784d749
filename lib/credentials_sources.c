// SPDX-License-Identifier: BSD-3-Clause
/* Where credentials are had from without a role: the environment, a process, a container, an instance. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/credentials_impl.h"
#include "lib/err.h"
#include "lib/http.h"
#include "lib/util.h"

#define URL_LEN	  1024
#define TOKEN_S	  "21600"
#define TOKEN_LEN 1024

int source_environment(struct chain *chain, struct credentials *out, struct err *err)
{
	const char *access_key = env_text("AWS_ACCESS_KEY_ID"),
		   *secret_key = env_text("AWS_SECRET_ACCESS_KEY");
	int r;

	if (!access_key && !secret_key)
		return -ENOKEY;
	snprintf(out->source, sizeof(out->source), "the environment");
	if (!access_key || !secret_key)
		return err_set(err, -EINVAL, "the environment has %s, but not %s",
			       access_key ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
			       access_key ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
	r = credentials_set(out, access_key, secret_key, env_text("AWS_SESSION_TOKEN"),
			    env_text("AWS_CREDENTIAL_EXPIRATION"), err);
	return r ? err_wrap(err, r, "the credentials in the environment") : 0;
}

/* --- a process --- */

static pid_t spawn(const char *command, int *out)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		dup2(ends[1], STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	if (pid < 0)
		close(ends[0]);
	else
		*out = ends[0];
	return pid;
}

/* 0 at its end; -ETIMEDOUT. */
static int read_until_end(struct buf *out, int fd, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd poller = {fd, POLLIN};
		int64_t left_ms = deadline_ms - clock_ms();
		char bytes[4096];
		ssize_t n;

		if (left_ms <= 0 || poll(&poller, 1, left_ms) == 0)
			return -ETIMEDOUT;
		n = read(fd, bytes, sizeof(bytes));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		buf_put(out, bytes, n);
		explicit_bzero(bytes, n);
	}
}

static int run_process(struct buf *out, const char *command, struct err *err)
{
	autoclose int fd = -1;
	pid_t pid = spawn(command, &fd);
	int status = 0, r;

	if (pid < 0)
		return err_set(err, -errno, "cannot run it: %s", strerror(errno));
	r = read_until_end(out, fd, clock_ms() + PROCESS_MS);
	if (r)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r)
		return err_set(err, r, "it took longer than %d s", PROCESS_MS / 1000);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return err_set(err, -EACCES, "it ended with status %d",
			       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return out->failed ? err_set(err, out->failed, "it said more than %d bytes", ANSWER_MAX) : 0;
}

int process_credentials(struct credentials *out, const char *command, struct err *err)
{
	struct buf said;
	int r;

	buf_init(&said, ANSWER_MAX);
	r = run_process(&said, command, err);
	if (!r)
		r = credentials_from_json(out, (const char *)said.data, said.len, "SessionToken", err);
	wipe(&said);
	return r;
}

/* --- a container --- */

/* Keys are not sent over plain http but to this machine and to the addresses that stand for it. */
static bool is_trusted(const char *url)
{
	static const char *const names[] = {"localhost", "[::1]", "169.254.170.2", "169.254.170.23",
					    "[fd00:ec2::23]"};
	char host[64];
	struct in_addr address;
	const char *from = url + strlen("http://");
	size_t len;

	if (strncmp(url, "https://", 8) == 0)
		return true;
	if (strncmp(url, "http://", 7) != 0)
		return false;
	len = *from == '[' ? strcspn(from, "]") + 1 : strcspn(from, ":/");
	if (len >= sizeof(host) || !strchr(":/", from[len]))
		return false;
	memcpy(host, from, len);
	host[len] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(host, names[i]) == 0)
			return true;
	return inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET;
}

/* "Authorization: <token>" of the file, which may change, or of the environment; "" when neither says one. */
static int container_authorization(char *line, size_t len, struct err *err)
{
	const char *path = env_text("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *token = env_text("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	char text[TOKEN_LEN] = "";
	FILE *file;

	*line = '\0';
	if (path) {
		file = fopen(path, "re");
		if (!file)
			return err_set(err, -errno, "cannot read '%s': %s", path, strerror(errno));
		token = fgets(text, sizeof(text), file);
		fclose(file);
		text[strcspn(text, "\r\n")] = '\0';
	}
	if (token)
		snprintf(line, len, "Authorization: %s", token);
	return 0;
}

static int get(struct buf *body, struct chain *chain, const char *method, const char *url, const char *header,
	       unsigned timeout_ms, struct err *err)
{
	const char *const headers[] = {header && *header ? header : NULL, NULL};
	const struct http_request request = {.method = method,
					     .url = url,
					     .headers = headers,
					     .body = strcmp(method, "PUT") == 0 ? "" : NULL,
					     .answer_max = ANSWER_MAX,
					     .timeout_ms = timeout_ms};
	struct http_answer answer = {};
	struct http *http;
	int r = chain_http(&http, chain, true, err);

	if (!r)
		r = http_do(http, &request, &answer, err);
	if (r)
		return r;
	if (answer.status != 200) {
		wipe(&answer.body);
		return err_set(err, -EACCES, "'%s' answered %d", url, answer.status);
	}
	*body = answer.body;
	return 0;
}

int source_container(struct chain *chain, struct credentials *out, struct err *err)
{
	const char *relative = env_text("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = env_text("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	char url[URL_LEN], authorization[TOKEN_LEN + 32];
	struct buf body = {};
	int r;

	if (!relative && !full)
		return -ENOKEY;
	snprintf(url, sizeof(url), "%s%s", relative ? "http://169.254.170.2" : "",
		 relative ? relative : full);
	snprintf(out->source, sizeof(out->source), "the container's endpoint %.*s", URL_LEN / 8, url);
	if (!is_trusted(url))
		return err_set(err, -EACCES, "'%s' is neither https nor this machine", url);
	r = container_authorization(authorization, sizeof(authorization), err);
	if (!r)
		r = get(&body, chain, "GET", url, authorization, METADATA_MS * 2, err);
	if (!r)
		r = credentials_from_json(out, (const char *)body.data, body.len, "Token", err);
	explicit_bzero(authorization, sizeof(authorization));
	wipe(&body);
	return r ? err_wrap(err, r, "cannot get credentials from the container's endpoint") : 0;
}

/* --- an instance --- */

static void text_of(char *text, size_t len, const struct buf *body)
{
	snprintf(text, len, "%.*s", (int)body->len, body->data ? (const char *)body->data : "");
	text[strcspn(text, "\r\n")] = '\0';
}

/* The second version of the service alone: a token first, which what is tricked into a GET cannot have. */
static int instance_document(struct buf *out, struct chain *chain, const char *base, struct err *err)
{
	char url[URL_LEN], token[TOKEN_LEN], header[TOKEN_LEN + 64], role[256];
	struct buf body = {};
	int r;

	snprintf(url, sizeof(url), "%s/latest/api/token", base);
	r = get(&body, chain, "PUT", url, "X-aws-ec2-metadata-token-ttl-seconds: " TOKEN_S, METADATA_MS,
		NULL);
	if (r)
		return -ENOKEY; /* no instance of EC2 */
	text_of(token, sizeof(token), &body);
	wipe(&body);
	snprintf(header, sizeof(header), "X-aws-ec2-metadata-token: %s", token);
	snprintf(url, sizeof(url), "%s/latest/meta-data/iam/security-credentials/", base);
	r = get(&body, chain, "GET", url, header, METADATA_MS, NULL);
	if (r)
		return -ENOKEY; /* one without a role */
	text_of(role, sizeof(role), &body);
	wipe(&body);
	snprintf(url, sizeof(url), "%s/latest/meta-data/iam/security-credentials/%s", base, role);
	r = get(out, chain, "GET", url, header, METADATA_MS, err);
	explicit_bzero(token, sizeof(token));
	explicit_bzero(header, sizeof(header));
	return r;
}

int source_instance(struct chain *chain, struct credentials *out, struct err *err)
{
	const char *disabled = env_text("AWS_EC2_METADATA_DISABLED");
	const char *endpoint = env_text("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	char base[URL_LEN / 2];
	struct buf body = {};
	size_t len;
	int r;

	if (disabled && strcasecmp(disabled, "true") == 0)
		return -ENOKEY;
	snprintf(base, sizeof(base), "%s", endpoint ? endpoint : "http://169.254.169.254");
	len = strlen(base);
	if (len && base[len - 1] == '/')
		base[len - 1] = '\0';
	snprintf(out->source, sizeof(out->source), "the instance's metadata service");
	r = instance_document(&body, chain, base, err);
	if (!r)
		r = credentials_from_json(out, (const char *)body.data, body.len, "Token", err);
	wipe(&body);
	return r && r != -ENOKEY
		       ? err_wrap(err, r, "cannot get credentials from the instance's metadata service")
		       : r;
}
