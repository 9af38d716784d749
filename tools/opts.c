// SPDX-License-Identifier: BSD-3-Clause
#include "tools/opts.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/nearest.h"

struct unit {
	const char *suffix;
	uint64_t factor;
};

static const struct unit durations[] = {
	{"ns", 1},
	{"us", 1000},
	{"ms", 1000000},
	{"s", 1000000000},
	{"", 1000000000},
	{"m", 60 * 1000000000ull},
	{"h", 3600 * 1000000000ull},
	{"d", 86400 * 1000000000ull},
	{NULL, 0},
};

static const struct unit sizes[] = {
	{"", 1},	  {"K", 1 << 10},   {"M", 1 << 20}, {"G", 1 << 30},
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {NULL, 0},
};

static const struct unit plain[] = {{"", 1}, {NULL, 0}};

/* In the largest unit that says it. */
static void put_amount(char *out, size_t len, uint64_t amount, const struct unit *units)
{
	const struct unit *best = NULL;

	for (; units->suffix; units++)
		if (amount % units->factor == 0 && (!best || units->factor > best->factor))
			best = units;
	snprintf(out, len, "%llu%s", (unsigned long long)(best ? amount / best->factor : amount),
		 best ? best->suffix : "");
}

static int out_of_range(const struct opt *opt, const struct unit *units, const char *text, struct err *err)
{
	char min[32], max[32];

	put_amount(min, sizeof(min), opt->min, units);
	put_amount(max, sizeof(max), opt->max, units);
	if (!opt->max)
		return err_usage(err, -ERANGE, "--%s takes at least %s, not '%s'", opt->name, min, text);
	return err_usage(err, -ERANGE, "--%s takes %s to %s, not '%s'", opt->name, min, max, text);
}

static int parse_number(uint64_t *out, const struct opt *opt, const struct unit *units, const char *what,
			const char *text, struct err *err)
{
	const struct unit *all = units;
	char *end;
	unsigned long long number;

	errno = 0;
	number = strtoull(text, &end, 10);
	while (units->suffix && (end == text || strcmp(end, units->suffix)))
		units++;
	if (errno || !units->suffix || *text == '-' || (number && units->factor > UINT64_MAX / number))
		return err_usage(err, -EINVAL, "--%s takes %s, not '%s'", opt->name, what, text);
	number *= units->factor;
	if (number < opt->min || (opt->max && number > opt->max))
		return out_of_range(opt, all, text, err);
	*out = number;
	return 0;
}

static int add_to_list(struct opt_list *list, const struct opt *opt, const char *text, struct err *err)
{
	if (list->cnt == OPT_LIST_MAX)
		return err_usage(err, -E2BIG, "--%s can be given %d times", opt->name, OPT_LIST_MAX);
	list->item[list->cnt++] = text;
	return 0;
}

static int set(const struct opt *opt, void *opts, const char *text, struct err *err)
{
	void *field = (char *)opts + opt->offset;

	switch (opt->kind) {
	case OPT_FLAG:
		*(bool *)field = true;
		return 0;
	case OPT_STR:
		*(const char **)field = text;
		return 0;
	case OPT_UINT:
		return parse_number(field, opt, plain, "a number", text, err);
	case OPT_DURATION:
		return parse_number(field, opt, durations, "a duration such as 250ms, 10s or 5m", text, err);
	case OPT_BYTES:
		return parse_number(field, opt, sizes, "a size such as 64K or 16M", text, err);
	case OPT_LIST:
		return add_to_list(field, opt, text, err);
	default:
		return err_usage(err, -EINVAL, "--%s is not an option", opt->name);
	}
}

/* An option's value for getopt is its index beyond every letter. */
#define LONG_BASE 256

static void getopt_tables(const struct command *command, struct option longs[OPT_TABLE_MAX + 1],
			  char letters[2 * OPT_TABLE_MAX + 2])
{
	size_t at = 0, i;

	letters[at++] = ':';
	for (i = 0; command->opts[i].kind != OPT_END && i < OPT_TABLE_MAX; i++) {
		const struct opt *opt = &command->opts[i];

		longs[i] = (struct option){opt->name, opt->kind != OPT_FLAG, NULL, LONG_BASE + i};
		if (!opt->letter)
			continue;
		letters[at++] = opt->letter;
		if (opt->kind != OPT_FLAG)
			letters[at++] = ':';
	}
	longs[i] = (struct option){};
	letters[at] = '\0';
}

static int unknown(const struct command *command, const char *word, struct err *err)
{
	const char *name = word + strspn(word, "-");
	struct nearest nearest;
	char want[64];

	snprintf(want, sizeof(want), "%.*s", (int)strcspn(name, "="), name);
	nearest_init(&nearest, want);
	for (const struct opt *opt = command->opts; opt->kind != OPT_END; opt++)
		nearest_try(&nearest, opt->name);
	if (command->json)
		nearest_try(&nearest, "json-schema");
	err_usage(err, -EINVAL, "'%s' has no option '%s'", command->name, word);
	if (nearest.best)
		err_hint(err, "did you mean '--%s'? 'tapedeck %s --help' lists them", nearest.best,
			 command->name);
	else
		err_hint(err, "'tapedeck %s --help' lists them", command->name);
	return -EINVAL;
}

static const struct opt *find(const struct command *command, int c)
{
	const struct opt *opt = command->opts;

	if (c >= LONG_BASE)
		return &opt[c - LONG_BASE];
	while (opt->kind != OPT_END && opt->letter != c)
		opt++;
	return opt;
}

static int split_rest(const struct command *command, struct words *words, int *argc, char **argv,
		      struct err *err)
{
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--"))
			continue;
		if (!command->rest)
			return err_usage(err, -EINVAL, "'%s' takes nothing behind '--'", command->name);
		words->rest = &argv[i + 1];
		*argc = i;
	}
	return 0;
}

static int check_count(const struct command *command, const struct words *words, struct err *err)
{
	if (words->cnt >= command->words_min && words->cnt <= command->words_max)
		return 0;
	if (words->cnt < command->words_min)
		err_usage(err, -EINVAL, "'%s' needs %s", command->name, command->words);
	else
		err_usage(err, -EINVAL, "'%s' does not take '%s'", command->name,
			  words->arg[command->words_max]);
	err_hint(err, "'tapedeck %s --help' shows how it is called", command->name);
	return -EINVAL;
}

int opts_parse(const struct command *command, void *opts, struct words *words, int argc, char **argv,
	       struct err *err)
{
	struct option longs[OPT_TABLE_MAX + 1];
	char letters[2 * OPT_TABLE_MAX + 2];
	int c, r;

	getopt_tables(command, longs, letters);
	r = split_rest(command, words, &argc, argv, err);
	opterr = 0;
	optind = 0;
	while (r == 0 && (c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (c == '?')
			return unknown(command, argv[optind - 1], err);
		if (c == ':')
			return err_usage(err, -EINVAL, "'%s' needs a value", argv[optind - 1]);
		r = set(find(command, c), opts, optarg, err);
	}
	if (r < 0)
		return r;
	words->arg = &argv[optind];
	words->cnt = argc - optind;
	return check_count(command, words, err);
}

void opts_help(const struct command *command)
{
	printf("usage: tapedeck %s [options]%s%s%s%s%s\n\n%s\n\n", command->name, *command->words ? " " : "",
	       command->words, command->rest ? " [-- " : "", command->rest ? command->rest : "",
	       command->rest ? "]" : "", command->summary);
	for (const struct opt *opt = command->opts; opt->kind != OPT_END; opt++) {
		char name[64], letter[4] = "   ";

		if (opt->letter)
			snprintf(letter, sizeof(letter), "-%c,", opt->letter);
		snprintf(name, sizeof(name), "--%s%s%s", opt->name, opt->value ? " " : "",
			 opt->value ? opt->value : "");
		printf("  %s %-26s %s\n", letter, name, opt->help);
	}
	if (command->json)
		printf("      %-26s %s\n", "--json-schema", "what --json prints, as a JSON Schema");
}
