// SPDX-License-Identifier: BSD-3-Clause
/*
 * orderload: places random orders on several connections and writes what it sent and saw, an NDJSON line an
 * order. The same seed gives the same orders.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define LINE_MAX_LEN	1024

static struct {
	int port, connections, orders, delay_us;
	unsigned seed;
	const char *log;
} opts = {.connections = 8, .orders = 1000, .seed = 1};

static FILE *log_file;

struct connection {
	pthread_t thread;
	int idx, failed;
	uint64_t random;
};

static unsigned pick(struct connection *c, unsigned below)
{
	c->random = c->random * 6364136223846793005u + 1442695040888963407u;
	return (c->random >> 33) % below;
}

static void make_order(struct connection *c, unsigned id, char *line, size_t len)
{
	static const char *const currencies[] = {"EUR", "USD", "GBP", "JPY"};
	unsigned items = 1 + pick(c, 5);
	size_t at;

	/* one in twenty is not a customer, one in fifty orders what is not sold */
	at = snprintf(line, len, "ORDER %u %s-%u %s %u", id, pick(c, 20) ? "customer" : "stranger",
		      pick(c, 200), currencies[pick(c, 4)], pick(c, 3) == 0);
	for (unsigned i = 0; i < items; i++)
		at += snprintf(line + at, len - at, " sku-%u:%u:%u", pick(c, 250) ? pick(c, 100) : 1000,
			       1 + pick(c, 9), pick(c, 6) == 0);
}

static int dial(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_port = htons(opts.port),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd >= 0 && connect(fd, (void *)&addr, sizeof(addr)) == 0)
		return fd;
	perror("orderload: connect");
	return -1;
}

static void *run(void *arg)
{
	struct connection *c = arg;
	char line[LINE_MAX_LEN], got[LINE_MAX_LEN];
	int fd = dial();
	FILE *in = fd < 0 ? NULL : fdopen(fd, "r");

	c->failed = 1;
	if (!in)
		return NULL;
	for (int i = 0; i < opts.orders; i++) {
		unsigned id = 1 + c->idx * opts.orders + i;

		make_order(c, id, line, sizeof(line) - 1);
		if (dprintf(fd, "%s\n", line) < 0 || !fgets(got, sizeof(got), in))
			return NULL;
		got[strcspn(got, "\n")] = '\0';
		if (log_file)
			fprintf(log_file, "{\"id\":%u,\"sent\":\"%s\",\"got\":\"%s\"}\n", id, line, got);
		if (opts.delay_us)
			usleep(opts.delay_us);
	}
	fclose(in);
	c->failed = 0;
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"port", required_argument, NULL, 'p'},
						{"connections", required_argument, NULL, 'c'},
						{"orders", required_argument, NULL, 'n'},
						{"seed", required_argument, NULL, 's'},
						{"delay", required_argument, NULL, 'd'},
						{"log", required_argument, NULL, 'l'},
						{0}};
	struct connection connections[CONNECTIONS_MAX] = {0};
	int opt, failed = 0;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'p':
			opts.port = atoi(optarg);
			break;
		case 'c':
			opts.connections = atoi(optarg);
			break;
		case 'n':
			opts.orders = atoi(optarg);
			break;
		case 's':
			opts.seed = strtoul(optarg, NULL, 10);
			break;
		case 'd':
			opts.delay_us = atoi(optarg);
			break;
		case 'l':
			opts.log = optarg;
			break;
		default:
			return 2;
		}
	}
	if (!opts.port || opts.connections < 1 || opts.connections > CONNECTIONS_MAX) {
		fprintf(stderr,
			"usage: orderload --port N [--connections 1..%d] [--orders N each] [--seed N] [--delay US] [--log FILE]\n",
			CONNECTIONS_MAX);
		return 2;
	}
	if (opts.log && !(log_file = fopen(opts.log, "w")))
		return perror(opts.log), 1;
	for (int i = 0; i < opts.connections; i++) {
		connections[i].idx = i;
		connections[i].random = opts.seed * 1000003u + i;
		if (pthread_create(&connections[i].thread, NULL, run, &connections[i]))
			return 1;
	}
	for (int i = 0; i < opts.connections; i++) {
		pthread_join(connections[i].thread, NULL);
		failed |= connections[i].failed;
	}
	if (log_file)
		fclose(log_file);
	return failed;
}
