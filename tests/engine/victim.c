// SPDX-License-Identifier: BSD-3-Clause
/*
 * A program to be replayed. Its operation does one of many small things; every function that a replay must
 * not reach says REAL on stderr. argv[1] says how it becomes ready, or fails to.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

#include "tests/engine/victim.h"

int shop_total(int a, int b);

#define NOINLINE __attribute__((noinline))

static jmp_buf at_loop;
static volatile int zero;

static void really(const char *who)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "REAL %s\n", who);

	if (write(2, text, len) < 0)
		_exit(1);
}

/* --- inputs and outputs --- */

/* A leaf that gcc sees whole: with -fipa-ra its callers keep values in the registers it leaves alone. */
static NOINLINE int price_of(int item)
{
	return item * 3 + zero;
}

static NOINLINE int fetch(const char *key)
{
	really("fetch");
	errno = EIO;
	return -2 + zero + !key;
}

static NOINLINE int get_reply(int id, struct reply *reply)
{
	really("get_reply");
	memset(reply, 0xee, sizeof(*reply));
	return id + zero;
}

static NOINLINE struct big make_big(int seed)
{
	really("make_big");
	return (struct big){{seed, seed, seed, seed}};
}

static NOINLINE long many(long a, long b, long c, long d, long e, long f, long g, long h, long i)
{
	really("many");
	return a + b + c + d + e + f + g + h + i;
}

static NOINLINE int emit(int what)
{
	really("emit");
	return what + zero;
}

void note(int what);
NOINLINE void note(int what)
{
	really("note");
	zero = 0;
}

/* Runs for real when nothing was recorded; what it calls then runs for real too. */
static NOINLINE long through(long a, long b, long c, long d, long e, long f, long g, long h)
{
	return price_of(a) + b + c + d + e + f + 10 * g + 100 * h;
}

static NOINLINE double half(double x)
{
	return x / 2 + zero;
}

static NOINLINE double blend(double x, long n, double y)
{
	return x * n + y + zero;
}

static NOINLINE long double widen(double x)
{
	return x + zero;
}

static NOINLINE _Complex double turn(double x)
{
	return x * 1.0i + zero;
}

static NOINLINE _Complex long double turn_wide(void)
{
	return 1.0il + zero;
}

static double served_doubles(long a)
{
	double b = blend(1.5, a, -0.25);
	_Complex double z = turn(b);
	_Complex long double w = turn_wide();

	return b + 10 * widen(b) + 100 * __real__ z + 1000 * __imag__ z + 10000 * __real__ w +
	       100000 * __imag__ w;
}

static NOINLINE long double third(long double x)
{
	return x / 3 + zero;
}

int tiny(int x);
__asm__(".text\n.globl tiny\n.type tiny,@function\n.p2align 4\ntiny: lea 1(%rdi),%eax\nret\n.size tiny, .-tiny\n"
	".type neighbour,@function\nneighbour: mov $7,%eax\nret\n.size neighbour, .-neighbour\n");

static NOINLINE int quit_there(jmp_buf *to)
{
	longjmp(*to, 5);
}

static _Unwind_Reason_Code count_operation(struct _Unwind_Context *context, void *seen)
{
	if (_Unwind_FindEnclosingFunction((void *)_Unwind_GetIP(context)) == (void *)operation)
		*(int *)seen = 1;
	return _URC_NO_REASON;
}

/* 1 when the operation is found on the stack. */
static NOINLINE int look_up(int x)
{
	int seen = 0;

	_Unwind_Backtrace(count_operation, &seen);
	return seen + zero;
}

/* --- what the operation does --- */

static NOINLINE long keep_live(long a, long b, long c, long d)
{
	/* All of these live across the call, in caller-saved registers where gcc may. */
	long e = a * 7, f = b * 11, g = c * 13, h = d * 17;

	return price_of(a) + e + f + g + h + a + b + c + d;
}

static NOINLINE double keep_float(double a, double b, int item)
{
	double c = a * b, d = a + b;

	return price_of(item) + c * d;
}

/* An allocator of the program's own, which leaves no vector register as it was. */
extern void *__libc_malloc(size_t len);
void *malloc(size_t len)
{
	__asm__ volatile("vpcmpeqd %%ymm0, %%ymm0, %%ymm0\nvmovdqa %%ymm0, %%ymm7\nvmovdqa %%ymm0, %%ymm15\n"
			 :
			 :
			 : "xmm0", "xmm7", "xmm15");
	return __libc_malloc(len);
}

/* Calls note with all caller-saved registers set, and compares them afterwards. Bit n: register n changed. */
long registers_changed(void);
__asm__(".text\n.globl registers_changed\n.type registers_changed,@function\nregisters_changed:\n"
	"push %rbx\n"
	"sub $8, %rsp\n" /* on purpose: the stack is misaligned by 8 at the call */
	"sub $8, %rsp\n"
	"mov $0x1111111111, %rax\nmov $0x2222222222, %rcx\nmov $0x3333333333, %rdx\nmov $0x4444444444, %rsi\n"
	"mov $0x5555555555, %rdi\nmov $0x6666666666, %r8\nmov $0x7777777777, %r9\nmov $0x8888888888, %r10\n"
	"mov $0x9999999999, %r11\nmovq %rcx, %xmm0\nmovq %rdx, %xmm7\nmovq %rdi, %xmm15\n"
	"vpbroadcastq %xmm15, %ymm15\n"
	"std\n"
	"cld\n"
	"stc\n"
	"call note\n"
	"setnc %bl\n"
	"movzbl %bl, %ebx\n"
	"mov %rax, (%rsp)\nmov $0x1111111111, %rax\ncmp %rax, (%rsp)\nje 1f\nor $2, %ebx\n1:"
	"mov $0x2222222222, %rax\ncmp %rax, %rcx\nje 1f\nor $4, %ebx\n1:"
	"mov $0x3333333333, %rax\ncmp %rax, %rdx\nje 1f\nor $8, %ebx\n1:"
	"mov $0x4444444444, %rax\ncmp %rax, %rsi\nje 1f\nor $16, %ebx\n1:"
	"mov $0x5555555555, %rax\ncmp %rax, %rdi\nje 1f\nor $32, %ebx\n1:"
	"mov $0x6666666666, %rax\ncmp %rax, %r8\nje 1f\nor $64, %ebx\n1:"
	"mov $0x7777777777, %rax\ncmp %rax, %r9\nje 1f\nor $128, %ebx\n1:"
	"mov $0x8888888888, %rax\ncmp %rax, %r10\nje 1f\nor $256, %ebx\n1:"
	"mov $0x9999999999, %rax\ncmp %rax, %r11\nje 1f\nor $512, %ebx\n1:"
	"movq %xmm0, %rax\ncmp %rcx, %rax\nje 1f\nor $1024, %ebx\n1:"
	"movq %xmm7, %rax\ncmp %rdx, %rax\nje 1f\nor $2048, %ebx\n1:"
	"vextracti128 $1, %ymm15, %xmm1\nmovq %xmm1, %rax\ncmp %rdi, %rax\nje 1f\nor $4096, %ebx\n1:"
	"mov %ebx, %eax\n"
	"add $16, %rsp\n"
	"pop %rbx\n"
	"ret\n.size registers_changed, .-registers_changed\n");

static void *in_thread(void *arg)
{
	return (void *)(long)price_of((long)arg);
}

static long in_threads(void)
{
	pthread_t threads[4];
	long sum = 0;

	for (long i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, in_thread, (void *)i);
	for (int i = 0; i < 4; i++) {
		void *result;

		pthread_join(threads[i], &result);
		sum += (long)result;
	}
	return sum;
}

static sem_t handed_on, is_done;
static struct reply *job;
static long job_result;

/* Each time for itself, then for who handed the job on. */
static void *work(void *arg)
{
	struct reply own;

	for (;;) {
		sem_wait(&handed_on);
		job_result = get_reply(3, &own) * 10;
		job_result += get_reply(3, job);
		sem_post(&is_done);
	}
	return NULL;
}

static long hand_on(struct reply *out)
{
	job = out;
	sem_post(&handed_on);
	sem_wait(&is_done);
	return job_result;
}

static volatile int prepared, heard;
static void on_usr1(int number)
{
	heard = 1;
}

static long reach_out(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};

	return connect(0, (struct sockaddr *)&to, sizeof(to));
}

static NOINLINE int overflow(volatile char *up)
{
	volatile char here[4096];

	here[0] = *up;
	return overflow(here) + here[0];
}

static long fork_one(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(price_of(4));
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static long sum_big(int seed)
{
	struct big big = make_big(seed);

	return big.a[0] + big.a[1] + big.a[2] + big.a[3];
}

static long read_reply(int id)
{
	struct reply reply = {.total = -1};
	int r = get_reply(id, &reply);

	return r * 1000 + reply.total + (reply.lines ? reply.lines[1] : 0);
}

static long jump_home(void)
{
	jmp_buf here;
	int r = setjmp(here);

	return r ? r + price_of(1) : quit_there(&here);
}

NOINLINE long operation(int what, long a, struct reply *out)
{
	char buf[8] = "";
	int *lines;

	switch (what) {
	case DO_STATIC:
		return price_of(a) + 1;
	case DO_LIVE:
		return keep_live(a, 2, 3, 4);
	case DO_FLOAT:
		return keep_float(1.5, 2.5, a) * 100;
	case DO_LIBC:
		return time(NULL) + (read(99, buf, sizeof(buf)) == 2 ? buf[1] : -100);
	case DO_ERRNO:
		errno = 0;
		return fetch("key") < 0 ? -errno : 0;
	case DO_SEQUENCE:
		return price_of(1) * 100 + price_of(1) * 10 + price_of(2);
	case DO_OUTPUTS:
		return emit(11) * 10 + emit(22);
	case DO_CRASH:
		return *(volatile int *)8;
	case DO_HANG:
		for (;;)
			zero = 0;
	case DO_EXIT:
		exit(3);
	case DO_CONNECT:
		return reach_out();
	case DO_REPLY:
		return read_reply(a);
	case DO_BIG:
		return sum_big(a);
	case DO_MANY:
		return many(1, 2, 3, 4, 5, 6, 7, 8, 9);
	case DO_THROUGH:
		return through(a, 2, 3, 4, 5, 6, 7, 8);
	case DO_LONGJMP:
		longjmp(at_loop, 1);
	case DO_ABORT:
		abort();
	case DO_LIBC_CRASH:
		return strlen((char *)(long)(8 + zero));
	case DO_THREADS:
		return in_threads();
	case DO_REGISTERS:
		return registers_changed();
	case DO_TINY:
		return tiny(a);
	case DO_DOUBLES:
		return half(3.0) * 1000 + third(9.0L) * 10;
	case DO_SERVED_DOUBLES:
		return served_doubles(a);
	case DO_UNWIND:
		return look_up(1);
	case DO_SIGNAL:
		signal(SIGUSR1, on_usr1);
		kill(getpid(), SIGUSR1);
		return heard;
	case DO_FORK:
		return fork_one();
	case DO_NESTED:
		return a ? operation(DO_NESTED, a - 1, out) + price_of(a) : 0;
	case DO_OVERFLOW:
		return overflow(buf);
	case DO_BAD_POINTER:
		return get_reply(a, (struct reply *)16);
	case DO_OUT:
		out->total = a * 2;
		errno = ENOENT;
		return out->lines[0];
	case DO_JUMP:
		return jump_home();
	case DO_UNDERSCORE_EXIT:
		_exit(4);
	case DO_VOID:
		note(a);
		return 1;
	case DO_BEYOND:
		return out->lines[a];
	case DO_FREED:
		lines = realloc(out->lines, 100);
		a = lines[0];
		free(lines);
		free(out);
		return a;
	case DO_LOOP:
		if (out && signal(SIGXFSZ, SIG_DFL) != SIG_ERR)
			setrlimit(RLIMIT_FSIZE, &(struct rlimit){});
		for (long i = 0; i < a; i++)
			what += through(i, 0, 0, 0, 0, 0, 0, 0);
		return what - DO_LOOP;
	case DO_SHOP:
		return shop_total(a, 2);
	case DO_ADDRESS:
		return (long)malloc(a ?: 24);
	case DO_PAUSE:
		return usleep(a);
	case DO_HAND_ON:
		return hand_on(out);
	case DO_PREPARED:
		return prepared;
	}
	return -1;
}

/* --- how it becomes ready --- */

static void *sleeper(void *arg)
{
	for (;;)
		sleep(1000);
	return NULL;
}

static void *operate(void *after_us)
{
	usleep((long)after_us);
	return (void *)operation(DO_ERRNO, 0, NULL);
}

/* Threads with operations of their own: one begins before the program is ready, one afterwards. */
static void start_operations(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, operate, (void *)60000);
	pthread_create(&thread, NULL, operate, (void *)0);
	usleep(20000);
}

/* One that starts threads all the time, of which each asks for a price. */
static void *start_threads(void *arg)
{
	pthread_t thread;

	for (;;) {
		usleep(5000);
		pthread_create(&thread, NULL, in_thread, (void *)7);
		pthread_detach(thread);
	}
	return NULL;
}

static void *prepare_more(void *arg)
{
	usleep(20000);
	prepared++;
	return NULL;
}

static void prepare(void)
{
	pthread_t thread;

	select(0, NULL, NULL, NULL, &(struct timeval){.tv_usec = 1000});
	prepared++;
	poll(NULL, 0, 1);
	prepared++;
	pthread_create(&thread, NULL, prepare_more, NULL);
	pthread_join(thread, NULL);
}

static int serve(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, 5)) {
		perror("listen");
		return 1;
	}
	setjmp(at_loop);
	for (;;)
		close(accept(fd, NULL, NULL));
}

static int say(const char *what, int r)
{
	fprintf(stderr, "%s %d; ", what, r < 0 ? errno : 0);
	return r;
}

/* Everything that start-up must not reach. */
static void try_walls(const char *argv0, const char *outside)
{
	char self[4096] = "";
	int pair[2];
	ssize_t len;
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct sockaddr_in host = {.sin_family = AF_INET, .sin_port = htons(9)};

	host.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	snprintf(to.sun_path, sizeof(to.sun_path), "%s/socket", outside);
	say("unix", connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof(to)));
	say("datagram", socket(AF_UNIX, SOCK_DGRAM, 0));
	say("pair", socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	say("stream pair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	say("bluetooth", socket(AF_BLUETOOTH, SOCK_STREAM, 0));
	say("inet", connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&host, sizeof(host)));
	say("udp", sendto(socket(AF_INET, SOCK_DGRAM, 0), "", 1, 0, (struct sockaddr *)&host, sizeof(host)));
	say("outside", open("/usr", O_TMPFILE | O_WRONLY, 0600));
	snprintf(self, sizeof(self), "%s/written", outside);
	say("argument", open(self, O_CREAT | O_WRONLY, 0600));
	say("inside", open(getenv("HOME"), O_TMPFILE | O_WRONLY, 0600));
	say("null", open("/dev/null", O_WRONLY));
	say("read", open("/etc/passwd", O_RDONLY));
	say("preload", getenv("LD_PRELOAD") || getenv("TAPEDECK_REPLAY") ? 0 : (errno = ENOENT, -1));
	say("parent", kill(getppid(), 0));
	say("host", sethostname("x", 1));
	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[len > 0 ? len : 0] = '\0';
	say("self", !strcmp(self, argv0) ? 0 : (errno = ENOENT, -1));
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "accept";
	pthread_t thread;

	if (!strcmp(how, "early"))
		return 7;
	if (!strcmp(how, "idle"))
		return 0;
	if (!strcmp(how, "leaves"))
		exit(0);
	if (!strcmp(how, "exit")) {
		printf("cannot read victim.conf\n");
		exit(9);
	}
	if (!strcmp(how, "crash")) {
		fprintf(stderr, "no configuration\n");
		abort();
	}
	if (!strcmp(how, "hang"))
		sleep(1000);
	if (!strcmp(how, "background"))
		return daemon(1, 1) || serve();
	if (!strcmp(how, "walls")) {
		try_walls(argv[0], argv[2]);
		return 5;
	}
	if (!strcmp(how, "real"))
		fprintf(stderr, "price %d tiny %d time %d\n", price_of(5), tiny(5), time(NULL) > 1000);
	if (!strcmp(how, "threads"))
		pthread_create(&thread, NULL, sleeper, NULL);
	if (!strcmp(how, "sleeps"))
		prepare();
	if (!strcmp(how, "starter"))
		pthread_create(&thread, NULL, start_threads, NULL);
	if (!strcmp(how, "worker"))
		pthread_create(&thread, NULL, work, NULL);
	if (!strcmp(how, "operations"))
		start_operations();
	if (!strcmp(how, "workers"))
		for (int i = 0; i < 3; i++)
			if (fork() == 0)
				return serve();
	if (!strcmp(how, "workers"))
		return wait(NULL) > 0;
	if (!strcmp(how, "closes"))
		for (int fd = 3; fd < 1024; fd++)
			close(fd);
	if (!strcmp(how, "call"))
		return operation(DO_STATIC, 1, NULL);
	if (!strcmp(how, "nothing"))
		return 0;
	return serve();
}
