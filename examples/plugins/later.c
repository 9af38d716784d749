// SPDX-License-Identifier: BSD-3-Clause
/*
 * A plug-in of an input of examples/orders: its clock is a week later at replay than it was when it was
 *recorded. In the configuration:
 *
 *	"libc.so.6:clock_gettime": { "plugin": "../../build/examples/plugins/later.so", ... }
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tapedeck/plugin.h>

#define WEEK_S (7 * 24 * 60 * 60)

static char *restore(void *state, const char *id, const char *call, char **error)
{
	cJSON *json = cJSON_Parse(call);
	const cJSON *out = cJSON_GetObjectItemCaseSensitive(json, "out"),
		    *tp = cJSON_GetObjectItemCaseSensitive(out, "tp"),
		    *tv_sec = cJSON_GetObjectItemCaseSensitive(tp, "tv_sec");
	char *changes = NULL;

	if (!cJSON_IsNumber(tv_sec))
		*error = strdup("there is no time");
	else if (asprintf(&changes, "{\"out\": {\"tp\": {\"tv_sec\": %.0f}}}", tv_sec->valuedouble + WEEK_S) <
		 0)
		changes = NULL;
	cJSON_Delete(json);
	return changes;
}

const struct tapedeck_plugin tapedeck_plugin = {TAPEDECK_PLUGIN, .restore = restore};
