/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of prototype share; nobody else includes it. */
#pragma once

#include "lib/prototype.h"

#include <stddef.h>

struct btf;

#define WORD_MAX 128 /* bytes of a name */

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_NUMBER, TOKEN_ELLIPSIS, TOKEN_MARK };

struct token {
	enum token_kind kind;
	const char *text;
	size_t len;
};

struct parser {
	struct schema *schema;
	struct btf *btf;
	const struct prototype_types *types;
	const char *text;
	struct token token;			/* the next one */
	char self[WORD_MAX];			/* "struct NAME" that is being defined, or "" */
	uint32_t to_self[PROTOTYPE_PARAMS_MAX]; /* pointers to it, which do not know its id yet */
	size_t to_self_cnt;
	uint32_t plain[PROTOTYPE_PARAMS_MAX]; /* structs and unions that are passed as their members say */
	size_t plain_cnt;
	bool is_array; /* the type at hand is the element of an array: no size, so it must become a pointer */
	struct token array_at;
	struct err *err;
};

/* --- reading --- */
void parser_next(struct parser *p);
bool token_is(const struct token *token, const char *text);
/* Pass the token @text; false: the next is another. */
bool parser_pass(struct parser *p, const char *text);
/* Fail at @token: "at column 3: ..." Returns -EINVAL. */
int parser_fail(struct parser *p, const struct token *token, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int parser_expect(struct parser *p, const char *text);

/* --- types --- */
#define TYPE_SELF UINT32_MAX /* what is being defined: only pointers to it are possible */

/* The type that a declaration begins with, qualifiers included. */
int parser_specifiers(struct parser *p, uint32_t *type);
/* Add qualifiers as they stand; of the type @type. */
int parser_qualifiers(struct parser *p, uint32_t *type);
/* An id, or the failure of libbpf in words. */
int parser_added(struct parser *p, int id, uint32_t *type);
