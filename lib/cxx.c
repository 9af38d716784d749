// SPDX-License-Identifier: BSD-3-Clause
#include "lib/cxx.h"

#include <ctype.h>
#include <errno.h>
#include <libiberty/demangle.h>
#include <stdlib.h>
#include <string.h>

#undef ARRAY_SIZE /* libiberty has one, too */
#include "lib/util.h"

#define STEPS_MAX (4 * CXX_TOKENS_MAX) /* of one rewriting */

/* --- tokens --- */

struct token {
	const char *at;
	size_t len;
};

struct tokens {
	struct token row[CXX_TOKENS_MAX];
	size_t cnt;
};

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$';
}

static bool is_word(const struct token *token)
{
	return is_word_char(token->at[0]);
}

static bool is(const struct tokens *t, size_t i, const char *text)
{
	return i < t->cnt && t->row[i].len == strlen(text) && !memcmp(t->row[i].at, text, t->row[i].len);
}

static bool is_among(const struct tokens *t, size_t i, const char *const *texts, size_t cnt)
{
	for (size_t k = 0; k < cnt; k++)
		if (is(t, i, texts[k]))
			return true;
	return false;
}

static size_t token_len(const char *at)
{
	size_t len = 0;

	while (is_word_char(at[len]))
		len++;
	if (len)
		return len;
	return !strncmp(at, "::", 2) ? 2 : 1;
}

/* False: too many. ABI tags are no part of what people write. */
static bool scan(struct tokens *t, const char *text)
{
	t->cnt = 0;
	while (*text) {
		if (isspace((unsigned char)*text)) {
			text++;
		} else if (!strncmp(text, "[abi:", 5)) {
			text += strcspn(text, "]");
			text += *text == ']';
		} else {
			if (t->cnt == CXX_TOKENS_MAX)
				return false;
			t->row[t->cnt] = (struct token){text, token_len(text)};
			text += t->row[t->cnt++].len;
		}
	}
	return true;
}

static void drop(struct tokens *t, size_t from, size_t cnt)
{
	memmove(&t->row[from], &t->row[from + cnt], (t->cnt - from - cnt) * sizeof(t->row[0]));
	t->cnt -= cnt;
}

static void replace(struct tokens *t, size_t i, const char *text)
{
	t->row[i] = (struct token){text, strlen(text)};
}

static bool insert(struct tokens *t, size_t at, const char *text)
{
	if (t->cnt == CXX_TOKENS_MAX)
		return false;
	memmove(&t->row[at + 1], &t->row[at], (t->cnt - at) * sizeof(t->row[0]));
	t->cnt++;
	replace(t, at, text);
	return true;
}

static int depth_change(const struct tokens *t, size_t i)
{
	return is(t, i, "<") || is(t, i, "(") || is(t, i, "[")	 ? 1
	       : is(t, i, ">") || is(t, i, ")") || is(t, i, "]") ? -1
								 : 0;
}

/* Behind the bracket that closes the one at @open; cnt when nothing does. */
static size_t behind(const struct tokens *t, size_t open)
{
	int depth = 0;

	for (size_t i = open; i < t->cnt; i++) {
		depth += depth_change(t, i);
		if (!depth)
			return i + 1;
	}
	return t->cnt;
}

/* --- one spelling --- */

static const struct {
	const char *typedef_name, *is;
} words[] = {
	{"size_t", "unsigned long"},
	{"ssize_t", "long"},
	{"ptrdiff_t", "long"},
	{"int8_t", "signed char"},
	{"int16_t", "short"},
	{"int32_t", "int"},
	{"int64_t", "long"},
	{"uint8_t", "unsigned char"},
	{"uint16_t", "unsigned short"},
	{"uint32_t", "unsigned int"},
	{"uint64_t", "unsigned long"},
	{"intptr_t", "long"},
	{"uintptr_t", "unsigned long"},
};

static void spell_word(struct tokens *t, size_t i)
{
	bool is_std = i >= 2 && is(t, i - 1, "::") && is(t, i - 2, "std") && (i < 3 || !is(t, i - 3, "::"));

	for (size_t k = 0; k < ARRAY_SIZE(words); k++) {
		if (!is(t, i, words[k].typedef_name) || (i && is(t, i - 1, "::") && !is_std) ||
		    is(t, i + 1, "::") || is(t, i + 1, "("))
			continue;
		replace(t, i, words[k].is);
		if (is_std)
			drop(t, i - 2, 2);
		return;
	}
}

static void spell_integers(struct tokens *t)
{
	static const char *const sizes[] = {"int", "long", "short", "char", "__int128"};
	static const char *const wide[] = {"long", "short"};

	for (size_t i = 0; i < t->cnt; i++) {
		if (is(t, i, "unsigned") && !is_among(t, i + 1, sizes, ARRAY_SIZE(sizes)))
			replace(t, i, "unsigned int");
		if (is_among(t, i, wide, ARRAY_SIZE(wide)) && is(t, i + 1, "int"))
			drop(t, i + 1, 1);
		if (is(t, i, "(") && is(t, i + 1, "void") && is(t, i + 2, ")"))
			drop(t, i + 1, 1);
	}
}

/* `const T &` becomes `T const &`, as demanglers say. */
static bool move_consts(struct tokens *t)
{
	static const char *const ends[] = {"*", "&", ")", ",", ">", "const", "volatile"};
	unsigned steps = 0;

	for (size_t i = 0; i < t->cnt && steps++ < STEPS_MAX; i++) {
		size_t end = i + 1;

		if (!is(t, i, "const") ||
		    (i && !is(t, i - 1, "(") && !is(t, i - 1, ",") && !is(t, i - 1, "<")))
			continue;
		while (end < t->cnt && !is_among(t, end, ends, ARRAY_SIZE(ends)))
			end = is(t, end, "<") || is(t, end, "(") ? behind(t, end) : end + 1;
		if (!insert(t, end, "const"))
			return false;
		drop(t, i, 1);
	}
	return true;
}

/* What the standard library's templates have by default. */
static void drop_defaults(struct tokens *t)
{
	static const char *const defaults[] = {"allocator",	 "char_traits", "less",
					       "default_delete", "hash",	"equal_to"};

	for (size_t i = t->cnt; i-- > 0;) {
		size_t end;

		if (!is(t, i, ",") || !is(t, i + 1, "std") || !is(t, i + 2, "::") ||
		    !is_among(t, i + 3, defaults, ARRAY_SIZE(defaults)) || !is(t, i + 4, "<"))
			continue;
		end = behind(t, i + 4);
		if (is(t, end, ">") || is(t, end, ","))
			drop(t, i, end - i);
	}
	for (size_t i = 0; i < t->cnt; i++) {
		bool is_view = is(t, i, "basic_string_view");

		if (!is_view && !is(t, i, "basic_string"))
			continue;
		if (!is(t, i + 1, "<") || !is(t, i + 2, "char") || !is(t, i + 3, ">"))
			continue;
		replace(t, i, is_view ? "string_view" : "string");
		drop(t, i + 1, 3);
	}
}

static char *join(const struct tokens *t)
{
	size_t len = 1;
	char *text, *at;

	for (size_t i = 0; i < t->cnt; i++)
		len += t->row[i].len + 1;
	at = text = malloc(len);
	for (size_t i = 0; text && i < t->cnt; i++) {
		if (i && is_word(&t->row[i]) && is_word(&t->row[i - 1]))
			*at++ = ' ';
		memcpy(at, t->row[i].at, t->row[i].len);
		at += t->row[i].len;
	}
	if (text)
		*at = '\0';
	return text;
}

/* *@out stays NULL when the name is too long. */
static int spell(char **out, const char *text)
{
	struct tokens *t = malloc(sizeof(*t));
	int r = t ? 0 : -ENOMEM;

	*out = NULL;
	if (!r && scan(t, text)) {
		for (size_t i = 0; i + 1 < t->cnt; i++)
			if (is(t, i, "__cxx11") && is(t, i + 1, "::"))
				drop(t, i, 2);
		for (size_t i = 0; i < t->cnt; i++)
			spell_word(t, i);
		spell_integers(t);
		if (move_consts(t)) {
			drop_defaults(t);
			*out = join(t);
			r = *out ? 0 : -ENOMEM;
		}
	}
	free(t);
	return r;
}

/* --- demangling --- */

bool cxx_is_mangled(const char *symbol)
{
	return !strncmp(symbol, "_Z", 2) && !strchr(symbol, '.');
}

char *cxx_text(const char *mangled)
{
	return cplus_demangle_v3(mangled, DMGL_PARAMS | DMGL_ANSI | DMGL_RET_DROP);
}

char *cxx_text_short(const char *mangled)
{
	return cplus_demangle_v3(mangled, DMGL_ANSI | DMGL_RET_DROP);
}

/* --- wanting --- */

/* Where the parameters begin in what spell() wrote; NULL: none are written. */
static const char *params_of(const char *text)
{
	int depth = 0;

	for (const char *at = text; *at; at++) {
		if (!depth && !strncmp(at, "operator", 8) && !is_word_char(at[8])) {
			/* `operator()`, `operator<`: what looks like a bracket is its name. */
			at += !strncmp(at + 8, "()", 2) ? 10 : 8 + strcspn(at + 8, "(");
			return *at == '(' ? at : NULL;
		}
		if (!depth && !strncmp(at, "(anonymous", 10)) {
			at += strcspn(at, ")");
			continue;
		}
		if (!depth && *at == '(')
			return at;
		depth += *at == '<' ? 1 : *at == '>' ? -1 : 0;
	}
	return NULL;
}

/* The last identifier before the parameters: compilers write it out, but for some of the standard library's.
 */
static char *word_of(const char *text)
{
	const char *params = params_of(text), *end = params ? params : text + strlen(text), *from;

	if (strstr(text, "operator") || strstr(text, "std::"))
		return NULL;
	if (end > text && end[-1] == '>')
		return NULL;
	for (from = end; from > text && is_word_char(from[-1]);)
		from--;
	return from < end ? strndup(from, end - from) : NULL;
}

int cxx_want_init(struct cxx_want *out, const char *name)
{
	struct cxx_want want = {};
	int r = 0;

	if (!name[0] || (!is_word_char(name[0]) && !strchr(":(~{", name[0])))
		return -EINVAL;
	while (!strncmp(name, "::", 2))
		name += 2;
	r = spell(&want.text, name);
	if (!r && (!want.text || !want.text[0]))
		r = -EINVAL;
	if (r) {
		free(want.text);
		return r;
	}
	want.has_params = params_of(want.text);
	want.word = word_of(want.text);
	*out = want;
	return 0;
}

void cxx_want_release(struct cxx_want *want)
{
	free(want->text);
	free(want->word);
	*want = (struct cxx_want){};
}

/* 2: @text is what is wanted; 1: it ends so, at the border of a scope; 0. */
static unsigned ends_as(const char *text, size_t len, const char *want)
{
	size_t want_len = strlen(want);

	if (len < want_len || memcmp(text + len - want_len, want, want_len))
		return 0;
	if (len == want_len)
		return 2;
	return len >= want_len + 2 && !memcmp(text + len - want_len - 2, "::", 2) ? 1 : 0;
}

/* Without what stands behind the parameters. */
static size_t without_qualifiers(const char *text)
{
	const char *close = strrchr(text, ')');

	return close ? (size_t)(close + 1 - text) : strlen(text);
}

static size_t without_template_args(const char *text)
{
	size_t len = strlen(text), at = len;
	int depth = 0;

	if (!len || text[len - 1] != '>' || strstr(text, "operator"))
		return len;
	while (at-- > 0) {
		depth += text[at] == '>' ? 1 : text[at] == '<' ? -1 : 0;
		if (!depth)
			return at;
	}
	return len;
}

unsigned cxx_fit(const struct cxx_want *want, const char *mangled)
{
	autofree char *raw = NULL, *text = NULL;
	unsigned whole, shorter;
	size_t len;

	if (!cxx_is_mangled(mangled) || (want->word && !strstr(mangled, want->word)))
		return 0;
	raw = want->has_params ? cxx_text(mangled) : cxx_text_short(mangled);
	if (!raw || spell(&text, raw) || !text)
		return 0;
	len = strlen(text);
	whole = ends_as(text, len, want->text);
	if (whole)
		return whole == 2 ? CXX_FIT_EXACT : 4;
	shorter = want->has_params ? without_qualifiers(text) : without_template_args(text);
	if (shorter == len)
		return 0;
	switch (ends_as(text, shorter, want->text)) {
	case 2:
		return 5;
	case 1:
		return 3;
	default:
		return 0;
	}
}
