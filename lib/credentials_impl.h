/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of credentials share; included by lib/credentials*.c only. */
#pragma once

#include "lib/credentials.h"

#define ROLE_DEPTH_MAX	 5 /* roles that are assumed with roles */
#define PROFILE_NAME_MAX 128
#define ANSWER_MAX	 (64 * 1024) /* bytes */
#define PROCESS_MS	 60000
#define METADATA_MS	 1000
#define STS_MS		 20000

struct aws_config;
struct buf;
struct cJSON;
struct http;
struct http_answer;
struct http_request;

struct chain {
	char profile[PROFILE_NAME_MAX];
	bool is_named; /* the profile goes before the environment */
	char region[PROFILE_NAME_MAX], ca_file[4096];
	struct aws_config *config;
	struct http *http, *direct; /* made when first needed; the latter past any proxy */
	struct credentials credentials;
	bool has_credentials;
	unsigned generation;
	int64_t tried_s; /* when renewing failed last */
};

/*
 * A source: 0 and credentials; -ENOKEY without words when it does not apply here; else why it could not,
 * though it should.
 */
typedef int (*source_fn)(struct chain *chain, struct credentials *out, struct err *err);
int source_environment(struct chain *chain, struct credentials *out, struct err *err);
int source_web_identity(struct chain *chain, struct credentials *out, struct err *err);
int source_profile(struct chain *chain, struct credentials *out, struct err *err);
int source_container(struct chain *chain, struct credentials *out, struct err *err);
int source_instance(struct chain *chain, struct credentials *out, struct err *err);

/* Run a credential_process. */
int process_credentials(struct credentials *out, const char *command, struct err *err);
/* Become @role_arn with @by (NULL: with the token of @token_file). */
struct role {
	const char *arn, *session_name, *external_id, *duration_s, *token_file;
};
int assume_role(struct chain *chain, const struct role *role, const struct credentials *by,
		struct credentials *out, struct err *err);

/* The document that processes, containers and instances hand out; @token is the name of its token. */
int credentials_from_json(struct credentials *out, const char *text, size_t len, const char *token,
			  struct err *err);
/* -EMSGSIZE for what does not fit. */
int credentials_set(struct credentials *out, const char *access_key, const char *secret_key,
		    const char *token, const char *expires, struct err *err);
int chain_http(struct http **out, struct chain *chain, bool is_direct, struct err *err);
/* A variable of the environment; NULL when it is empty, too. */
const char *env_text(const char *name);
/* @body and what it grew from are wiped. */
void wipe(struct buf *body);
