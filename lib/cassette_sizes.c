// SPDX-License-Identifier: BSD-3-Clause
/* What is there, by size. */
#include <errno.h>
#include <string.h>

#include "lib/cassette_driver.h"
#include "lib/cassette_keys.h"
#include "lib/err.h"
#include "lib/util.h"

struct sizing {
	const char *kind; /* NULL: schemas */
	size_t prefix_len;
	int (*fn)(const char *kind, const struct recording_key *key, uint64_t size, void *ctx);
	void *ctx;
};

static int on_size(const char *path, uint64_t size, void *ctx)
{
	const struct sizing *sizing = ctx;
	struct recording_key key;

	if (!sizing->kind)
		return sizing->fn("schema", NULL, size, sizing->ctx);
	if (recording_key_parse(&key, path + sizing->prefix_len, NULL))
		return 0; /* not ours */
	return sizing->fn(sizing->kind, &key, size, sizing->ctx);
}

int cassette_sizes(struct cassette *cassette,
		   int (*fn)(const char *kind, const struct recording_key *key, uint64_t size, void *ctx),
		   void *ctx, struct err *err)
{
	static const char *const kinds[] = {"full", "metadata", NULL};
	int r = 0;

	if (!cassette->ops->sizes)
		return err_set(err, -ENOTSUP, "cassette '%s' cannot be measured", cassette->url);
	for (size_t i = 0; !r && i < ARRAY_SIZE(kinds); i++) {
		char prefix[CASSETTE_KEY_MAX] = "schema/";
		struct sizing sizing = {.kind = kinds[i], .fn = fn, .ctx = ctx};

		if (kinds[i])
			recording_root(prefix, cassette, kinds[i]);
		sizing.prefix_len = strlen(prefix);
		r = cassette->ops->sizes(cassette, prefix, on_size, &sizing, err);
	}
	return r;
}
