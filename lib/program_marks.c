// SPDX-License-Identifier: BSD-3-Clause
/*
 * Marks are functions that nobody configures: each kind that the program has becomes one, called from all its
 * sites, where the registers are those of a call. What is known of them is said as a configuration would.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/marks.h"
#include "lib/object.h"
#include "lib/program_impl.h"
#include "lib/util.h"

#define MARK(name, prototype, rest)                                                                          \
	"\"" MARK_PROVIDER ":" name "\": {\"alias\": \"" MARK_PROVIDER "." name                              \
	"\", \"prototype\": \"" prototype "\", \"nothrow\": true" rest "}"

/* A data mark of another length is another call: nothing is written beyond what the program has room for. */
static const char definitions[] = "{\"operations\": {\"none\": {}}, \"inputs\": {" MARK(
	"data", "int data(const char *key, void *data, unsigned long len)",
	", \"key\": [\"key\", \"len\"], \"args\": {\"data\": {\"direction\": \"out\", \"bytes\": \"len\", "
	"\"max\": 1048576}}") "," MARK("metadata", "void metadata(const char *key, const char *value)",
				       "") "," MARK("discard", "void discard(void)",
						    "") "," MARK("keep", "void keep(void)",
								 "") "," MARK("ask",
									      "int ask(unsigned long question, unsigned long high, unsigned long low)",
									      "") "}, \"outputs\": {" MARK("output",
													   "void output(const char *key, const void *data, unsigned long len)",
													   ", \"args\": {\"data\": {\"bytes\": \"len\", \"max\": 1048576}}") "}}";

/* --- finding them --- */

static int add_of_file(struct program *program, size_t module, struct err *err)
{
	autofree struct mark_site *sites = NULL;
	struct program_mark *grown;
	size_t cnt = 0;
	int r = marks_find(&sites, &cnt, program->objects[module], err);

	if (r || !cnt)
		return r;
	grown = reallocarray(program->marks, program->marks_cnt + cnt, sizeof(*grown));
	if (!grown)
		return err_nomem(err);
	program->marks = grown;
	for (size_t i = 0; i < cnt; i++)
		program->marks[program->marks_cnt++] = (struct program_mark){module, sites[i]};
	return 0;
}

static const struct program_mark *first_of(const struct program *program, enum plan_mark mark)
{
	for (size_t i = 0; i < program->marks_cnt; i++)
		if (program->marks[i].site.mark == mark)
			return &program->marks[i];
	return NULL;
}

/* --- in the configuration --- */

static bool is_known(const struct config *config, enum plan_mark mark)
{
	for (size_t i = 0; i < config->funcs_cnt; i++)
		if (config->funcs[i].mark == mark)
			return true;
	return false;
}

static int configure(struct program *program, struct config *config, struct err *err)
{
	auto_config struct config *defined = NULL;
	int r = config_parse(&defined, "marks", definitions, strlen(definitions), err);

	for (size_t i = 0; r == 0 && i < defined->funcs_cnt; i++) {
		struct config_func *func = &defined->funcs[i];

		if (func->role == ROLE_OPERATION)
			continue;
		func->mark = mark_named(func->symbol);
		if (first_of(program, func->mark) && !is_known(config, func->mark))
			r = config_take(config, func, err);
	}
	return r;
}

int program_add_marks(struct program *program, struct config *config, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < program->files_cnt && r == 0; i++)
		r = add_of_file(program, i, err);
	return r || !program->marks_cnt ? r : configure(program, config, err);
}

/* --- as functions --- */

void program_place_mark(const struct program *program, struct program_func *func)
{
	const struct program_mark *first = first_of(program, func->config->mark);
	size_t stale = 0;

	func->is_ifunc = true;
	func->warning[0] = '\0';
	if (!first) {
		snprintf(func->warning, sizeof(func->warning), "no file of the program has this mark");
		return;
	}
	func->module = first->module;
	func->addr = first->site.addr;
	func->size = MARK_SITE_BYTES;
	for (size_t i = 0; i < program->marks_cnt; i++)
		stale += program->marks[i].site.mark == func->config->mark && program->marks[i].site.is_stale;
	if (stale)
		snprintf(
			func->warning, sizeof(func->warning),
			"%zu of its sites are not where their notes say (something moved the code): not seen",
			stale);
}

int program_build_mark(const struct finder *f, struct program_func *func, struct err *err)
{
	const struct program *program = f->program;
	int r = 0;

	for (size_t i = 0; i < program->marks_cnt && r == 0; i++) {
		const struct program_mark *mark = &program->marks[i];

		if (mark->site.mark == func->config->mark && mark->site.use & MARK_RECORD &&
		    !mark->site.is_stale)
			r = program_add_stub(f, func, mark->module, mark->site.addr, MARK_SITE_BYTES, err);
	}
	if (func->stubs_cnt) {
		func->site = func->stubs[0].site;
		func->offset = func->stubs[0].offset;
	}
	return r;
}
