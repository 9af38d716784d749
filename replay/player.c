// SPDX-License-Identifier: BSD-3-Clause
#include "replay/player.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/object.h"
#include "lib/program.h"
#include "lib/recording.h"
#include "lib/store.h"
#include "lib/util.h"
#include "replay/coverage.h"
#include "replay/image.h"
#include "replay/judge.h"
#include "replay/notes.h"
#include "replay/patchfile.h"
#include "replay/player_impl.h"
#include "replay/plugin.h"
#include "replay/sandbox.h"
#include "replay/server.h"
#include "replay/target/patch.h"
#include "replay/valgrind.h"
#include "replay/unrecorded.h"
#include "replay/verdict.h"

#define PATCH_FILE_MAX (64u << 20)

int player_new(struct player **out, const struct player_opts *opts, struct cassette *cassette,
	       struct err *err)
{
	autofree struct player *player = calloc(1, sizeof(*player));
	autofree struct stage *stages = calloc(opts->program->funcs_cnt, sizeof(*stages));
	int r;

	if (!player || !stages)
		return err_nomem(err);
	r = store_new(&player->store, cassette, err);
	if (r < 0)
		return r;
	player->folder = config_folder(opts->config);
	if (!player->folder) {
		store_free(player->store);
		return err_nomem(err);
	}
	for (size_t i = 0; i < opts->program->funcs_cnt; i++) {
		buf_init(&stages[i].patch, PATCH_FILE_MAX);
		for (size_t k = 0; k < STARTUPS_MAX; k++)
			startup_init(&stages[i].slots[k].startup);
		stages[i].slot = &stages[i].slots[0];
	}
	player->opts = *opts;
	player->stages = TAKE_PTR(stages);
	*out = TAKE_PTR(player);
	return 0;
}

static void slot_clear(struct slot *slot)
{
	if (slot->server)
		server_stop(slot->server);
	startup_release(&slot->startup);
	free(slot->trouble);
	slot->server = NULL;
	slot->trouble = NULL;
	slot->used = 0;
}

void player_free(struct player *player)
{
	if (!player)
		return;
	for (size_t i = 0; i < player->opts.program->funcs_cnt; i++) {
		for (size_t k = 0; k < STARTUPS_MAX; k++)
			slot_clear(&player->stages[i].slots[k]);
		buf_release(&player->stages[i].patch);
		plugin_free(player->stages[i].plugin);
	}
	free(player->stages);
	store_free(player->store);
	free(player->folder);
	free(player);
}

static int slower(const struct player *player)
{
	return player->opts.is_checked ? VALGRIND_SLOWER : 1;
}

static void note_conditions(const struct player *player, const struct server *server)
{
	unsigned layers = server_layers(server);

	for (int i = 0; i < SANDBOX_CNT; i++)
		if (!(layers & 1u << i))
			notes_add(player->opts.notes, "the sandbox lacks %s: this machine does not allow it",
				  sandbox_layer_name(i));
	if (player->opts.is_checked)
		notes_add(
			player->opts.notes,
			"under valgrind the program's system calls are not watched one by one: the other walls stand");
	if (player->opts.keep)
		notes_add(player->opts.notes, "the program's folder is kept: %s", server_folder(server));
	if (!player->opts.ready && !strcmp(server_ready_at(server), READY_END))
		notes_add(player->opts.notes,
			  "main ended before the operation was reached: it is replayed at the end of main "
			  "(--ready main: at its start)");
	if (server_has_threads(server))
		notes_add(player->opts.notes,
			  "the program has threads when it is ready (at '%s'): each recording gets a "
			  "process of its own, which is slower",
			  server_ready_at(server));
}

static struct server_stop stop_at(const struct player *player, size_t operation)
{
	const struct program_func *func = &player->opts.program->funcs[operation];
	const struct symbol *symbol = object_func_at(player->opts.program->objects[func->module], func->addr);

	return (struct server_stop){.symbol = symbol && symbol->addr == func->addr ? symbol->name : NULL,
				    .module = func->module,
				    .addr = func->addr};
}

static int start_server(struct player *player, size_t operation, char *const *args, struct err *err)
{
	struct stage *stage = &player->stages[operation];
	struct server_opts opts = {
		.exe = player->opts.exe,
		.engine = player->opts.engine,
		.args = args,
		.env = stage->slot->startup.env,
		.startup = stage->slot->startup.calls.data,
		.startup_len = stage->slot->startup.calls.len,
		.libs = player->opts.libs,
		.cpu = player->opts.cpu,
		.ready_timeout_ms = SERVER_READY_MS * slower(player),
		.keep = player->opts.keep,
		.is_debugged = player->opts.is_debugged,
		.is_checked = player->opts.is_checked,
		.stop = stop_at(player, operation),
		.interrupt = player->opts.interrupt,
		.patch = stage->patch.data,
		.patch_len = stage->patch.len,
	};

	return server_start(&stage->slot->server, &opts, err);
}

/* The arguments that it was recorded with may mean nothing here: a file that is not there, a port that cannot
 * be had. A program that becomes ready without them is as good. */
static int start_as_recorded(struct player *player, size_t operation, struct err *err)
{
	struct stage *stage = &player->stages[operation];
	char *const *args = player->opts.args ? player->opts.args : stage->slot->startup.args;
	int r = start_server(player, operation, args, err);

	if (r == 0 || r == -EINTR || player->opts.args || !args || !args[0])
		return r;
	if (start_server(player, operation, NULL, NULL))
		return r;
	notes_add(player->opts.notes,
		  "the program starts without the arguments that it was recorded with: with them, %s",
		  err->msg);
	return 0;
}

static int start(struct player *player, size_t operation, struct err *err)
{
	const struct patchfile_opts patch_opts = {.operation = operation,
						  .ready = player->opts.ready,
						  .init = player->opts.init,
						  .covers = player->opts.covers};
	struct stage *stage = &player->stages[operation];
	struct err why = {};
	int r = 0;

	if (stage->slot->server && player->opts.recycle && stage->slot->age >= player->opts.recycle)
		server_stop(TAKE_PTR(stage->slot->server));
	if (stage->slot->server)
		return 0;
	stage->slot->age = 0;
	if (!stage->patch.len)
		r = patchfile_write(&stage->patch, player->opts.config, player->opts.program, &patch_opts,
				    err);
	if (r < 0)
		return r;
	r = start_as_recorded(player, operation, &why);
	if (r < 0 && err)
		*err = why;
	if (r < 0)
		return err_wrap(err, r, "cannot replay with '%s'", player->opts.exe);
	note_conditions(player, stage->slot->server);
	return 0;
}

static bool is_id(const char *id, const char *other)
{
	return id && other ? !strcmp(id, other) : !id && !other;
}

/* Take @startup over: a server that started alike serves it, else a slot becomes its own. */
static struct slot *place_startup(struct stage *stage, struct startup *startup)
{
	struct slot *oldest = &stage->slots[0];

	for (size_t i = 0; i < STARTUPS_MAX; i++) {
		struct slot *slot = &stage->slots[i];
		char *before = slot->startup.id;

		if (slot->used && !strcmp(slot->startup.digest, startup->digest)) {
			slot->startup.id = startup->id;
			startup->id = before;
			startup_release(startup);
			return slot;
		}
		if (slot->used < oldest->used)
			oldest = slot;
	}
	slot_clear(oldest);
	oldest->startup = *startup;
	return oldest;
}

/* Choose the slot whose server started as @recording's process did. */
static int use_startup(struct player *player, size_t operation, const struct recording *recording,
		       struct err *err)
{
	const char *id =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(recording->metadata, "startup"));
	struct stage *stage = &player->stages[operation];
	struct slot *slot = NULL;
	struct startup startup;
	int r;

	for (size_t i = 0; i < STARTUPS_MAX && !slot; i++)
		if (stage->slots[i].used && is_id(stage->slots[i].startup.id, id))
			slot = &stage->slots[i];
	if (!slot) {
		r = startup_load(&startup, id, player->store, player->opts.config, player->opts.program,
				 player->opts.notes, err);
		if (r < 0)
			return r;
		slot = place_startup(stage, &startup);
	}
	slot->used = ++player->clock;
	stage->slot = slot;
	return 0;
}

static int find_operation(const struct player *player, const struct recording *recording,
			  const struct schema *schema, size_t *operation, struct err *err)
{
	const char *alias = schema_func(schema, recording->operation.func)->alias;

	for (size_t i = 0; i < player->opts.program->funcs_cnt; i++) {
		const struct config_func *func = player->opts.program->funcs[i].config;

		if (func->role != ROLE_OPERATION)
			continue;
		*operation = i;
		if (!strcmp(func->alias, alias))
			return 0;
		for (size_t k = 0; k < func->fallbacks_cnt; k++)
			if (!strcmp(func->fallbacks[k], alias))
				return 0;
	}
	return err_set(err, -ENOENT, "the configuration has no operation '%s'", alias);
}

/* The server may have died of an earlier case: it gets one more try. */
static int run(struct play *play, unsigned how, struct server_result *result, struct err *err)
{
	struct player *player = play->player;
	struct stage *stage = &player->stages[play->operation];
	const struct buf *data = &play->data;
	int r = server_run(stage->slot->server, data->data, data->len,
			   player->opts.timeout_ms * slower(player), how, result, err);

	if (r == 0 || r == -EINTR)
		return r;
	server_stop(stage->slot->server);
	stage->slot->server = NULL;
	r = start(player, play->operation, err);
	return r < 0 ? r
		     : server_run(stage->slot->server, data->data, data->len,
				  player->opts.timeout_ms * slower(player), how, result, err);
}

/* Run it once and compare; @replayed as judge's. */
static int try(struct play *play, unsigned how, struct comparison *out, struct server_result *result,
	       struct cJSON **replayed, struct err *err)
{
	const struct player_opts *opts = &play->player->opts;
	int r = run(play, how, result, err);

	if (r == 0)
		r = judge(out, play->recording, play->schema, play->player->store, opts->config,
			  opts->program, play->operation, result, &play->displaced, replayed, err);
	return r < 0 ? r
		     : unrecorded_collect(out, (const void *)play->player->stages[play->operation].patch.data,
					  result->outcome, err);
}

static bool is_beyond(const struct server_result *result)
{
	return result->outcome->end == OUTCOME_SIGNAL && result->outcome->object;
}

static bool is_same(const struct comparison *a, const struct comparison *b)
{
	struct comparison one = *a, other = *b;
	auto_cjson cJSON *x = NULL, *y = NULL;

	other.key = a->key;
	other.recorded_ns = a->recorded_ns;
	other.replayed_ns = a->replayed_ns;
	one.unrecorded_cnt = other.unrecorded_cnt = 0;
	x = comparison_json(&one);
	y = comparison_json(&other);
	return x && y && json_is_same(x, y);
}

/* What was read beyond the recorded objects, beside a verdict that does not hang on it, or in its place. */
static void blame_beyond(struct comparison *out, struct comparison *fenced, bool hangs_on_it)
{
	size_t len = strlen(out->reason);

	if (hangs_on_it) {
		fenced->key = out->key;
		fenced->replayed_ns = out->replayed_ns;
		comparison_release(out);
		*out = *fenced;
		*fenced = (struct comparison){};
		return;
	}
	snprintf(out->reason + len, sizeof(out->reason) - len, "; besides, %s", fenced->reason);
	out->advice = TAKE_PTR(fenced->advice);
}

/*
 * It did not come out equal: was something read that the recording does not have? Objects with nothing around
 * them tell. Whether the verdict hangs on that, another pattern behind them tells.
 */
static void explain(struct play *play, struct comparison *out)
{
	struct comparison fenced = {}, other = {};
	struct server_result result;
	struct err err = {};

	if (try(play, PATCH_RUN_FENCED, &fenced, &result, NULL, &err) == 0 && is_beyond(&result) &&
	    fenced.verdict == VERDICT_EQUALIZER_FAILURE &&
	    try(play, PATCH_RUN_OTHERS, &other, &result, NULL, &err) == 0)
		blame_beyond(out, &fenced, !is_same(out, &other));
	comparison_release(&fenced);
	comparison_release(&other);
}

static int give_up(struct comparison *out, const struct err *err)
{
	out->verdict = VERDICT_EQUALIZER_FAILURE;
	snprintf(out->reason, sizeof(out->reason), "%s", err->msg);
	return 0;
}

static bool is_puzzling(const struct player *player, const struct comparison *comparison,
			const struct server_result *result)
{
	return comparison->verdict != VERDICT_EQUAL && comparison->verdict != VERDICT_EQUALIZER_FAILURE &&
	       !result->timed_out && !(result->report && result->report[0]) && !player->opts.is_debugged;
}

static int play(struct play *play, struct comparison *out, struct err *err)
{
	struct player *player = play->player;
	auto_cjson cJSON *replayed = NULL;
	const struct patch_span *spans;
	struct server_result result;
	size_t spans_cnt;
	int r;

	player->stages[play->operation].slot->age++;
	spans = server_spans(player->stages[play->operation].slot->server, &spans_cnt);
	displaced_init(&play->displaced, spans, spans_cnt);
	displaced_inherit(&play->displaced, &player->stages[play->operation].slot->startup.displaced);
	r = player_restore_inputs(play, err);
	if (r < 0)
		return r;
	r = image_write(&play->data, play->recording, play->schema, player->store, player->opts.config,
			player->opts.program, play->operation, &play->displaced, player->opts.notes, err);
	if (r == 0)
		r = try(play, 0, out, &result, player_wants_say(play) ? &replayed : NULL, err);
	if (r == 0 && player->opts.covers)
		return coverage_read(&out->reached, &out->reached_cnt, result.outcome, err);
	if (r == 0 && is_puzzling(player, out, &result))
		explain(play, out);
	return r == 0 && player_wants_say(play) ? player_let_say(play, out, replayed, err) : r;
}

/* As start, but what failed once is not tried again: each try may take as long as start-up may. */
static int start_once(struct player *player, size_t operation, struct err *err)
{
	struct slot *slot = player->stages[operation].slot;
	int r;

	if (slot->trouble) {
		*err = *slot->trouble;
		return -ECANCELED;
	}
	r = start(player, operation, err);
	if (r < 0) {
		slot->trouble = malloc(sizeof(*slot->trouble));
		if (slot->trouble)
			*slot->trouble = *err;
	}
	return r;
}

int player_play(struct player *player, const struct recording_key *key, struct comparison *out,
		struct err *err)
{
	auto_recording struct recording *recording = NULL;
	struct play one = {.player = player};
	struct err why = {};
	int r;

	*out = (struct comparison){.key = *key};
	if (store_get(player->store, key, &recording, &one.schema, &why) < 0 ||
	    find_operation(player, recording, one.schema, &one.operation, &why) < 0)
		return give_up(out, &why);
	r = use_startup(player, one.operation, recording, err);
	if (r < 0)
		return r;
	r = player->opts.goes_on ? start_once(player, one.operation, &why)
				 : start(player, one.operation, err);
	if (r < 0)
		return player->opts.goes_on ? give_up(out, &why) : r;
	one.recording = recording;
	buf_init(&one.data, PATCH_CASE_BYTES);
	r = play(&one, out, &why);
	buf_release(&one.data);
	if (r == -EINTR)
		return err_pass(err, r, &why);
	if (r < 0)
		return give_up(out, &why);
	out->key = *key;
	return 0;
}
