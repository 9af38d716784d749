// SPDX-License-Identifier: BSD-3-Clause
#include "lib/config_sample.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/config_values.h"
#include "lib/err.h"
#include "lib/expr.h"
#include "lib/util.h"

#define SIZE_RATE_BYTES_MAX (1ull << 30)
#define RATE_PER_SECOND_MAX 1e9

static int read_rate(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	double rate = 0;
	int r = json_read_number(&rate, item, reading, err);

	if (r)
		return r;
	if (!(rate >= 0 && rate <= 1))
		return err_usage(err, -EINVAL, "%g is not between 0 and 1", rate);
	*(double *)field = rate;
	return 0;
}

static int read_max_per_second(void *field, const struct cJSON *item, struct json_reading *reading,
			       struct err *err)
{
	double max = 0;
	int r = json_read_number(&max, item, reading, err);

	if (r)
		return r;
	if (!(max > 0 && max <= RATE_PER_SECOND_MAX))
		return err_usage(err, -EINVAL, "%g is not above 0 and at most %g", max, RATE_PER_SECOND_MAX);
	*(double *)field = max;
	return 0;
}

static int read_at_end(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	if (!cJSON_IsBool(item))
		return json_expected(item, "true or false", err);
	*(bool *)field = cJSON_IsTrue(item);
	return 0;
}

static int read_keep_if(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	struct config_func *func = field;

	func->keep_if_place = json_place(reading->doc, item);
	return config_read_expr(&func->sampling.keep_if, item, reading, err);
}

/* The name in @expr that is not known at entry, or NULL. */
static const char *late_name(const struct expr *expr)
{
	const char *name = NULL;

	if (!expr)
		return NULL;
	if (expr->kind == EXPR_PATH &&
	    (!strcmp(expr->path.root, "return") || !strcmp(expr->path.root, "errno")))
		return expr->path.root;
	name = late_name(expr->a);
	return name ? name : late_name(expr->b);
}

int config_read_only_if(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	struct config_func *func = field;
	const char *late;
	int r;

	if (func->sampling.only_if)
		return err_usage(err, -EINVAL, "it stands here and in \"sample\"");
	func->only_if_place = json_place(reading->doc, item);
	r = config_read_expr(&func->sampling.only_if, item, reading, err);
	late = r ? NULL : late_name(func->sampling.only_if);
	if (!late)
		return r;
	err_usage(err, -EINVAL, "'%s' is not known when the call is made", late);
	err_hint(err, "\"keep_if\" decides when the call has ended");
	return -EINVAL;
}

/* "64K" */
static int parse_size(uint64_t *out, const char *text, struct err *err)
{
	static const char units[] = "KMG";
	char *end;
	uint64_t bytes = strtoull(text, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;

	if (unit)
		bytes <<= MIN(10 * (unit - units + 1), 30);
	end += unit ? 1 : 0;
	if (*text < '0' || *text > '9' || *end || !bytes || bytes > SIZE_RATE_BYTES_MAX) {
		err_usage(err, -EINVAL, "'%s' is no size", text);
		err_hint(err, "write bytes, or as in \"64K\", \"1M\", up to 1G");
		return -EINVAL;
	}
	*out = bytes;
	return 0;
}

static int read_sizes(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	struct sampling *sampling = &((struct config_func *)field)->sampling;
	const cJSON *child;

	if (!cJSON_IsObject(item))
		return json_expected(item, "an object, as {\"64K\": 0.5, \"1M\": 0}", err);
	cJSON_ArrayForEach(child, item)
	{
		struct size_rate *rate = &sampling->sizes[sampling->sizes_cnt];
		int r;

		if (sampling->sizes_cnt == SIZE_RATES_MAX)
			return err_usage(err, -EINVAL, "more than %d sizes", SIZE_RATES_MAX);
		r = parse_size(&rate->bytes, child->string, err);
		if (!r)
			r = read_rate(&rate->rate, child, reading, err);
		if (r)
			return config_at(reading, child, r);
		sampling->sizes_cnt++;
	}
	return 0;
}

int config_read_sample(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	static const struct json_key keys[] = {
		{"rate", read_rate, offsetof(struct config_func, sampling.rate)},
		{"at_end", read_at_end, offsetof(struct config_func, sampling.is_at_end)},
		{"by", config_read_key_path, offsetof(struct config_func, sampling.by)},
		{"max_per_second", read_max_per_second,
		 offsetof(struct config_func, sampling.max_per_second)},
		{"if", config_read_only_if},
		{"keep_if", read_keep_if},
		{"sizes", read_sizes},
	};

	const struct config_func *func = field;
	int r = json_read_keys(field, item, keys, ARRAY_SIZE(keys), reading, err);

	if (r || !func->sampling.is_at_end || !func->sampling.by)
		return r;
	reading->at = cJSON_GetObjectItemCaseSensitive(item, "at_end");
	return err_usage(
		err, -EINVAL,
		"what \"by\" names is known when the call is made: the rate cannot decide at its end");
}
