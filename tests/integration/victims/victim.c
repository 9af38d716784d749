// SPDX-License-Identifier: BSD-3-Clause
/*
 * A program to be recorded. It does what each line of its input says, checks its own results, and answers
 * "done" or "wrong". Before the first it says "ready" and where errno lies from the thread pointer.
 */
#include "victim.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROBED	    __attribute__((noipa))
#define WORKERS_MAX 16
#define PAGE	    4096

static atomic_long wrong;
static jmp_buf out_of_operation, back_in_operation;

/* --- probed functions --- */

PROBED long in_get(const char *key, uint8_t *buf, size_t cap)
{
	uint64_t id = strtoull(key + 4, NULL, 10);
	size_t len = len_of(id);

	for (size_t i = 0; i < len && i < cap; i++)
		buf[i] = byte_of(id, i);
	errno = errno_of(id);
	return len;
}

PROBED void out_put(const struct item *item, uint64_t sum)
{
	asm volatile("" : : "r"(item), "r"(sum) : "memory");
}

PROBED long op_work(uint64_t id, const struct item *item, struct answer *answer)
{
	uint8_t buf[DATA_MAX];
	char key[KEY_MAX];
	long len;

	snprintf(key, sizeof(key), "key %llu", (unsigned long long)id);
	len = in_get(key, buf, sizeof(buf));
	answer->id = id;
	answer->sum = 0;
	for (long i = 0; i < len; i++)
		answer->sum += buf[i];
	out_put(item, answer->sum);
	return len + 1000;
}

/* Keeps the compiler from making a loop of a recursion. */
static long opaque(long v)
{
	asm volatile("" : "+r"(v) : : "memory");
	return v;
}

PROBED long in_deep(long depth)
{
	return depth ? 1 + opaque(in_deep(depth - 1)) : 0;
}

PROBED long op_deep(long depth)
{
	uint8_t buf[DATA_MAX];

	if (depth)
		return 1 + opaque(op_deep(depth - 1));
	return in_get("key 5", buf, sizeof(buf)) - len_of(5);
}

PROBED long op_calls_deep(long depth)
{
	uint8_t buf[DATA_MAX];
	long n = in_deep(depth);

	return n + in_get("key 6", buf, sizeof(buf));
}

PROBED void in_jump(void)
{
	longjmp(back_in_operation, 1);
}

/* Calls from deeper on the stack than the frame that was jumped out of. */
PROBED long deeper(long bytes)
{
	volatile char hole[bytes];
	uint8_t buf[DATA_MAX];

	hole[0] = 1;
	return in_get("key 7", buf, sizeof(buf)) + hole[0] - 1;
}

PROBED long op_jump(long bytes)
{
	if (!setjmp(back_in_operation))
		in_jump();
	return deeper(bytes);
}

PROBED long op_escape(long arg)
{
	uint8_t buf[DATA_MAX];

	in_get("key 8", buf, sizeof(buf));
	longjmp(out_of_operation, arg);
}

PROBED long op_tail(const char *key, uint8_t *buf, size_t cap)
{
	return in_get(key, buf, cap);
}

PROBED long op_fork(long arg)
{
	uint8_t buf[DATA_MAX];
	int status;
	pid_t child = fork();

	if (child == 0) {
		in_get("key 9", buf, sizeof(buf));
		_exit(3);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 3 ? arg : -1;
}

/* The child comes back through the same frames as its parent. */
PROBED long op_fork_return(long arg)
{
	pid_t child = fork();

	return child ? child : -arg;
}

PROBED long in_block(void)
{
	puts("inside");
	fflush(stdout);
	for (;;)
		pause();
}

PROBED long op_block(long arg)
{
	return arg + in_block();
}

PROBED long op_thread_exit(long arg)
{
	uint8_t buf[DATA_MAX];

	in_get("key 10", buf, sizeof(buf));
	pthread_exit((void *)arg);
}

PROBED long op_memory(const char *cold, const char *edge, const char *bad, const uint8_t *big)
{
	return cold && edge && bad && big;
}

PROBED long op_many(long calls)
{
	uint8_t buf[DATA_MAX];
	long sum = 0;

	for (long i = 0; i < calls; i++)
		sum += in_get("key 3", buf, sizeof(buf));
	return sum;
}

/* --- commands --- */

static void check(bool is_right)
{
	if (!is_right)
		wrong++;
}

static void work_once(uint64_t id)
{
	uint8_t data[DATA_MAX];
	char note[KEY_MAX];
	struct item item = {.id = id, .size = len_of(id), .note = note, .data = data};
	struct answer answer = {};
	uint64_t sum = 0;

	for (size_t i = 0; i < item.size; i++)
		sum += data[i] = byte_of(id, i);
	snprintf(note, sizeof(note), "note %llu", (unsigned long long)id);
	snprintf(item.name, sizeof(item.name), "item %llu", (unsigned long long)id);
	check(op_work(id, &item, &answer) == (long)len_of(id) + 1000);
	check(errno == errno_of(id));
	check(answer.id == id && answer.sum == sum);
}

static pthread_barrier_t begin, end;
static unsigned workers;
static uint32_t work_first, work_cnt;
static atomic_bool is_busy;

static void *worker(void *arg)
{
	unsigned number = (uintptr_t)arg;

	for (;;) {
		pthread_barrier_wait(&begin);
		for (uint32_t i = 0; i < work_cnt; i++)
			work_once(id_of(number, work_first + i));
		pthread_barrier_wait(&end);
	}
	return NULL;
}

static void start_workers(unsigned cnt)
{
	pthread_barrier_init(&begin, NULL, cnt + 1);
	pthread_barrier_init(&end, NULL, cnt + 1);
	for (workers = 0; workers < cnt; workers++) {
		pthread_t thread;

		pthread_create(&thread, NULL, worker, (void *)(uintptr_t)workers);
	}
}

static void do_work(long cnt, long per_worker)
{
	if (!workers)
		start_workers(cnt > WORKERS_MAX ? WORKERS_MAX : cnt);
	work_cnt = per_worker;
	pthread_barrier_wait(&begin);
	pthread_barrier_wait(&end);
	work_first += per_worker;
}

static void *busy(void *arg)
{
	unsigned number = (uintptr_t)arg;

	for (uint32_t i = 0; is_busy; i++)
		work_once(id_of(number, i));
	return NULL;
}

static void do_busy(long cnt, long unused)
{
	is_busy = true;
	for (long i = 0; i < cnt; i++) {
		pthread_t thread;

		pthread_create(&thread, NULL, busy, (void *)i);
		pthread_detach(thread);
	}
}

static void do_idle(long unused, long unused2)
{
	is_busy = false;
	usleep(100000);
}

static void do_deep(long depth, long unused)
{
	check(op_deep(depth) == depth);
	check(op_calls_deep(depth) == depth + (long)len_of(6));
}

static void do_jump(long bytes, long unused)
{
	check(op_jump(bytes) == (long)len_of(7));
}

/* Twice from the same place, then from deeper, over the frame that was jumped out of. */
PROBED static void escape_twice(void)
{
	volatile int round = 0;

	setjmp(out_of_operation);
	if (round++ < 2)
		op_escape(1);
	check(round == 3);
}

static void do_escape(long unused, long unused2)
{
	escape_twice();
	check(deeper(600) == (long)len_of(7));
	check(op_jump(16) == (long)len_of(7));
}

static void do_tail(long unused, long unused2)
{
	uint8_t buf[DATA_MAX];

	check(op_tail("key 11", buf, sizeof(buf)) == (long)len_of(11));
}

static void do_fork(long unused, long unused2)
{
	pid_t child;

	check(op_fork(77) == 77);
	child = op_fork_return(4);
	if (child == -4)
		_exit(0);
	check(child > 0 && waitpid(child, NULL, 0) == child);
}

static void do_block(long unused, long unused2)
{
	op_block(1);
}

static void *exiting(void *arg)
{
	op_thread_exit(42);
	return NULL;
}

static void do_thread_exit(long unused, long unused2)
{
	pthread_t thread;
	void *value = NULL;

	pthread_create(&thread, NULL, exiting, NULL);
	pthread_join(thread, &value);
	check((long)value == 42);
}

/* Text in a file that nobody has touched; text that runs into a hole; no memory at all; 40000 bytes. */
static void do_memory(long unused, long unused2)
{
	char path[] = "/tmp/victim-XXXXXX";
	int fd = mkstemp(path);
	static uint8_t big[BIG_BYTES];
	char *cold, *edge;

	unlink(path);
	if (ftruncate(fd, 2 * PAGE) || pwrite(fd, "cold page text", 15, PAGE - 5) != 15)
		abort();
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	cold = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	edge = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(edge + PAGE, PAGE);
	memcpy(edge + PAGE - 4, "edge", 4);
	for (size_t i = 0; i < BIG_BYTES; i++)
		big[i] = byte_of(1, i);
	check(op_memory(cold + PAGE - 5, edge + PAGE - 4, (char *)0x1234, big) == 1);
	munmap(cold, 2 * PAGE);
	munmap(edge, PAGE);
	close(fd);
}

static void do_many(long calls, long unused)
{
	check(op_many(calls) == calls * (long)len_of(3));
}

static const struct {
	const char *name;
	void (*run)(long, long);
} commands[] = {
	{"work", do_work},   {"busy", do_busy},	    {"idle", do_idle}, {"deep", do_deep},
	{"jump", do_jump},   {"escape", do_escape}, {"tail", do_tail}, {"fork", do_fork},
	{"block", do_block}, {"memory", do_memory}, {"many", do_many}, {"thread_exit", do_thread_exit},
};

static void obey(const char *line)
{
	char name[32] = "";
	long a = 0, b = 0;

	sscanf(line, "%31s %ld %ld", name, &a, &b);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(name, commands[i].name))
			commands[i].run(a, b);
}

int main(void)
{
	char line[128];

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("ready %ld\n", (long)((char *)&errno - (char *)__builtin_thread_pointer()));
	while (fgets(line, sizeof(line), stdin)) {
		obey(line);
		puts(wrong ? "wrong" : "done");
	}
	return wrong != 0;
}
