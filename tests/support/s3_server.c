// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/s3_server.h"

#include <arpa/inet.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/s3.h"
#include "lib/util.h"

#define START_S	   90
#define POLL_US	   20000
#define PORT_FIRST 20000
#define PORT_STEP  8
#define PORT_STEPS 1500

static bool can_connect(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	autoclose int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

/* Side by side with other test programs: from the pid, past what listens. */
int s3_server_free_ports(int cnt)
{
	for (int i = 0; i < PORT_STEPS; i++) {
		int port = PORT_FIRST + (getpid() + i) % PORT_STEPS * PORT_STEP, taken = 0;

		for (int k = 0; k < cnt; k++)
			taken += can_connect(port + k);
		if (!taken)
			return port;
	}
	fail_msg("no free port");
	return 0;
}

static void script(const struct s3_server *server, const char *step, const char *port, const char *conf)
{
	struct command command;

	if (command_run(&command, ARGV("tests/support/ceph.sh", step, server->dir, port, conf), START_S)) {
		autofree char *said = command_file(command.err);

		fail_msg("ceph.sh %s ended with %d: %s", step, command.status, said);
	}
}

static void start_daemon(const struct s3_server *server, struct command *command, const char *name,
			 const char *option, const char *id)
{
	command_start(command, ARGV(name, option, id, "-f", "-c", command_text("%s/ceph.conf", server->dir)));
}

static void wait_for_gateway(struct s3_server *server)
{
	for (int i = 0; !can_connect(server->port); i++) {
		if (i * POLL_US > START_S * 1000000ll || kill(server->gateway.pid, 0))
			fail_msg("radosgw does not start");
		usleep(POLL_US);
	}
}

void s3_server_start_gateway(struct s3_server *server)
{
	start_daemon(server, &server->gateway, "radosgw", "-n", "client.admin");
	wait_for_gateway(server);
}

void s3_server_start_throttled(struct s3_server *server, unsigned requests)
{
	command_start(&server->gateway,
		      ARGV("radosgw", "-n", "client.admin", "-f", "-c",
			   command_text("%s/ceph.conf", server->dir), "--rgw-scheduler-type=throttler",
			   command_text("--rgw-max-concurrent-requests=%u", requests)));
	wait_for_gateway(server);
}

void s3_server_kill_gateway(struct s3_server *server)
{
	command_signal(&server->gateway, SIGKILL);
	command_wait(&server->gateway, START_S);
}

void s3_server_start(struct s3_server *server, const char *conf)
{
	static unsigned serial;
	char text[16];

	*server = (struct s3_server){.port = s3_server_free_ports(3)};
	snprintf(server->dir, sizeof(server->dir), "%s/ceph%u", command_folder(), serial++);
	snprintf(server->ca, sizeof(server->ca), "%s/tls.pem", server->dir);
	snprintf(text, sizeof(text), "%d", server->port);
	assert_int_equal(command_run(&(struct command){}, ARGV("mkdir", server->dir), 10), 0);
	script(server, "prepare", text, conf);
	start_daemon(server, &server->monitor, "ceph-mon", "-i", "a");
	script(server, "disk", NULL, NULL);
	start_daemon(server, &server->disk, "ceph-osd", "-i", "0");
	script(server, "users", NULL, NULL);
	s3_server_start_gateway(server);
}

void s3_server_stop(struct s3_server *server)
{
	struct command *const all[] = {&server->gateway, &server->disk, &server->monitor};

	/* At once: asked kindly they take minutes. */
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		command_signal(all[i], SIGKILL);
		command_wait(all[i], START_S);
	}
	assert_int_equal(command_run(&(struct command){}, ARGV("rm", "-rf", server->dir), 60), 0);
}

void s3_server_admin(struct s3_server *server, const char *words)
{
	struct command command;
	char line[1024];

	snprintf(line, sizeof(line), "exec radosgw-admin -c %s/ceph.conf %s", server->dir, words);
	if (command_run(&command, ARGV("sh", "-c", line), START_S)) {
		autofree char *said = command_file(command.err);

		fail_msg("%s: %s", line, said);
	}
}

/* --- clients --- */

void s3_server_environment(void)
{
	static const char *const names[] = {"AWS_SESSION_TOKEN", "AWS_PROFILE",
					    "AWS_ENDPOINT_URL",	 "AWS_CA_BUNDLE",
					    "AWS_ROLE_ARN",	 "AWS_WEB_IDENTITY_TOKEN_FILE"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unsetenv(names[i]);
	setenv("AWS_ACCESS_KEY_ID", S3_SERVER_ACCESS, 1);
	setenv("AWS_SECRET_ACCESS_KEY", S3_SERVER_SECRET, 1);
	setenv("AWS_DEFAULT_REGION", "us-east-1", 1);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
}

void s3_server_url(const struct s3_server *server, char url[320], const char *scheme, const char *where,
		   const char *params)
{
	bool is_https = strcmp(scheme, "https") == 0;

	snprintf(url, 320, "s3://%s?endpoint=%s://127.0.0.1:%d&region=us-east-1%s%s%s", where, scheme,
		 server->port + is_https, is_https ? "&ca=" : "", is_https ? server->ca : "", params);
}

void s3_server_make_bucket(const struct s3_server *server, const char *name)
{
	struct s3_call call = {.method = "PUT"};
	auto_s3 struct s3 *s3 = NULL;
	struct s3_url parsed;
	struct err err = {};
	char url[320];

	s3_server_url(server, url, "http", name, "");
	if (s3_url_parse(&parsed, url + strlen("s3:"), &err) || s3_open(&s3, &parsed, &err) ||
	    s3_calls(s3, &call, 1, &err))
		fail_msg("cannot make bucket '%s': %s", name, err.msg);
	free(call.answer.data);
}
