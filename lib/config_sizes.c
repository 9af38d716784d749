// SPDX-License-Identifier: BSD-3-Clause
#include "lib/config_sizes.h"

#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/util.h"

struct category_rates {
	char *category;
	struct size_rate rates[SIZE_RATES_MAX];
	size_t cnt;
};

struct size_rates {
	struct category_rates *categories;
	size_t cnt;
};

void size_rates_free(struct size_rates *rates)
{
	if (!rates)
		return;
	for (size_t i = 0; i < rates->cnt; i++)
		free(rates->categories[i].category);
	free(rates->categories);
	free(rates);
}

void size_rates_freep(struct size_rates **rates)
{
	size_rates_free(*rates);
}

static int add(struct size_rates *rates, const struct config_func *func)
{
	struct category_rates *category = &rates->categories[rates->cnt];

	category->category = strdup(func->category);
	if (!category->category)
		return -1;
	memcpy(category->rates, func->sampling.sizes, sizeof(category->rates));
	category->cnt = func->sampling.sizes_cnt;
	rates->cnt++;
	return 0;
}

int size_rates_new(struct size_rates **out, const struct config *config, struct err *err)
{
	auto_size_rates struct size_rates *rates = calloc(1, sizeof(*rates));

	if (rates)
		rates->categories = calloc(config->funcs_cnt + 1, sizeof(*rates->categories));
	if (!rates || !rates->categories)
		return err_nomem(err);
	for (size_t i = 0; i < config->funcs_cnt; i++)
		if (config->funcs[i].role == ROLE_OPERATION && config->funcs[i].sampling.sizes_cnt &&
		    add(rates, &config->funcs[i]))
			return err_nomem(err);
	*out = rates->cnt ? TAKE_PTR(rates) : NULL;
	return 0;
}

/* Of the sizes that it reaches, the largest says. */
double size_rates_share(const char *category, uint64_t bytes, void *ctx)
{
	const struct size_rates *rates = ctx;
	uint64_t reached = 0;
	double share = 1;

	for (size_t i = 0; i < rates->cnt; i++) {
		const struct category_rates *of = &rates->categories[i];

		if (strcmp(of->category, category) != 0)
			continue;
		for (size_t k = 0; k < of->cnt; k++) {
			if (of->rates[k].bytes > bytes || of->rates[k].bytes < reached)
				continue;
			reached = of->rates[k].bytes;
			share = of->rates[k].rate;
		}
		break;
	}
	return share;
}
