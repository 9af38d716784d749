// SPDX-License-Identifier: BSD-3-Clause
/*
 * A program that works in threads, signal handlers and children, one way a command. It checks its own
 * results, and its status is 0 only when they are right.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROBED __attribute__((noipa))
#define STEPS  5
#define STACK  (256 * 1024)

struct job {
	struct job *next;
	long id;
	const char *customer;
	long result;
	bool is_done;
};

static atomic_long wrong;

static void check(bool is_right)
{
	if (!is_right)
		wrong++;
}

/* --- probed functions --- */

PROBED long fetch(struct job *job, long key)
{
	return job->id * 1000 + key;
}

PROBED void store(long id, long value)
{
	asm volatile("" : : "r"(id), "r"(value) : "memory");
}

/* --- a pool --- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER, done = PTHREAD_COND_INITIALIZER;
static struct job *queue;

static void *worker(void *arg)
{
	for (;;) {
		struct job *job;

		pthread_mutex_lock(&lock);
		while (!queue)
			pthread_cond_wait(&more, &lock);
		job = queue;
		queue = job->next;
		pthread_mutex_unlock(&lock);
		job->result = 0;
		for (int i = 0; i < STEPS; i++)
			job->result += fetch(job, i);
		pthread_mutex_lock(&lock);
		job->is_done = true;
		pthread_cond_broadcast(&done);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

PROBED void submit(struct job *job)
{
	pthread_mutex_lock(&lock);
	job->next = queue;
	queue = job;
	pthread_cond_signal(&more);
	pthread_mutex_unlock(&lock);
}

static void await(struct job *job)
{
	pthread_mutex_lock(&lock);
	while (!job->is_done)
		pthread_cond_wait(&done, &lock);
	pthread_mutex_unlock(&lock);
}

static void start_workers(int cnt)
{
	pthread_t thread;

	while (cnt--) {
		pthread_create(&thread, NULL, worker, NULL);
		pthread_detach(thread);
	}
}

/* The job is the caller's. */
PROBED long handle(struct job *job)
{
	submit(job);
	await(job);
	store(job->id, job->result);
	return job->result;
}

/* The job is made here. */
PROBED long order(long id)
{
	struct job job = {.id = id, .customer = "x"};

	submit(&job);
	await(&job);
	store(id, job.result);
	return job.result;
}

static void *client(void *arg)
{
	long first = (long)arg;
	char customer[16];

	snprintf(customer, sizeof(customer), "c%ld", first % 7);
	for (long i = 1; i <= 50; i++) {
		struct job job = {.id = first * 1000 + i, .customer = customer};

		check(handle(&job) == job.id * 1000 * STEPS + 10);
		check(order(job.id) == job.id * 1000 * STEPS + 10);
	}
	return NULL;
}

static void pool(void)
{
	pthread_t thread[64];

	start_workers(8);
	for (long i = 0; i < 64; i++)
		pthread_create(&thread[i], NULL, client, (void *)i);
	for (int i = 0; i < 64; i++)
		pthread_join(thread[i], NULL);
}

/* --- who carries what --- */

static pthread_barrier_t barrier;

/* Two operations with one value at the same time. */
PROBED long shared(long value)
{
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return value;
}

static void *share(void *arg)
{
	check(shared((long)arg) == (long)arg);
	return NULL;
}

PROBED long linger(struct job *job)
{
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return job->id;
}

static void *lingering(void *arg)
{
	struct job *job = arg;

	check(linger(job) == job->id);
	return NULL;
}

/* Returns while a call for it goes on. */
PROBED long hasty(struct job *job)
{
	pthread_barrier_wait(&barrier);
	return job->id;
}

static void carriers(void)
{
	struct job job = {.id = 5};
	pthread_t a, b;

	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&a, NULL, share, (void *)77);
	pthread_create(&b, NULL, share, (void *)77);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	pthread_create(&a, NULL, lingering, &job);
	usleep(50000); /* before the operation: it is nobody's */
	check(hasty(&job) == 5);
	pthread_barrier_wait(&barrier);
	pthread_join(a, NULL);
}

static void *late_lingering(void *arg)
{
	usleep(50000);
	return lingering(arg);
}

static void late(void)
{
	struct job job = {.id = 6};
	pthread_t a;

	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&a, NULL, late_lingering, &job);
	check(hasty(&job) == 6);
	usleep(20000);
	pthread_barrier_wait(&barrier);
	pthread_join(a, NULL);
}

/* --- predicates --- */

PROBED long choose(int kind, const char *customer, struct job *job)
{
	return kind + (job ? job->id : 0) + customer[0];
}

static void gate(void)
{
	for (int i = 0; i < 400; i++) {
		struct job job = {.id = i};
		char customer[16];

		snprintf(customer, sizeof(customer), "customer %d", i % 40);
		choose(i % 10, customer, i % 2 ? &job : NULL);
	}
}

/* --- signal stacks --- */

static struct job signal_job = {.id = 3};

static void on_signal(int sig)
{
	check(fetch(&signal_job, 1) == 3001);
}

PROBED long interrupted(struct job *job)
{
	long before = fetch(job, 0);

	raise(SIGUSR1);
	return before + fetch(job, 2);
}

static void *on_own_stack(void *arg)
{
	stack_t alternate = {.ss_sp = arg, .ss_size = STACK};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};

	sigaltstack(&alternate, NULL);
	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < 10; i++)
		check(interrupted(&signal_job) == 6002);
	return NULL;
}

/* @is_above: the alternate stack lies above the thread's. */
static void signal_stack(bool is_above)
{
	char *memory = mmap(NULL, 2 * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, memory + (is_above ? 0 : STACK), STACK);
	pthread_create(&thread, &attr, on_own_stack, memory + (is_above ? STACK : 0));
	pthread_join(thread, NULL);
}

static void stack_above(void)
{
	signal_stack(true);
}

static void stack_below(void)
{
	signal_stack(false);
}

/* --- one operation outlives the recording, while others begin and end --- */

PROBED long brief(long n)
{
	return n + 1;
}

PROBED long lasting(long n)
{
	usleep(500 * 1000);
	return n + 1;
}

static void *last(void *unused)
{
	check(lasting(1) == 2);
	return NULL;
}

static void finishing(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, last, NULL);
	for (int i = 0; i < 700; i++) {
		check(brief(i) == i + 1);
		usleep(1000);
	}
	pthread_join(thread, NULL);
}

/* --- for long --- */

#define CODE_BYTES 16

static atomic_bool is_told;

static void on_told(int sig)
{
	is_told = true;
}

static void *steady_client(void *arg)
{
	for (long i = 1; !is_told; i++) {
		struct job job = {.id = (long)arg * 1000000 + i, .customer = "c"};

		check(handle(&job) == job.id * 1000 * STEPS + 10);
	}
	return NULL;
}

/* Works until SIGTERM comes, and then looks whether its code is as it was. */
static void steady(void)
{
	void *const code[] = {handle, fetch, store, submit};
	char before[4][CODE_BYTES];
	pthread_t thread[4];

	for (int i = 0; i < 4; i++)
		memcpy(before[i], code[i], CODE_BYTES);
	signal(SIGTERM, on_told);
	start_workers(2);
	for (long i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, steady_client, (void *)i);
	puts("ready");
	fflush(stdout);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < 4; i++)
		check(!memcmp(before[i], code[i], CODE_BYTES));
}

/* --- in phases --- */

static atomic_int phase_now;

static void on_phase(int sig)
{
	phase_now++;
}

PROBED int tick(int phase)
{
	store(phase, 1);
	return phase + 1;
}

PROBED int tock(int phase)
{
	return phase + 2;
}

/* SIGUSR2 is the next phase, SIGTERM the end. */
static void ticks(void)
{
	signal(SIGTERM, on_told);
	signal(SIGUSR2, on_phase);
	puts("ready");
	fflush(stdout);
	while (!is_told) {
		int phase = phase_now;

		check(tick(phase) == phase + 1);
		check(tock(phase) == phase + 2);
		usleep(1000);
	}
}

/* --- held in the middle of an operation, until SIGUSR2 --- */

PROBED long held(long n)
{
	int phase = phase_now;

	store(n, 1);
	printf("inside %ld\n", n);
	fflush(stdout);
	while (phase_now == phase)
		usleep(1000);
	store(n, 2);
	return n + 1;
}

static void holding(void)
{
	signal(SIGUSR2, on_phase);
	for (long i = 1; i <= 3; i++)
		check(held(i) == i + 1);
}

/* --- children --- */

PROBED long serve(long id)
{
	struct job job = {.id = id};
	long value = fetch(&job, 1);

	store(id, value);
	return value;
}

/* A child a request, two at a time, and children of children. */
static void forking(void)
{
	for (int i = 1; i <= 40; i += 2) {
		pid_t child[2];
		int status;

		for (int k = 0; k < 2; k++) {
			child[k] = fork();
			if (child[k])
				continue;
			check(serve(i + k) == (i + k) * 1000 + 1);
			if (k == 1 && !fork()) {
				check(serve(1000 + i) == (1000 + i) * 1000 + 1);
				_exit(wrong != 0);
			}
			while (wait(&status) > 0)
				check(!status);
			_exit(wrong != 0);
		}
		for (int k = 0; k < 2; k++)
			check(waitpid(child[k], &status, 0) == child[k] && !status);
	}
	check(serve(41) == 41001);
}

/* Workers that are there before anybody listens; on a signal each serves, and ends. */
static void prefork(void)
{
	sigset_t set;
	pid_t child[3];
	int status, sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 3; i++) {
		child[i] = fork();
		if (child[i])
			continue;
		sigwait(&set, &sig);
		check(serve(i + 1) == (i + 1) * 1000 + 1);
		_exit(wrong != 0);
	}
	printf("ready\n");
	fflush(stdout);
	sigwait(&set, &sig);
	for (int i = 0; i < 3; i++)
		kill(child[i], SIGUSR1);
	for (int i = 0; i < 3; i++)
		check(waitpid(child[i], &status, 0) == child[i] && !status);
}

/* Another program in the middle of an operation. */
PROBED long transform(long id)
{
	struct job job = {.id = id};

	fetch(&job, 1);
	execl("/proc/self/exe", "life", "plain", NULL);
	return -1;
}

static void executing(void)
{
	check(serve(7) == 7001);
	transform(8);
	check(false);
}

static void plain(void)
{
	check(serve(9) == 9001);
}

/* Inside an operation: the child comes back through the same frames. */
PROBED long forked_inside(long id)
{
	struct job job = {.id = id};
	pid_t child = fork();
	long value = fetch(&job, child ? 1 : 2);

	if (child) {
		int status;

		check(waitpid(child, &status, 0) == child && !status);
	}
	return child ? value : -value;
}

static void inside(void)
{
	long value = forked_inside(3);

	if (value < 0)
		_exit(value != -3002);
	check(value == 3001);
}

static const struct {
	const char *name;
	void (*run)(void);
} commands[] = {
	{"pool", pool},		  {"carriers", carriers},	{"late", late},
	{"gate", gate},		  {"stack_above", stack_above}, {"stack_below", stack_below},
	{"finishing", finishing}, {"steady", steady},		{"ticks", ticks},
	{"forking", forking},	  {"prefork", prefork},		{"executing", executing},
	{"plain", plain},	  {"inside", inside},		{"holding", holding},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		commands[i].run();
		return wrong != 0;
	}
	return 2;
}
