/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who we are to AWS and to what speaks like it, found where people have it.
 *
 * In this order, the first that has them wins: the environment's keys; a web identity (the environment's
 * token file and role); the profile in ~/.aws (keys, credential_process, a role to be assumed with another
 * profile, a web identity); the container's endpoint; the instance's metadata service. A named profile goes
 * before the environment. Secrets are in no message, and wiped when freed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chain;
struct err;

#define ACCESS_KEY_MAX 256
#define SECRET_KEY_MAX 512
#define TOKEN_MAX      8192
#define SOURCE_MAX     160
#define REFRESH_S      (5 * 60) /* before they expire */

struct credentials {
	char access_key[ACCESS_KEY_MAX + 1];
	char secret_key[SECRET_KEY_MAX + 1];
	char token[TOKEN_MAX + 1];   /* "": none */
	int64_t expires_s;	     /* since 1970; 0: never */
	char source[SOURCE_MAX + 1]; /* "the environment", "profile 'x' in '/root/.aws/credentials'" */
};

struct chain_opts {
	const char *profile; /* NULL: AWS_PROFILE, then "default" */
	const char *region;  /* for roles; NULL: as chain_region finds it */
	const char *ca_file;
};

int chain_new(struct chain **out, const struct chain_opts *opts, struct err *err);
void chain_free(struct chain *chain);
void chain_freep(struct chain **chain);
#define auto_chain __attribute__((cleanup(chain_freep)))

/*
 * The credentials to sign with at @now_s, fetched when there are none yet, and again within REFRESH_S of
 * their end or when @renew says that a server calls them expired. A failure to renew is one only when the old
 * ones have ended. *@out is borrowed until the next call; *@generation changes when they do. -ENOKEY when no
 * source has any: the message names what was looked at.
 */
int chain_get(struct chain *chain, int64_t now_s, bool renew, const struct credentials **out,
	      unsigned *generation, struct err *err);

/* What else such places say; NULL when they do not. Borrowed. */
const char *chain_region(struct chain *chain);
const char *chain_endpoint(struct chain *chain, const char *service /* "s3" */);
const char *chain_ca_file(struct chain *chain);
