// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a recorded call costs the program, as a ratio to an empty pair of probes on the same code, both
 * attached at once and measured in turn. The rings are read between the rounds: what is measured is the
 * program's side alone.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "lib/object.h"
#include "lib/util.h"
#include "loader/attach.h"
#include "loader/drain.h"
#include "loader/uprobe_link.h"
#include "tests/bench/empty.skel.h"
#include "tests/bench/ratio.h"
#include "tests/bench/stage.h"
#include "tests/bench/toys.h"

#define ROUNDS	   15
#define CALLS	   4000 /* of a round: their events fit in the ring */
#define RING_BYTES (64 * 1024 * 1024)

/* What is captured; a fragment of the configuration. "" : nothing, by our programs. */
static const struct subject {
	const char *toy, *reference, *what;
	const char *config;
	bool is_alone; /* outside any operation */
	double limit;
} subjects[] = {
	{"rejected", "skip", "a call that sampling rejects", NULL, true, 1.10},
	{"registers", "pair", "6 registers + return", "\"a\": {\"opaque\": true}", false, 1.5},
	{"errno", "pair", "6 registers + return + errno", "\"a\": {\"opaque\": true}", false, 1.9},
	{"blocks", "pair", "+ 64 B in + 64 B out",
	 "\"a\": {\"bytes\": \"64\"}, \"b\": {\"bytes\": \"64\", \"direction\": \"out\"}", false, 1.8},
	{"structs", "pair", "+ struct + string",
	 "\"a\": {\"bytes\": \"64\"}, \"b\": {\"bytes\": \"64\", \"direction\": \"out\"}, \"c\": {\"bytes\": \"32\"}, "
	 "\"d\": {\"string\": true}",
	 false, 2.1},
	{"buffer", "pair", "a 4 KiB buffer", "\"a\": {\"bytes\": \"4096\"}", false, 3.0},
};
static const char *const sites[] = {"nop5", "push"};

struct bench {
	struct stage stage;
	struct drain *drain;
	struct empty_bpf *empty;
	uint64_t events;
};

static void write_config(char *text, size_t size)
{
	FILE *out = fmemopen(text, size, "w");
	const char *comma = "";

	fprintf(out, "{\"operations\": {\"toy_operation\": {}");
	for (size_t k = 0; k < ARRAY_SIZE(sites); k++)
		fprintf(out,
			", \"toy_rejected_%s\": {\"sample\": {\"rate\": 0}, \"prototype\": \"long toy_rejected_%s(long a)\"}",
			sites[k], sites[k]);
	fprintf(out, "}, \"inputs\": {");
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		for (size_t k = 0; k < ARRAY_SIZE(sites) && subjects[i].config; k++) {
			fprintf(out,
				"%s\"toy_%s_%s\": {\"args\": {%s}, \"prototype\": \"%s toy_%s_%s(void *a, void *b, void *c, "
				"void *d, long e, long f)\"}",
				comma, subjects[i].toy, sites[k], subjects[i].config,
				strcmp(subjects[i].toy, "errno") ? "long" : "int", subjects[i].toy, sites[k]);
			comma = ", ";
		}
	fprintf(out, "}}");
	fclose(out);
}

static int count_event(const struct event *event, void *ctx)
{
	((struct bench *)ctx)->events++;
	return 0;
}

static void attach_tape(struct bench *bench)
{
	struct stage *stage = &bench->stage;
	char text[16384];

	write_config(text, sizeof(text));
	stage_attach(stage, text, RING_BYTES);
	stage_must(stage,
		   drain_new(&bench->drain, attach_source(stage->attach), count_event, bench, &stage->err));
	stage_must(stage, attach_enable(stage->attach, true, &stage->err));
}

/* Where a toy's first instruction is in the file. */
static uint64_t offset_of(struct bench *bench, const char *toy, const char *site)
{
	auto_object struct object *object = NULL;
	const struct symbol *symbol;
	uint64_t offset;
	char name[64];

	snprintf(name, sizeof(name), "toy_%s_%s", toy, site);
	stage_must(&bench->stage, object_open(&object, bench->stage.toys, &bench->stage.err));
	symbol = object_find_func(object, name, NULL, NULL);
	if (!symbol || object_offset(object, symbol->addr, &offset))
		stage_die("bench: '%s' has no function '%s'", bench->stage.toys, name);
	return offset;
}

static void attach_empty(struct bench *bench)
{
	uint64_t offsets[2][2], cookies[2] = {};
	struct bpf_program *progs[2];

	libbpf_set_print(NULL);
	bench->empty = empty_bpf__open();
	progs[0] = bench->empty->progs.pair;
	progs[1] = bench->empty->progs.skip;
	for (int i = 0; i < 2; i++)
		bpf_program__set_expected_attach_type(progs[i], UPROBE_SESSION);
	if (empty_bpf__load(bench->empty))
		stage_die("bench: cannot load the empty programs (uprobe sessions need Linux 6.13)");
	for (int i = 0; i < 2; i++) {
		for (int k = 0; k < 2; k++)
			offsets[i][k] = offset_of(bench, i ? "skip" : "pair", sites[k]);
		if (uprobe_link_create(&(struct uprobe_link){.path = bench->stage.toys,
							     .offsets = offsets[i],
							     .cookies = cookies,
							     .cnt = 2,
							     .pid = bench->stage.pid},
				       bpf_program__fd(progs[i]), UPROBE_SESSION, false) < 0)
			stage_die("bench: cannot attach the empty programs");
	}
}

/* ns a call. */
static double measure(struct bench *bench, const char *toy, const char *site, bool is_alone)
{
	double ns = stage_run(&bench->stage, "%s_%s %d%s", toy, site, CALLS, is_alone ? " alone" : "");

	stage_must(&bench->stage, drain_pass(bench->drain, &bench->stage.err));
	return ns / CALLS;
}

static bool compare(struct bench *bench, const struct subject *subject, const char *site)
{
	struct ratio ratio = {.what = subject->what, .limit = subject->limit};

	for (int i = -1; i < ROUNDS; i++) {
		double ours = measure(bench, subject->toy, site, subject->is_alone);
		double reference = measure(bench, subject->reference, site, subject->is_alone);

		if (i >= 0) /* the first warms up */
			ratio_add(&ratio, ours, reference);
	}
	return ratio_print(&ratio);
}

static bool lost_nothing(struct bench *bench)
{
	uint64_t lost = stage_lost(&bench->stage);

	printf("\n%llu events, %llu lost\n", (unsigned long long)bench->events, (unsigned long long)lost);
	return !lost;
}

int main(int argc, char *argv[])
{
	struct bench bench = {};
	bool is_held = true;

	if (argc != 2 && argc != 3)
		stage_die("usage: bench_capture TOYS [TOY]");
	setvbuf(stdout, NULL, _IOLBF, 0);
	stage_start(&bench.stage, argv[1]);
	attach_tape(&bench);
	attach_empty(&bench);
	for (size_t k = 0; k < ARRAY_SIZE(sites); k++) {
		char title[64];

		snprintf(title, sizeof(title), "ns a call, %s at the entry", sites[k]);
		ratio_print_head(title);
		for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
			if (argc == 2 || !strcmp(argv[2], subjects[i].toy))
				is_held &= compare(&bench, &subjects[i], sites[k]);
	}
	is_held &= lost_nothing(&bench);
	drain_free(bench.drain);
	stage_end(&bench.stage);
	empty_bpf__destroy(bench.empty);
	return is_held ? 0 : 1;
}
