// SPDX-License-Identifier: BSD-3-Clause
/*
 * A plug-in for examples/orders: what a customer is told is compared, nothing else, and a cent more or less
 *in the total is as good.
 *
 *	tapedeck equalize -c examples/orders/orders.json --plugin
 *HandleOrder=build/examples/plugins/price_check.so \
 *		--exe build/examples/orders/ordersd-regressed file:tests/golden/orders/tape
 */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tapedeck/plugin.h>

#define CENTS_ALIKE 1

static const cJSON *at(const cJSON *json, const char *const path[])
{
	for (; *path; path++)
		json = cJSON_GetObjectItemCaseSensitive(json, *path);
	return json;
}

#define AT(json, ...) at(json, (const char *const[]){__VA_ARGS__, NULL})

/* An object's text; the object is released. */
static char *printed(cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);

	cJSON_Delete(json);
	return text;
}

/* {"status": 0, "total_cents": 167201} */
static char *result(void *state, const struct tapedeck_recording *recording, char **error)
{
	cJSON *json = cJSON_Parse(recording->json), *result = cJSON_CreateObject();
	const cJSON *reply = AT(json, "operation", "out", "reply");

	if (reply) {
		cJSON_AddItemToObject(result, "status", cJSON_Duplicate(AT(reply, "status"), 1));
		cJSON_AddItemToObject(result, "total_cents", cJSON_Duplicate(AT(reply, "total_cents"), 1));
	} else {
		*error = strdup("there is no reply");
	}
	cJSON_Delete(json);
	return printed(result);
}

static int compare(void *state, const struct tapedeck_comparison *comparison, struct tapedeck_answer *answer,
		   char **error)
{
	cJSON *recorded = cJSON_Parse(comparison->recorded), *replayed = cJSON_Parse(comparison->replayed);
	double more = cJSON_GetNumberValue(AT(replayed, "total_cents")) -
		      cJSON_GetNumberValue(AT(recorded, "total_cents"));

	if (!cJSON_Compare(AT(recorded, "status"), AT(replayed, "status"), 1)) {
		answer->verdict = TAPEDECK_DIFFERENT;
		answer->message = strdup("the order ends otherwise");
	} else if (!isnan(more) && fabs(more) > CENTS_ALIKE) {
		answer->verdict = TAPEDECK_DIFFERENT;
		if (asprintf(&answer->message, "the total is %g cents %s", fabs(more),
			     more > 0 ? "more" : "less") < 0)
			answer->message = NULL;
	} else {
		answer->verdict = TAPEDECK_EQUAL;
	}
	cJSON_Delete(recorded);
	cJSON_Delete(replayed);
	return 0;
}

/* Stands beside the comparison: how many lines both sides have. */
static char *data(void *state, const struct tapedeck_recording *recorded,
		  const struct tapedeck_recording *replayed, char **error)
{
	cJSON *one = cJSON_Parse(recorded->json), *other = replayed ? cJSON_Parse(replayed->json) : NULL,
	      *data = cJSON_CreateObject();

	cJSON_AddNumberToObject(data, "recorded_lines",
				cJSON_GetArraySize(AT(one, "operation", "out", "reply", "lines")));
	cJSON_AddNumberToObject(data, "replayed_lines",
				cJSON_GetArraySize(AT(other, "operation", "out", "reply", "lines")));
	cJSON_Delete(one);
	cJSON_Delete(other);
	return printed(data);
}

static char *metadata(void *state, const struct tapedeck_recording *recorded, char **error)
{
	cJSON *json = cJSON_Parse(recorded->json), *metadata = cJSON_CreateObject();

	cJSON_AddItemToObject(metadata, "currency",
			      cJSON_Duplicate(AT(json, "operation", "args", "request", "currency"), 1));
	cJSON_Delete(json);
	return printed(metadata);
}

const struct tapedeck_plugin tapedeck_plugin = {
	TAPEDECK_PLUGIN, .result = result, .compare = compare, .data = data, .metadata = metadata,
};
