// SPDX-License-Identifier: BSD-3-Clause
#include "tools/noise.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/config_func.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/util.h"
#include "replay/verdict.h"
#include "tools/common.h"
#include "tools/fix.h"

void noise_release(struct noise *noise)
{
	for (size_t i = 0; i < noise->rules_cnt; i++)
		free(noise->rules[i].path);
	free(noise->rules);
	*noise = (struct noise){};
}

/* --- where a difference belongs --- */

static const struct config_func *by_alias(const struct config *config, const char *alias, size_t len)
{
	for (size_t i = 0; i < config->funcs_cnt; i++)
		if (config->funcs[i].role == ROLE_OUTPUT && strlen(config->funcs[i].alias) == len &&
		    !strncmp(config->funcs[i].alias, alias, len))
			return &config->funcs[i];
	return NULL;
}

static const struct config_func *by_category(const struct config *config, const char *category)
{
	for (size_t i = 0; i < config->funcs_cnt; i++)
		if (config->funcs[i].role == ROLE_OPERATION && !strcmp(config->funcs[i].category, category))
			return &config->funcs[i];
	return NULL;
}

/* "calls[orders.notify#2].text": the output's path behind the dot; anything else is the operation's. */
static const struct config_func *owner(const struct config *config, const char *category, const char *path,
				       const char **rest)
{
	static const char calls[] = "calls[";
	const char *end = strstr(path, "]."), *number = NULL;

	*rest = path;
	if (strncmp(path, calls, strlen(calls)) || !end)
		return by_category(config, category);
	for (const char *at = path; at < end; at++)
		if (*at == '#')
			number = at;
	*rest = end + 2;
	path += strlen(calls);
	return number ? by_alias(config, path, number - path) : NULL;
}

/* Elements are told apart no more: a rule holds for each. The caller's to free. */
static char *for_each(const char *path)
{
	char *text = strdup(path), *to = text;

	for (const char *from = path; text && *from; from++) {
		*to++ = *from;
		if (*from == '[')
			from += strspn(from + 1, "0123456789");
	}
	if (text)
		*to = '\0';
	return text;
}

/* --- rules --- */

/* Takes @path over. */
static int add_rule(struct noise *noise, const struct config_func *func, char *path, const char *id,
		    struct err *err)
{
	autofree char *owned = path;
	const char *section = config_role_key(func->role);
	struct noise_rule *grown;

	for (size_t i = 0; i < noise->rules_cnt; i++)
		if (noise->rules[i].function == func->name && !strcmp(noise->rules[i].path, path)) {
			noise->rules[i].cnt += noise->rules[i].last != noise->seen;
			noise->rules[i].last = noise->seen;
			return 0;
		}
	if (noise->rules_cnt == NOISE_RULES_MAX)
		return 0;
	grown = realloc(noise->rules, (noise->rules_cnt + 1) * sizeof(*grown));
	if (!grown)
		return err_nomem(err);
	noise->rules = grown;
	grown += noise->rules_cnt++;
	*grown = (struct noise_rule){.section = section,
				     .function = func->name,
				     .path = TAKE_PTR(owned),
				     .cnt = 1,
				     .last = noise->seen};
	snprintf(grown->first, sizeof(grown->first), "%s", id);
	return 0;
}

int noise_add(struct noise *noise, const struct config *config, const struct comparison *comparison,
	      struct err *err)
{
	char id[CATEGORY_MAX + 48];
	int r = 0;

	recording_key_text(&comparison->key, id);
	noise->seen++;
	noise->unruled += comparison->missing_cnt || comparison->extra_cnt ||
			  (comparison->verdict != VERDICT_EQUAL && !comparison->differences.cnt);
	for (size_t i = 0; i < comparison->differences.cnt && r == 0; i++) {
		const char *rest;
		const struct config_func *func =
			owner(config, comparison->key.category, comparison->differences.row[i].path, &rest);
		char *path = func ? for_each(rest) : NULL;

		if (func)
			r = path ? add_rule(noise, func, path, id, err) : err_nomem(err);
	}
	return r;
}

/* --- the proposal --- */

static int print_rule_json(const struct noise_rule *rule, size_t seen, struct err *err)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "type", "noise");
	cJSON_AddStringToObject(json, "section", rule->section);
	cJSON_AddStringToObject(json, "function", rule->function);
	cJSON_AddStringToObject(json, "ignore", rule->path);
	cJSON_AddNumberToObject(json, "differ", rule->cnt);
	cJSON_AddNumberToObject(json, "of", seen);
	cJSON_AddStringToObject(json, "example", rule->first);
	return common_print_json(json, err);
}

int noise_print(const struct noise *noise, bool as_json, struct err *err)
{
	int r = 0;

	if (!as_json)
		printf(noise->rules_cnt ? "\n%10s  %s\n" : "\nno value differs: there is nothing to ignore\n",
		       "replays", "differ at, though the build is the same");
	for (size_t i = 0; i < noise->rules_cnt && r == 0; i++) {
		const struct noise_rule *rule = &noise->rules[i];

		if (as_json)
			r = print_rule_json(rule, noise->seen, err);
		else
			printf("%10zu  \"%s\": {\"%s\": {\"compare\": {\"ignore\": [\"%s\"]}}} (%s)\n",
			       rule->cnt, rule->section, rule->function, rule->path, rule->first);
	}
	if (noise->unruled)
		fprintf(stderr, "tapedeck: %zu replays differ by calls or fail: no rule makes them equal\n",
			noise->unruled);
	return r;
}

/* All rules of one function: those that the file has, and the new ones. */
static int write_function(const struct noise *noise, const struct config *config, size_t first,
			  struct err *err)
{
	const struct noise_rule *of = &noise->rules[first];
	const char *const way[] = {of->section, of->function, "compare", "ignore"};
	auto_cjson cJSON *list = NULL;
	autofree char *text = NULL;
	int r = fix_get(&list, config->path, way, ARRAY_SIZE(way), err);

	if (r < 0)
		return r;
	if (!cJSON_IsArray(list)) {
		cJSON_Delete(list);
		list = cJSON_CreateArray();
	}
	for (size_t i = first; i < noise->rules_cnt; i++)
		if (noise->rules[i].function == of->function)
			cJSON_AddItemToArray(list, cJSON_CreateString(noise->rules[i].path));
	text = list ? json_print(list) : NULL;
	return text ? fix_set(config->path, way, ARRAY_SIZE(way), NULL, text, err) : err_nomem(err);
}

int noise_write(const struct noise *noise, const struct config *config, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < noise->rules_cnt && r == 0; i++) {
		bool is_first = true;

		for (size_t k = 0; k < i; k++)
			is_first &= noise->rules[k].function != noise->rules[i].function;
		if (!is_first)
			continue;
		r = write_function(noise, config, i, err);
		if (r == 0)
			fprintf(stderr, "%s: %s.%s ignores what was learned\n", config->path,
				noise->rules[i].section, noise->rules[i].function);
	}
	return r;
}
