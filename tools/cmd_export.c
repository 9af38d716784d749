// SPDX-License-Identifier: BSD-3-Clause
/* One recording, for other programs. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/cassette.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/recording.h"
#include "lib/recording_json.h"
#include "lib/store.h"
#include "lib/util.h"
#include "lib/write.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/export_test.h"
#include "tools/export_trace.h"
#include "tools/json_schema.h"

#define TEXT_MAX (256u << 20)

struct export_opts {
	bool c_test, trace, json;
	const char *output;
};

struct subject {
	const struct recording_key *key;
	const struct recording *recording;
	const struct schema *schema;
	struct store *store;
};

static int put_json(struct buf *out, const cJSON *json, struct err *err)
{
	autofree char *text = json ? json_print(json) : NULL;

	if (!text)
		return err_nomem(err);
	buf_printf(out, "%s\n", text);
	return 0;
}

static int as_json(struct buf *out, const struct subject *subject, struct err *err)
{
	auto_cjson cJSON *json = NULL;
	int r = recording_json(&json, subject->key, subject->recording, subject->schema, subject->store, err);

	return r < 0 ? r : put_json(out, json, err);
}

static int as_trace(struct buf *out, const struct subject *subject, struct err *err)
{
	auto_cjson cJSON *json = NULL, *trace = NULL;
	int r = recording_json(&json, subject->key, subject->recording, subject->schema, subject->store, err);

	if (r < 0)
		return r;
	trace = export_trace(json);
	return put_json(out, trace, err);
}

static int as_test(struct buf *out, const struct subject *subject, struct err *err)
{
	return export_test(out, subject->key, subject->recording, subject->schema, subject->store, err);
}

static int write_out(const struct buf *text, const char *path, struct err *err)
{
	if (path)
		return write_file(path, text->data, text->len, err);
	fwrite(text->data, 1, text->len, stdout);
	return 0;
}

static int export(const struct export_opts *opts, const struct subject *subject, struct err *err)
{
	const struct {
		bool is_wanted;
		int (*write)(struct buf *out, const struct subject *subject, struct err *err);
	} forms[] = {{opts->c_test, as_test}, {opts->trace, as_trace}, {opts->json, as_json}};
	auto_buf struct buf text = {};
	int r = 0;

	buf_init(&text, TEXT_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (forms[i].is_wanted)
			r = forms[i].write(&text, subject, err);
	if (r == 0 && text.failed)
		r = err_set(err, text.failed, "the recording is too large to export");
	return r < 0 ? r : write_out(&text, opts->output, err);
}

static int run(const void *arg, const struct words *words, struct err *err)
{
	const struct export_opts *opts = arg;
	auto_cassette struct cassette *cassette = NULL;
	auto_recording struct recording *recording = NULL;
	auto_store struct store *store = NULL;
	struct recording_key key;
	struct subject subject = {.key = &key};
	int r;

	if (opts->c_test + opts->trace + opts->json != 1)
		return err_usage(err, -EINVAL, "'export' needs one of --c-test, --trace and --json");
	r = cassette_open(&cassette, words->arg[0], false, err);
	if (r == 0)
		r = cassette_find(cassette, words->arg[1], &key, err);
	if (r == 0)
		r = store_new(&store, cassette, err);
	if (r == 0)
		r = store_get(store, &key, &recording, &subject.schema, err);
	subject.recording = recording;
	subject.store = store;
	if (r == 0)
		r = export(opts, &subject, err);
	common_warn(cassette);
	return r < 0 ? r : STATUS_DONE;
}

#define AT(field) offsetof(struct export_opts, field)
static const struct opt opts_table[] = {
	{OPT_FLAG, 0, "c-test", NULL, "a stand-alone cmocka test in C", AT(c_test)},
	{OPT_FLAG, 0, "trace", NULL, "a time line for Perfetto or Chrome's about:tracing", AT(trace)},
	{OPT_FLAG, 0, "json", NULL, "what show --json prints", AT(json)},
	{OPT_STR, 'o', "output", "FILE", "write there rather than to stdout", AT(output)},
	{OPT_END},
};

const struct command cmd_export = {
	.name = "export",
	.words = "CASSETTE ID",
	.summary = "one recording as a C test, as a time line, or as JSON",
	.words_min = 2,
	.words_max = 2,
	.opts = opts_table,
	.json = lines_show,
	.opts_size = sizeof(struct export_opts),
	.run = run,
};
