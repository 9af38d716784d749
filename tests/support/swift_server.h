/* SPDX-License-Identifier: BSD-3-Clause */
/* OpenStack Swift with its S3 interface: a second opinion on what we sign and send, stricter than the first.
 */
#pragma once

#include "tests/support/command.h"
#include "tests/support/s3_server.h"

#define SWIFT_ACCESS "test:tester"
#define SWIFT_SECRET "testing"

struct swift_server {
	struct s3_server
		at; /* its port and folder, for s3_server_url and s3_server_make_bucket; there is no https */
	struct command daemons[5];
};

void swift_server_start(struct swift_server *server);
void swift_server_stop(struct swift_server *server);
/* The keys of its user in the environment, and nothing else of AWS's. */
void swift_server_environment(void);
