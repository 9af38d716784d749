// SPDX-License-Identifier: BSD-3-Clause
#include "lib/aws_config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/util.h"

#define PATH_LEN 4096
#define NAME_LEN 128

enum kind { PROFILE, SERVICES, OTHER };

struct setting {
	enum kind kind;
	bool is_credentials; /* of that file */
	char *section, *name, *value;
};

struct aws_config {
	char config_path[PATH_LEN], credentials_path[PATH_LEN];
	struct setting *settings;
	size_t cnt, cap;
};

/* Where the reading of a file is. */
struct cursor {
	struct aws_config *config;
	bool is_credentials;
	enum kind kind;
	char section[NAME_LEN], parent[NAME_LEN]; /* of what is indented */
	int line;
	const char *path;
	struct err *err;
};

static void find_path(char path[PATH_LEN], const char *variable, const char *name)
{
	const char *given = getenv(variable), *home = getenv("HOME");

	if (given && *given == '~' && given[1] == '/')
		snprintf(path, PATH_LEN, "%s%s", home ? home : "", given + 1);
	else if (given && *given)
		snprintf(path, PATH_LEN, "%s", given);
	else
		snprintf(path, PATH_LEN, "%s/.aws/%s", home ? home : "", name);
}

static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t\r");
	len = strlen(text);
	while (len && strchr(" \t\r", text[len - 1]))
		text[--len] = '\0';
	return text;
}

static int wrong(struct cursor *cursor, const char *what)
{
	return err_set(cursor->err, -EINVAL, "%s:%d: %s", cursor->path, cursor->line, what);
}

/* "[default]", "[profile NAME]", "[services NAME]"; in the credentials file "[NAME]". */
static int open_section(struct cursor *cursor, char *text)
{
	char *end = strchr(text, ']'), *name, *first;

	if (!end)
		return wrong(cursor, "a section's name does not end");
	*end = '\0';
	name = trim(text);
	first = strsep(&name, " \t");
	cursor->kind = PROFILE;
	cursor->parent[0] = '\0';
	if (name && !cursor->is_credentials) {
		cursor->kind = strcmp(first, "profile") == 0	? PROFILE
			       : strcmp(first, "services") == 0 ? SERVICES
								: OTHER;
		first = trim(name);
	} else if (!cursor->is_credentials && strcmp(first, "default") != 0) {
		cursor->kind = OTHER;
	}
	snprintf(cursor->section, sizeof(cursor->section), "%s", first);
	return 0;
}

static int add(struct cursor *cursor, const char *name, const char *value)
{
	struct aws_config *config = cursor->config;
	struct setting *setting;
	int r;

	if (config->cnt == AWS_CONFIG_SETTINGS)
		return wrong(cursor, "there are too many settings");
	if (config->cnt == config->cap) {
		size_t cap = config->cap ? 2 * config->cap : 32;
		struct setting *settings = realloc(config->settings, cap * sizeof(*settings));

		if (!settings)
			return err_nomem(cursor->err);
		config->settings = settings;
		config->cap = cap;
	}
	setting = &config->settings[config->cnt++];
	*setting = (struct setting){.kind = cursor->kind, .is_credentials = cursor->is_credentials};
	setting->section = strdup(cursor->section);
	setting->value = strdup(value);
	r = asprintf(&setting->name, "%s%s%s", cursor->parent, *cursor->parent ? "." : "", name);
	if (r < 0)
		setting->name = NULL;
	return setting->section && setting->value && setting->name ? 0 : err_nomem(cursor->err);
}

static int read_setting(struct cursor *cursor, char *line)
{
	bool is_indented = *line == ' ' || *line == '\t';
	char *value = line, *name = trim(strsep(&value, "="));

	if (!value)
		return is_indented ? 0 : wrong(cursor, "neither a section nor a setting");
	value = trim(value);
	if (!is_indented)
		cursor->parent[0] = '\0';
	if (!*value && !is_indented) {
		snprintf(cursor->parent, sizeof(cursor->parent), "%s", name);
		return 0;
	}
	return add(cursor, name, value);
}

static int read_line(struct cursor *cursor, char *line)
{
	char *text = line + strspn(line, " \t\r");

	if (!*text || *text == '#' || *text == ';')
		return 0;
	if (*line == '[')
		return open_section(cursor, line + 1);
	if (!*cursor->section)
		return wrong(cursor, "a setting before the first section");
	return read_setting(cursor, line);
}

static int read_file(struct aws_config *config, const char *path, bool is_credentials, struct err *err)
{
	struct cursor cursor = {config, is_credentials, .path = path, .err = err};
	autofree char *line = NULL;
	FILE *file = fopen(path, "re");
	size_t size = 0, total = 0;
	ssize_t len;
	int r = 0;

	if (!file)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES
			       ? 0
			       : err_set(err, -errno, "cannot read '%s': %s", path, strerror(errno));
	while (!r && (len = getline(&line, &size, file)) >= 0) {
		cursor.line++;
		total += len;
		line[strcspn(line, "\n")] = '\0';
		r = total > AWS_CONFIG_TEXT_MAX ? wrong(&cursor, "the file is too large")
						: read_line(&cursor, line);
	}
	fclose(file);
	if (line)
		explicit_bzero(line, size);
	return r;
}

int aws_config_load(struct aws_config **out, struct err *err)
{
	struct aws_config *config = calloc(1, sizeof(*config));
	int r;

	if (!config)
		return err_nomem(err);
	find_path(config->config_path, "AWS_CONFIG_FILE", "config");
	find_path(config->credentials_path, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
	r = read_file(config, config->credentials_path, true, err);
	if (!r)
		r = read_file(config, config->config_path, false, err);
	if (r) {
		aws_config_free(config);
		return r;
	}
	*out = config;
	return 0;
}

void aws_config_free(struct aws_config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->cnt; i++) {
		struct setting *setting = &config->settings[i];

		if (setting->value)
			explicit_bzero(setting->value, strlen(setting->value));
		free(setting->section);
		free(setting->name);
		free(setting->value);
	}
	free(config->settings);
	free(config);
}

/* The credentials file is read first, so its settings are found first. */
static const struct setting *find(const struct aws_config *config, enum kind kind, const char *section,
				  const char *name)
{
	for (size_t i = 0; i < config->cnt; i++) {
		const struct setting *setting = &config->settings[i];

		if (setting->kind == kind && strcmp(setting->section, section) == 0 &&
		    (!name || strcmp(setting->name, name) == 0))
			return setting;
	}
	return NULL;
}

const char *aws_config_get(const struct aws_config *config, const char *profile, const char *name)
{
	const struct setting *setting = find(config, PROFILE, profile, name);

	return setting ? setting->value : NULL;
}

const char *aws_config_service(const struct aws_config *config, const char *services, const char *name)
{
	const struct setting *setting = find(config, SERVICES, services, name);

	return setting ? setting->value : NULL;
}

const char *aws_config_file(const struct aws_config *config, const char *profile, const char *name)
{
	const struct setting *setting = find(config, PROFILE, profile, name);

	if (!setting)
		return NULL;
	return setting->is_credentials ? config->credentials_path : config->config_path;
}

int aws_config_has(const struct aws_config *config, const char *profile)
{
	return find(config, PROFILE, profile, NULL) != NULL;
}
