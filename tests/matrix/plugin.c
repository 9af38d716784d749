// SPDX-License-Identifier: BSD-3-Clause
/*
 * ordersd with the shop as a plug-in. ordersd.c is built with its main named ordersd_main and with call_
 * before the shop's functions; they are here, and lead to liborders.so, which main loads. RTLD_LOCAL: by its
 * handle alone.
 */
#include "examples/orders/orders.h"

#include <dlfcn.h>
#include <stdio.h>

static int (*handle)(struct session *, const struct request *, struct reply *);
static void (*release)(struct reply *);
static struct sqlite3 *(*open_db)(const char *);

int call_handle_order(struct session *session, const struct request *request, struct reply *reply)
{
	return handle(session, request, reply);
}

void call_reply_release(struct reply *reply)
{
	release(reply);
}

struct sqlite3 *call_db_open(const char *path)
{
	return open_db(path);
}

int ordersd_main(int argc, char **argv);

int main(int argc, char **argv)
{
	void *shop = dlopen("liborders.so", RTLD_NOW | RTLD_LOCAL);

	handle = shop ? dlsym(shop, "handle_order") : NULL;
	release = shop ? dlsym(shop, "reply_release") : NULL;
	open_db = shop ? dlsym(shop, "db_open") : NULL;
	if (!handle || !release || !open_db)
		return fprintf(stderr, "%s\n", dlerror()), 1;
	return ordersd_main(argc, argv);
}
