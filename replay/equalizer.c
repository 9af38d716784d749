// SPDX-License-Identifier: BSD-3-Clause
#include "replay/equalizer.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/object.h"
#include "lib/program.h"
#include "lib/util.h"
#include "replay/equalizer_impl.h"
#include "replay/notes.h"
#include "replay/plugin.h"
#include "replay/target/patch.h"
#include "replay/unrecorded.h"

/* --- opening the build --- */

static struct program_file *find_lib(struct program_file *files, size_t cnt, const char *name, size_t len)
{
	for (size_t i = 0; i < cnt; i++)
		if (strlen(files[i].name) == len && !strncmp(files[i].name, name, len))
			return &files[i];
	return NULL;
}

/* SONAME=PATH: that file instead of what the loader would find, or beside it: a plug-in. */
static int place_lib(struct program_file **files, size_t *cnt, const char *lib, struct err *err)
{
	const char *equals = strchr(lib, '=');
	struct program_file *file, *more;
	char *path;

	if (!equals || equals == lib)
		return err_usage(err, -EINVAL, "--lib takes SONAME=PATH, not '%s'", lib);
	if (access(equals + 1, R_OK))
		return err_usage(err, -errno, "cannot open library '%s': %s", equals + 1, strerror(errno));
	file = find_lib(*files, *cnt, lib, equals - lib);
	if (!file) {
		more = realloc(*files, (*cnt + 1) * sizeof(**files));
		if (!more)
			return err_nomem(err);
		*files = more;
		file = &more[*cnt];
		*file = (struct program_file){.name = strndup(lib, equals - lib)};
		(*cnt)++;
	}
	path = strdup(equals + 1);
	if (!path || !file->name) {
		free(path);
		return err_nomem(err);
	}
	free(file->path);
	file->path = path;
	file->stands_in = true;
	return 0;
}

static int place_libs(struct program_file **files, size_t *cnt, char *const *libs, struct err *err)
{
	int r = 0;

	for (; r == 0 && libs && *libs; libs++)
		r = place_lib(files, cnt, *libs, err);
	return r;
}

static bool has_use(const struct program *program, size_t module)
{
	for (size_t i = 0; i < program->funcs_cnt; i++)
		if (program->funcs[i].module == module ||
		    object_import_slots(program->objects[module], program->funcs[i].symbol, NULL, 0))
			return true;
	return false;
}

/* A plug-in has something to do with what is replayed; else the name is that of no library. */
static int check_libs(const struct program *program, size_t needed_cnt, struct err *err)
{
	for (size_t i = needed_cnt; i < program->files_cnt; i++)
		if (!has_use(program, i)) {
			err_usage(err, -ENOENT,
				  "--lib '%s': the program does not load that library, and it has to do with "
				  "no configured function",
				  program->files[i].name);
			return -ENOENT;
		}
	return 0;
}

static int note_inlined(struct equalizer *equalizer, struct err *err)
{
	for (size_t i = 0; i < equalizer->program->funcs_cnt; i++) {
		const struct program_func *func = &equalizer->program->funcs[i];

		if (!func->warning[0])
			continue;
		if (equalizer->opts.strict && func->debug.inlined) {
			err_set(err, -ENOTSUP, "'%s': %s", func->config->name, func->warning);
			err_hint(err, "mark it __attribute__((noinline)) or build with -fno-inline");
			return -ENOTSUP;
		}
		notes_add(&equalizer->notes, "%s: %s", func->config->name, func->warning);
	}
	return 0;
}

/* What was recorded is a digest, and nobody here can make the same of what is replayed. */
static void drop_hashed(struct equalizer *equalizer)
{
	struct program *program = equalizer->program;

	for (size_t i = 0; i < program->funcs_cnt && !equalizer->config->redact_key; i++)
		for (uint16_t k = 0; k < program->funcs[i].shape->nodes_cnt; k++) {
			struct shape_node *node = &program->funcs[i].shape->nodes[k];

			if (node->redact != REDACT_HMAC)
				continue;
			node->redact = REDACT_DROP;
			notes_add(&equalizer->notes,
				  "what '%s' redacts by \"hmac\" is not compared: its key is not here",
				  program->funcs[i].config->name);
		}
}

static int open_build(struct equalizer *equalizer, struct config *config, struct err *err)
{
	const struct equalizer_opts *opts = &equalizer->opts;
	struct program_file *files;
	size_t cnt, needed_cnt;
	int r;

	r = program_files(&files, &cnt, opts->exe, err);
	if (r < 0)
		return r;
	needed_cnt = cnt;
	r = place_libs(&files, &cnt, opts->libs, err);
	if (r < 0) {
		program_files_free(files, cnt);
		return r;
	}
	r = program_open(&equalizer->program, config, files, cnt, err);
	if (r == 0)
		r = program_usable(equalizer->program, err);
	r = r ?: check_libs(equalizer->program, needed_cnt, err);
	if (r < 0)
		return r;
	if (!object_interp(equalizer->program->objects[0]) &&
	    !object_find_symbol(equalizer->program->objects[0], PATCH_LINKED_IN)) {
		err_set(err, -ENOTSUP,
			"'%s' is statically linked: the replay engine cannot be loaded into it", opts->exe);
		err_hint(err, "link the engine into it: 'pkg-config --libs tapedeck-replay' says how");
		return -ENOTSUP;
	}
	drop_hashed(equalizer);
	return note_inlined(equalizer, err);
}

/* A plug-in that cannot be used is told before anything is replayed; or where it goes on, of each recording.
 */
static int try_plugins(const struct equalizer *equalizer, struct err *err)
{
	const struct program *program = equalizer->program;
	autofree char *folder = config_folder(equalizer->config);
	int r = 0;

	if (!folder)
		return err_nomem(err);
	for (size_t i = 0; i < program->funcs_cnt && r == 0 && !equalizer->opts.goes_on; i++) {
		const struct config_func *func = program->funcs[i].config;
		const struct plugin_opts opts = {.config = &func->plugin,
						 .folder = folder,
						 .engine = equalizer->opts.engine,
						 .category = func->category ?: func->alias};
		struct plugin *plugin;

		if (!config_plugin_is_set(&func->plugin))
			continue;
		r = plugin_new(&plugin, &opts, err);
		if (r < 0)
			return r;
		r = plugin_start(plugin, err);
		plugin_free(plugin);
	}
	return r;
}

int equalizer_new(struct equalizer **out, struct config *config, struct cassette *cassette,
		  const struct equalizer_opts *opts, struct err *err)
{
	struct equalizer *equalizer = calloc(1, sizeof(*equalizer));
	int r;

	if (!equalizer)
		return err_nomem(err);
	notes_init(&equalizer->notes);
	equalizer->config = config;
	equalizer->cassette = cassette;
	equalizer->opts = *opts;
	if (!equalizer->opts.timeout_ms)
		equalizer->opts.timeout_ms = EQUALIZER_TIMEOUT_MS;
	r = open_build(equalizer, config, err);
	r = r ?: try_plugins(equalizer, err);
	if (r < 0) {
		equalizer_free(equalizer);
		return r;
	}
	*out = equalizer;
	return 0;
}

void equalizer_free(struct equalizer *equalizer)
{
	if (!equalizer)
		return;
	player_free(equalizer->player);
	program_free(equalizer->program);
	notes_release(&equalizer->notes);
	free(equalizer);
}

const struct notes *equalizer_notes(const struct equalizer *equalizer)
{
	return &equalizer->notes;
}

struct player_opts equalizer_player_opts(struct equalizer *equalizer, int cpu)
{
	const struct equalizer_opts *opts = &equalizer->opts;

	return (struct player_opts){.config = equalizer->config,
				    .program = equalizer->program,
				    .exe = opts->exe,
				    .engine = opts->engine,
				    .ready = opts->ready,
				    .init = opts->init,
				    .args = opts->args,
				    .libs = opts->libs,
				    .timeout_ms = opts->timeout_ms,
				    .cpu = cpu,
				    .recycle = opts->recycle,
				    .keep = opts->keep,
				    .keeps_results = opts->keeps_results,
				    .covers = opts->covers,
				    .goes_on = opts->goes_on,
				    .is_debugged = opts->is_debugged,
				    .is_checked = opts->is_checked,
				    .notes = &equalizer->notes};
}

int equalizer_one(struct equalizer *equalizer, const struct recording_key *key, struct comparison *out,
		  struct err *err)
{
	struct player_opts opts = equalizer_player_opts(equalizer, -1);
	int r = 0;

	opts.interrupt = equalizer->opts.stop;
	if (!equalizer->player)
		r = player_new(&equalizer->player, &opts, equalizer->cassette, err);
	return r < 0 ? r : player_play(equalizer->player, key, out, err);
}

struct cJSON *equalizer_totals_json(const struct equalizer_totals *totals)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "type", "summary");
	cJSON_AddNumberToObject(json, "total", totals->total);
	for (int i = 0; i < VERDICT_CNT; i++)
		cJSON_AddNumberToObject(json, verdict_name(i), totals->by_verdict[i]);
	if (totals->not_compared)
		cJSON_AddNumberToObject(json, "not_compared", totals->not_compared);
	unrecorded_add_totals(json, totals->unrecorded);
	return json;
}
