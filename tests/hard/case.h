/* SPDX-License-Identifier: BSD-3-Clause */
/* One hard case in one build: compile, record, compare with what is expected, replay. See README.md. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define CASE_WORDS_MAX 8
#define CASE_TEXT_MAX  512

enum cc { CC_GCC, CC_CLANG, CC_CNT };

struct variant {
	enum cc cc;
	bool is_optimised, is_pie, is_stripped;
};
#define VARIANTS_CNT 16

void variant_of(struct variant *out, unsigned idx);
/* "gcc-O2-pie-stripped". */
void variant_name(const struct variant *variant, char text[64]);

/* What the comment on top of the case's source says. */
struct hard_case {
	const char *dir, *name;			/* DIR/NAME.c or .cpp */
	bool is_cxx, is_unordered, needs_whole; /* to be replayed */
	char flags[CASE_TEXT_MAX], args[CASE_TEXT_MAX], record[CASE_TEXT_MAX];
	char builds[CASE_TEXT_MAX]; /* globs of variants; "": all */
	char library[CASE_TEXT_MAX];
	/* Words with which --engine preload refuses; "records": it records what eBPF refuses; "less": less
	 * than eBPF, as NAME.want.inside.json has it; "": as eBPF. */
	char inside[CASE_TEXT_MAX];
	char refused[CASE_WORDS_MAX][CASE_TEXT_MAX];
	size_t refused_cnt;
	char check[CASE_WORDS_MAX][CASE_TEXT_MAX];
	size_t check_cnt;
	char says[CASE_WORDS_MAX][CASE_TEXT_MAX]; /* words that record says, though it records */
	size_t says_cnt;
	char verdict[64], replay[CASE_TEXT_MAX]; /* verdict of every recording; words that the replay says */
};

/* False, with words on stderr, when the source cannot be read or says what is not known. */
bool case_read(struct hard_case *out, const char *dir, const char *name);
bool case_wants(const struct hard_case *c, const struct variant *variant);

struct case_opts {
	const char *build; /* where tapedeck is */
	bool is_updating;  /* write NAME.want.json instead of comparing with it */
	bool keeps;	   /* its folder */
	bool is_inside;	   /* recorded by --engine preload: the same must come out */
};

/* Play it; what is wrong is said on stdout. */
bool case_run(const struct hard_case *c, const struct variant *variant, const struct case_opts *opts);
