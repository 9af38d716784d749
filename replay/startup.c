// SPDX-License-Identifier: BSD-3-Clause
#include "replay/startup.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/recording.h"
#include "lib/store.h"
#include "lib/util.h"
#include "replay/image.h"
#include "replay/notes.h"
#include "replay/target/patch.h"

void startup_init(struct startup *startup)
{
	*startup = (struct startup){};
	buf_init(&startup->calls, PATCH_CASE_BYTES);
	displaced_init_early(&startup->displaced);
}

static void free_texts(char **texts)
{
	for (size_t i = 0; texts && texts[i]; i++)
		free(texts[i]);
	free(texts);
}

void startup_release(struct startup *startup)
{
	free(startup->id);
	free_texts(startup->args);
	free_texts(startup->env);
	buf_release(&startup->calls);
	startup_init(startup);
}

/* --- what main gets --- */

/* Of a text that is not UTF-8 the document has bytes: no argument is made of it. */
static bool are_texts(const cJSON *list)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, list) if (!cJSON_IsString(item)) return false;
	return cJSON_IsArray(list) && list->child;
}

static int take_args(struct startup *startup, const cJSON *metadata)
{
	const cJSON *argv = cJSON_GetObjectItemCaseSensitive(metadata, "argv"), *item;
	size_t cnt = 0;

	if (!are_texts(argv))
		return 0;
	startup->args = calloc(cJSON_GetArraySize(argv) + 1, sizeof(*startup->args));
	if (!startup->args)
		return -ENOMEM;
	for (item = argv->child->next; item; item = item->next) {
		startup->args[cnt] = strdup(item->valuestring);
		if (!startup->args[cnt++])
			return -ENOMEM;
	}
	return 0;
}

static int take_environment(struct startup *startup, const cJSON *metadata)
{
	const cJSON *environment = cJSON_GetObjectItemCaseSensitive(metadata, "environment"), *item;
	size_t cnt = 0;

	startup->env = calloc(cJSON_GetArraySize(environment) + 1, sizeof(*startup->env));
	if (!startup->env)
		return -ENOMEM;
	cJSON_ArrayForEach(item, environment)
	{
		if (!cJSON_IsString(item) || !item->string)
			continue;
		if (asprintf(&startup->env[cnt], "%s=%s", item->string, item->valuestring) < 0) {
			startup->env[cnt] = NULL;
			return -ENOMEM;
		}
		cnt++;
	}
	return 0;
}

/* --- all of it --- */

static void put_texts(struct buf *all, char *const *texts)
{
	for (; texts && *texts; texts++)
		buf_put(all, *texts, strlen(*texts) + 1);
	buf_put(all, "", 1);
}

static int make_digest(struct startup *startup)
{
	auto_buf struct buf all;

	buf_init(&all, 2 * (size_t)PATCH_CASE_BYTES);
	put_texts(&all, startup->args);
	put_texts(&all, startup->env);
	buf_put(&all, startup->calls.data, startup->calls.len);
	if (all.failed)
		return -ENOMEM;
	digest_hex(all.data, all.len, startup->digest);
	return 0;
}

static int take(struct startup *startup, const struct recording *recording, struct err *err)
{
	int r = take_args(startup, recording->metadata);

	r = r ?: take_environment(startup, recording->metadata);
	r = r ?: make_digest(startup);
	return r ? err_nomem(err) : 0;
}

static int load(struct startup *startup, struct store *store, const struct config *config,
		const struct program *program, struct notes *notes, struct err *err)
{
	auto_recording struct recording *recording = NULL;
	struct recording_key key;
	const struct schema *schema;
	int r = recording_key_parse(&key, startup->id, err);

	r = r ?: store_get(store, &key, &recording, &schema, err);
	if (r == 0 && recording->calls_cnt)
		r = image_write(&startup->calls, recording, schema, store, config, program,
				IMAGE_NO_OPERATION, &startup->displaced, notes, err);
	return r ? r : take(startup, recording, err);
}

int startup_load(struct startup *out, const char *id, struct store *store, const struct config *config,
		 const struct program *program, struct notes *notes, struct err *err)
{
	struct startup startup;
	struct err why = {};
	int r = 0;

	startup_init(&startup);
	startup.id = id ? strdup(id) : NULL;
	if (id && !startup.id)
		return err_nomem(err);
	if (id)
		r = load(&startup, store, config, program, notes, &why);
	if (r == -ENOMEM) {
		startup_release(&startup);
		return err_nomem(err);
	}
	if (r) {
		char *kept = TAKE_PTR(startup.id);

		notes_add(notes, "the recorded start-up is not used, and the program starts for real: %s",
			  why.msg);
		startup_release(&startup);
		startup.id = kept;
	}
	*out = startup;
	return 0;
}
