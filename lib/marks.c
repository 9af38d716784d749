// SPDX-License-Identifier: BSD-3-Clause
/*
 * A mark's note is that of any USDT probe: three numbers (the lengths of owner and description, and type 3),
 * the owner "stapsdt", then the addresses of the site, of a section that prelink would have moved and of a
 * semaphore, then provider, name and arguments as text. Ours have no semaphore, and prelink is gone.
 */
#include "lib/marks.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/object.h"
#include "lib/util.h"

#define SECTION	      ".note.stapsdt"
#define OWNER	      "stapsdt"
#define TYPE	      3
#define ADDRESSES_LEN 24

static const char *const names[PLAN_MARK_CNT] = {
	[PLAN_MARK_NONE] = "",		 [PLAN_MARK_DATA] = "data",
	[PLAN_MARK_OUTPUT] = "output",	 [PLAN_MARK_METADATA] = "metadata",
	[PLAN_MARK_DISCARD] = "discard", [PLAN_MARK_KEEP] = "keep",
	[PLAN_MARK_ASK] = "ask",
};

/* As they are called at their sites. */
static const struct {
	const char *name;
	enum plan_mark mark;
	unsigned use;
} kinds[] = {
	{"data", PLAN_MARK_DATA, MARK_RECORD | MARK_REPLAY},
	{"play", PLAN_MARK_DATA, MARK_REPLAY},
	{"record", PLAN_MARK_DATA, MARK_RECORD},
	{"output", PLAN_MARK_OUTPUT, MARK_RECORD | MARK_REPLAY},
	{"metadata", PLAN_MARK_METADATA, MARK_RECORD},
	{"discard", PLAN_MARK_DISCARD, MARK_RECORD},
	{"keep", PLAN_MARK_KEEP, MARK_RECORD},
	{"ask", PLAN_MARK_ASK, MARK_RECORD | MARK_REPLAY},
};

const char *mark_name(enum plan_mark mark)
{
	return names[mark];
}

enum plan_mark mark_named(const char *name)
{
	for (int i = PLAN_MARK_NONE + 1; i < PLAN_MARK_CNT; i++)
		if (!strcmp(names[i], name))
			return i;
	return PLAN_MARK_NONE;
}

enum plan_mark mark_of_alias(const char *alias)
{
	size_t len = strlen(MARK_PROVIDER);

	return strncmp(alias, MARK_PROVIDER, len) || alias[len] != '.' ? PLAN_MARK_NONE
								       : mark_named(alias + len + 1);
}

/* The text at *@at, which ends before @end, and step behind it; NULL: it does not. */
static const char *take_text(const uint8_t **at, const uint8_t *end)
{
	const char *text = (const char *)*at;
	const uint8_t *nul = memchr(*at, 0, end - *at);

	if (!nul)
		return NULL;
	*at = nul + 1;
	return text;
}

/* False: it is none of ours. */
static bool read_description(struct mark_site *out, const uint8_t *at, size_t len)
{
	const uint8_t *end = at + len;
	const char *provider, *name;

	if (len < ADDRESSES_LEN)
		return false;
	memcpy(&out->addr, at, sizeof(out->addr));
	at += ADDRESSES_LEN;
	provider = take_text(&at, end);
	name = provider ? take_text(&at, end) : NULL;
	if (!name || strcmp(provider, MARK_PROVIDER))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(name, kinds[i].name))
			continue;
		out->mark = kinds[i].mark;
		out->use = kinds[i].use;
		return true;
	}
	return false;
}

static int add(struct mark_site **sites, size_t *cnt, const struct mark_site *site, struct err *err)
{
	struct mark_site *grown = reallocarray(*sites, *cnt + 1, sizeof(*grown));

	if (!grown)
		return err_nomem(err);
	*sites = grown;
	if (*cnt == MARK_SITES_MAX)
		return err_set(err, -E2BIG, "more than %d marks in one file", MARK_SITES_MAX);
	grown[(*cnt)++] = *site;
	return 0;
}

static bool is_nop(const struct object *object, uint64_t addr)
{
	static const uint8_t nop[MARK_SITE_BYTES] = {0x0f, 0x1f, 0x44, 0x00, 0x00};
	size_t len = sizeof(nop);
	const uint8_t *code = object_bytes(object, addr, &len);

	return code && len == sizeof(nop) && !memcmp(code, nop, len);
}

static bool is_in_code(const struct object *object, uint64_t addr)
{
	uint64_t from, to;

	return object_text(object, &from, &to) && addr >= from && addr < to;
}

/* Returns the bytes of the note at @at; 0: there is no whole one. */
static size_t read_note(struct mark_site *out, bool *is_ours, const uint8_t *at, size_t len)
{
	Elf64_Nhdr head;
	size_t owner, whole;

	*is_ours = false;
	if (len < sizeof(head))
		return 0;
	memcpy(&head, at, sizeof(head));
	owner = ALIGN_UP((size_t)head.n_namesz, (size_t)4);
	whole = sizeof(head) + owner + ALIGN_UP((size_t)head.n_descsz, (size_t)4);
	if (whole > len)
		return 0;
	*is_ours = head.n_type == TYPE && head.n_namesz == sizeof(OWNER) &&
		   !memcmp(at + sizeof(head), OWNER, sizeof(OWNER)) &&
		   read_description(out, at + sizeof(head) + owner, head.n_descsz);
	return whole;
}

int marks_find(struct mark_site **out, size_t *cnt, const struct object *object, struct err *err)
{
	autofree struct mark_site *sites = NULL;
	size_t found = 0, len = 0, note;
	const uint8_t *at = object_section_bytes(object, SECTION, &len);
	int r = 0;

	for (; at && len && r == 0; at += note, len -= note) {
		struct mark_site site = {};
		bool is_ours;

		note = read_note(&site, &is_ours, at, len);
		if (!note)
			break;
		if (!is_ours || !is_in_code(object, site.addr))
			continue;
		site.is_stale = !is_nop(object, site.addr);
		r = add(&sites, &found, &site, err);
	}
	if (r)
		return r;
	*out = TAKE_PTR(sites);
	*cnt = found;
	return 0;
}
