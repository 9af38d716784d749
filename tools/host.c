// SPDX-License-Identifier: BSD-3-Clause
#include "tools/host.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/object.h"
#include "tools/common.h"

/* A program has an interpreter; a static one has an entry, and no name for others to link to. */
static bool is_library(const struct object *object)
{
	return !object_interp(object) && (object_soname(object) || !object_entry(object));
}

static int take(struct host *host, struct equalizer_opts *opts, const struct object *object, struct err *err)
{
	size_t cnt = 0;
	int r;

	if (!realpath(opts->exe, host->library))
		return err_set(err, -errno, "cannot open '%s': %s", opts->exe, strerror(errno));
	if (opts->args)
		return err_usage(err, -EINVAL,
				 "'%s' is a library: there is no main for arguments behind '--'", opts->exe);
	r = common_beside(host->path, sizeof(host->path), "tapedeck-host", err);
	if (r < 0)
		return r;
	snprintf(host->name, sizeof(host->name), "%s",
		 object_soname(object) ?: basename(strdupa(host->library)));
	snprintf(host->mapping, sizeof(host->mapping), "%s=%s", host->name, host->library);
	for (; opts->libs && opts->libs[cnt]; cnt++)
		host->libs[cnt] = opts->libs[cnt];
	host->libs[cnt] = host->mapping;
	host->args[0] = host->name;
	opts->exe = host->path;
	opts->libs = host->libs;
	opts->args = host->args;
	if (!opts->ready)
		opts->ready = "end";
	return 0;
}

static int use(struct host *host, struct equalizer_opts *opts, struct err *err)
{
	auto_object struct object *object = NULL;

	/* What is wrong with a file that is no program is said by whoever opens the build. */
	if (object_open(&object, opts->exe, NULL) < 0 || !is_library(object))
		return 0;
	return take(host, opts, object, err);
}

int host_equalizer(struct equalizer **out, struct host *host, const struct build_opts *build,
		   const struct words *words, const struct equalizer_opts *opts, struct config *config,
		   struct cassette *cassette, struct err *err)
{
	struct equalizer_opts all = *opts;
	int r;

	*host = (struct host){};
	all.exe = build->exe;
	all.engine = host->engine;
	all.ready = build->ready;
	all.init = build->init;
	all.args = words->rest;
	all.libs = (char *const *)build->libs.item;
	all.timeout_ms = build->timeout_ns / 1000000;
	all.strict = build->strict;
	r = common_engine(host->engine, sizeof(host->engine), err);
	if (r == 0)
		r = use(host, &all, err);
	return r < 0 ? r : equalizer_new(out, config, cassette, &all, err);
}
