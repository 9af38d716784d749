// SPDX-License-Identifier: BSD-3-Clause
#include "loader/preload.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/object.h"
#include "lib/plan.h"
#include "lib/program.h"
#include "lib/tape.h"
#include "lib/util.h"
#include "loader/process.h"
#include "loader/procfs.h"
#include "loader/source.h"

#define FIRST_FD 200
/* Threads that share a ring wait for each other. */
#define RINGS_PER_CPU 4
#define RINGS_MIN     8
#define AUXV_MAX      65536
#define CHILD_NS      200000000ull /* how long a child that was forked may take to say so */
#define LOOK_NS	      100000000ull /* between looks at what runs in the process */

enum { FD_PATCH, FD_TAPE, FD_CNT };

struct preload {
	struct source source;
	struct program *program;
	int fds[FD_CNT];
	struct tape *tape;
	char *env[4];
	struct process_setup setup;
	const struct process *process; /* NULL: not started */
	bool has_arrived;
	uint64_t auxv, looked_ns;	 /* digest, 0: not yet; when it was last compared */
	char ended[TAPE_TEXT_MAX];	 /* why it gave up */
	int children[TAPE_CHILDREN_MAX]; /* pidfds, -1: ended */
	size_t children_cnt;
	uint64_t ended_ns; /* when all were seen to have ended; 0: not yet */
	bool has_execed;   /* another program runs in the process */
};

static struct preload *of(const struct source *source)
{
	return container_of(source, struct preload, source);
}

/* --- what is handed over --- */

static int make_file(int *out, const char *name, uint64_t len, struct err *err)
{
	autoclose int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, len))
		return err_set(err, -errno, "cannot make memory to share: %s", strerror(errno));
	*out = TAKE_FD(fd);
	return 0;
}

static int put_patch(struct preload *preload, const struct preload_opts *opts, struct err *err)
{
	int r = make_file(&preload->fds[FD_PATCH], "tapedeck-patch", 0, err);

	if (r < 0)
		return r;
	if (write(preload->fds[FD_PATCH], opts->patch, opts->patch_len) != (ssize_t)opts->patch_len)
		return err_set(err, -EIO, "cannot write the patch file");
	return 0;
}

/* Where everything lies. */
static struct tape layout(const struct preload *preload, uint32_t ring_bytes, int rings_cnt)
{
	struct tape tape = {
		.magic = TAPE_MAGIC,
		.recorder = getpid(),
		.ring_bytes = ring_bytes,
		.rings_cnt = rings_cnt,
		.gates_cnt = preload->program->funcs_cnt * GATE_ROWS,
		.gates = ALIGN_UP(sizeof(struct tape), TAPE_PAGE),
	};

	tape.rings = ALIGN_UP(tape.gates + tape.gates_cnt * sizeof(struct plan_gate), TAPE_PAGE);
	tape.bytes = tape.rings + rings_cnt * tape_ring_stride(&tape);
	return tape;
}

static int make_tape(struct preload *preload, const struct preload_opts *opts, struct err *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int rings_cnt = MAX(RINGS_MIN, MIN(cpus * RINGS_PER_CPU, TAPE_RINGS_MAX));
	struct tape head, *tape;
	uint32_t ring_bytes;
	int r = source_ring_bytes(&ring_bytes, opts->ring_bytes, rings_cnt, err);

	if (r < 0)
		return r;
	head = layout(preload, ring_bytes, rings_cnt);
	r = make_file(&preload->fds[FD_TAPE], "tapedeck-tape", head.bytes, err);
	if (r < 0)
		return r;
	tape = mmap(NULL, head.rings, PROT_READ | PROT_WRITE, MAP_SHARED, preload->fds[FD_TAPE], 0);
	if (tape == MAP_FAILED)
		return err_set(err, -errno, "cannot map memory to share: %s", strerror(errno));
	preload->tape = tape;
	*tape = head;
	tape->control.is_seeded = opts->is_seeded;
	tape->control.seed = opts->seed;
	tape->control.is_following = opts->is_following;
	return 0;
}

static void put_gate(struct preload *preload, uint32_t row, const struct plan_gate *gate)
{
	struct plan_gate *gates = (void *)((char *)preload->tape + preload->tape->gates);

	if (gate)
		gates[row] = *gate;
}

static void put_rules(struct preload *preload)
{
	const struct program *program = preload->program;

	for (size_t i = 0; i < program->funcs_cnt; i++) {
		source_rule(&preload->tape->rules[i], i, &program->funcs[i]);
		put_gate(preload, preload->tape->rules[i].gate, program->funcs[i].gate);
	}
}

/* Ours comes first; what the user preloads stays. */
static int make_env(struct preload *preload, const char *library, struct err *err)
{
	const char *also = getenv("LD_PRELOAD"), *sanitizer = object_sanitizer(preload->program->objects[0]);
	int at = 0;

	if (library && strpbrk(library, ": "))
		return err_set(err, -EINVAL, "the path of the engine '%s' has a colon or a space", library);
	if (library && asprintf(&preload->env[at++], "LD_PRELOAD=%s%s%s%s%s", sanitizer ? sanitizer : "",
				sanitizer ? ":" : "", library, also ? ":" : "", also ? also : "") < 0)
		return err_nomem(err);
	/* What its own children are to find. */
	if (library && also && asprintf(&preload->env[at++], TAPE_PRELOAD_ENV "%s", also) < 0)
		return err_nomem(err);
	if (asprintf(&preload->env[at], TAPE_ENV "=%d %d", FIRST_FD + FD_PATCH, FIRST_FD + FD_TAPE) < 0)
		return err_nomem(err);
	return 0;
}

/* --- as a source --- */

static int arrive(struct preload *preload, struct err *err)
{
	struct program *program = preload->program;

	for (size_t i = 0; i < program->files_cnt && i < TAPE_MODULES_MAX; i++) {
		program->files[i].base = preload->tape->bases[i];
		program->files[i].is_absent = !preload->tape->is_loaded[i];
	}
	preload->has_arrived = true;
	return 0;
}

static int check(struct source *source, struct err *err)
{
	struct preload *preload = of(source);
	uint32_t state = __atomic_load_n(&preload->tape->state, __ATOMIC_ACQUIRE);

	if (state == TAPE_FAILED)
		return err_set(err, -ENOTSUP, "the command cannot be recorded from inside: %.*s",
			       TAPE_TEXT_MAX - 1, preload->tape->text);
	if (state == TAPE_EMPTY || preload->has_arrived)
		return 0;
	return arrive(preload, err);
}

static int enable(struct source *source, bool enabled, struct err *err)
{
	__atomic_store_n(&of(source)->tape->control.state, enabled ? CONTROL_RECORDING : CONTROL_FINISHING,
			 __ATOMIC_SEQ_CST);
	return 0;
}

static int sample(struct source *source, size_t func, const struct sampling *sampling,
		  const struct plan_gate *gate, struct err *err)
{
	struct func_rule *rule = &of(source)->tape->rules[func];
	uint32_t row = source_next_gate(rule, func);

	put_gate(of(source), row, gate);
	source_resample(rule, sampling, row, gate ? gate->flags : 0);
	return 0;
}

/* Those that have come since. One that has ended already was there, too. */
static void open_children(struct preload *preload)
{
	uint32_t cnt =
		MIN(__atomic_load_n(&preload->tape->children_cnt, __ATOMIC_SEQ_CST), TAPE_CHILDREN_MAX);

	for (; preload->children_cnt < cnt; preload->children_cnt++) {
		uint32_t pid =
			__atomic_load_n(&preload->tape->children[preload->children_cnt], __ATOMIC_SEQ_CST);

		if (!pid)
			return;
		preload->children[preload->children_cnt] = syscall(SYS_pidfd_open, pid, 0);
	}
}

static size_t children_alive(struct preload *preload)
{
	size_t alive = 0;

	open_children(preload);
	for (size_t i = 0; i < preload->children_cnt; i++) {
		struct pollfd ended = {.fd = preload->children[i], .events = POLLIN};

		if (ended.fd < 0)
			continue;
		if (poll(&ended, 1, 0) == 1)
			close(TAKE_FD(preload->children[i]));
		else
			alive++;
	}
	return alive;
}

/* What the kernel told the program at its start; another one was told otherwise. */
static uint64_t auxv_digest(pid_t pid)
{
	autofree char *auxv = NULL;
	uint64_t digest = 0, word;
	size_t len;

	if (procfs_read(&auxv, &len, AUXV_MAX, pid, "auxv", NULL))
		return 0;
	for (size_t i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(&word, auxv + i, sizeof(word));
		digest = plan_hash(digest, word);
	}
	return len ? digest : 0;
}

static void look_for_exec(struct preload *preload)
{
	uint64_t now = clock_ns(), digest;

	if (now - preload->looked_ns < LOOK_NS || preload->has_execed)
		return;
	preload->looked_ns = now;
	digest = auxv_digest(preload->process->pid);
	if (!preload->auxv)
		preload->auxv = digest;
	preload->has_execed = digest && digest != preload->auxv;
}

/* A child that was just forked has not told of itself yet. */
static size_t count_alive(struct preload *preload)
{
	size_t alive = !process_has_ended(preload->process) + children_alive(preload);

	if (alive || !preload->tape->control.is_following)
		return alive;
	if (!preload->ended_ns)
		preload->ended_ns = clock_ns();
	return clock_ns() - preload->ended_ns < CHILD_NS;
}

static void processes(const struct source *source, struct source_processes *out)
{
	struct preload *preload = of(source);

	look_for_exec(preload);
	if (preload->tape->state == TAPE_ENDED && !preload->ended[0])
		snprintf(preload->ended, sizeof(preload->ended), "%.*s", TAPE_TEXT_MAX - 1,
			 preload->tape->text);
	*out = (struct source_processes){.alive = count_alive(preload),
					 .seen = preload->tape->children_cnt,
					 .execs = preload->has_execed,
					 .ended = preload->tape->state == TAPE_ENDED ? preload->ended : NULL};
}

/* Of a ring whose writer was killed: whether what it was putting in is in. */
static uint64_t emitted_in(const struct preload *preload, unsigned ring, size_t func)
{
	const struct tape *tape = preload->tape;
	const struct tape_ring *at = &tape->ring[ring];
	off_t writer = tape->rings + ring * tape_ring_stride(tape) + TAPE_PAGE;
	uint64_t pos = 0;

	if (!at->lock || at->func != func || !kill(at->lock, 0) || errno != ESRCH)
		return at->emitted[func];
	if (pread(preload->fds[FD_TAPE], &pos, sizeof(pos), writer) != sizeof(pos) || pos != at->end)
		return at->emitted[func];
	return at->emitted_after;
}

static int counts(const struct source *source, struct func_count *out, struct err *err)
{
	const struct preload *preload = of(source);

	for (size_t i = 0; i < preload->program->funcs_cnt; i++) {
		out[i] = preload->tape->counts[i];
		out[i].emitted = 0;
		for (unsigned ring = 0; ring < preload->tape->rings_cnt; ring++)
			out[i].emitted += emitted_in(preload, ring, i);
	}
	return 0;
}

#define BUSY_WAIT_US  100
#define BUSY_WAIT_MAX 20000

/* Whoever is making an event may end that. A thread that was jumped out of it never says so: it is not waited
 * for for ever. */
static void detach(struct source *source)
{
	struct preload *preload = of(source);

	__atomic_store_n(&preload->tape->control.state, CONTROL_STOPPED, __ATOMIC_SEQ_CST);
	for (int i = 0; i < BUSY_WAIT_MAX && __atomic_load_n(&preload->tape->busy, __ATOMIC_SEQ_CST); i++) {
		if (process_has_ended(preload->process))
			break;
		usleep(BUSY_WAIT_US);
	}
}

static int rings_cnt(const struct source *source)
{
	return of(source)->tape->rings_cnt;
}

static int ring(struct source_ring *out, const struct source *source, int idx, struct err *err)
{
	const struct tape *tape = of(source)->tape;

	*out = (struct source_ring){
		.fd = of(source)->fds[FD_TAPE],
		.offset = tape->rings + idx * tape_ring_stride(tape),
		.bytes = tape->ring_bytes,
	};
	return 0;
}

/* No record is ever busy: a writer moves its position when the record is whole. */
static int renew_ring(struct source *source, int idx, struct err *err)
{
	return err_set(err, -EINVAL, "ring %d cannot be replaced", idx);
}

static void begin(struct source *source, bool is_starting, const unsigned long long name_key[2])
{
	struct tape *tape = of(source)->tape;

	memcpy(tape->control.name_key, name_key, sizeof(tape->control.name_key));
	tape->control.is_starting = is_starting;
	if (!is_starting)
		return;
	tape->operations_cnt = STARTUP_OP;
	tape->startup = (struct joint){.op = STARTUP_OP, .state = (uint64_t)STARTUP_OP << JOINT_OWNER | 1};
}

static uint64_t startup_cut(const struct source *source)
{
	uint32_t calls = of(source)->tape->startup_calls;

	return calls > STARTUP_CALLS_MAX ? calls - STARTUP_CALLS_MAX : 0;
}

static const struct source_ops ops = {
	.begin = begin,
	.startup_cut = startup_cut,
	.check = check,
	.enable = enable,
	.sample = sample,
	.processes = processes,
	.counts = counts,
	.detach = detach,
	.rings_cnt = rings_cnt,
	.ring = ring,
	.renew_ring = renew_ring,
};

/* --- its life --- */

int preload_new(struct preload **out, struct program *program, const struct preload_opts *opts,
		struct err *err)
{
	auto_preload struct preload *preload = calloc(1, sizeof(*preload));
	int r;

	if (!preload)
		return err_nomem(err);
	preload->source.ops = &ops;
	preload->program = program;
	preload->fds[FD_PATCH] = preload->fds[FD_TAPE] = -1;
	if (!program->funcs_cnt || program->funcs_cnt > FUNC_MAX)
		return err_set(err, -E2BIG, "%zu functions configured: there must be 1 to %d",
			       program->funcs_cnt, FUNC_MAX);
	r = put_patch(preload, opts, err);
	if (r == 0)
		r = make_tape(preload, opts, err);
	if (r == 0)
		r = make_env(preload, opts->library, err);
	if (r < 0)
		return r;
	put_rules(preload);
	preload->setup = (struct process_setup){
		.env = preload->env, .fds = preload->fds, .fds_cnt = FD_CNT, .first_fd = FIRST_FD};
	*out = TAKE_PTR(preload);
	return 0;
}

const struct process_setup *preload_setup(const struct preload *preload)
{
	return &preload->setup;
}

int preload_check(struct preload *preload, struct err *err)
{
	return check(&preload->source, err);
}

/* One that is linked in comes up when the process is let go. */
int preload_arrive(struct preload *preload, const struct process *process, struct err *err)
{
	int r;

	preload->process = process;
	preload->auxv = auxv_digest(process->pid);
	r = check(&preload->source, err);
	if (r < 0 || preload->has_arrived || strncmp(preload->env[0], "LD_PRELOAD=", 11) != 0)
		return r;
	err_set(err, -ENOTSUP, "the command did not load the engine");
	err_hint(err, "give the program itself: not a script, not a wrapper, and no set-user-id program");
	return -ENOTSUP;
}

struct source *preload_source(struct preload *preload)
{
	return &preload->source;
}

void preload_free(struct preload *preload)
{
	if (!preload)
		return;
	if (preload->tape)
		munmap(preload->tape, preload->tape->rings);
	for (size_t i = 0; i < FD_CNT; i++)
		closep(&preload->fds[i]);
	for (size_t i = 0; i < preload->children_cnt; i++)
		closep(&preload->children[i]);
	for (size_t i = 0; i < ARRAY_SIZE(preload->env); i++)
		free(preload->env[i]);
	free(preload);
}

void preload_freep(struct preload **preload)
{
	preload_free(*preload);
}
