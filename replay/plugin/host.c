// SPDX-License-Identifier: BSD-3-Clause
/*
 * The process that a plug-in in C runs in: it answers what replay/plugin.c asks, in lines of JSON, by calling
 * the plug-in's functions.
 */
#include <cjson/cJSON.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/json.h"
#include "lib/tapedeck/plugin.h"
#include "lib/util.h"

struct host {
	struct tapedeck_plugin plugin; /* what an older one lacks is NULL */
	void *state;
};

static const char *const verdicts[] = {
	[TAPEDECK_EQUAL] = "equal",
	[TAPEDECK_FIXED] = "fixed",
	[TAPEDECK_DIFFERENT] = "different",
	[TAPEDECK_FAILED] = "failed",
	[TAPEDECK_EQUALIZER_FAILURE] = "equalizer_failure",
};

static const char *text(const cJSON *json, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
}

/* Its JSON, the caller's to free; NULL: it is not there. */
static char *member(const cJSON *json, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);

	return item ? json_print(item) : NULL;
}

static cJSON *failure(const char *why)
{
	cJSON *answer = cJSON_CreateObject();

	cJSON_AddStringToObject(answer, "error", why ?: "it failed, and does not say why");
	return answer;
}

/* {@name: @value}; both are taken over. */
static cJSON *answer_with(const char *name, char *value, char *error)
{
	autofree char *own_value = value, *own_error = error;
	cJSON *answer, *json;

	if (!value || error)
		return failure(error);
	json = cJSON_Parse(value);
	if (!json)
		return failure("what it returned is no JSON");
	answer = cJSON_CreateObject();
	cJSON_AddItemToObject(answer, name, json);
	return answer;
}

static struct tapedeck_recording recording(const cJSON *question, const char *json, bool is_replay)
{
	return (struct tapedeck_recording){
		.id = text(question, "id"),
		.category = text(question, "category"),
		.json = json,
		.is_replay = is_replay,
	};
}

static cJSON *answer_result(struct host *host, const cJSON *question)
{
	autofree char *json = member(question, "recording");
	const char *side = text(question, "side");
	struct tapedeck_recording given = recording(question, json, side && !strcmp(side, "replayed"));
	char *error = NULL, *result = host->plugin.result(host->state, &given, &error);

	return answer_with("result", result, error);
}

static cJSON *answer_metadata(struct host *host, const cJSON *question)
{
	autofree char *json = member(question, "recording");
	struct tapedeck_recording given = recording(question, json, false);
	char *error = NULL, *metadata = host->plugin.metadata(host->state, &given, &error);

	return answer_with("metadata", metadata, error);
}

static cJSON *answer_data(struct host *host, const cJSON *question)
{
	autofree char *recorded = member(question, "recorded"), *replayed = member(question, "replayed");
	struct tapedeck_recording one = recording(question, recorded, false),
				  other = recording(question, replayed, true);
	char *error = NULL, *data = host->plugin.data(host->state, &one, replayed ? &other : NULL, &error);

	return answer_with("data", data, error);
}

static enum tapedeck_verdict verdict_of(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(verdicts); i++)
		if (!strcmp(name, verdicts[i]))
			return i;
	return TAPEDECK_EQUALIZER_FAILURE;
}

/* @given is released. */
static cJSON *verdict_answer(struct tapedeck_answer *given)
{
	autofree char *message = given->message, *differences = given->differences;
	cJSON *answer, *list;

	if ((unsigned)given->verdict >= ARRAY_SIZE(verdicts))
		return failure("what it answered is no verdict");
	list = differences ? cJSON_Parse(differences) : NULL;
	if (differences && !cJSON_IsArray(list)) {
		cJSON_Delete(list);
		return failure("the differences that it answered are no JSON array");
	}
	answer = cJSON_CreateObject();
	cJSON_AddStringToObject(answer, "verdict", verdicts[given->verdict]);
	if (message)
		cJSON_AddStringToObject(answer, "message", message);
	if (list)
		cJSON_AddItemToObject(answer, "differences", list);
	return answer;
}

static cJSON *answer_compare(struct host *host, const cJSON *question)
{
	autofree char *recorded = member(question, "recorded"), *replayed = member(question, "replayed"),
		      *data = member(question, "data"), *differences = member(question, "differences");
	const struct tapedeck_comparison comparison = {
		.id = text(question, "id"),
		.category = text(question, "category"),
		.recorded = recorded,
		.replayed = replayed,
		.data = data,
		.verdict = verdict_of(text(question, "verdict")),
		.reason = text(question, "reason"),
		.differences = differences,
	};
	struct tapedeck_answer given = {.verdict = TAPEDECK_EQUALIZER_FAILURE};
	autofree char *error = NULL;

	if (host->plugin.compare(host->state, &comparison, &given, &error) || error) {
		free(given.message);
		free(given.differences);
		return failure(error);
	}
	return verdict_answer(&given);
}

static cJSON *answer_restore(struct host *host, const cJSON *question)
{
	autofree char *call = member(question, "call");
	char *error = NULL, *changes = host->plugin.restore(host->state, text(question, "id"), call, &error);

	return answer_with("call", changes, error);
}

static const struct {
	const char *name;
	size_t function; /* of struct tapedeck_plugin */
	cJSON *(*answer)(struct host *host, const cJSON *question);
} asks[] = {
	{"result", offsetof(struct tapedeck_plugin, result), answer_result},
	{"compare", offsetof(struct tapedeck_plugin, compare), answer_compare},
	{"data", offsetof(struct tapedeck_plugin, data), answer_data},
	{"metadata", offsetof(struct tapedeck_plugin, metadata), answer_metadata},
	{"restore", offsetof(struct tapedeck_plugin, restore), answer_restore},
};

static bool does(const struct host *host, size_t ask)
{
	void *function;

	memcpy(&function, (const char *)&host->plugin + asks[ask].function, sizeof(function));
	return function != NULL;
}

static const char *load(struct host *host, const char *path)
{
	void *object = dlopen(path, RTLD_NOW);
	const struct tapedeck_plugin *plugin = object ? dlsym(object, "tapedeck_plugin") : NULL;

	if (!plugin)
		return dlerror() ?: "it has no 'tapedeck_plugin'";
	if (plugin->version != TAPEDECK_PLUGIN_VERSION)
		return "it was built for another version of tapedeck/plugin.h";
	memcpy(&host->plugin, plugin, MIN(plugin->size, sizeof(host->plugin)));
	return NULL;
}

static cJSON *answer_hello(struct host *host, const char *path, const cJSON *question)
{
	const char *trouble = load(host, path);
	autofree char *error = NULL;
	cJSON *answer, *provides;

	if (trouble)
		return failure(trouble);
	if (host->plugin.open)
		host->state = host->plugin.open(text(question, "category"), &error);
	if (error)
		return failure(error);
	answer = cJSON_CreateObject();
	cJSON_AddNumberToObject(answer, "version", TAPEDECK_PLUGIN_VERSION);
	provides = cJSON_AddArrayToObject(answer, "provides");
	for (size_t i = 0; i < ARRAY_SIZE(asks); i++)
		if (does(host, i))
			cJSON_AddItemToArray(provides, cJSON_CreateString(asks[i].name));
	return answer;
}

static cJSON *answer_to(struct host *host, const char *path, const cJSON *question)
{
	const char *ask = text(question, "ask");

	if (ask && !strcmp(ask, "hello"))
		return answer_hello(host, path, question);
	for (size_t i = 0; ask && i < ARRAY_SIZE(asks); i++)
		if (!strcmp(ask, asks[i].name) && does(host, i))
			return asks[i].answer(host, question);
	return failure("it was asked for what it does not do");
}

int main(int argc, char **argv)
{
	/* What the plug-in prints must not become an answer. */
	int fd = dup(STDOUT_FILENO);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	struct host host = {};
	char *line = NULL;
	size_t cap = 0;

	if (argc != 2 || !out) {
		fprintf(stderr, "usage: tapedeck-plugin SHARED_OBJECT\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	while (getline(&line, &cap, stdin) > 0) {
		auto_cjson cJSON *question = cJSON_Parse(line), *answer = answer_to(&host, argv[1], question);
		autofree char *said = json_print(answer);

		if (!said || fprintf(out, "%s\n", said) < 0 || fflush(out))
			return 3;
		fflush(stdout);
	}
	if (host.plugin.close)
		host.plugin.close(host.state);
	free(line);
	return 0;
}
