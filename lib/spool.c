// SPDX-License-Identifier: BSD-3-Clause
#include "lib/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/spool_file.h"
#include "lib/util.h"

#define DIR_MODE      0700
#define SEGMENTS_MAX  65536	    /* that are adopted */
#define SEGMENT_SMALL (1024 * 1024) /* one that was taken whole is let go when it is larger */
#define NAME_FILE     "cassette"
#define REJECTED_FILE "rejected"

/* Every segment begins with the schemas that its recordings may name. */
struct schema_copy {
	struct schema_copy *next;
	struct spool_frame frame;
};

struct spool {
	char dir[SEGMENT_PATH_MAX - 320]; /* leaves room for a name in it */
	uint64_t bytes_max;
	pthread_mutex_t lock;	      /* of the list, lengths and counts */
	struct segment *first, *last; /* oldest first; @current is the last, if there is one */
	struct segment *current;
	struct schema_copy *schemas;
	uint64_t adopted, torn, damaged;
	/* of the one that takes */
	struct buf bytes;
	struct spool_frame frames[SPOOL_BATCH];
	size_t taking;		/* recordings */
	struct segment *source; /* of what is being taken */
	uint64_t source_end;
};

/* --- opening --- */

static int make_dirs(const char *dir, struct err *err)
{
	autofree char *path = NULL;

	if (asprintf(&path, "%s/", dir) < 0)
		return err_nomem(err);
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int r;

		*slash = '\0';
		r = mkdir(path, DIR_MODE) && errno != EEXIST ? errno : 0;
		if (r) {
			err_set(err, -r, "cannot make '%s' for the spool: %s", path, strerror(r));
			err_hint(err, "name another place with --spool DIR");
			return -r;
		}
		*slash = '/';
	}
	return 0;
}

static int write_name(const struct spool *spool, const char *name, struct err *err)
{
	char path[SEGMENT_PATH_MAX];
	autoclose int fd = -1;
	ssize_t len = strlen(name);

	snprintf(path, sizeof(path), "%s/" NAME_FILE, spool->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, name, len) != len || write(fd, "\n", 1) != 1)
		return err_set(err, -errno, "cannot write '%s': %s", path, strerror(errno));
	return 0;
}

/* The lock is held, or nobody else knows the spool yet. */
static void link_segment(struct spool *spool, struct segment *segment)
{
	if (spool->last)
		spool->last->next = segment;
	else
		spool->first = segment;
	spool->last = segment;
}

static int adopt(struct spool *spool, const char *name, struct err *err)
{
	char path[SEGMENT_PATH_MAX];
	struct segment *segment;
	bool is_torn, is_damaged;
	int r;

	snprintf(path, sizeof(path), "%s/%.255s", spool->dir, name);
	r = segment_adopt(&segment, path, &is_torn, &is_damaged, err);
	spool->torn += is_torn;
	spool->damaged += is_damaged;
	if (r || !segment)
		return r;
	spool->adopted += segment->recordings - segment->recordings_taken;
	if (segment->taken == segment->len)
		segment_remove(segment);
	else
		link_segment(spool, segment);
	return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_segment(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > strlen(SEGMENT_SUFFIX) &&
	       strcmp(entry->d_name + len - strlen(SEGMENT_SUFFIX), SEGMENT_SUFFIX) == 0;
}

static int adopt_all(struct spool *spool, struct err *err)
{
	struct dirent **entries;
	int cnt = scandir(spool->dir, &entries, is_segment, by_name), r = 0;

	if (cnt < 0)
		return err_set(err, -errno, "cannot list '%s': %s", spool->dir, strerror(errno));
	for (int i = 0; i < cnt; i++) {
		if (!r && i < SEGMENTS_MAX)
			r = adopt(spool, entries[i]->d_name, err);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static void spool_freep(struct spool **spool)
{
	spool_close(*spool);
}

int spool_open(struct spool **out, const char *dir, const char *name, uint64_t bytes_max, struct err *err)
{
	__attribute__((cleanup(spool_freep))) struct spool *spool = calloc(1, sizeof(*spool));
	int r;

	if (!spool)
		return err_nomem(err);
	pthread_mutex_init(&spool->lock, NULL);
	buf_init(&spool->bytes, 0);
	spool->bytes_max = bytes_max;
	if (strlen(dir) >= sizeof(spool->dir))
		return err_set(err, -ENAMETOOLONG, "cannot use '%s' for the spool: its name is too long",
			       dir);
	memcpy(spool->dir, dir, strlen(dir) + 1);
	r = make_dirs(dir, err);
	if (!r)
		r = write_name(spool, name, err);
	if (!r)
		r = adopt_all(spool, err);
	if (r)
		return r;
	*out = TAKE_PTR(spool);
	return 0;
}

void spool_close(struct spool *spool)
{
	if (!spool)
		return;
	for (struct segment *segment = spool->first, *next; segment; segment = next) {
		next = segment->next;
		if (segment->taken == segment->len)
			segment_remove(segment);
		else
			segment_free(segment);
	}
	for (struct schema_copy *schema = spool->schemas, *next; schema; schema = next) {
		next = schema->next;
		free(schema->frame.item.full.data);
		free(schema);
	}
	buf_release(&spool->bytes);
	pthread_mutex_destroy(&spool->lock);
	free(spool);
}

const char *spool_dir(const struct spool *spool)
{
	return spool->dir;
}

/* --- appending --- */

static uint64_t bytes_on_disk(const struct spool *spool)
{
	uint64_t bytes = 0;

	for (const struct segment *segment = spool->first; segment; segment = segment->next)
		bytes += segment->len;
	return bytes;
}

static int keep_schema(struct spool *spool, const struct spool_frame *frame, struct err *err)
{
	struct schema_copy *schema;
	void *data;

	for (schema = spool->schemas; schema; schema = schema->next)
		if (!strcmp(schema->frame.schema, frame->schema))
			return 0;
	schema = calloc(1, sizeof(*schema));
	data = malloc(frame->item.full.len + 1);
	if (!schema || !data) {
		free(schema);
		free(data);
		return err_nomem(err);
	}
	schema->frame = *frame;
	memcpy(data, frame->item.full.data, frame->item.full.len);
	schema->frame.item.full.data = data;
	schema->next = spool->schemas;
	spool->schemas = schema;
	return 0;
}

static bool needs_segment(const struct segment *current)
{
	return !current || current->len >= SPOOL_SEGMENT_BYTES ||
	       (current->taken == current->len && current->len > SEGMENT_SMALL);
}

static int begin_segment(struct spool *spool, struct err *err)
{
	struct segment *segment;
	int r = segment_create(&segment, spool->dir, err);

	if (r)
		return r;
	pthread_mutex_lock(&spool->lock);
	spool->current = segment;
	link_segment(spool, segment);
	pthread_mutex_unlock(&spool->lock);
	return 0;
}

static int is_full(struct spool *spool, uint64_t more, struct err *err)
{
	uint64_t bytes;

	pthread_mutex_lock(&spool->lock);
	bytes = bytes_on_disk(spool);
	pthread_mutex_unlock(&spool->lock);
	if (bytes + more <= spool->bytes_max)
		return 0;
	err_set(err, -ENOSPC, "the spool '%s' is full: %llu bytes wait in it", spool->dir,
		(unsigned long long)bytes);
	err_hint(err, "see why its cassette takes nothing, or allow more with --spool-size");
	return -ENOSPC;
}

static int put_frames(struct buf *bytes, struct spool *spool, const struct spool_frame *frames, size_t cnt,
		      struct err *err)
{
	int r = 0;

	if (spool->current->len == SEGMENT_HEADER_LEN)
		for (struct schema_copy *schema = spool->schemas; schema; schema = schema->next)
			frame_put(bytes, &schema->frame);
	for (size_t i = 0; !r && i < cnt; i++) {
		frame_put(bytes, &frames[i]);
		if (frames[i].kind == SPOOL_SCHEMA)
			r = keep_schema(spool, &frames[i], err);
	}
	return !r && bytes->failed ? err_nomem(err) : r;
}

int spool_append(struct spool *spool, const struct spool_frame *frames, size_t cnt, struct err *err)
{
	uint64_t len = 0, recordings = 0;
	auto_buf struct buf bytes;
	bool begins;
	int r;

	buf_init(&bytes, SIZE_MAX / 2);
	for (size_t i = 0; i < cnt; i++) {
		len += frames[i].item.full.len + frames[i].item.metadata.len;
		recordings += frames[i].kind == SPOOL_RECORDING;
	}
	r = is_full(spool, len, err);
	if (r)
		return r;
	pthread_mutex_lock(&spool->lock);
	begins = needs_segment(spool->current);
	pthread_mutex_unlock(&spool->lock);
	if (begins)
		r = begin_segment(spool, err);
	if (!r)
		r = put_frames(&bytes, spool, frames, cnt, err);
	/* The disk is waited for without the lock: the taker does not look beyond the length. */
	if (!r)
		r = segment_append(spool->current, &bytes, err);
	if (r)
		return r;
	pthread_mutex_lock(&spool->lock);
	spool->current->len += bytes.len;
	spool->current->recordings += recordings;
	pthread_mutex_unlock(&spool->lock);
	return 0;
}

/* --- taking --- */

/* The first segment with something to take; the lock is held. */
static struct segment *find_source(struct spool *spool)
{
	struct segment *segment;

	while ((segment = spool->first)) {
		if (segment->taken < segment->len)
			return segment;
		if (segment == spool->current)
			return NULL;
		spool->first = segment->next;
		if (!spool->first)
			spool->last = NULL;
		segment_remove(segment);
	}
	return NULL;
}

/* What frames lie where is known when all have been read, for the buffer moves as it grows. */
static int read_frames(struct spool *spool, uint64_t len, size_t ends[SPOOL_BATCH], size_t *cnt)
{
	uint64_t at = spool->source->taken, next;
	int r = 0;

	while (*cnt < SPOOL_BATCH && at < len && (!*cnt || spool->bytes.len < SPOOL_BATCH_BYTES)) {
		r = segment_frame(spool->source, at, &spool->bytes, &next);
		if (r)
			return r;
		ends[(*cnt)++] = spool->bytes.len;
		at = next;
	}
	spool->source_end = at;
	return 0;
}

int spool_take(struct spool *spool, struct spool_frame **frames, size_t *cnt, struct err *err)
{
	size_t ends[SPOOL_BATCH], begin = 0;
	uint64_t len = 0;
	int r;

	*cnt = 0;
	*frames = spool->frames;
	pthread_mutex_lock(&spool->lock);
	spool->source = find_source(spool);
	if (spool->source)
		len = spool->source->len;
	pthread_mutex_unlock(&spool->lock);
	if (!spool->source)
		return 0;
	buf_release(&spool->bytes);
	buf_init(&spool->bytes, SIZE_MAX / 2);
	spool->taking = 0;
	r = read_frames(spool, len, ends, cnt);
	for (size_t i = 0; !r && i < *cnt; i++) {
		r = frame_parse(&spool->frames[i], spool->bytes.data + begin, ends[i] - begin);
		spool->taking += !r && spool->frames[i].kind == SPOOL_RECORDING;
		begin = ends[i];
	}
	if (r)
		return err_set(err, r, "cannot read '%s': %s", spool->source->path,
			       r == -EBADMSG ? "it is damaged" : strerror(-r));
	return 0;
}

void spool_taken(struct spool *spool)
{
	pthread_mutex_lock(&spool->lock);
	segment_mark(spool->source, spool->source_end);
	spool->source->recordings_taken += spool->taking;
	spool->source = NULL;
	find_source(spool);
	pthread_mutex_unlock(&spool->lock);
}

int spool_reject(struct spool *spool, const struct spool_frame *frame, struct err *err)
{
	char path[SEGMENT_PATH_MAX];
	auto_buf struct buf bytes;
	autoclose int fd = -1;

	buf_init(&bytes, SIZE_MAX / 2);
	frame_put(&bytes, frame);
	if (bytes.failed)
		return err_nomem(err);
	snprintf(path, sizeof(path), "%s/" REJECTED_FILE, spool->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, bytes.data, bytes.len) != (ssize_t)bytes.len || fdatasync(fd))
		return err_set(err, -errno, "cannot write '%s': %s", path, strerror(errno));
	return 0;
}

void spool_state(struct spool *spool, struct spool_state *out)
{
	*out = (struct spool_state){
		.adopted = spool->adopted, .torn = spool->torn, .damaged = spool->damaged};
	pthread_mutex_lock(&spool->lock);
	for (const struct segment *segment = spool->first; segment; segment = segment->next) {
		out->waiting += segment->recordings - segment->recordings_taken;
		out->waiting_bytes += segment->len - segment->taken;
	}
	pthread_mutex_unlock(&spool->lock);
}
