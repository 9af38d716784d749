// SPDX-License-Identifier: BSD-3-Clause
#include "lib/cassette_compound.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/digest.h"
#include "lib/err.h"

/* The '+' before what begins as a URL: there may be others in a directory's name. */
static const char *find_url(const char *rest)
{
	const char *plus = rest;

	while ((plus = strchr(plus, '+'))) {
		size_t len = strspn(plus + 1, "abcdefghijklmnopqrstuvwxyz0123456789");

		if (len && plus[1 + len] == ':')
			return plus;
		plus++;
	}
	return NULL;
}

int compound_parse(struct compound *out, const char *scheme, const char *rest, struct err *err)
{
	const char *plus = find_url(rest), *query;
	size_t len;

	if (!plus) {
		err_usage(err, -EINVAL, "cassette '%s:%s' names no other cassette", scheme, rest);
		err_hint(err, "write %s:DIRECTORY+URL, as in %s:/var/cache/tape+s3://BUCKET/PREFIX", scheme,
			 scheme);
		return -EINVAL;
	}
	*out = (struct compound){.url = plus + 1};
	query = memchr(rest, '?', plus - rest);
	len = (query ? query : plus) - rest;
	while (len > 1 && rest[len - 1] == '/')
		len--;
	if (!len || len >= sizeof(out->dir)) {
		err_usage(err, -EINVAL, "cassette '%s:%.*s+...' names no directory", scheme, (int)len, rest);
		err_hint(err, "write %s:DIRECTORY+URL", scheme);
		return -EINVAL;
	}
	memcpy(out->dir, rest, len);
	if (query && (size_t)(plus - query) > sizeof(out->query))
		return err_usage(err, -EINVAL, "'%.*s' cannot be", (int)(plus - query), query);
	if (query)
		memcpy(out->query, query + 1, plus - query - 1);
	return 0;
}

void compound_folder(const char *url, const char *prefix, char hex[17])
{
	const char *query = strchr(url, '?');
	const char *endpoint = query ? strstr(query, "endpoint=") : NULL;
	char identity[COMPOUND_IDENTITY_MAX], digest[DIGEST_HEX_LEN + 1];

	snprintf(identity, sizeof(identity), "%.*s %.*s%s%s", (int)strcspn(url, "?"), url,
		 endpoint ? (int)strcspn(endpoint, "&") : 0, endpoint ? endpoint : "", prefix ? " " : "",
		 prefix ? prefix : "");
	digest_hex(identity, strlen(identity), digest);
	snprintf(hex, 17, "%.16s", digest);
}
