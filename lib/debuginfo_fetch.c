// SPDX-License-Identifier: BSD-3-Clause
/*
 * debuginfod, where the user has named a server. Its client is loaded when it is needed, so that nobody else
 * needs to have it.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/debuginfo_impl.h"

#define CLIENT "libdebuginfod.so.1"
#define URLS   "DEBUGINFOD_URLS"

/* elfutils/debuginfod.h */
struct client {
	void *handle;
	void *(*begin)(void);
	void (*end)(void *session);
	/* @id_len 0: @id is hex. Returns a descriptor, or -errno. */
	int (*find)(void *session, const unsigned char *id, int id_len, char **path);
};

static bool load(struct client *client)
{
	client->handle = dlopen(CLIENT, RTLD_NOW | RTLD_LOCAL);
	if (!client->handle)
		return false;
	*(void **)&client->begin = dlsym(client->handle, "debuginfod_begin");
	*(void **)&client->end = dlsym(client->handle, "debuginfod_end");
	*(void **)&client->find = dlsym(client->handle, "debuginfod_find_debuginfo");
	return client->begin && client->end && client->find;
}

char *debug_fetch(const char *build_id)
{
	const char *urls = getenv(URLS);
	struct client client = {};
	char *path = NULL;
	void *session;
	int fd;

	if (!urls || !urls[0] || !build_id[0] || !load(&client))
		return NULL;
	session = client.begin();
	if (!session)
		return NULL;
	fd = client.find(session, (const unsigned char *)build_id, 0, &path);
	if (fd >= 0)
		close(fd);
	else
		path = NULL;
	client.end(session);
	return path;
}
