// SPDX-License-Identifier: BSD-3-Clause
/*
 * Any bytes are a configuration that keeps its header's promises, or -EINVAL and a message that begins with
 * the file's name. Each rule of it, written as a tag and read again, is the same rule.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lib/cassette.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_rule(const struct rule *rule)
{
	autofree char *once = rule_text(rule), *twice = NULL;
	struct rule again = {}, copy = {};

	assert(!rule_from_text(&again, once, NULL));
	assert(!rule_copy(&copy, &again));
	twice = rule_text(&copy);
	assert(!strcmp(once, twice));
	assert(!rule->bytes || !rule->count);
	assert(rule->depth <= RULE_DEPTH_MAX && rule->max <= RULE_MAX_MAX);
	rule_release(&again);
	rule_release(&copy);
}

static void check_func(const struct config_func *func)
{
	assert(*func->name && *func->symbol && *func->alias && func->place.line > 0 &&
	       func->place.column > 0);
	assert((func->role == ROLE_OPERATION) == !!func->category);
	assert(!func->category || (category_is_valid(func->category) && *func->category != '_'));
	assert(func->rate >= 0 && func->rate <= 1 && func->max_per_second >= 0);
	for (size_t i = 0; i < func->rules_cnt; i++)
		check_rule(&func->rules[i]);
	for (size_t i = 0; i < func->key_cnt; i++)
		assert(*func->key[i]);
	for (size_t i = 0; i < func->metadata_cnt; i++)
		assert(*func->metadata[i].path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	auto_config struct config *config = NULL;
	struct err err = {};
	int r = config_parse(&config, "fuzz.json", (const char *)data, len, &err);

	if (r) {
		assert(r == -EINVAL && !config && err.is_usage);
		assert(!strncmp(err.msg, "fuzz.json:", 10));
		return 0;
	}
	assert(config->funcs_cnt && config->funcs[0].role == ROLE_OPERATION);
	for (size_t i = 0; i < config->funcs_cnt; i++) {
		check_func(&config->funcs[i]);
		assert(!i || config->funcs[i - 1].role <= config->funcs[i].role);
	}
	for (size_t i = 0; i < config->types_cnt; i++)
		for (size_t j = 0; j < config->types[i].cnt; j++)
			check_rule(&config->types[i].rules[j]);
	return 0;
}
