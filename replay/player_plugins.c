// SPDX-License-Identifier: BSD-3-Clause
/* What plug-ins have a say in: what inputs are served with, and what is compared. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/program.h"
#include "lib/recording.h"
#include "lib/recording_json.h"
#include "lib/store.h"
#include "lib/util.h"
#include "lib/value_edit.h"
#include "replay/player_impl.h"
#include "replay/plugin.h"
#include "replay/verdict.h"

bool player_wants_say(const struct play *play)
{
	const struct player_opts *opts = &play->player->opts;

	return opts->keeps_results ||
	       config_plugin_is_set(&opts->program->funcs[play->operation].config->plugin);
}

static int use_plugin(struct player *player, size_t operation, struct err *err)
{
	const struct config_func *func = player->opts.program->funcs[operation].config;
	const struct plugin_opts opts = {.config = &func->plugin,
					 .folder = player->folder,
					 .engine = player->opts.engine,
					 .category = func->category ?: func->alias,
					 .recycle = player->opts.recycle};
	struct stage *stage = &player->stages[operation];

	if (stage->plugin || !config_plugin_is_set(&func->plugin))
		return 0;
	return plugin_new(&stage->plugin, &opts, err);
}

/* The input of the program that a call of @alias is one of; funcs_cnt: none. */
static size_t find_input(const struct player *player, const char *alias)
{
	const struct program *program = player->opts.program;

	for (size_t i = 0; i < program->funcs_cnt; i++) {
		const struct config_func *func = program->funcs[i].config;

		if (func->role != ROLE_INPUT)
			continue;
		if (!strcmp(func->alias, alias))
			return i;
		for (size_t k = 0; k < func->fallbacks_cnt; k++)
			if (!strcmp(func->fallbacks[k], alias))
				return i;
	}
	return program->funcs_cnt;
}

static int find_in_schema(struct recording_func *out, uint32_t number, void *ctx, struct err *err)
{
	const struct play *play = ctx;
	const struct schema_func *func = schema_func(play->schema, number);

	*out = (struct recording_func){func->role, func->name, func->alias, NULL};
	return store_shape(play->player->store, play->schema, number, &out->shape, err);
}

static int restore_call(struct play *play, struct plugin *plugin, struct call *call, struct err *err)
{
	auto_cjson cJSON *json = NULL, *changes = NULL;
	const struct shape *shape;
	int r = recording_call_json(&json, call, find_in_schema, play, err);

	if (r == 0)
		r = plugin_restore(plugin, play->recording->id, json, &changes, err);
	if (r == 0)
		r = store_shape(play->player->store, play->schema, call->func, &shape, err);
	return r < 0 ? r : value_edit(call, shape, changes, play->recording->pool, err);
}

int player_restore_inputs(struct play *play, struct err *err)
{
	struct player *player = play->player;
	int r = 0;

	for (size_t i = 0; i < play->recording->calls_cnt && r == 0; i++) {
		struct call *call = &play->recording->calls[i];
		const char *alias = schema_func(play->schema, call->func)->alias;
		size_t input = find_input(player, alias);
		struct plugin *plugin;

		if (input == player->opts.program->funcs_cnt)
			continue;
		r = use_plugin(player, input, err);
		plugin = player->stages[input].plugin;
		if (r < 0 || !plugin)
			continue;
		r = plugin_start(plugin, err);
		if (r == 0 && plugin_does(plugin, PLUGIN_RESTORE))
			r = restore_call(play, plugin, call, err);
		if (r < 0)
			r = err_wrap(err, r, "cannot restore '%s'", alias);
	}
	return r;
}

int player_let_say(struct play *play, struct comparison *out, const struct cJSON *replayed, struct err *err)
{
	struct player *player = play->player;
	auto_cjson cJSON *recorded = NULL;
	int r = use_plugin(player, play->operation, err);

	if (r == 0)
		r = recording_json(&recorded, &out->key, play->recording, play->schema, player->store, err);
	return r < 0 ? r
		     : plugin_judge(player->stages[play->operation].plugin, out, recorded, replayed,
				    player->opts.keeps_results, err);
}
