/* SPDX-License-Identifier: BSD-3-Clause */
/* What a store must do; included by lib/cassette*.c only. A driver moves objects by key and knows nothing of
 * recordings. */
#pragma once

#include "lib/cassette.h"

/* One of many that move together. */
struct cassette_object {
	const char *key;
	struct blob data; /* put: borrowed; get: the caller's to free, where result is 0 */
	/* get: only so many bytes from there on, or -EBADMSG where there are fewer; part_len 0: the whole */
	uint64_t at, part_len;
	int result; /* 0 or -errno, of this one */
};

struct cassette_ops {
	const char *scheme; /* "file" */
	/* @rest: the URL behind "scheme:". Usage errors are -EINVAL. */
	int (*open)(struct cassette **out, const char *rest, const struct cassette_opts *opts,
		    struct err *err);
	void (*close)(struct cassette *cassette);
	/* Atomic and durable; replaces. */
	int (*put)(struct cassette *cassette, const char *key, const void *data, size_t len, struct err *err);
	/* -ENOENT without words when there is none. */
	int (*get)(struct cassette *cassette, const char *key, struct blob *out, struct err *err);
	/* @len bytes from @at on: -EBADMSG, without words, when there are fewer. NULL: the whole is got and
	 * cut. */
	int (*get_part)(struct cassette *cassette, const char *key, uint64_t at, uint64_t len,
			struct blob *out, struct err *err);
	int (*remove)(struct cassette *cassette, const char *key, struct err *err);
	/* The names one level under @prefix (which ends in '/'), ascending; nothing there is no error. */
	int (*list)(struct cassette *cassette, const char *prefix, int (*fn)(const char *name, void *ctx),
		    void *ctx, struct err *err);
	/* As cassette_each, by a driver whose recordings are no objects of their own. NULL: by listing. */
	int (*each)(struct cassette *cassette, const char *category, const char *since, const char *until,
		    int (*fn)(const struct recording_key *key, void *ctx), void *ctx, struct err *err);
	/*
	 * Many at once, in any order, each as by its singular: a driver has these where it can do better than
	 * one after the other; NULL where it cannot. They return when all have a result. When any failed, the
	 * return value and @err are those of the first in order, but for a get's or a removal's -ENOENT,
	 * which is a result and no failure.
	 */
	int (*put_many)(struct cassette *cassette, struct cassette_object *objects, size_t cnt,
			struct err *err);
	int (*get_many)(struct cassette *cassette, struct cassette_object *objects, size_t cnt,
			struct err *err);
	int (*remove_many)(struct cassette *cassette, struct cassette_object *objects, size_t cnt,
			   struct err *err);
	/* Every key under @prefix (which ends in '/') with its object's size, in any order; nothing there is
	 * no error. */
	int (*sizes)(struct cassette *cassette, const char *prefix,
		     int (*fn)(const char *key, uint64_t size, void *ctx), void *ctx, struct err *err);
	/* Recordings as wholes, in place of their objects; those whose result is not 0 are passed over. NULL:
	 * their objects are put. */
	int (*put_recordings)(struct cassette *cassette, struct cassette_item *items, size_t cnt,
			      struct err *err);
	void (*progress)(struct cassette *cassette, struct cassette_progress *out); /* NULL: nothing waits */
};

#define CASSETTE_WARNING_MAX 256

/* First member of every driver's struct. */
struct cassette {
	const struct cassette_ops *ops;
	char *url;
	char *prefix; /* of the recordings' keys, without slashes at its ends; NULL or "": none */
	struct cassette_opts opts; /* a driver's open sets what its URL says of them */
	char warning[CASSETTE_WARNING_MAX];
};

/* By the driver's get_many, or one after the other. */
int cassette_get_objects(struct cassette *cassette, struct cassette_object *objects, size_t cnt,
			 struct err *err);
/* Where @objects has something of @kind, which belongs to another layout: a warning of @cassette. */
void cassette_warn_of_layout(struct cassette *cassette, struct cassette *objects, const char *kind,
			     const char *words);
/* -EROFS with words when it is read-only. */
int cassette_writable(const struct cassette *cassette, struct err *err);
bool cassette_samples(const struct cassette *cassette, const struct recording_key *key, uint64_t bytes);

/* Names for a driver's list: collected in any order, so that @fn runs when nothing is held any more. */
#define NAMES_MAX 10000000

struct names {
	char **name;
	size_t cnt, cap;
};

/* Copies @len bytes of @name. -ENOMEM, or -EFBIG past NAMES_MAX. */
int names_add(struct names *names, const char *name, size_t len);
/* Ascending by bytes, each once; ends early with @fn's value when it is not 0. */
int names_each(struct names *names, int (*fn)(const char *name, void *ctx), void *ctx);
void names_release(struct names *names);
#define auto_names __attribute__((cleanup(names_release)))

extern const struct cassette_ops cassette_mem_ops, cassette_file_ops, cassette_s3_ops, cassette_cached_ops,
	cassette_spool_ops, cassette_segments_ops;

/* Recordings many to an object, over the cassette that @url names. */
int cassette_segments_open(struct cassette **out, const char *url, const struct cassette_opts *opts,
			   struct err *err);
