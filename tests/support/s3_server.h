/* SPDX-License-Identifier: BSD-3-Clause */
/* Ceph's S3 gateway over a cluster of its own, in memory: up in seconds, gone with the test. */
#pragma once

#include <stddef.h>

#include "tests/support/command.h"

#define S3_SERVER_ACCESS "AKIDTEST"
#define S3_SERVER_SECRET "secrettestsecret"

struct s3_server {
	int port; /* http; https is the next one */
	char dir[128], ca[160];
	struct command monitor, disk, gateway;
};

/* The first of @cnt, at most 8, that nobody listens at. */
int s3_server_free_ports(int cnt);
/* @conf: further lines of ceph.conf. Fails the test when it does not come up. */
void s3_server_start(struct s3_server *server, const char *conf);
void s3_server_stop(struct s3_server *server);
/* The gateway's end, at once, and a new one; what it has stored stays. */
void s3_server_kill_gateway(struct s3_server *server);
void s3_server_start_gateway(struct s3_server *server);
/* One that answers SlowDown to more than @requests at once. */
void s3_server_start_throttled(struct s3_server *server, unsigned requests);
/* Run radosgw-admin with @words. */
void s3_server_admin(struct s3_server *server, const char *words);

/* The keys of the test user in the environment, and nothing else of AWS's. */
void s3_server_environment(void);
/* "s3://<where>?endpoint=...&region=us-east-1<params>" over @scheme. */
void s3_server_url(const struct s3_server *server, char url[320], const char *scheme, const char *where,
		   const char *params);
void s3_server_make_bucket(const struct s3_server *server, const char *name);
