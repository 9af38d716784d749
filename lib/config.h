/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration: one JSON file (with // and block comments) for recording and replay both.
 *
 * Everything is checked here except what needs the program's types. Errors name their place,
 * "orders.json:12:7: unknown key 'ailas' in inputs.db_get", hint the nearest right name, and are usage
 * errors. A key of the design that this version cannot honour is refused, never ignored.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/config_compare.h"
#include "lib/config_plugin.h"
#include "lib/json.h"
#include "lib/plan.h" /* enum plan_mark */
#include "lib/rule.h"
#include "lib/schema.h" /* enum role */

struct buf;
struct err;
struct expr;

enum missing { MISSING_FAIL, MISSING_RUN, MISSING_RETURN };

struct named_path {
	char *name; /* of the metadata */
	char *path;
	struct place place;
};

/* Of recordings of so many bytes and more, as they are stored. */
struct size_rate {
	uint64_t bytes;
	double rate; /* 0..1 */
};
#define SIZE_RATES_MAX 16

/* What decides which calls of an operation are recorded; may change while recording. */
struct sampling {
	bool is_off;
	double rate;	       /* 0..1, default 1 */
	bool is_at_end;	       /* rate decides when the operation has ended: a mark may go past it */
	double max_per_second; /* 0: no limit */
	char *by;	       /* a path: all calls with its value are taken, or none; NULL */
	struct expr *only_if;  /* decided at entry; NULL */
	struct expr *keep_if;  /* decided when the operation has ended; NULL */
	struct size_rate sizes[SIZE_RATES_MAX]; /* decided before it is stored; see config_sizes.h */
	size_t sizes_cnt;
};

struct type_rules {
	char *type;	    /* "struct order" */
	struct rule *rules; /* paths relative to the type: root is a member */
	size_t cnt;
	struct place place;
};

#define CONFIG_CALLBACKS_MAX 64 /* functions that are found by the types of what inputs call back */

struct config_func {
	enum role role;
	enum plan_mark mark; /* it is one of the program's own marks; configured by program_open alone */
	char *name;	     /* as configured: "price_of", "libc.so.6:time", "orders.c:price_of" */
	char *module;	     /* left of the single colon, or NULL */
	char *symbol;	     /* right of it */
	char *alias;	     /* defaults to name; of inputs and outputs each has its own */
	char *category;	     /* operations; defaults to symbol */
	struct place place;
	bool is_served;	 /* not written, but stood for by "serve" */
	bool is_found;	 /* not written, but of the type of an input's "callback" */
	char *prototype; /* a C declaration, where no debug information describes it; NULL */
	struct place prototype_place;

	struct rule *rules;
	struct place *rule_places;
	size_t rules_cnt;

	char **key; /* inputs: paths; NULL: the default key; none at all: every call is like every other */
	struct place *key_places;
	size_t key_cnt;
	char **fallbacks;
	size_t fallbacks_cnt;
	enum missing missing;
	int64_t missing_return;

	struct named_path *metadata;
	size_t metadata_cnt;
	struct sampling sampling; /* operations */
	char *fixed; /* JSON: the rest of what was written, which cannot change while recording */
	struct expr *error_if;
	struct place error_if_place, keep_if_place, only_if_place;
	char *carrier; /* a path: its value names the operation, in any thread, to the operation's end; NULL
			*/
	bool nothrow;  /* no exception and nothing else that unwinds passes through it */
	char *joins;   /* inputs, outputs: a path: the call belongs to the operation that carries its value */

	struct compare_rules compare;
	struct config_plugin plugin; /* operations, inputs; may say nothing */
};

struct config {
	char *path; /* of the file, for messages */
	char *service, *binary, *cassette;
	char *redact_key_file; /* NULL: the default */
	uint8_t *redact_key;   /* of "hmac"; NULL: there is none here */
	size_t redact_key_len;
	double budget;	/* what probes may cost, as a share of a core; 0: not said */
	unsigned serve; /* mask of enum serve_group */
	struct place serve_place;
	/* Operations first, then inputs, outputs and callbacks, each as in the file; behind them what "serve"
	 * stands for in the programs that were opened, as inputs, their marks, and what their inputs may call
	 * back. They never move. */
	struct config_func *funcs;
	size_t funcs_cnt, callbacks_cnt; /* all; those that were found */
	char **environment;		 /* globs of the variables that are recorded of a process */
	size_t environment_cnt;
	struct type_rules *types;
	size_t types_cnt;
	char *types_fixed; /* as that of functions; NULL: there are none */
};

/* "2%" as 0.02. -EINVAL, a usage error. */
int config_share(double *out, const char *text, struct err *err);
/* Move @func, of another configuration, behind those of @config, whose addresses stay: there is room for
 * PLAN_MARK_CNT. */
int config_take(struct config *config, struct config_func *func, struct err *err);
int config_load(struct config **out, const char *path, struct err *err);
/* The file's text as it is, into a buffer of JSON_TEXT_MAX. */
int config_read(struct buf *out, const char *path, struct err *err);
/* The same from memory; @name stands for the file in messages. */
int config_parse(struct config **out, const char *name, const char *text, size_t len, struct err *err);
/* The function of @config that is called as @func is, in the same role; NULL. */
struct config_func *config_find(const struct config *config, const struct config_func *func);
void config_free(struct config *config);
void config_freep(struct config **config);
#define auto_config __attribute__((cleanup(config_freep)))
/* Prefix @err with "FILE:LINE:COLUMN: " and make it a usage error; returns @code. */
int config_error_at(const struct config *config, struct place place, int code, struct err *err);
