// SPDX-License-Identifier: BSD-3-Clause
#include "lib/redact_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/redact.h"
#include "lib/util.h"
#include "lib/write.h"

#define PATH_MAX_LEN 4096
#define KEY_HEX	     64 /* digits of a key that is made */

static bool asks(const struct rule *rules, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		if (rules[i].redact == REDACT_HMAC)
			return true;
	return false;
}

static bool is_wanted(const struct config *config)
{
	for (size_t i = 0; i < config->funcs_cnt; i++)
		if (asks(config->funcs[i].rules, config->funcs[i].rules_cnt))
			return true;
	for (size_t i = 0; i < config->types_cnt; i++)
		if (asks(config->types[i].rules, config->types[i].cnt))
			return true;
	return false;
}

static void default_folder(char folder[PATH_MAX_LEN])
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (geteuid() == 0)
		snprintf(folder, PATH_MAX_LEN, "/var/lib/tapedeck");
	else if (state && *state == '/')
		snprintf(folder, PATH_MAX_LEN, "%s/tapedeck", state);
	else
		snprintf(folder, PATH_MAX_LEN, "%s/.local/state/tapedeck", home ? home : "");
}

static int read_key(struct config *config, int fd, const char *path, struct err *err)
{
	uint8_t *key = malloc(REDACT_KEY_MAX + 1);
	ssize_t len = key ? read(fd, key, REDACT_KEY_MAX + 1) : 0;

	if (!key)
		return err_nomem(err);
	if (len > 0 && len <= REDACT_KEY_MAX) {
		config->redact_key = key;
		config->redact_key_len = len;
		return 0;
	}
	free(key);
	return len < 0 ? err_usage(err, -errno, "cannot read '%s': %s", path, strerror(errno))
		       : err_usage(err, -EINVAL, "'%s' is no key: it has %s %d bytes", path,
				   len ? "more than" : "none of at most", REDACT_KEY_MAX);
}

/* Each folder on the way is made. */
static void make_folders(char *path)
{
	for (char *at = path + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		mkdir(path, 0755);
		*at = '/';
	}
}

/* It is there whole, or not at all; the first of two that make it has made it. */
static int make_key(char *path, struct err *err)
{
	char text[KEY_HEX + 1] = "", beside[PATH_MAX_LEN + 64];
	autoclose int fd = -1;
	int r;

	random_id(text);
	random_id(text + strlen(text));
	make_folders(path);
	snprintf(beside, sizeof(beside), "%s.XXXXXX", path);
	fd = mkostemp(beside, O_CLOEXEC);
	r = fd < 0 ? -errno : write_all(fd, text, strlen(text));
	if (r == 0 && (fsync(fd) || (link(beside, path) && errno != EEXIST)))
		r = -errno;
	if (fd >= 0)
		unlink(beside);
	if (r)
		return err_set(err, r, "cannot write '%s', the key of \"redact\": \"hmac\": %s", path,
			       strerror(-r));
	return 0;
}

int redact_key_load(struct config *config, bool must, struct err *err)
{
	char path[PATH_MAX_LEN + 32], folder[PATH_MAX_LEN];
	autoclose int fd = -1;
	int r;

	if (!is_wanted(config) || config->redact_key)
		return 0;
	default_folder(folder);
	snprintf(path, sizeof(path), "%s/redact.key", folder);
	if (config->redact_key_file)
		snprintf(path, sizeof(path), "%s", config->redact_key_file);
	else if (must && access(path, F_OK)) {
		r = make_key(path, err);
		if (r < 0)
			return r;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return read_key(config, fd, path, err);
	if (!must)
		return 0;
	return err_usage(err, -errno, "cannot read '%s', the key of \"redact\": \"hmac\": %s", path,
			 strerror(errno));
}
