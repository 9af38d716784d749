// SPDX-License-Identifier: BSD-3-Clause
#include "loader/upload.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/cassette.h"
#include "lib/err.h"
#include "lib/pool.h"
#include "lib/recording.h"
#include "lib/store.h"
#include "lib/util.h"

#define BATCH_BYTES    (16ull * 1024 * 1024)
#define METADATA_ABOUT 2048 /* bytes */

struct item {
	struct item *next;
	struct recording *recording;
	struct schema *schema;
	uint64_t bytes, memory;
};

struct upload {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct item *head, **tail;
	uint64_t queued, queued_bytes;
	bool closing;
	struct upload_counts counts;
	struct store *store;
	struct schema *schema;
};

static uint64_t side_bytes(const struct side *side)
{
	uint64_t bytes = side->cnt * sizeof(*side->fragments);

	for (size_t i = 0; i < side->cnt; i++)
		bytes += side->fragments[i].captured;
	return bytes;
}

static uint64_t call_bytes(const struct call *call)
{
	return sizeof(*call) + side_bytes(&call->in) + side_bytes(&call->out);
}

/* What it takes up while it waits; the document is small. */
static uint64_t recording_memory(const struct recording *recording)
{
	return sizeof(*recording) + pool_bytes(recording->pool) + METADATA_ABOUT;
}

static uint64_t recording_bytes(const struct recording *recording)
{
	uint64_t bytes = sizeof(*recording) + call_bytes(&recording->operation);

	for (size_t i = 0; i < recording->calls_cnt; i++)
		bytes += call_bytes(&recording->calls[i]);
	return bytes;
}

/* Take a batch of one schema from the queue; the lock is held. */
static size_t take(struct upload *upload, struct item *batch[UPLOAD_BATCH_MAX])
{
	uint64_t bytes = 0;
	size_t cnt = 0;

	while (upload->head && cnt < UPLOAD_BATCH_MAX && (!cnt || batch[0]->schema == upload->head->schema) &&
	       (!cnt || bytes + upload->head->bytes <= BATCH_BYTES)) {
		struct item *item = upload->head;

		upload->head = item->next;
		bytes += item->bytes;
		batch[cnt++] = item;
	}
	if (!upload->head)
		upload->tail = &upload->head;
	return cnt;
}

/* The lock is held. */
static void settle(struct upload *upload, struct item *item, int result, const struct err *err)
{
	if (result < 0) {
		if (!upload->counts.failed++)
			snprintf(upload->counts.error, sizeof(upload->counts.error), "%s", err->msg);
	} else if (result == CASSETTE_SAMPLED_OUT) {
		upload->counts.sampled_out++;
	} else if (item->schema != upload->schema) {
		upload->counts.others++;
	} else {
		upload->counts.stored++;
		upload->counts.stored_incomplete += !item->recording->complete;
		upload->counts.bytes += item->bytes;
	}
	upload->queued--;
	upload->queued_bytes -= item->memory;
}

static void write_batch(struct upload *upload, struct item *batch[UPLOAD_BATCH_MAX], size_t cnt)
{
	struct recording *recordings[UPLOAD_BATCH_MAX];
	int results[UPLOAD_BATCH_MAX];
	struct err err = {};

	for (size_t i = 0; i < cnt; i++)
		recordings[i] = batch[i]->recording;
	store_put_many(upload->store, recordings, cnt, batch[0]->schema, results, &err);
	pthread_mutex_lock(&upload->lock);
	for (size_t i = 0; i < cnt; i++)
		settle(upload, batch[i], results[i], &err);
	pthread_mutex_unlock(&upload->lock);
	for (size_t i = 0; i < cnt; i++) {
		recording_free(batch[i]->recording);
		free(batch[i]);
	}
}

static void *work(void *arg)
{
	struct upload *upload = arg;
	struct item *batch[UPLOAD_BATCH_MAX];

	pthread_mutex_lock(&upload->lock);
	while (upload->head || !upload->closing) {
		size_t cnt = take(upload, batch);

		if (!cnt) {
			pthread_cond_wait(&upload->changed, &upload->lock);
			continue;
		}
		pthread_mutex_unlock(&upload->lock);
		write_batch(upload, batch, cnt);
		pthread_mutex_lock(&upload->lock);
	}
	pthread_mutex_unlock(&upload->lock);
	return NULL;
}

int upload_new(struct upload **out, struct cassette *cassette, struct schema *schema, struct err *err)
{
	autofree struct upload *upload = calloc(1, sizeof(*upload));
	int r;

	if (!upload)
		return err_nomem(err);
	r = store_new(&upload->store, cassette, err);
	if (r < 0)
		return r;
	upload->schema = schema;
	upload->tail = &upload->head;
	pthread_mutex_init(&upload->lock, NULL);
	pthread_cond_init(&upload->changed, NULL);
	r = pthread_create(&upload->thread, NULL, work, upload);
	if (r) {
		store_free(upload->store);
		return err_set(err, -r, "cannot start the thread that stores recordings");
	}
	*out = TAKE_PTR(upload);
	return 0;
}

int upload_put(struct upload *upload, struct recording *recording)
{
	return upload_put_with(upload, recording, upload->schema);
}

int upload_put_with(struct upload *upload, struct recording *recording, struct schema *schema)
{
	uint64_t bytes = recording_bytes(recording), memory = recording_memory(recording);
	struct item *item = calloc(1, sizeof(*item));
	bool fits;

	pthread_mutex_lock(&upload->lock);
	fits = item && upload->queued < UPLOAD_QUEUE_MAX &&
	       upload->queued_bytes + memory <= UPLOAD_QUEUE_BYTES;
	if (fits) {
		*item = (struct item){
			.recording = recording, .schema = schema, .bytes = bytes, .memory = memory};
		*upload->tail = item;
		upload->tail = &item->next;
		upload->queued++;
		upload->queued_bytes += memory;
		pthread_cond_signal(&upload->changed);
	} else {
		upload->counts.dropped++;
	}
	pthread_mutex_unlock(&upload->lock);
	if (fits)
		return 0;
	free(item);
	recording_free(recording);
	return -ENOSPC;
}

void upload_counts(struct upload *upload, struct upload_counts *out)
{
	pthread_mutex_lock(&upload->lock);
	*out = upload->counts;
	out->queued = upload->queued;
	pthread_mutex_unlock(&upload->lock);
}

void upload_give_up(struct upload *upload)
{
	struct item *item;

	pthread_mutex_lock(&upload->lock);
	item = upload->head;
	upload->head = NULL;
	upload->tail = &upload->head;
	while (item) {
		struct item *next = item->next;

		upload->counts.dropped++;
		upload->queued--;
		upload->queued_bytes -= item->memory;
		recording_free(item->recording);
		free(item);
		item = next;
	}
	pthread_mutex_unlock(&upload->lock);
}

void upload_close(struct upload *upload, struct upload_counts *out)
{
	if (!upload)
		return;
	pthread_mutex_lock(&upload->lock);
	upload->closing = true;
	pthread_cond_signal(&upload->changed);
	pthread_mutex_unlock(&upload->lock);
	pthread_join(upload->thread, NULL);
	if (out)
		*out = upload->counts;
	store_free(upload->store);
	pthread_mutex_destroy(&upload->lock);
	pthread_cond_destroy(&upload->changed);
	free(upload);
}
