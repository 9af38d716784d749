// SPDX-License-Identifier: BSD-3-Clause
/* Objects in memory: for tests, and for whoever records and replays in one process. */
#include "lib/cassette_driver.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/util.h"

struct object {
	char *key;
	void *data;
	size_t len;
};

/* Shared by the cassettes of one name, which may be used in different threads. */
struct shelf {
	struct shelf *next; /* of the named ones */
	char *name;	    /* "": nobody else's */
	size_t users;
	struct object *objects; /* by key */
	size_t cnt, cap;
};

struct mem {
	struct cassette cassette;
	struct shelf *shelf;
};

/* Guards the list of named shelves and what is on every shelf. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct shelf *shelves;

static struct shelf *to_shelf(struct cassette *cassette)
{
	return container_of(cassette, struct mem, cassette)->shelf;
}

static struct shelf *shelf_new(const char *name)
{
	struct shelf *shelf = calloc(1, sizeof(*shelf));

	if (!shelf)
		return NULL;
	shelf->name = strdup(name);
	if (!shelf->name) {
		free(shelf);
		return NULL;
	}
	if (*name) {
		shelf->next = shelves;
		shelves = shelf;
	}
	return shelf;
}

static struct shelf *shelf_get(const char *name)
{
	struct shelf *shelf = NULL;

	if (*name)
		for (shelf = shelves; shelf && strcmp(shelf->name, name) != 0; shelf = shelf->next)
			;
	if (!shelf)
		shelf = shelf_new(name);
	if (shelf)
		shelf->users++;
	return shelf;
}

static void shelf_put(struct shelf *shelf)
{
	struct shelf **at = &shelves;

	if (--shelf->users)
		return;
	while (*at && *at != shelf)
		at = &(*at)->next;
	if (*at)
		*at = shelf->next;
	for (size_t i = 0; i < shelf->cnt; i++) {
		free(shelf->objects[i].key);
		free(shelf->objects[i].data);
	}
	free(shelf->objects);
	free(shelf->name);
	free(shelf);
}

static int mem_open(struct cassette **out, const char *rest, const struct cassette_opts *opts,
		    struct err *err)
{
	autofree struct mem *mem = calloc(1, sizeof(*mem));

	if (!mem)
		return err_nomem(err);
	pthread_mutex_lock(&lock);
	mem->shelf = shelf_get(rest);
	pthread_mutex_unlock(&lock);
	if (!mem->shelf)
		return err_nomem(err);
	*out = &mem->cassette;
	mem = NULL;
	return 0;
}

static void mem_close(struct cassette *cassette)
{
	pthread_mutex_lock(&lock);
	shelf_put(to_shelf(cassette));
	pthread_mutex_unlock(&lock);
	free(container_of(cassette, struct mem, cassette));
}

/* The first object whose key is not less than @key. */
static size_t lower_bound(const struct shelf *shelf, const char *key)
{
	size_t low = 0, high = shelf->cnt;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(shelf->objects[mid].key, key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct object *find(struct shelf *shelf, const char *key)
{
	size_t at = lower_bound(shelf, key);

	return at < shelf->cnt && strcmp(shelf->objects[at].key, key) == 0 ? &shelf->objects[at] : NULL;
}

/* Room for an object of @key, which is taken over, in its place. */
static struct object *insert(struct shelf *shelf, char *key)
{
	size_t at = lower_bound(shelf, key);

	if (shelf->cnt == shelf->cap) {
		size_t cap = shelf->cap ? 2 * shelf->cap : 64;
		struct object *objects = realloc(shelf->objects, cap * sizeof(*objects));

		if (!objects)
			return NULL;
		shelf->objects = objects;
		shelf->cap = cap;
	}
	memmove(&shelf->objects[at + 1], &shelf->objects[at], (shelf->cnt - at) * sizeof(*shelf->objects));
	shelf->cnt++;
	shelf->objects[at] = (struct object){.key = key};
	return &shelf->objects[at];
}

static void *copy(const void *data, size_t len)
{
	void *new = malloc(len + 1);

	if (new &&len)
		memcpy(new, data, len);
	return new;
}

static int put_locked(struct shelf *shelf, const char *key, const void *data, size_t len)
{
	struct object *object = find(shelf, key);
	autofree void *new_data = copy(data, len);
	autofree char *new_key = object ? NULL : strdup(key);

	if (!new_data || (!object && !new_key))
		return -ENOMEM;
	if (!object) {
		object = insert(shelf, new_key);
		if (!object)
			return -ENOMEM;
		new_key = NULL;
	}
	free(object->data);
	object->data = TAKE_PTR(new_data);
	object->len = len;
	return 0;
}

static int mem_put(struct cassette *cassette, const char *key, const void *data, size_t len, struct err *err)
{
	int r;

	pthread_mutex_lock(&lock);
	r = put_locked(to_shelf(cassette), key, data, len);
	pthread_mutex_unlock(&lock);
	return r ? err_nomem(err) : 0;
}

static int get_locked(struct shelf *shelf, const char *key, struct blob *out)
{
	struct object *object = find(shelf, key);
	void *data;

	if (!object)
		return -ENOENT;
	data = copy(object->data, object->len);
	if (!data)
		return -ENOMEM;
	*out = (struct blob){data, object->len};
	return 0;
}

static int mem_get(struct cassette *cassette, const char *key, struct blob *out, struct err *err)
{
	int r;

	pthread_mutex_lock(&lock);
	r = get_locked(to_shelf(cassette), key, out);
	pthread_mutex_unlock(&lock);
	return r == -ENOMEM ? err_nomem(err) : r;
}

static int remove_locked(struct shelf *shelf, const char *key)
{
	struct object *object = find(shelf, key);

	if (!object)
		return -ENOENT;
	free(object->key);
	free(object->data);
	memmove(object, object + 1, (shelf->objects + shelf->cnt - (object + 1)) * sizeof(*object));
	shelf->cnt--;
	return 0;
}

static int mem_remove(struct cassette *cassette, const char *key, struct err *err)
{
	int r;

	pthread_mutex_lock(&lock);
	r = remove_locked(to_shelf(cassette), key);
	pthread_mutex_unlock(&lock);
	return r;
}

static int collect_locked(struct names *names, const struct shelf *shelf, const char *prefix)
{
	size_t prefix_len = strlen(prefix), last_len = 0;
	const char *last = NULL;
	int r = 0;

	for (size_t i = lower_bound(shelf, prefix); !r && i < shelf->cnt; i++) {
		const char *name = shelf->objects[i].key + prefix_len;
		size_t len;

		if (strncmp(shelf->objects[i].key, prefix, prefix_len) != 0)
			break;
		len = strcspn(name, "/");
		if (last && len == last_len && memcmp(name, last, len) == 0)
			continue;
		last = name;
		last_len = len;
		r = names_add(names, name, len);
	}
	return r;
}

static int mem_list(struct cassette *cassette, const char *prefix, int (*fn)(const char *name, void *ctx),
		    void *ctx, struct err *err)
{
	auto_names struct names names = {};
	int r;

	pthread_mutex_lock(&lock);
	r = collect_locked(&names, to_shelf(cassette), prefix);
	pthread_mutex_unlock(&lock);
	if (r == -EFBIG)
		return err_set(err, r, "more than %d names under '%s' in '%s'", NAMES_MAX, prefix,
			       cassette->url);
	return r ? err_nomem(err) : names_each(&names, fn, ctx);
}

/* Copied out, for @fn may use the cassette. */
struct sized {
	struct names names;
	uint64_t *size;
};

static int sizes_locked(struct sized *sized, const struct shelf *shelf, const char *prefix)
{
	size_t i = lower_bound(shelf, prefix);
	int r = 0;

	sized->size = calloc(shelf->cnt + 1, sizeof(*sized->size));
	if (!sized->size)
		return -ENOMEM;
	for (; !r && i < shelf->cnt && strncmp(shelf->objects[i].key, prefix, strlen(prefix)) == 0; i++) {
		sized->size[sized->names.cnt] = shelf->objects[i].len;
		r = names_add(&sized->names, shelf->objects[i].key, strlen(shelf->objects[i].key));
	}
	return r;
}

static int mem_sizes(struct cassette *cassette, const char *prefix,
		     int (*fn)(const char *key, uint64_t size, void *ctx), void *ctx, struct err *err)
{
	struct sized sized = {};
	int r;

	pthread_mutex_lock(&lock);
	r = sizes_locked(&sized, to_shelf(cassette), prefix);
	pthread_mutex_unlock(&lock);
	if (r)
		err_nomem(err);
	for (size_t i = 0; !r && i < sized.names.cnt; i++)
		r = fn(sized.names.name[i], sized.size[i], ctx);
	names_release(&sized.names);
	free(sized.size);
	return r;
}

const struct cassette_ops cassette_mem_ops = {
	.scheme = "mem",
	.open = mem_open,
	.close = mem_close,
	.put = mem_put,
	.get = mem_get,
	.remove = mem_remove,
	.list = mem_list,
	.sizes = mem_sizes,
};
