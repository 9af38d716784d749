// SPDX-License-Identifier: BSD-3-Clause
#include "lib/config_plugin.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/json_keys.h"
#include "lib/util.h"

void config_plugin_release(struct config_plugin *plugin)
{
	for (char **word = plugin->command; word && *word; word++)
		free(*word);
	free(plugin->command);
	free(plugin->path);
	*plugin = (struct config_plugin){};
}

static int read_command(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	struct config_plugin *plugin = field;
	int cnt = cJSON_GetArraySize(item);
	const cJSON *word;

	if (!cJSON_IsArray(item) || !cnt || cnt > PLUGIN_WORDS_MAX)
		return json_expected(item, "an array of words, as [\"python3\", \"compare.py\"]", err);
	plugin->command = calloc(cnt + 1, sizeof(*plugin->command));
	if (!plugin->command)
		return err_nomem(err);
	cnt = 0;
	cJSON_ArrayForEach(word, item)
	{
		int r = json_read_string(&plugin->command[cnt++], word, reading, err);

		if (r) {
			reading->at = word;
			return r;
		}
	}
	return 0;
}

static int read_timeout(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	int64_t ms = 0;
	int r = json_read_integer(&ms, item, reading, err);

	if (!r && (ms < 1 || ms > PLUGIN_TIMEOUT_MS_MAX))
		r = err_usage(err, -EINVAL, "expected 1 to %d", PLUGIN_TIMEOUT_MS_MAX);
	if (!r)
		*(int *)field = ms;
	return r;
}

int config_read_plugin(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	static const struct json_key keys[] = {
		{"path", json_read_string, offsetof(struct config_plugin, path)},
		{"command", read_command},
		{"timeout_ms", read_timeout, offsetof(struct config_plugin, timeout_ms)},
	};
	struct config_plugin *plugin = field;
	int r;

	if (cJSON_IsString(item))
		return json_read_string(&plugin->path, item, reading, err);
	if (!cJSON_IsObject(item))
		return json_expected(item, "a shared object's path, or {\"command\": [...]}", err);
	r = json_read_keys(plugin, item, keys, ARRAY_SIZE(keys), reading, err);
	if (!r && !plugin->path == !plugin->command)
		return err_usage(err, -EINVAL, "expected either \"path\" or \"command\"");
	return r;
}

static bool is_shared_object(const char *path)
{
	const char *slash = strrchr(path, '/'), *at = strstr(slash ? slash : path, ".so");

	return at && (!at[3] || at[3] == '.');
}

/* @path is absolute, and taken over. */
static int make_plugin(struct config_plugin *out, char *path, struct err *err)
{
	autofree char *owned = path;

	if (is_shared_object(path)) {
		*out = (struct config_plugin){.path = TAKE_PTR(owned)};
		return 0;
	}
	out->command = calloc(2, sizeof(*out->command));
	if (!out->command)
		return err_nomem(err);
	out->command[0] = TAKE_PTR(owned);
	return 0;
}

static int no_category(const struct config *config, const char *name, struct err *err)
{
	err_usage(err, -ENOENT, "--plugin: the configuration has no category '%s'", name);
	for (size_t i = 0; i < config->funcs_cnt; i++)
		if (config->funcs[i].role == ROLE_OPERATION) {
			err_hint(err, "its first is '%s'", config->funcs[i].category);
			break;
		}
	return -ENOENT;
}

int config_set_plugin(struct config *config, const char *text, struct err *err)
{
	const char *equals = strchr(text, '=');
	autofree char *category = equals ? strndup(text, equals - text) : NULL;

	if (!equals || equals == text || !equals[1])
		return err_usage(err, -EINVAL, "--plugin takes CATEGORY=PATH, not '%s'", text);
	if (!category)
		return err_nomem(err);
	for (size_t i = 0; i < config->funcs_cnt; i++) {
		struct config_func *func = &config->funcs[i];
		char *path;

		if (func->role != ROLE_OPERATION || strcmp(func->category, category))
			continue;
		path = realpath(equals + 1, NULL);
		if (!path)
			return err_usage(err, -errno, "cannot open plug-in '%s': %s", equals + 1,
					 strerror(errno));
		config_plugin_release(&func->plugin);
		return make_plugin(&func->plugin, path, err);
	}
	return no_category(config, category, err);
}

char *config_folder(const struct config *config)
{
	const char *slash = strrchr(config->path, '/');

	if (!slash)
		return strdup(".");
	return strndup(config->path, slash == config->path ? 1 : slash - config->path);
}
