// SPDX-License-Identifier: BSD-3-Clause
#include "lib/credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/util.h"

struct chain {
	struct credentials credentials;
};

int chain_new(struct chain **out, const struct chain_opts *opts, struct err *err)
{
	struct chain *chain = calloc(1, sizeof(*chain));

	if (!chain)
		return err_nomem(err);
	*out = chain;
	return 0;
}

void chain_free(struct chain *chain)
{
	if (!chain)
		return;
	explicit_bzero(&chain->credentials, sizeof(chain->credentials));
	free(chain);
}

void chain_freep(struct chain **chain)
{
	chain_free(*chain);
}

int chain_get(struct chain *chain, int64_t now_s, bool renew, const struct credentials **out,
	      unsigned *generation, struct err *err)
{
	const char *access = getenv("AWS_ACCESS_KEY_ID"), *secret = getenv("AWS_SECRET_ACCESS_KEY"),
		   *token = getenv("AWS_SESSION_TOKEN");

	if (!access || !secret)
		return err_set(err, -ENOKEY, "no credentials");
	snprintf(chain->credentials.access_key, sizeof(chain->credentials.access_key), "%s", access);
	snprintf(chain->credentials.secret_key, sizeof(chain->credentials.secret_key), "%s", secret);
	snprintf(chain->credentials.token, sizeof(chain->credentials.token), "%s", token ? token : "");
	*out = &chain->credentials;
	*generation = 1;
	return 0;
}

const char *chain_region(struct chain *chain)
{
	return getenv("AWS_REGION");
}

const char *chain_endpoint(struct chain *chain, const char *service)
{
	return getenv("AWS_ENDPOINT_URL");
}

const char *chain_ca_file(struct chain *chain)
{
	return getenv("AWS_CA_BUNDLE");
}
