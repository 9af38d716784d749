// SPDX-License-Identifier: BSD-3-Clause
#include "loader/startup.h"

#include <cjson/cJSON.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cassette.h"
#include "lib/clock.h"
#include "lib/config.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/event.h"
#include "lib/program.h"
#include "lib/prototype.h"
#include "lib/recording.h"
#include "lib/schema.h"
#include "lib/timestamp.h"
#include "lib/util.h"
#include "lib/value.h"
#include "loader/assemble.h"
#include "loader/package.h"
#include "loader/process.h"
#include "loader/procfs.h"
#include "loader/upload.h"

#define ENVIRON_MAX (4 * 1024 * 1024)

struct startup {
	const struct package_context *context;
	struct schema *schema; /* the program's, and our function behind */
	uint32_t func;
	struct recording_key key;
	char id[CATEGORY_MAX + 48], schema_id[SCHEMA_ID_LEN + 1];
	uint64_t started_ns; /* CLOCK_MONOTONIC */
	cJSON *facts;	     /* arguments, environment, folder: members of the document */
	uint32_t pid;
	bool is_open;
	struct recording *recording; /* NULL: not there yet, or handed on */
	struct upload *upload;	     /* once it is named */
};

/* --- what it was started with --- */

static cJSON *text_json(const char *text)
{
	const struct value value = {.kind = VALUE_TEXT, .bytes = (const uint8_t *)text, .len = strlen(text)};

	return value_json(&value, NULL);
}

/* Programs may write over what they were given to show a title of their own: of one text with spaces nobody
 * knows how many arguments it was. */
static bool is_title(const char *text, size_t len)
{
	return strlen(text) + 1 >= len && strchr(text, ' ');
}

static void add_args(cJSON *facts, pid_t pid)
{
	autofree char *text = NULL;
	size_t len = 0;
	cJSON *args;

	if (procfs_read(&text, &len, STARTUP_ARGS_MAX, pid, "cmdline", NULL) || !len || text[len - 1] ||
	    is_title(text, len))
		return;
	args = cJSON_AddArrayToObject(facts, "argv");
	for (size_t at = 0; at < len; at += strlen(text + at) + 1)
		cJSON_AddItemToArray(args, text_json(text + at));
}

static bool is_wanted(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->environment_cnt; i++)
		if (!fnmatch(config->environment[i], name, 0))
			return true;
	return false;
}

/* The environment may hold secrets: what the configuration names is taken, and nothing else. */
static void add_environment(cJSON *facts, const struct config *config, pid_t pid)
{
	cJSON *environment = cJSON_AddObjectToObject(facts, "environment");
	autofree char *text = NULL;
	size_t len = 0, next;

	if (procfs_read(&text, &len, ENVIRON_MAX, pid, "environ", NULL))
		return;
	for (size_t at = 0; at < len; at = next) {
		char *equals = strchr(text + at, '=');

		next = at + strlen(text + at) + 1;
		if (!equals || equals == text + at)
			continue;
		*equals = '\0';
		if (is_wanted(config, text + at) && !cJSON_HasObjectItem(environment, text + at))
			cJSON_AddItemToObject(environment, text + at, text_json(equals + 1));
	}
}

static void add_link(cJSON *facts, const char *member, pid_t pid, const char *name)
{
	char path[PROCFS_PATH_MAX], target[PATH_MAX];
	ssize_t len;

	procfs_path(path, pid, name);
	len = readlink(path, target, sizeof(target) - 1);
	if (len <= 0)
		return;
	target[len] = '\0';
	cJSON_AddItemToObject(facts, member, text_json(target));
}

static cJSON *gather_facts(const struct config *config, pid_t pid, bool is_from_exec)
{
	cJSON *facts = cJSON_CreateObject();

	if (!facts)
		return NULL;
	cJSON_AddStringToObject(facts, "from", is_from_exec ? "exec" : "attached");
	add_link(facts, "exe", pid, "exe");
	add_args(facts, pid);
	add_environment(facts, config, pid);
	add_link(facts, "cwd", pid, "cwd");
	return facts;
}

/* --- its schema --- */

static int add_function(struct startup *startup, struct err *err)
{
	const struct prototype_types nobody = {};
	struct schema_func func = {
		.role = ROLE_OPERATION, .name = (char *)STARTUP_FUNCTION, .alias = (char *)STARTUP_FUNCTION};
	int r = prototype_add(startup->schema, "void _startup(void)", STARTUP_FUNCTION, &nobody, &func.id,
			      err);

	startup->func = schema_funcs_cnt(startup->schema);
	if (r == 0)
		r = schema_add_func(startup->schema, &func, err);
	return r ? r : schema_id(startup->schema, startup->schema_id, err);
}

static int make_schema(struct startup *startup, struct schema *program, struct err *err)
{
	const void *data;
	size_t len;
	int r = schema_bytes(program, &data, &len, err);

	if (r == 0)
		r = schema_load(&startup->schema, data, len, err);
	return r ? r : add_function(startup, err);
}

/* --- its recording --- */

static cJSON *document(const struct startup *startup, const struct recording *recording)
{
	const struct package_context *context = startup->context;
	const cJSON *fact;
	char at[TIMESTAMP_LEN + 1];
	cJSON *doc = cJSON_CreateObject();

	if (!doc)
		return NULL;
	timestamp_text(startup->started_ns + context->realtime_offset_ns, at);
	if (context->config->service)
		cJSON_AddStringToObject(doc, "service", context->config->service);
	cJSON_AddStringToObject(doc, "category", STARTUP_FUNCTION);
	cJSON_AddStringToObject(doc, "function", STARTUP_FUNCTION);
	cJSON_AddStringToObject(doc, "recorded_at", at);
	cJSON_AddNumberToObject(doc, "duration_ns", recording->operation.left_ns);
	cJSON_AddStringToObject(doc, "build_id", context->build_id);
	cJSON_AddStringToObject(doc, "host", context->host);
	cJSON_AddNumberToObject(doc, "pid", startup->pid);
	cJSON_AddBoolToObject(doc, "complete", recording->complete);
	cJSON_AddStringToObject(doc, "schema", startup->schema_id);
	cJSON_ArrayForEach(fact, startup->facts)
		cJSON_AddItemToObject(doc, fact->string, cJSON_Duplicate(fact, true));
	cJSON_AddObjectToObject(doc, "user");
	return doc;
}

static int keep(struct startup *startup, struct recording **recording, struct err *err)
{
	struct recording *r = *recording;

	cJSON_Delete(r->metadata);
	r->metadata = document(startup, r);
	if (!r->metadata)
		return err_nomem(err);
	snprintf(r->id, sizeof(r->id), "%s", startup->key.id);
	snprintf(r->schema, sizeof(r->schema), "%s", startup->schema_id);
	startup->recording = TAKE_PTR(*recording);
	if (startup->upload)
		startup_put(startup, startup->upload);
	return 0;
}

int startup_keep(struct startup *startup, struct recording *recording, uint64_t cut, struct err *err)
{
	auto_recording struct recording *owned = recording;
	int r = package_symbolize(recording, startup->context->program, err);

	startup->is_open = false;
	package_redact(recording, startup->context);
	if (r == 0 && cut)
		r = recording_add_incomplete(recording, err, "%llu calls behind the first %d are not there",
					     (unsigned long long)cut, STARTUP_CALLS_MAX);
	return r < 0 ? r : keep(startup, &owned, err);
}

/* Of a process that has begun before: its calls are not known. */
static int keep_facts(struct startup *startup, struct err *err)
{
	auto_recording struct recording *recording = NULL;
	int r = recording_new(&recording, err);

	if (r < 0)
		return r;
	recording->operation.func = startup->func;
	recording->operation.left = LEFT_RETURN;
	recording->complete = true;
	return keep(startup, &recording, err);
}

/* --- its life --- */

static void startup_freep(struct startup **startup)
{
	startup_free(*startup);
}

int startup_new(struct startup **out, const struct package_context *context, const struct process *process,
		bool is_from_exec, struct err *err)
{
	__attribute__((cleanup(startup_freep))) struct startup *startup = calloc(1, sizeof(*startup));
	int r;

	if (!startup)
		return err_nomem(err);
	startup->context = context;
	startup->pid = process->pid;
	startup->started_ns = clock_ns();
	startup->is_open = is_from_exec;
	snprintf(startup->key.category, sizeof(startup->key.category), "%s", STARTUP_FUNCTION);
	timestamp_day(startup->started_ns + context->realtime_offset_ns, startup->key.day);
	random_id(startup->key.id);
	recording_key_text(&startup->key, startup->id);
	startup->facts = gather_facts(context->config, process->pid, is_from_exec);
	if (!startup->facts)
		return err_nomem(err);
	r = make_schema(startup, context->program->schema, err);
	if (r == 0 && !is_from_exec)
		r = keep_facts(startup, err);
	if (r < 0)
		return r;
	*out = TAKE_PTR(startup);
	return 0;
}

void startup_free(struct startup *startup)
{
	if (!startup)
		return;
	recording_free(startup->recording);
	schema_free(startup->schema);
	cJSON_Delete(startup->facts);
	free(startup);
}

const char *startup_id(const struct startup *startup)
{
	return startup->id;
}

int startup_begin(const struct startup *startup, struct assemble *assemble, struct err *err)
{
	const struct event event = {
		.len = sizeof(event),
		.func = startup->func,
		.kind = EVENT_ENTRY,
		.tgid = startup->pid,
		.tid = STARTUP_HOME,
		.ts_ns = clock_ns(),
		.rseq = 1,
		.op = STARTUP_OP,
		.thread = 1,
		.home = STARTUP_HOME,
		.attempted = 1,
	};

	return assemble_event(assemble, &event, err);
}

bool startup_is_open(const struct startup *startup)
{
	return startup && startup->is_open;
}

bool startup_is(const struct startup *startup, const struct recording *recording)
{
	return startup && recording->operation.func == startup->func;
}

void startup_put(struct startup *startup, struct upload *upload)
{
	startup->upload = upload;
	if (startup->recording)
		upload_put_with(upload, TAKE_PTR(startup->recording), startup->schema);
}
