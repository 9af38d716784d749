// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/swift_server.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/util.h"

#define SCRIPT	"tests/support/swift.sh"
#define PORTS	5
#define START_S 90
#define POLL_US 50000

static const char *const names[] = {"memcached", "object", "container", "account", "proxy"};

void swift_server_start(struct swift_server *server)
{
	struct command command;
	const char *health;

	*server = (struct swift_server){.at.port = s3_server_free_ports(PORTS)};
	snprintf(server->at.dir, sizeof(server->at.dir), "%s/swift", command_folder());
	command_must(&command, ARGV(SCRIPT, "prepare", server->at.dir, command_text("%d", server->at.port)),
		     0, START_S);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		command_start(&server->daemons[i], ARGV(SCRIPT, "run", server->at.dir, names[i]));
	health = command_text("http://127.0.0.1:%d/healthcheck", server->at.port);
	for (int i = 0; command_run(&command, ARGV("curl", "-sf", "-o", "/dev/null", health), 10); i++) {
		if (i * POLL_US > START_S * 1000000ll || !command_runs(&server->daemons[4])) {
			autofree char *said = command_file(server->daemons[4].err);

			fail_msg("Swift does not start: %s", said);
		}
		usleep(POLL_US);
	}
}

void swift_server_stop(struct swift_server *server)
{
	for (size_t i = ARRAY_SIZE(names); i > 0; i--) {
		command_signal(&server->daemons[i - 1], SIGKILL);
		command_wait(&server->daemons[i - 1], START_S);
	}
}

void swift_server_environment(void)
{
	s3_server_environment();
	setenv("AWS_ACCESS_KEY_ID", SWIFT_ACCESS, 1);
	setenv("AWS_SECRET_ACCESS_KEY", SWIFT_SECRET, 1);
}
