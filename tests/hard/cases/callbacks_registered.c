// SPDX-License-Identifier: BSD-3-Clause
// Callbacks and their context that are registered with a library before it is asked to work: found by their types,
// called where they are, with the context that the program gave.
#include <string.h>

#include "case.h"

struct sink;
typedef void (*on_start_t)(void *user, const char *name);
typedef long (*on_text_t)(void *user, const char *text, int len);

struct parser {
	on_start_t on_start;
	on_text_t on_text;
	void *user;
};

static struct parser the_parser;

FUNC struct parser *parser_new(void)
{
	USE(&the_parser);
	return &the_parser;
}

FUNC void parser_handlers(struct parser *parser, on_start_t on_start, on_text_t on_text)
{
	parser->on_start = on_start;
	parser->on_text = on_text;
}

FUNC void parser_user(struct parser *parser, void *user)
{
	parser->user = user;
}

FUNC long parser_feed(struct parser *parser, const char *text)
{
	long sum = 0;

	for (const char *at = text; *at; at++)
		if (*at == '<')
			parser->on_start(parser->user, at + 1);
		else
			sum += parser->on_text(parser->user, at, 1);
	return sum;
}

struct sink {
	int starts, letters;
	char last;
};

FUNC void start(void *user, const char *name)
{
	struct sink *sink = user;

	sink->starts++;
	sink->last = *name;
}

FUNC long letters(void *user, const char *text, int len)
{
	struct sink *sink = user;

	sink->letters += len;
	return *text == sink->last;
}

FUNC long handle(const char *text)
{
	struct sink sink = {};
	struct parser *parser = parser_new();
	long same;

	parser_handlers(parser, start, letters);
	parser_user(parser, &sink);
	same = parser_feed(parser, text);
	return sink.starts * 10000 + sink.letters * 100 + same;
}

int main(void)
{
	return handle("<ab<cdc") == 2 * 10000 + 5 * 100 + 3 ? 0 : 1;
}
