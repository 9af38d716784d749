// SPDX-License-Identifier: BSD-3-Clause
#include "tests/hard/case.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/json.h"
#include "lib/util.h"
#include "tests/hard/mask.h"
#include "tests/support/command.h"

#define TIMEOUT_S      180
#define SHELL_MAX      8192
#define RECORDINGS_MAX 4096

void variant_of(struct variant *out, unsigned idx)
{
	*out = (struct variant){idx & 1 ? CC_CLANG : CC_GCC, idx & 2, !(idx & 4), idx & 8};
}

void variant_name(const struct variant *variant, char text[64])
{
	snprintf(text, 64, "%s-%s-%s-%s", variant->cc == CC_GCC ? "gcc" : "clang",
		 variant->is_optimised ? "O2" : "O0", variant->is_pie ? "pie" : "nopie",
		 variant->is_stripped ? "stripped" : "plain");
}

/* --- what its comment says --- */

struct directive {
	const char *name;
	size_t offset;
	size_t cnt; /* offset of a counter: the text is the next of an array; 0: one text */
};

static const struct directive directives[] = {
	{"flags", offsetof(struct hard_case, flags)},
	{"args", offsetof(struct hard_case, args)},
	{"record", offsetof(struct hard_case, record)},
	{"builds", offsetof(struct hard_case, builds)},
	{"library", offsetof(struct hard_case, library)},
	{"inside", offsetof(struct hard_case, inside)},
	{"replay", offsetof(struct hard_case, replay)},
	{"refused", offsetof(struct hard_case, refused), offsetof(struct hard_case, refused_cnt)},
	{"check", offsetof(struct hard_case, check), offsetof(struct hard_case, check_cnt)},
	{"says", offsetof(struct hard_case, says), offsetof(struct hard_case, says_cnt)},
};

static bool take_directive(struct hard_case *c, const char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(directives); i++) {
		const struct directive *d = &directives[i];
		size_t len = strlen(d->name);
		size_t *cnt = d->cnt ? (size_t *)((char *)c + d->cnt) : NULL;

		if (strncmp(line, d->name, len) || strncmp(line + len, ": ", 2))
			continue;
		if (cnt && *cnt == CASE_WORDS_MAX)
			return false;
		snprintf((char *)c + d->offset + (cnt ? (*cnt)++ : 0) * CASE_TEXT_MAX, CASE_TEXT_MAX, "%s",
			 line + len + 2);
		return true;
	}
	if (!strcmp(line, "unordered"))
		return c->is_unordered = true;
	return false;
}

/* "equal", "different WORDS". */
static void split_verdict(struct hard_case *c)
{
	size_t len = strcspn(c->replay, " ");

	snprintf(c->verdict, sizeof(c->verdict), "%.*s", (int)len, len ? c->replay : "equal");
	memmove(c->replay, c->replay + len + (c->replay[len] == ' '),
		strlen(c->replay + len + (c->replay[len] == ' ')) + 1);
	c->needs_whole = !strcmp(c->verdict, "if-whole");
	if (!c->verdict[0] || c->needs_whole)
		snprintf(c->verdict, sizeof(c->verdict), "equal");
}

bool case_read(struct hard_case *out, const char *dir, const char *name)
{
	char path[PATH_MAX], line[CASE_TEXT_MAX];
	FILE *file;

	*out = (struct hard_case){.dir = dir, .name = name};
	snprintf(path, sizeof(path), "%s/%s.c", dir, name);
	if (access(path, R_OK)) {
		snprintf(path, sizeof(path), "%s/%s.cpp", dir, name);
		out->is_cxx = true;
	}
	file = fopen(path, "r");
	if (!file) {
		fprintf(stderr, "no case '%s' in %s\n", name, dir);
		return false;
	}
	/* The comment's own lines; `// @name: text` says what to do. */
	while (fgets(line, sizeof(line), file) && !strncmp(line, "//", 2)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "// @", 4) || take_directive(out, line + 4))
			continue;
		fprintf(stderr, "%s: not known: '%s'\n", path, line);
		fclose(file);
		return false;
	}
	fclose(file);
	split_verdict(out);
	return true;
}

bool case_wants(const struct hard_case *c, const struct variant *variant)
{
	char name[64], globs[CASE_TEXT_MAX], *save;

	if (!c->builds[0])
		return true;
	variant_name(variant, name);
	snprintf(globs, sizeof(globs), "%s", c->builds);
	for (char *glob = strtok_r(globs, " ", &save); glob; glob = strtok_r(NULL, " ", &save))
		if (!fnmatch(glob, name, 0))
			return true;
	return false;
}

/* --- one run --- */

struct run {
	const struct hard_case *c;
	const struct variant *variant;
	const struct case_opts *opts;
	const char *dir;
	char source[PATH_MAX], config[PATH_MAX], tapedeck[PATH_MAX];
	struct command command; /* the last one */
	cJSON *got;		/* array */
};

static bool wrong(struct run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Say so, with what the last command said. */
static bool wrong(struct run *run, const char *fmt, ...)
{
	autofree char *err = command_file(run->command.err);
	va_list args;

	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n%.2000s", err);
	return false;
}

/* Run a shell line in the run's folder; its status. */
static int shell(struct run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int shell(struct run *run, const char *fmt, ...)
{
	char line[SHELL_MAX];
	int at = snprintf(line, sizeof(line), "cd '%s' && ", run->dir);
	va_list args;

	va_start(args, fmt);
	vsnprintf(line + at, sizeof(line) - at, fmt, args);
	va_end(args);
	return command_run(&run->command, ARGV("sh", "-c", line), TIMEOUT_S);
}

static const char *compiler(const struct run *run)
{
	static const char *const names[CC_CNT][2] = {{"gcc", "g++"}, {"clang", "clang++"}};

	return names[run->variant->cc][run->c->is_cxx];
}

static bool build(struct run *run)
{
	const struct variant *v = run->variant;
	const struct hard_case *c = run->c;
	const char *level = v->is_optimised ? "-O2" : "-O0";
	const char *standard = c->is_cxx ? "-std=gnu++17" : "-std=gnu11";

	if (c->library[0] &&
	    shell(run, "%s -g %s %s -w -fPIC -shared -Wl,-soname,lib%s.so -o lib%s.so -x %s '%s/%s' %s",
		  compiler(run), standard, level, c->name, c->name, c->is_cxx ? "c++" : "c", c->dir,
		  c->library, c->flags))
		return wrong(run, "its library does not compile");
	if (shell(run, "%s -g %s %s -w %s -Wl,--build-id -o case '%s' %s %s%s%s -lpthread -lm -ldl",
		  compiler(run), standard, level, v->is_pie ? "-fPIE -pie" : "-fno-pie -no-pie", run->source,
		  c->flags, c->library[0] ? "-L. -Wl,-rpath,'$ORIGIN' -l" : "", c->library[0] ? c->name : "",
		  ""))
		return wrong(run, "it does not compile");
	if (v->is_stripped &&
	    shell(run, "objcopy --only-keep-debug case case.debug && objcopy --strip-all case && "
		       "objcopy --add-gnu-debuglink=case.debug case"))
		return wrong(run, "it cannot be stripped");
	return true;
}

static bool says(const struct run *run, const char *words)
{
	autofree char *out = command_file(run->command.out), *err = command_file(run->command.err);

	return strstr(out, words) || strstr(err, words);
}

static bool check(struct run *run)
{
	if (!run->c->check_cnt)
		return true;
	shell(run, "'%s' check -c '%s' ./case", run->tapedeck, run->config);
	for (size_t i = 0; i < run->c->check_cnt; i++)
		if (!says(run, run->c->check[i])) {
			autofree char *out = command_file(run->command.out);

			return wrong(run, "check does not say '%s', but:\n%s", run->c->check[i], out);
		}
	return true;
}

/* What --engine preload refuses for reasons of its own, it says in its own words. */
static bool has_own_words(const struct run *run)
{
	return run->opts->is_inside && run->c->inside[0];
}

/* What NAME.want.inside.json has is less than what eBPF records: no replay is expected to agree. */
static bool records_less(const struct run *run)
{
	return has_own_words(run) && !strcmp(run->c->inside, "less");
}

static bool is_refused(const struct run *run)
{
	if (!has_own_words(run))
		return run->c->refused_cnt != 0;
	return strcmp(run->c->inside, "records") != 0 && strcmp(run->c->inside, "less") != 0;
}

static bool is_refused_well(struct run *run, int status)
{
	if (status != 2 && status != 3)
		return wrong(run, "record ended with %d and should refuse", status);
	if (has_own_words(run))
		return says(run, run->c->inside) ||
		       wrong(run, "record does not say '%s', but:", run->c->inside);
	for (size_t i = 0; i < run->c->refused_cnt; i++)
		if (!says(run, run->c->refused[i]))
			return wrong(run, "record does not say '%s', but:", run->c->refused[i]);
	return true;
}

static bool record(struct run *run)
{
	int status = shell(run, "'%s' record %s -c '%s' --to file:tape %s -- ./case %s", run->tapedeck,
			   run->opts->is_inside ? "--engine preload" : "", run->config, run->c->record,
			   run->c->args);

	if (is_refused(run))
		return is_refused_well(run, status);
	if (status)
		return wrong(run, "record ended with %d", status);
	for (size_t i = 0; i < run->c->says_cnt && !has_own_words(run); i++)
		if (!says(run, run->c->says[i])) {
			autofree char *out = command_file(run->command.out);

			return wrong(run, "record does not say '%s', but:\n%s", run->c->says[i], out);
		}
	return says(run, "the command ended with status 0") || wrong(run, "the program did not end well");
}

/* --- what was recorded --- */

struct listed {
	char at[64], id[160];
};

static int compare_listed(const void *a, const void *b)
{
	return strcmp(((const struct listed *)a)->at, ((const struct listed *)b)->at);
}

static const char *text_of(const cJSON *json, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name)) ?: "";
}

static bool add_shown(struct run *run, const char *id)
{
	autofree char *text = NULL;
	auto_cjson cJSON *shown = NULL;

	if (shell(run, "'%s' show --json file:tape '%s'", run->tapedeck, id))
		return wrong(run, "show fails");
	text = command_file(run->command.out);
	shown = cJSON_Parse(text);
	if (!shown)
		return wrong(run, "show prints no JSON: %s", text);
	cJSON_AddItemToArray(run->got, mask_recording(shown));
	return true;
}

static int compare_text(const void *a, const void *b)
{
	autofree char *left = json_print(*(cJSON *const *)a), *right = json_print(*(cJSON *const *)b);

	return strcmp(left, right);
}

static void sort_got(cJSON *array)
{
	cJSON *items[RECORDINGS_MAX];
	size_t cnt = 0;

	while (array->child)
		items[cnt++] = cJSON_DetachItemFromArray(array, 0);
	qsort(items, cnt, sizeof(*items), compare_text);
	for (size_t i = 0; i < cnt; i++)
		cJSON_AddItemToArray(array, items[i]);
}

/* All recordings, in the order in which their operations began. */
static bool show(struct run *run)
{
	autofree struct listed *listed = calloc(RECORDINGS_MAX, sizeof(*listed));
	autofree char *text = NULL;
	char *save, *line;
	size_t cnt = 0;

	if (shell(run, "'%s' ls --json --incomplete file:tape", run->tapedeck))
		return wrong(run, "ls fails");
	text = command_file(run->command.out);
	for (line = strtok_r(text, "\n", &save); line && cnt < RECORDINGS_MAX;
	     line = strtok_r(NULL, "\n", &save)) {
		auto_cjson cJSON *json = cJSON_Parse(line);

		snprintf(listed[cnt].at, sizeof(listed[cnt].at), "%s", text_of(json, "recorded_at"));
		snprintf(listed[cnt].id, sizeof(listed[cnt].id), "%s", text_of(json, "id"));
		cnt++;
	}
	qsort(listed, cnt, sizeof(*listed), compare_listed);
	run->got = cJSON_CreateArray();
	for (size_t i = 0; i < cnt; i++)
		if (!add_shown(run, listed[i].id))
			return false;
	if (run->c->is_unordered)
		sort_got(run->got);
	return true;
}

/* --- what was expected --- */

/* Where --engine preload sees what eBPF cannot, all of it replays equal. */
static bool sees_more(const struct run *run, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s.want.inside.json", run->c->dir, run->c->name);
	return run->opts->is_inside && !access(path, R_OK);
}

/* NAME.want.inside.json where --engine preload sees more; NAME.want.BUILD.json, BUILD as much of the
 * variant's name as there is a file for, else NAME.want.json. */
static void want_path(const struct run *run, char path[PATH_MAX])
{
	char build[64];

	if (sees_more(run, path))
		return;
	variant_name(run->variant, build);
	for (;;) {
		char *dash = strrchr(build, '-');

		snprintf(path, PATH_MAX, "%s/%s.want.%s.json", run->c->dir, run->c->name, build);
		if (!access(path, R_OK))
			return;
		if (!dash)
			break;
		*dash = '\0';
	}
	snprintf(path, PATH_MAX, "%s/%s.want.json", run->c->dir, run->c->name);
}

/* A line for each member, and for each call. */
static void put_recording(FILE *file, const cJSON *recording)
{
	const cJSON *item, *call;

	cJSON_ArrayForEach(item, recording)
	{
		bool has_lines = !strcmp(item->string, "calls");
		autofree char *text = has_lines ? NULL : json_print(item);

		fprintf(file, "%s\"%s\": %s", item->prev->next ? ",\n " : "", item->string,
			has_lines ? "[" : text);
		if (!has_lines)
			continue;
		cJSON_ArrayForEach(call, item)
		{
			autofree char *line = json_print(call);

			fprintf(file, "\n  %s%s", line, call->next ? "," : "]");
		}
	}
}

static bool write_json(const char *path, const cJSON *recordings)
{
	FILE *file = fopen(path, "w");
	const cJSON *recording;

	if (!file)
		return false;
	fputs("[", file);
	cJSON_ArrayForEach(recording, recordings)
	{
		fputs("\n{", file);
		put_recording(file, recording);
		fprintf(file, "}%s\n", recording->next ? "," : "");
	}
	fputs("]\n", file);
	return !fclose(file);
}

static bool compare(struct run *run)
{
	char path[PATH_MAX];
	autofree char *text = NULL, *difference = NULL;
	auto_cjson cJSON *want = NULL;

	want_path(run, path);
	if (run->opts->is_updating)
		return write_json(path, run->got) || wrong(run, "cannot write '%s'", path);
	text = command_file(path);
	want = cJSON_Parse(text);
	if (!want)
		return wrong(run, "'%s' holds no JSON", path);
	difference = mask_difference(want, run->got);
	return !difference || wrong(run, "it was recorded otherwise: %s", difference);
}

/* --- replay --- */

/* "equal", or one of "equal|different". */
static bool is_verdict(const char *allowed, const char *verdict)
{
	size_t len = strlen(verdict);

	for (const char *at = allowed; *at; at += strcspn(at, "|"), at += *at == '|')
		if (strcspn(at, "|") == len && !strncmp(at, verdict, len))
			return true;
	return false;
}

static bool has_verdict(struct run *run, const char *verdict)
{
	autofree char *text = command_file(run->command.out);
	char *save, *line;
	int cnt = 0;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		auto_cjson cJSON *json = cJSON_Parse(line);

		if (strcmp(text_of(json, "type"), "comparison"))
			continue;
		cnt++;
		if (!is_verdict(verdict, text_of(json, "verdict")))
			return wrong(run, "the replay should be %s: %s", verdict, line);
	}
	return cnt == cJSON_GetArraySize(run->got) || wrong(run, "%d comparisons", cnt);
}

/* A value that could not be recorded cannot be served, nor be a key. */
static bool is_whole(const cJSON *json)
{
	bool whole = !json->string || strcmp(json->string, "unavailable");

	for (const cJSON *item = json->child; whole && item; item = item->next)
		whole = is_whole(item);
	return whole;
}

static bool replay(struct run *run)
{
	bool is_refused = !strcmp(run->c->verdict, "refused");
	char path[PATH_MAX];
	autofree char *out = NULL;
	int status;

	if (run->c->needs_whole && !is_whole(run->got))
		return true;
	status = shell(run, "'%s' equalize -c '%s' --exe ./case --incomplete --json file:tape -- %s",
		       run->tapedeck, run->config, run->c->args);
	out = command_file(run->command.out);
	if (is_refused ? status != 3 : status != 0 && status != 1)
		return wrong(run, "equalize ended with %d", status);
	if (sees_more(run, path))
		return has_verdict(run, "equal");
	if (run->c->replay[0] && !says(run, run->c->replay))
		return wrong(run, "the replay does not say '%s', but:\n%s", run->c->replay, out);
	return is_refused || has_verdict(run, run->c->verdict);
}

static bool play(struct run *run)
{
	if (!build(run) || !check(run) || !record(run))
		return false;
	if (is_refused(run))
		return true;
	return show(run) && compare(run) && (records_less(run) || replay(run));
}

bool case_run(const struct hard_case *c, const struct variant *variant, const struct case_opts *opts)
{
	struct run run = {.c = c, .variant = variant, .opts = opts, .dir = command_folder()};
	bool is_right;

	snprintf(run.source, sizeof(run.source), "%s/%s.%s", c->dir, c->name, c->is_cxx ? "cpp" : "c");
	snprintf(run.config, sizeof(run.config), "%s/%s.json", c->dir, c->name);
	snprintf(run.tapedeck, sizeof(run.tapedeck), "%s/tapedeck", opts->build);
	setenv("BUILD", opts->build, 1); /* for flags */
	is_right = play(&run);
	cJSON_Delete(run.got);
	if (opts->keeps)
		printf("kept: %s\n", run.dir);
	else
		command_cleanup();
	return is_right;
}
