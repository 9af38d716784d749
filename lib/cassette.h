/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A cassette keeps recordings: opaque bytes with a small metadata document, under an id, and the schemas they
 * name.
 *
 * Keys: tape_recorder_recordings/{full,metadata}/<category>/<yyyymmdd>/<32 hex digits>, and schema/<sha256>.
 * The order of writing is schema, full, metadata, so what is listed exists; removing goes the other way. Safe
 * to use from one thread at a time.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cassette;
struct err;

#define CASSETTE_KEY_MAX    512
#define CASSETTE_PREFIX_MAX 256
#define CASSETTE_OBJECT_MAX (256 * 1024 * 1024)
#define CATEGORY_MAX	    128

/* "<category>/<yyyymmdd>/<32 hex digits>": what the user sees as ID. */
struct recording_key {
	char category[CATEGORY_MAX + 1];
	char day[9]; /* UTC */
	char id[33];
};

struct blob {
	void *data; /* the owner's, to free() */
	size_t len;
};

struct cassette_opts {
	bool create;	    /* the place is made */
	bool read_only;	    /* whatever would change it is -EROFS */
	bool transient;	    /* closing removes the recordings; not those of another prefix, and no schemas */
	const char *prefix; /* before the recordings' keys: "eu/shop"; NULL: the URL's, or none */
	uint64_t infrequent_bytes; /* S3: recordings of so many bytes go to STANDARD_IA; 0: none */
	/* The share, 0 to 1, of recordings of @category and of so many bytes that is stored; NULL: all. Asked
	 * before anything of a recording is stored. */
	double (*sample)(const char *category, uint64_t bytes, void *ctx);
	void *sample_ctx;
	/* Becomes non-zero when what takes long is to end soon, with -ECANCELED; NULL: never. */
	const volatile sig_atomic_t *stop;
};
/* The result of putting a recording that sampling leaves out. */
#define CASSETTE_SAMPLED_OUT 1

/*
 * Open the cassette that @url names: mem:[NAME], file:/DIR, file:DIR, s3://BUCKET/PREFIX?..., cached:DIR+URL.
 * A mem: cassette with a name is shared in the process while anyone has it open. A cached: one keeps what it
 * has read of another in a directory, and is read-only; "cached:DIR?refresh+URL" reads all anew. A spool:
 * one, "spool:DIR?size=BYTES+URL", keeps what is put in a directory until another has it, and is only
 * written.
 */
int cassette_open(struct cassette **out, const char *url, bool create, struct err *err);
int cassette_open_with(struct cassette **out, const char *url, const struct cassette_opts *opts,
		       struct err *err);
void cassette_close(struct cassette *cassette);
void cassette_closep(struct cassette **cassette);
#define auto_cassette __attribute__((cleanup(cassette_closep)))
/* Remove all recordings; what closing a transient one does, with the reason where it cannot. */
int cassette_empty(struct cassette *cassette, struct err *err);
/* What is not as it should be, though nothing failed: the last of it; NULL. */
const char *cassette_warning(const struct cassette *cassette);
const char *cassette_url(const struct cassette *cassette);

/* Store a recording. Atomic: a reader sees all or nothing; durable when it returns. CASSETTE_SAMPLED_OUT when
 * opts.sample left it out. */
int cassette_put(struct cassette *cassette, const struct recording_key *key, const void *full,
		 size_t full_len, const char *metadata, struct err *err);
/* -ENOENT when there is none: "no recording '...' in 'file:/d'". *@out untouched on failure. */
int cassette_get(struct cassette *cassette, const struct recording_key *key, struct blob *out,
		 struct err *err);
int cassette_get_metadata(struct cassette *cassette, const struct recording_key *key, struct blob *out,
			  struct err *err);
int cassette_remove(struct cassette *cassette, const struct recording_key *key, struct err *err);

/*
 * Many at once: what a cassette can do together it does together, one sync or many connections, and it
 * returns when each has its result. When any failed, the return value and @err are those of the first. A
 * reader sees each recording whole or not at all, as by the singulars.
 */
struct cassette_item {
	struct recording_key key;
	struct blob full, metadata; /* put: borrowed; the metadata is text. get: the caller's to free */
	int result;		    /* 0, CASSETTE_SAMPLED_OUT or -errno, of this one */
};
int cassette_put_many(struct cassette *cassette, struct cassette_item *items, size_t cnt, struct err *err);
/* Fills metadata where the result is 0. One that is not there has the result -ENOENT, which is no failure of
 * the whole. */
int cassette_get_metadata_many(struct cassette *cassette, struct cassette_item *items, size_t cnt,
			       struct err *err);
/* Fills both. One of which either is not there has the result -ENOENT. */
int cassette_get_many(struct cassette *cassette, struct cassette_item *items, size_t cnt, struct err *err);
/* What is not there is removed already. */
int cassette_remove_many(struct cassette *cassette, struct cassette_item *items, size_t cnt, struct err *err);

/* Recordings that are safe on this disk, and on their way. */
struct cassette_progress {
	uint64_t waiting, waiting_bytes; /* recordings, and what they take on disk */
	uint64_t passed_on;		 /* recordings that have arrived, since opening */
	uint64_t adopted;		 /* that waited before, left by one that was stopped or died */
	uint64_t rejected;		 /* that the cassette will not take, kept aside */
	uint64_t failures;		 /* attempts that failed */
	uint64_t retries;		 /* requests to a store that were made again */
	uint64_t throttled;		 /* of these, for an answer that there were too many */
	bool is_away;			 /* the last attempt failed */
	char error[512];		 /* why the last that failed did; "" */
	char where[2100];		 /* the directory; "" */
};
/* Nothing waits where what is put is there. May be asked while others put. */
void cassette_progress(struct cassette *cassette, struct cassette_progress *out);

/* Whether a result says that the store could not be asked, rather than what is wrong with an object. */
bool cassette_is_away(int result);

/* Schemas are never changed: putting one that is there does nothing. Getting checks the digest. */
int cassette_put_schema(struct cassette *cassette, const char *sha256, const void *data, size_t len,
			struct err *err);
int cassette_get_schema(struct cassette *cassette, const char *sha256, struct blob *out, struct err *err);

/* Call @fn for the name of every schema, ascending. Ends early, with its value, when @fn returns non-zero. */
int cassette_each_schema(struct cassette *cassette, int (*fn)(const char *sha256, void *ctx), void *ctx,
			 struct err *err);

/* Call @fn for the key of every recording of @category (NULL: all), from day @since to day @until ("" or
 * NULL: open), days ascending, ids ascending in a day, categories ascending. Ends early, with its value, when
 * @fn returns non-zero. Keys that are not ours are passed over. */
int cassette_each(struct cassette *cassette, const char *category, const char *since, const char *until,
		  int (*fn)(const struct recording_key *key, void *ctx), void *ctx, struct err *err);

/* Call @fn with the size of each object: a recording's @kind is "full" or "metadata"; @key NULL: a schema's.
 * In any order, and also of half a recording that a crash or a foreign hand has left. Ends early with @fn's
 * value when it is not 0. */
int cassette_sizes(struct cassette *cassette,
		   int (*fn)(const char *kind, const struct recording_key *key, uint64_t size, void *ctx),
		   void *ctx, struct err *err);

/* The recording that ID names: the whole, or the 32 digits alone, which are looked for. -EINVAL and
 * -ENOTUNIQ (two have these digits) are usage errors; -ENOENT when there is none. */
int cassette_find(struct cassette *cassette, const char *id, struct recording_key *out, struct err *err);
int recording_key_parse(struct recording_key *out, const char *id, struct err *err);
void recording_key_text(const struct recording_key *key, char text[CATEGORY_MAX + 48]);
/* A category must be a file name: 1 to CATEGORY_MAX bytes of UTF-8 without '/', control characters and a
 * leading '.'. */
bool category_is_valid(const char *category);
