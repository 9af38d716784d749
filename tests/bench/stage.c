// SPDX-License-Identifier: BSD-3-Clause
#include "tests/bench/stage.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/program.h"
#include "lib/util.h"
#include "loader/attach.h"
#include "loader/process.h"

void stage_die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(3);
}

void stage_must(struct stage *stage, int r)
{
	if (r < 0)
		stage_die("bench: %s", stage->err.msg);
}

void stage_start(struct stage *stage, const char *toys)
{
	char line[64] = "";
	int to[2], from[2];

	snprintf(stage->toys, sizeof(stage->toys), "%s", toys);
	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		stage_die("bench: no pipes");
	stage->pid = fork();
	if (stage->pid == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		execl(stage->toys, stage->toys, NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	stage->to = fdopen(to[1], "w");
	stage->from = fdopen(from[0], "r");
	if (!fgets(line, sizeof(line), stage->from) || strcmp(line, "ready\n"))
		stage_die("bench: '%s' did not start", stage->toys);
}

double stage_run(struct stage *stage, const char *fmt, ...)
{
	char line[64];
	va_list args;

	va_start(args, fmt);
	vfprintf(stage->to, fmt, args);
	va_end(args);
	fputc('\n', stage->to);
	fflush(stage->to);
	if (!fgets(line, sizeof(line), stage->from))
		stage_die("bench: '%s' has ended", stage->toys);
	return strtod(line, NULL);
}

void stage_attach(struct stage *stage, const char *text, uint32_t ring_bytes)
{
	const struct attach_opts opts = {.ring_bytes = ring_bytes};
	struct err *err = &stage->err;
	struct program_file *files;
	size_t cnt;

	stage_must(stage, config_parse(&stage->config, "bench", text, strlen(text), err));
	stage_must(stage, process_open(&stage->process, stage->pid, err));
	stage_must(stage, process_files(stage->process, &files, &cnt, err));
	stage_must(stage, program_open(&stage->program, stage->config, files, cnt, err));
	stage_must(stage, program_recordable(stage->program, err));
	stage_must(stage, process_layout(stage->process, stage->program, err));
	stage_must(stage, process_check(stage->process, stage->program, err));
	stage_must(stage,
		   attach_new(&stage->attach, stage->config, stage->program, stage->process, &opts, err));
}

uint64_t stage_lost(struct stage *stage)
{
	autofree struct func_count *counts = calloc(stage->program->funcs_cnt, sizeof(*counts));
	uint64_t lost = 0;

	stage_must(stage, attach_counts(stage->attach, counts, &stage->err));
	for (size_t i = 0; i < stage->program->funcs_cnt; i++)
		lost += counts[i].dropped + counts[i].no_slot + counts[i].no_state + counts[i].faults;
	return lost;
}

void stage_end(struct stage *stage)
{
	fclose(stage->to);
	waitpid(stage->pid, NULL, 0);
	fclose(stage->from);
	if (stage->attach)
		attach_detach(stage->attach);
	attach_free(stage->attach);
	program_free(stage->program);
	process_close(stage->process);
	config_free(stage->config);
}
