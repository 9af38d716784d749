// SPDX-License-Identifier: BSD-3-Clause
#include "lib/json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"

#define NUMBER_TEXT   32
#define CJSON_DIGITS  15	  /* more than these cJSON rounds */
#define DOUBLE_DIGITS 17	  /* these tell any two doubles apart */
#define EXACT_MAX     (1ll << 53) /* a double holds every integer up to here */

/* The shortest text that reads back as @d; false where cJSON prints that itself. */
static bool exact_text(double d, char text[NUMBER_TEXT])
{
	int digits = CJSON_DIGITS;

	if (isnan(d) || isinf(d))
		return false;
	if (d == 0 && signbit(d)) {
		strcpy(text, "-0.0");
		return true;
	}
	if (fabs(d) <= EXACT_MAX && d == floor(d)) {
		snprintf(text, NUMBER_TEXT, "%lld", (long long)d);
		return true;
	}
	do
		snprintf(text, NUMBER_TEXT, "%.*g", digits, d);
	while (strtod(text, NULL) != d && ++digits <= DOUBLE_DIGITS);
	return true;
}

static bool make_exact(cJSON *item)
{
	char text[NUMBER_TEXT];

	if (cJSON_IsNumber(item) && exact_text(item->valuedouble, text)) {
		item->valuestring = strdup(text);
		if (!item->valuestring)
			return false;
		item->type = (item->type & ~cJSON_Number) | cJSON_Raw;
	}
	for (item = item->child; item; item = item->next)
		if (!make_exact(item))
			return false;
	return true;
}

char *json_print(const cJSON *json)
{
	auto_cjson cJSON *copy = cJSON_Duplicate(json, true);

	return copy && make_exact(copy) ? cJSON_PrintUnformatted(copy) : NULL;
}

void json_put_string(struct buf *out, const char *text)
{
	cJSON *json = cJSON_CreateString(text);
	char *printed = json ? cJSON_PrintUnformatted(json) : NULL;

	if (printed)
		buf_put(out, printed, strlen(printed));
	else
		out->failed = -ENOMEM;
	cJSON_free(printed);
	cJSON_Delete(json);
}
