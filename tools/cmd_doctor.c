// SPDX-License-Identifier: BSD-3-Clause
#include <cjson/cJSON.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>

#include "lib/credentials.h"
#include "lib/err.h"
#include "loader/features.h"
#include "replay/sandbox.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/json_schema.h"

struct doctor_opts {
	bool json;
};

struct finding {
	const char *what, *for_what, *cost;
	bool is_there, is_required;
	char why[ERR_MSG_MAX];
};

#define FINDINGS_MAX (FEATURE_CNT + SANDBOX_CNT + 2)

/* Whose they are and where from, never what they are. */
static void examine_credentials(struct finding *finding)
{
	const struct chain_opts opts = {};
	const struct credentials *credentials;
	auto_chain struct chain *chain = NULL;
	unsigned generation;
	struct err err = {};
	int r = chain_new(&chain, &opts, &err);

	if (!r)
		r = chain_get(chain, time(NULL), false, &credentials, &generation, &err);
	*finding = (struct finding){"S3 credentials", "s3", "no cassette in S3 can be used", !r, false};
	if (r)
		snprintf(finding->why, sizeof(finding->why), "%s", err.msg);
	else
		snprintf(finding->why, sizeof(finding->why), "%.64s, from %s", credentials->access_key,
			 credentials->source);
}

static size_t examine(struct finding findings[FINDINGS_MAX], struct err *engine_err)
{
	struct feature_state features[FEATURE_CNT];
	static char engine[4096];
	int layers = sandbox_probe();
	size_t cnt = 0;

	features_probe(features);
	for (int i = 0; i < FEATURE_CNT; i++) {
		findings[cnt] = (struct finding){features[i].name, "record", features[i].cost,
						 features[i].is_there, features[i].is_required};
		snprintf(findings[cnt++].why, FEATURE_WHY_MAX, "%s", features[i].why);
	}
	for (int i = 0; i < SANDBOX_CNT; i++)
		findings[cnt++] =
			(struct finding){sandbox_layer_name(i), "replay",
					 "a replay has one wall fewer around it", layers & 1 << i, false};
	findings[cnt] = (struct finding){"replay engine", "replay", "nothing can be replayed: run make again",
					 true, true};
	findings[cnt++].is_there = common_engine(engine, sizeof(engine), engine_err) == 0;
	examine_credentials(&findings[cnt++]);
	return cnt;
}

static int print_json(const struct finding *finding, struct err *err)
{
	cJSON *line = cJSON_CreateObject();

	cJSON_AddStringToObject(line, "type", "finding");
	cJSON_AddStringToObject(line, "name", finding->what);
	cJSON_AddStringToObject(line, "for", finding->for_what);
	cJSON_AddBoolToObject(line, "there", finding->is_there);
	cJSON_AddBoolToObject(line, "required", finding->is_required);
	if (!finding->is_there)
		cJSON_AddStringToObject(line, "cost", finding->cost);
	if (finding->why[0])
		cJSON_AddStringToObject(line, "why", finding->why);
	return common_print_json(line, err);
}

static void print_text(const struct finding *finding)
{
	printf("%-8s %-7s %-18s %s",
	       finding->is_there      ? "ok"
	       : finding->is_required ? "MISSING"
				      : "absent",
	       finding->for_what, finding->what, finding->is_there ? "" : finding->cost);
	if (finding->why[0])
		printf(" (%s)", finding->why);
	printf("\n");
}

static int run(const void *arg, const struct words *words, struct err *err)
{
	const struct doctor_opts *opts = arg;
	struct finding findings[FINDINGS_MAX];
	struct err engine_err = {};
	struct utsname name;
	size_t cnt = examine(findings, &engine_err), missing = 0;

	uname(&name);
	if (!opts->json)
		printf("Linux %s %s\n", name.release, name.machine);
	for (size_t i = 0; i < cnt; i++) {
		const struct finding *finding = &findings[i];

		missing += !finding->is_there && finding->is_required;
		if (opts->json)
			print_json(finding, err);
		else
			print_text(finding);
	}
	if (!opts->json)
		printf("%s\n", missing ? "something that is needed is missing"
				       : "this machine can record and replay");
	return missing ? STATUS_FAILED : STATUS_DONE;
}

static const struct opt opts_table[] = {
	{OPT_FLAG, 0, "json", NULL, "a JSON object a finding", offsetof(struct doctor_opts, json)},
	{OPT_END},
};

const struct command cmd_doctor = {
	.name = "doctor",
	.words = "",
	.summary = "kernel features, privileges, libraries: what is missing and what that costs",
	.opts = opts_table,
	.json = lines_doctor,
	.opts_size = sizeof(struct doctor_opts),
	.run = run,
};
