// SPDX-License-Identifier: BSD-3-Clause
#include "lib/xml.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <expat.h>

#include "lib/buf.h"
#include "lib/err.h"

struct walk {
	XML_Parser parser;
	char path[XML_PATH_MAX];
	size_t path_len[XML_DEPTH_MAX + 1]; /* of each level */
	size_t depth;
	struct buf text;
	bool is_leaf; /* since the last start; text between elements belongs to nobody */
	int (*fn)(const char *path, const char *text, void *ctx);
	void *ctx;
	int result;	   /* of @fn */
	const char *fault; /* ours, when expat has none */
};

static void stop(struct walk *walk, const char *fault)
{
	if (!walk->fault)
		walk->fault = fault;
	XML_StopParser(walk->parser, XML_FALSE);
}

/* expat may still report the end of an element that stopped it. */
static bool is_stopped(const struct walk *walk)
{
	return walk->fault || walk->result;
}

static void on_start(void *ctx, const char *name, const char **attributes)
{
	struct walk *walk = ctx;
	const char *colon = strchr(name, ':');
	size_t at = walk->path_len[walk->depth], len;

	name = colon ? colon + 1 : name;
	len = strlen(name);
	if (walk->depth == XML_DEPTH_MAX || at + len + 2 > sizeof(walk->path)) {
		stop(walk, "it is nested too deep");
		return;
	}
	if (at)
		walk->path[at++] = '/';
	memcpy(walk->path + at, name, len + 1);
	walk->path_len[++walk->depth] = at + len;
	walk->text.len = 0;
	walk->is_leaf = true;
}

static void on_text(void *ctx, const char *text, int len)
{
	struct walk *walk = ctx;

	if (is_stopped(walk))
		return;
	buf_put(&walk->text, text, len);
	if (walk->text.failed)
		stop(walk, "an element holds too much text");
}

static void on_end(void *ctx, const char *name)
{
	struct walk *walk = ctx;

	if (is_stopped(walk))
		return;
	buf_put_u8(&walk->text, 0);
	if (walk->text.failed) {
		stop(walk, "an element holds too much text");
		return;
	}
	walk->result = walk->fn(walk->path, walk->is_leaf ? (const char *)walk->text.data : "", walk->ctx);
	walk->text.len = 0;
	walk->is_leaf = false;
	walk->path[walk->path_len[--walk->depth]] = '\0';
	if (walk->result)
		XML_StopParser(walk->parser, XML_FALSE);
}

static void on_doctype(void *ctx, const char *name, const char *system, const char *public, int internal)
{
	stop(ctx, "it declares a document type");
}

int xml_each(const void *data, size_t len, int (*fn)(const char *path, const char *text, void *ctx),
	     void *ctx, struct err *err)
{
	struct walk walk = {.parser = XML_ParserCreate(NULL), .fn = fn, .ctx = ctx};
	enum XML_Status status;
	int r = 0;

	if (!walk.parser)
		return err_nomem(err);
	buf_init(&walk.text, XML_TEXT_MAX);
	XML_SetUserData(walk.parser, &walk);
	XML_SetElementHandler(walk.parser, on_start, on_end);
	XML_SetCharacterDataHandler(walk.parser, on_text);
	XML_SetStartDoctypeDeclHandler(walk.parser, on_doctype);
	status = XML_Parse(walk.parser, data, len, 1);
	if (walk.result)
		r = walk.result;
	else if (status != XML_STATUS_OK)
		r = err_set(err, -EBADMSG, "line %zu is not XML as expected: %s",
			    (size_t)XML_GetCurrentLineNumber(walk.parser),
			    walk.fault ? walk.fault : XML_ErrorString(XML_GetErrorCode(walk.parser)));
	buf_release(&walk.text);
	XML_ParserFree(walk.parser);
	return r;
}
