/* SPDX-License-Identifier: BSD-3-Clause */
/* "plugin": who has a say in what is compared. */
#pragma once

#include <stdbool.h>

struct cJSON;
struct config;
struct err;
struct json_reading;

#define PLUGIN_WORDS_MAX      64
#define PLUGIN_TIMEOUT_MS_MAX (60 * 60 * 1000)

struct config_plugin {
	char *path;	/* a shared object; or NULL */
	char **command; /* NULL-terminated; or NULL */
	int timeout_ms; /* for an answer; 0: the default */
};

static inline bool config_plugin_is_set(const struct config_plugin *plugin)
{
	return plugin->path || plugin->command;
}

/* "./x.so", {"path": "./x.so", "timeout_ms": N} or {"command": ["python3", "x.py"], "timeout_ms": N}; @field
 * is the struct. */
int config_read_plugin(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err);
void config_plugin_release(struct config_plugin *plugin);
/* "CATEGORY=PATH" of a command line: a shared object if its name says so (.so), else a program. Goes before
 * what the configuration says. -EINVAL, -ENOENT: usage errors. */
int config_set_plugin(struct config *config, const char *text, struct err *err);
/* Where relative names of @config start from: the folder of its file. The caller's to free; NULL: no memory.
 */
char *config_folder(const struct config *config);
