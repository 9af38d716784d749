// SPDX-License-Identifier: BSD-3-Clause
/*
 * Asks before it is ready, then handles orders. `starter N TEXT [threads | many | told]`; built with
 * ELSEWHERE it ends by abort() where it would ask for real.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define NOIPA __attribute__((noipa))
#define MANY  10050

struct base {
	int number;
	char name[24];
};

struct answer {
	int sum;
	long at;
	int pid;
	unsigned char random[8];
	char text[32], zone[32], host[65];
};

static struct base *base;
static int factor;
static const char *text = "nothing", *zone = "";

static void for_real(void)
{
#ifdef ELSEWHERE
	abort();
#endif
}

NOIPA struct base *base_open(const char *name)
{
	struct base *opened = calloc(1, sizeof(*opened));

	for_real();
	opened->number = 40;
	snprintf(opened->name, sizeof(opened->name), "%s", name);
	return opened;
}

NOIPA int setting(const char *key)
{
	for_real();
	return key[0] - '0';
}

NOIPA int base_get(struct base *from, int key)
{
	return from->number * key;
}

NOIPA int handle(int key, struct answer *answer)
{
	struct utsname host;

	memset(answer, 0, sizeof(*answer));
	answer->sum = base_get(base, key) * factor + base->number + (int)strlen(base->name);
	answer->at = time(NULL);
	answer->pid = getpid();
	if (getrandom(answer->random, sizeof(answer->random), 0) < 0 || uname(&host))
		return -1;
	snprintf(answer->text, sizeof(answer->text), "%s", text);
	snprintf(answer->zone, sizeof(answer->zone), "%s", zone);
	snprintf(answer->host, sizeof(answer->host), "%s", host.nodename);
	return 0;
}

/* An input that does not only wait for work. */
NOIPA int serve_all(int n)
{
	struct answer answer;

	for (int i = 1; i <= n; i++)
		handle(i, &answer);
	return n;
}

static void *wait_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void wait_until_told(void)
{
	sigset_t signals;
	int number;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	puts("begun");
	fflush(stdout);
	sigwait(&signals, &number);
}

static void prepare(void)
{
	base = base_open("orders");
	factor = setting("2") + setting("3");
}

/* What main cannot do everywhere. */
void prepare_alone(void)
{
	static struct base own = {40, "orders"};

	base = &own;
	factor = 5;
	text = "hello";
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 0;
	const char *how = argc > 3 ? argv[3] : "";
	pthread_t thread;

	if (!n)
		return 2;
	if (argc > 2)
		text = argv[2];
	if (getenv("TZ"))
		zone = getenv("TZ");
	for (int i = 0; !strcmp(how, "many") && i < MANY - 3; i++)
		setting("7");
	prepare();
	if (!strcmp(how, "threads") && pthread_create(&thread, NULL, wait_for_ever, NULL))
		return 3;
	if (!strcmp(how, "told"))
		wait_until_told();
	return serve_all(n) == n ? 0 : 4;
}
