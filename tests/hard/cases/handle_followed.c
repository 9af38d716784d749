// SPDX-License-Identifier: BSD-3-Clause
// A replay that reads behind a handle is no failure of the build: the recording does not have what lies
// there.
// @replay: equalizer_failure it followed 'calls[db_open#1].return', and nothing was captured there: it is
// opaque
#include <stdlib.h>

struct db {
	long pad[5];
	int version;
};

__attribute__((noinline)) struct db *db_open(int n)
{
	struct db *db = calloc(1, sizeof(*db));

	db->version = n + 1;
	return db;
}

__attribute__((noinline)) int handle(int n)
{
	struct db *db = db_open(n);
	int version = db->version;

	free(db);
	return version;
}

int main(void)
{
	return handle(6) == 7 ? 0 : 1;
}
