// SPDX-License-Identifier: BSD-3-Clause
// A handle that lay where the replayed program has memory of its own: what lies there is not read for it.
// @replay: equalizer_failure db_open's result read at offset 40 ('version') in handle: record struct db to
// depth 1; it followed 'calls[db_open#1].return', and nothing was captured there: it is opaque
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>

#include "case.h"

/* Of the stack, where addresses are not random: as at replay. */
static void *volatile stack_page = (void *)(0x7ffffffff000 - 2 * 4096);

struct db {
	long pad[5];
	int version;
};

FUNC struct db *db_open(int n)
{
	struct db *db = mmap(stack_page, 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (db != stack_page)
		abort();
	db->version = n + 1;
	return db;
}

FUNC int db_close(struct db *db)
{
	USE(db);
	return 0;
}

FUNC int handle(int n)
{
	struct db *db = db_open(n);
	int version = db->version;

	db_close(db);
	return version;
}

int main(void)
{
	return handle(6) == 7 ? 0 : 1;
}
