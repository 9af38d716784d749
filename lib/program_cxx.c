// SPDX-License-Identifier: BSD-3-Clause
/* Functions by the names that people write in C++: which mangled one of a file is meant. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/cxx.h"
#include "lib/err.h"
#include "lib/nearest.h"
#include "lib/object.h"
#include "lib/program_impl.h"
#include "lib/util.h"

#define LIST_MAX 16 /* functions of one name that a message may list */

struct match {
	const char *mangled; /* borrowed from the file or its debug information */
	uint64_t addr;	     /* 0: not known */
};

struct search {
	struct cxx_want want;
	unsigned fit; /* of the matches; better ones replace them */
	struct match row[LIST_MAX];
	size_t cnt; /* may be more than there is room for */
};

static void offer(struct search *s, const char *mangled, uint64_t addr)
{
	unsigned fit = cxx_fit(&s->want, mangled);

	if (!fit || fit < s->fit)
		return;
	if (fit > s->fit)
		s->cnt = 0;
	s->fit = fit;
	for (size_t i = 0; i < MIN(s->cnt, (size_t)LIST_MAX); i++)
		if (!strcmp(s->row[i].mangled, mangled) || (addr && s->row[i].addr == addr))
			return;
	if (s->cnt < LIST_MAX)
		s->row[s->cnt] = (struct match){mangled, addr};
	s->cnt++;
}

/* Of one source file: what the debug information says lies there. */
static bool is_from(struct debuginfo *info, const char *mangled, const char *file)
{
	struct debug_func debug;

	return !file || (info && !debuginfo_find(info, mangled, file, &debug, NULL) && !debug.is_declaration);
}

static void search_symbols(struct search *s, struct finder *f, size_t module, const char *file)
{
	const struct object *object = f->program->objects[module];

	for (size_t i = 0; i < object_symbols_cnt(object); i++) {
		const struct symbol *symbol = object_symbol(object, i);

		if (symbol->is_func && symbol->addr && cxx_fit(&s->want, symbol->name) >= MAX(s->fit, 1u) &&
		    is_from(file ? program_debug(f, module) : NULL, symbol->name, file))
			offer(s, symbol->name, symbol->addr);
	}
}

/* What has no symbol: inlined everywhere, perhaps. A plain name was looked for there before. */
static void search_described(struct search *s, struct finder *f, size_t module, const char *file)
{
	struct debuginfo *info = program_debug(f, module);
	const char *last = "";

	for (size_t i = 0; info && i < debuginfo_names_cnt(info); i++) {
		const char *name = debuginfo_name(info, i);
		struct debug_func debug;

		if (strcmp(name, last) && cxx_fit(&s->want, name) >= MAX(s->fit, 1u) &&
		    is_from(info, name, file) && !debuginfo_find(info, name, NULL, &debug, NULL) &&
		    !debug.is_declaration)
			offer(s, name, debug.addr);
		last = name;
	}
}

/* As readable as tells them apart. */
static void list(const struct search *s, char *text, size_t size)
{
	size_t at = 0, cnt = MIN(s->cnt, (size_t)LIST_MAX);

	text[0] = '\0';
	for (size_t i = 0; i < cnt; i++) {
		autofree char *readable = cxx_text(s->row[i].mangled);
		const char *name = readable ? readable : s->row[i].mangled;
		size_t len;

		for (size_t k = 0; k < cnt; k++) {
			autofree char *other = k == i ? NULL : cxx_text(s->row[k].mangled);

			/* Constructors of whole objects and of parts of others are called the same. */
			if (other && readable && !strcmp(other, readable))
				name = s->row[i].mangled;
		}
		len = strlen(name) + 4;
		if (at + len + 5 > size) {
			snprintf(text + at, size - at, "%s...", at ? ", " : "");
			return;
		}
		at += snprintf(text + at, size - at, "%s'%s'", at ? ", " : "", name);
	}
}

static int ambiguous(const struct search *s, const struct finder *f, const struct config_func *func,
		     size_t module, struct err *err)
{
	char text[ERR_HINT_MAX - 32];

	list(s, text, sizeof(text));
	err_usage(err, -ENOTUNIQ, "%zu functions of '%s' are named '%s'", s->cnt,
		  f->program->files[module].name, func->symbol);
	err_hint(err, "write one of %s", text);
	return config_error_at(f->config, func->place, -ENOTUNIQ, err);
}

int program_find_cxx(const char **mangled, struct finder *f, const struct config_func *func, size_t module,
		     const char *file, struct err *err)
{
	struct search s = {};
	int r = cxx_want_init(&s.want, func->symbol);

	*mangled = NULL;
	if (r)
		return r == -ENOMEM ? err_nomem(err) : 0;
	search_symbols(&s, f, module, file);
	if (!s.cnt && strpbrk(func->symbol, ":("))
		search_described(&s, f, module, file);
	cxx_want_release(&s.want);
	if (s.cnt > 1)
		return ambiguous(&s, f, func, module, err);
	if (s.cnt)
		*mangled = s.row[0].mangled;
	return 0;
}

const char *program_cxx_clone(struct finder *f, const struct config_func *func, size_t module)
{
	const struct object *object = f->program->objects[module];
	auto_cxx_want struct cxx_want want = {};
	const char *clone = NULL;

	if (cxx_want_init(&want, func->symbol))
		return NULL;
	for (size_t i = 0; i < object_symbols_cnt(object) && !clone; i++) {
		const struct symbol *symbol = object_symbol(object, i);
		size_t len = strcspn(symbol->name, ".");
		autofree char *whole = NULL;

		if (!symbol->is_func || !symbol->name[len] || strncmp(symbol->name, "_Z", 2))
			continue;
		if (!strstr(symbol->name, ".isra.") && !strstr(symbol->name, ".constprop."))
			continue;
		whole = strndup(symbol->name, len);
		if (whole && cxx_fit(&want, whole))
			clone = symbol->name;
	}
	return clone;
}

/* --- suggestions --- */

struct suggestion {
	struct nearest *nearest;
	bool with_params;
	size_t scopes; /* that were written: as many are compared */
	char *best;
};

static size_t count_scopes(const char *name)
{
	size_t cnt = 0, end = strcspn(name, "(<");

	for (const char *at = name; (at = strstr(at, "::")) && at < name + end; at += 2)
		cnt++;
	return cnt;
}

static void suggest(struct suggestion *s, const char *mangled)
{
	const char *tail;
	char *text;

	if (!cxx_is_mangled(mangled))
		return;
	text = s->with_params ? cxx_text(mangled) : cxx_text_short(mangled);
	if (!text)
		return;
	tail = text;
	for (size_t cnt = count_scopes(text); cnt > s->scopes; cnt--)
		tail = strstr(tail, "::") + 2;
	nearest_try(s->nearest, tail);
	if (s->nearest->best == tail) {
		free(s->best);
		s->best = text;
	} else {
		free(text);
	}
}

char *program_suggest_cxx(struct finder *f, const char *want, size_t module, struct nearest *nearest)
{
	struct suggestion s = {
		.nearest = nearest, .with_params = strchr(want, '('), .scopes = count_scopes(want)};
	const struct object *object = f->program->objects[module];
	struct debuginfo *info = program_debug(f, module);

	for (size_t i = 0; i < object_symbols_cnt(object); i++)
		if (object_symbol(object, i)->is_func)
			suggest(&s, object_symbol(object, i)->name);
	for (size_t i = 0; info && i < debuginfo_names_cnt(info); i++)
		suggest(&s, debuginfo_name(info, i));
	return s.best;
}
