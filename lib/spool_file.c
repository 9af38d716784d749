// SPDX-License-Identifier: BSD-3-Clause
/*
 * A frame: magic, CRC-32 of what follows, kind, length of the key, all u32; lengths of the recording and of
 * its metadata, u64; then the three.
 */
#include "lib/spool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/util.h"

#define SEGMENT_MAGIC	  "TDSPOOL1"
#define SEGMENT_MAGIC_LEN 8
#define FRAME_MAGIC	  0x46534454 /* "TDSF" */
#define FRAME_HEADER_LEN  32
#define KEY_TEXT_MAX	  (CATEGORY_MAX + 48)
#define FRAME_MAX	  (2ull * CASSETTE_OBJECT_MAX + FRAME_HEADER_LEN + KEY_TEXT_MAX)
#define FILE_MODE	  0600

/* --- frames --- */

static void key_text(char text[KEY_TEXT_MAX], const struct spool_frame *frame)
{
	*text = '\0';
	if (frame->kind == SPOOL_SCHEMA)
		snprintf(text, KEY_TEXT_MAX, "%s", frame->schema);
	else if (frame->kind == SPOOL_RECORDING)
		recording_key_text(&frame->item.key, text);
}

void segment_begin(struct buf *out)
{
	buf_put(out, SEGMENT_MAGIC, SEGMENT_MAGIC_LEN);
	buf_put_u64(out, SEGMENT_HEADER_LEN);
}

void frame_put(struct buf *out, const struct spool_frame *frame)
{
	const struct cassette_item *item = &frame->item;
	size_t at = out->len;
	char key[KEY_TEXT_MAX];
	uint32_t crc;

	key_text(key, frame);
	buf_put_u32(out, FRAME_MAGIC);
	buf_put_u32(out, 0);
	buf_put_u32(out, frame->kind);
	buf_put_u32(out, strlen(key));
	buf_put_u64(out, item->full.len);
	buf_put_u64(out, item->metadata.len);
	buf_put(out, key, strlen(key));
	buf_put(out, item->full.data, item->full.len);
	buf_put(out, item->metadata.data, item->metadata.len);
	if (out->failed)
		return;
	crc = crc32(0, out->data + at + 8, out->len - at - 8);
	memcpy(out->data + at + 4, &crc, sizeof(crc));
}

struct frame_header {
	uint32_t crc, kind, key_len;
	uint64_t full_len, metadata_len, len; /* len: of the whole frame */
};

static int parse_header(struct frame_header *header, const void *bytes)
{
	struct reader reader;
	uint32_t magic;

	reader_init(&reader, bytes, FRAME_HEADER_LEN);
	magic = reader_u32(&reader);
	header->crc = reader_u32(&reader);
	header->kind = reader_u32(&reader);
	header->key_len = reader_u32(&reader);
	header->full_len = reader_u64(&reader);
	header->metadata_len = reader_u64(&reader);
	if (magic != FRAME_MAGIC || header->key_len >= KEY_TEXT_MAX ||
	    header->full_len > CASSETTE_OBJECT_MAX || header->metadata_len > CASSETTE_OBJECT_MAX)
		return -EBADMSG;
	header->len = FRAME_HEADER_LEN + header->key_len + header->full_len + header->metadata_len;
	return 0;
}

int frame_parse(struct spool_frame *frame, const void *bytes, size_t len)
{
	struct frame_header header;
	char key[KEY_TEXT_MAX];
	const char *at = (const char *)bytes + FRAME_HEADER_LEN;

	if (len < FRAME_HEADER_LEN || parse_header(&header, bytes) || header.len != len ||
	    crc32(0, (const uint8_t *)bytes + 8, len - 8) != header.crc)
		return -EBADMSG;
	memcpy(key, at, header.key_len);
	key[header.key_len] = '\0';
	at += header.key_len;
	*frame = (struct spool_frame){.kind = header.kind};
	frame->item.full = (struct blob){(void *)at, header.full_len};
	frame->item.metadata = (struct blob){(void *)(at + header.full_len), header.metadata_len};
	if (header.kind == SPOOL_RECORDING)
		return recording_key_parse(&frame->item.key, key, NULL) ? -EBADMSG : 0;
	if (header.kind != SPOOL_SCHEMA || header.key_len >= sizeof(frame->schema))
		return -EBADMSG;
	memcpy(frame->schema, key, header.key_len + 1);
	return 0;
}

/* --- segments --- */

static int fault(const char *verb, const char *path, int code, struct err *err)
{
	err_set(err, -code, "cannot %s '%s': %s", verb, path, strerror(code));
	if (code == ENOSPC)
		err_hint(err, "free some, or name another place with --spool");
	return -code;
}

static int write_at(int fd, const void *data, size_t len, uint64_t at)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pwrite(fd, (const char *)data + done, len - done, at + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += n;
	}
	return 0;
}

static int read_at(int fd, void *data, size_t len, uint64_t at)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(fd, (char *)data + done, len - done, at + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return done ? -EBADMSG : -ENODATA;
		done += n;
	}
	return 0;
}

static void sync_dir(const char *dir)
{
	autoclose int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		fsync(fd);
}

void segment_free(struct segment *segment)
{
	if (!segment)
		return;
	if (segment->fd >= 0)
		close(segment->fd);
	free(segment);
}

static void segment_freep(struct segment **segment)
{
	segment_free(*segment);
}

#define auto_segment __attribute__((cleanup(segment_freep)))

static struct segment *segment_alloc(const char *path)
{
	struct segment *segment = calloc(1, sizeof(*segment));

	if (!segment)
		return NULL;
	segment->fd = -1;
	snprintf(segment->path, sizeof(segment->path), "%s", path);
	return segment;
}

/* The lock is had before the file has its name, so nobody adopts it in between. */
int segment_create(struct segment **out, const char *dir, struct err *err)
{
	uint8_t header[SEGMENT_HEADER_LEN] = SEGMENT_MAGIC;
	uint64_t taken = SEGMENT_HEADER_LEN;
	char path[SEGMENT_PATH_MAX], temp[SEGMENT_PATH_MAX], id[33];
	auto_segment struct segment *segment = NULL;
	int r;

	random_id(id);
	if (snprintf(path, sizeof(path), "%s/%s" SEGMENT_SUFFIX, dir, id) >= (int)sizeof(path))
		return fault("make", dir, ENAMETOOLONG, err);
	snprintf(temp, sizeof(temp), "%.*s.new", (int)(strlen(path) - strlen(SEGMENT_SUFFIX)), path);
	segment = segment_alloc(path);
	if (!segment)
		return err_nomem(err);
	memcpy(header + SEGMENT_MAGIC_LEN, &taken, sizeof(taken));
	segment->fd = open(temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	if (segment->fd < 0)
		return fault("make", temp, errno, err);
	r = flock(segment->fd, LOCK_EX | LOCK_NB) ? -errno : 0;
	if (!r)
		r = write_at(segment->fd, header, sizeof(header), 0);
	if (!r && (fdatasync(segment->fd) || rename(temp, path)))
		r = -errno;
	if (r) {
		unlink(temp);
		return fault("make", temp, -r, err);
	}
	sync_dir(dir);
	segment->len = segment->taken = SEGMENT_HEADER_LEN;
	*out = TAKE_PTR(segment);
	return 0;
}

/* Who had the lock may have removed the file before giving it up. */
static bool is_still_there(const struct segment *segment)
{
	struct stat by_fd, by_path;

	return fstat(segment->fd, &by_fd) == 0 && stat(segment->path, &by_path) == 0 &&
	       by_fd.st_ino == by_path.st_ino && by_fd.st_dev == by_path.st_dev;
}

/* Whoever dies while writing leaves a torn end; frames behind it are another matter. */
static bool has_frame_behind(const struct segment *segment, uint64_t at)
{
	static const uint32_t magic = FRAME_MAGIC;
	char bytes[64 * 1024];
	ssize_t n;

	for (at += sizeof(magic);; at += n - (sizeof(magic) - 1)) {
		n = pread(segment->fd, bytes, sizeof(bytes), at);
		if (n < (ssize_t)sizeof(magic))
			return false;
		if (memmem(bytes, n, &magic, sizeof(magic)))
			return true;
	}
}

static int count_frames(struct segment *segment, bool *is_torn)
{
	uint64_t at = SEGMENT_HEADER_LEN, next;
	int r = 0;

	while (!r) {
		struct spool_frame frame;
		auto_buf struct buf bytes;

		buf_init(&bytes, FRAME_MAX);
		r = segment_frame(segment, at, &bytes, &next);
		if (!r)
			r = frame_parse(&frame, bytes.data, bytes.len);
		if (r)
			break;
		if (frame.kind == SPOOL_RECORDING) {
			segment->recordings++;
			segment->recordings_taken += next <= segment->taken;
		}
		at = next;
	}
	if (r != -ENODATA && r != -EBADMSG)
		return r;
	*is_torn = r == -EBADMSG;
	segment->is_damaged = *is_torn && has_frame_behind(segment, at);
	segment->len = at;
	segment->taken = MIN(MAX(segment->taken, SEGMENT_HEADER_LEN), at);
	return 0;
}

int segment_adopt(struct segment **out, const char *path, bool *is_torn, bool *is_damaged, struct err *err)
{
	uint8_t header[SEGMENT_HEADER_LEN];
	auto_segment struct segment *segment = segment_alloc(path);
	struct reader reader;
	int r;

	*out = NULL;
	*is_torn = *is_damaged = false;
	if (!segment)
		return err_nomem(err);
	segment->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (segment->fd < 0)
		return 0; /* gone, or something else of that name */
	if (flock(segment->fd, LOCK_EX | LOCK_NB) || !is_still_there(segment))
		return 0;
	r = read_at(segment->fd, header, sizeof(header), 0);
	*is_torn = r || memcmp(header, SEGMENT_MAGIC, SEGMENT_MAGIC_LEN) != 0;
	*is_damaged = *is_torn && r != -ENODATA; /* whoever dies at its beginning has promised nothing */
	if (*is_torn)
		return 0;
	reader_init(&reader, header + SEGMENT_MAGIC_LEN, sizeof(header) - SEGMENT_MAGIC_LEN);
	segment->taken = reader_u64(&reader);
	r = count_frames(segment, is_torn);
	if (r)
		return fault("read", path, -r, err);
	*is_damaged = segment->is_damaged;
	*out = TAKE_PTR(segment);
	return 0;
}

int segment_append(const struct segment *segment, const struct buf *frames, struct err *err)
{
	int r = write_at(segment->fd, frames->data, frames->len, segment->len);

	if (!r && fdatasync(segment->fd))
		r = -errno;
	if (r) {
		if (ftruncate(segment->fd, segment->len))
			return fault("cut", segment->path, errno, err);
		return fault("write", segment->path, -r, err);
	}
	return 0;
}

int segment_frame(const struct segment *segment, uint64_t at, struct buf *out, uint64_t *next)
{
	uint8_t head[FRAME_HEADER_LEN];
	struct frame_header header;
	uint8_t *to;
	int r = read_at(segment->fd, head, sizeof(head), at);

	if (!r)
		r = parse_header(&header, head);
	if (r)
		return r;
	to = buf_grow(out, header.len);
	if (!to)
		return -ENOMEM;
	r = read_at(segment->fd, to, header.len, at);
	*next = at + header.len;
	return r == -ENODATA ? -EBADMSG : r;
}

/* Not synced: what is forgotten is taken again, to the same key. */
void segment_mark(struct segment *segment, uint64_t taken)
{
	segment->taken = taken;
	write_at(segment->fd, &taken, sizeof(taken), SEGMENT_MAGIC_LEN);
}

void segment_remove(struct segment *segment)
{
	char aside[SEGMENT_PATH_MAX + 16];

	snprintf(aside, sizeof(aside), "%s.damaged", segment->path);
	if (segment->is_damaged)
		rename(segment->path, aside); /* or it stays where it is: nobody has read what it holds */
	else
		unlink(segment->path);
	segment_free(segment);
}
