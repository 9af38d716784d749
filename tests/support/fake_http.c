// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/fake_http.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/util.h"

#define CONNECTIONS_MAX 64
#define POLL_MS		1000

struct fake_http {
	int listener, stop[2];
	pthread_t thread;
	pthread_mutex_t lock;
	unsigned serial;
	fake_answer_fn answer;
	void *ctx;
};

static __thread char *text;

const char *fake_answer(const char *status, const char *headers, const char *body)
{
	free(text);
	if (asprintf(&text, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n%s", status, strlen(body), headers,
		     body) < 0)
		abort();
	return text;
}

static size_t body_len(const char *head)
{
	const char *line = strcasestr(head, "\r\ncontent-length:");

	return line ? strtoul(line + strlen("\r\ncontent-length:"), NULL, 10) : 0;
}

/* False at the connection's end. */
static bool read_request(int fd, struct fake_request *request)
{
	size_t len = 0, head_len;
	char *end = NULL;

	while (!end && len < sizeof(request->head) - 1) {
		ssize_t n = read(fd, request->head + len, sizeof(request->head) - 1 - len);

		if (n <= 0)
			return false;
		len += n;
		request->head[len] = '\0';
		end = strstr(request->head, "\r\n\r\n");
	}
	if (!end)
		return false;
	head_len = end + 4 - request->head;
	request->len = body_len(request->head);
	if (request->len > FAKE_BODY_MAX)
		return false;
	request->body = calloc(1, request->len + 1);
	if (!request->body)
		abort();
	memcpy(request->body, end + 4, MIN(len - head_len, request->len));
	for (size_t at = len - head_len; at < request->len;) {
		ssize_t n = read(fd, request->body + at, request->len - at);

		if (n <= 0)
			return false;
		at += n;
	}
	end[2] = '\0';
	return true;
}

/* False when the connection is to be closed. */
static bool serve(struct fake_http *fake, int fd)
{
	struct fake_request request = {};
	const char *answer = NULL;
	bool goes_on = read_request(fd, &request);

	if (goes_on) {
		pthread_mutex_lock(&fake->lock);
		answer = fake->answer(&request, fake->serial++, fake->ctx);
		pthread_mutex_unlock(&fake->lock);
	}
	free(request.body);
	return answer && *answer && write(fd, answer, strlen(answer)) == (ssize_t)strlen(answer) &&
	       !strcasestr(answer, "connection: close");
}

static void *work(void *arg)
{
	struct fake_http *fake = arg;
	struct pollfd fds[CONNECTIONS_MAX + 2] = {{fake->stop[0], POLLIN}, {fake->listener, POLLIN}};
	size_t cnt = 2;

	for (;;) {
		poll(fds, cnt, POLL_MS);
		if (fds[0].revents)
			break;
		for (size_t i = 2; i < cnt;) {
			if (!fds[i].revents || serve(fake, fds[i].fd)) {
				i++;
				continue;
			}
			shutdown(fds[i].fd, SHUT_RDWR);
			close(fds[i].fd);
			fds[i] = fds[--cnt];
		}
		if (fds[1].revents && cnt < ARRAY_SIZE(fds))
			fds[cnt++] = (struct pollfd){accept(fake->listener, NULL, NULL), POLLIN};
	}
	for (size_t i = 2; i < cnt; i++)
		close(fds[i].fd);
	free(text);
	return NULL;
}

struct fake_http *fake_http_start(int *port, fake_answer_fn answer, void *ctx)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct fake_http *fake = calloc(1, sizeof(*fake));
	socklen_t len = sizeof(address);

	assert_non_null(fake);
	fake->answer = answer;
	fake->ctx = ctx;
	fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fake->listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(fake->listener, CONNECTIONS_MAX), 0);
	assert_int_equal(getsockname(fake->listener, (struct sockaddr *)&address, &len), 0);
	*port = ntohs(address.sin_port);
	assert_int_equal(pipe(fake->stop), 0);
	pthread_mutex_init(&fake->lock, NULL);
	assert_int_equal(pthread_create(&fake->thread, NULL, work, fake), 0);
	return fake;
}

unsigned fake_http_stop(struct fake_http *fake)
{
	unsigned serial;

	close(fake->stop[1]);
	pthread_join(fake->thread, NULL);
	close(fake->stop[0]);
	close(fake->listener);
	serial = fake->serial;
	free(fake);
	return serial;
}
