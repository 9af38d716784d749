// SPDX-License-Identifier: BSD-3-Clause
// Text that was recorded as an address alone is handed on to an output and to an input, which read it: that the recording
// lacks it is said, and no difference.
// @replay: equalizer_failure handle's 'r->name' read at offset 0 in put: record it as a string
#include <string.h>

#include "case.h"

struct req {
	int id;
	char *name, *key;
};

FUNC void put(const char *name)
{
	USE(name);
}

FUNC int db_get(const char *key)
{
	return key[0];
}

FUNC int handle(struct req *r)
{
	put(r->name);
	return db_get(r->key) + r->id;
}

int main(void)
{
	struct req r = {1, strdup("bob"), strdup("k")};

	return handle(&r) == 'k' + 1 ? 0 : 1;
}
