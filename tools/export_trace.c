// SPDX-License-Identifier: BSD-3-Clause
#include "tools/export_trace.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "lib/util.h"

#define NS_PER_US 1000.0

static const cJSON *get(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

static double number(const cJSON *json, const char *name)
{
	const cJSON *item = get(json, name);

	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

/* Arguments, what flowed out, result: what a viewer shows when the slice is selected. */
static void add_details(cJSON *event, const cJSON *call)
{
	static const char *const names[] = {"args", "out", "return", "errno", "left"};
	cJSON *details = cJSON_AddObjectToObject(event, "args");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (get(call, names[i]))
			cJSON_AddItemToObject(details, names[i], cJSON_Duplicate(get(call, names[i]), true));
}

static void add_call(cJSON *events, const cJSON *call, double pid, double end_ns)
{
	double from = number(call, "entered_ns"),
	       to = get(call, "left_ns") ? number(call, "left_ns") : end_ns;
	cJSON *event = cJSON_CreateObject();

	cJSON_AddStringToObject(event, "name", get(call, "alias")->valuestring);
	cJSON_AddStringToObject(event, "cat", get(call, "kind")->valuestring);
	cJSON_AddStringToObject(event, "ph", "X");
	cJSON_AddNumberToObject(event, "ts", from / NS_PER_US);
	cJSON_AddNumberToObject(event, "dur", (to > from ? to - from : 0) / NS_PER_US);
	cJSON_AddNumberToObject(event, "pid", pid);
	cJSON_AddNumberToObject(event, "tid", number(call, "thread"));
	add_details(event, call);
	cJSON_AddItemToArray(events, event);
}

static void add_name(cJSON *events, const cJSON *metadata, double pid)
{
	const cJSON *service = get(metadata, "service");
	cJSON *event = cJSON_CreateObject();

	cJSON_AddStringToObject(event, "name", "process_name");
	cJSON_AddStringToObject(event, "ph", "M");
	cJSON_AddNumberToObject(event, "pid", pid);
	cJSON_AddStringToObject(cJSON_AddObjectToObject(event, "args"), "name",
				cJSON_IsString(service) ? service->valuestring : "process");
	cJSON_AddItemToArray(events, event);
}

struct cJSON *export_trace(const struct cJSON *recording)
{
	cJSON *trace = cJSON_CreateObject(), *events = cJSON_AddArrayToObject(trace, "traceEvents");
	const cJSON *metadata = get(recording, "metadata"), *call;
	double pid = number(metadata, "pid"), end = number(metadata, "duration_ns");

	cJSON_AddStringToObject(trace, "displayTimeUnit", "ns");
	add_name(events, metadata, pid);
	add_call(events, get(recording, "operation"), pid, end);
	cJSON_ArrayForEach(call, get(recording, "calls")) add_call(events, call, pid, end);
	cJSON_AddItemToObject(trace, "metadata", cJSON_Duplicate(metadata, true));
	return trace;
}
