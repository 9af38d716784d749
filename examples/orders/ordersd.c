// SPDX-License-Identifier: BSD-3-Clause
/*
 * ordersd: takes orders on a loopback port, one line each:
 *
 *	ORDER id customer currency express sku:quantity:gift...
 *	OK id total_cents points lines message | ERR id status message
 *
 * The workers start after the first accept; each has a database connection of its own.
 */
#include "orders.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORKERS	  8
#define BACKLOG	  64
#define QUEUE_MAX 256

static const char *db_path = "orders.db";

static struct {
	pthread_mutex_t lock;
	pthread_cond_t ready;
	int fd[QUEUE_MAX];
	unsigned head, cnt;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .ready = PTHREAD_COND_INITIALIZER};

static int queue_get(void)
{
	int fd;

	pthread_mutex_lock(&queue.lock);
	while (!queue.cnt)
		pthread_cond_wait(&queue.ready, &queue.lock);
	fd = queue.fd[queue.head];
	queue.head = (queue.head + 1) % QUEUE_MAX;
	queue.cnt--;
	pthread_mutex_unlock(&queue.lock);
	return fd;
}

static void queue_put(int fd)
{
	pthread_mutex_lock(&queue.lock);
	if (queue.cnt < QUEUE_MAX)
		queue.fd[(queue.head + queue.cnt++) % QUEUE_MAX] = fd;
	else
		close(fd);
	pthread_cond_signal(&queue.ready);
	pthread_mutex_unlock(&queue.lock);
}

static int parse_item(char *word, struct item *item)
{
	char *quantity = strchr(word, ':'), *gift = quantity ? strchr(quantity + 1, ':') : NULL;

	if (!gift)
		return -1;
	*quantity = *gift = '\0';
	*item = (struct item){.sku = word, .quantity = atoi(quantity + 1), .gift = gift[1] == '1'};
	return 0;
}

static int parse_order(char *line, struct request *request, struct item items[ITEMS_MAX])
{
	static const char *const names[CURRENCY_CNT] = {"EUR", "USD", "GBP", "JPY"};
	char *save, *word = strtok_r(line, " ", &save), *id, *customer, *currency, *express;

	if (!word || strcmp(word, "ORDER"))
		return -1;
	id = strtok_r(NULL, " ", &save);
	customer = strtok_r(NULL, " ", &save);
	currency = strtok_r(NULL, " ", &save);
	express = strtok_r(NULL, " ", &save);
	if (!express)
		return -1;
	*request = (struct request){.id = strtoul(id, NULL, 10),
				    .customer = customer,
				    .express = *express == '1',
				    .items = items};
	while (request->currency < CURRENCY_CNT && strcmp(names[request->currency], currency))
		request->currency++;
	while (request->nitems < ITEMS_MAX && (word = strtok_r(NULL, " ", &save)))
		if (parse_item(word, &items[request->nitems++]) < 0)
			return -1;
	return request->currency < CURRENCY_CNT ? 0 : -1;
}

static void answer(struct session *session, char *line, FILE *out)
{
	struct item items[ITEMS_MAX];
	struct request request;
	struct reply reply;

	if (parse_order(line, &request, items) < 0) {
		fprintf(out, "ERR 0 -22 cannot read that\n");
		return;
	}
	journal_order(request.id);
	if (handle_order(session, &request, &reply) == 0)
		fprintf(out, "OK %u %lld %u %u %s\n", request.id, (long long)reply.total_cents, reply.points,
			reply.nlines, reply.message);
	else
		fprintf(out, "ERR %u %d %s\n", request.id, reply.status, reply.message);
	reply_release(&reply);
}

static void serve(struct session *session, int fd)
{
	FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
	char line[1024];

	while (in && out && fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\r\n")] = '\0';
		answer(session, line, out);
		if (fflush(out) != 0)
			break;
	}
	if (in)
		fclose(in);
	if (out)
		fclose(out);
}

static void *work(void *arg)
{
	struct session session = {.worker = (uintptr_t)arg, .db = db_open(db_path)};

	if (!session.db)
		exit(1);
	for (;;)
		serve(&session, queue_get());
	return NULL;
}

static int start_workers(void)
{
	for (uintptr_t i = 0; i < WORKERS; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, work, (void *)i))
			return -1;
	}
	return 0;
}

static int listen_on(int port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (void *)&addr, sizeof(addr)) || listen(fd, BACKLOG) ||
	    getsockname(fd, (void *)&addr, &len)) {
		fprintf(stderr, "ordersd: cannot listen on port %d: %s\n", port, strerror(errno));
		return -1;
	}
	printf("listening on %d\n", ntohs(addr.sin_port));
	fflush(stdout);
	return fd;
}

static void stop(int sig)
{
	(void)sig;
}

static int serve_all(int listener)
{
	bool started = false;

	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			return errno == EINTR ? 0 : 1;
		if (!started && start_workers() < 0)
			return 1;
		started = true;
		queue_put(fd);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"port", required_argument, NULL, 'p'},
						{"db", required_argument, NULL, 'd'},
						{"journal", required_argument, NULL, 'j'},
						{0}};
	struct sigaction action = {.sa_handler = stop};
	int c, port = 0, listener, status;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'p')
			port = atoi(optarg);
		else if (c == 'd')
			db_path = optarg;
		else if (c != 'j' || journal_open(optarg) < 0)
			return fprintf(stderr, "usage: ordersd [--port N] [--db FILE] [--journal FILE]\n"), 2;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	listener = listen_on(port);
	if (listener < 0)
		return 1;
	status = serve_all(listener);
	journal_close();
	_exit(status);
}
