// SPDX-License-Identifier: BSD-3-Clause
#include "replay/notes.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"

void notes_init(struct notes *notes)
{
	*notes = (struct notes){};
	pthread_mutex_init(&notes->lock, NULL);
}

static bool is_there(const struct notes *notes, const char *text)
{
	for (size_t i = 0; i < notes->cnt; i++)
		if (!strcmp(notes->text[i], text))
			return true;
	return false;
}

static void append(struct notes *notes, char **text)
{
	char **more;

	if (notes->cnt == NOTES_MAX || is_there(notes, *text))
		return;
	more = realloc(notes->text, (notes->cnt + 1) * sizeof(*more));
	if (!more)
		return;
	notes->text = more;
	notes->text[notes->cnt++] = TAKE_PTR(*text);
}

void notes_add(struct notes *notes, const char *fmt, ...)
{
	autofree char *text = NULL;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0) {
		text = NULL;
		return;
	}
	pthread_mutex_lock(&notes->lock);
	append(notes, &text);
	pthread_mutex_unlock(&notes->lock);
}

void notes_release(struct notes *notes)
{
	for (size_t i = 0; i < notes->cnt; i++)
		free(notes->text[i]);
	free(notes->text);
	pthread_mutex_destroy(&notes->lock);
	*notes = (struct notes){};
}
