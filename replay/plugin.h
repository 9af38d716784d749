/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A plug-in: a process of its own that is asked in lines of JSON and answers in lines of JSON. A shared
 * object runs in tapedeck-plugin, which speaks for it. Belongs to one thread.
 */
#pragma once

#include <stdbool.h>

struct cJSON;
struct comparison;
struct config_plugin;
struct err;
struct plugin;

#define PLUGIN_TIMEOUT_MS 10000	       /* for an answer; the first may take as long in any case */
#define PLUGIN_LINE_MAX	  (256u << 20) /* bytes of a question, or of an answer */
#define PLUGIN_VERSION	  1

enum plugin_ask {
	PLUGIN_RESULT,
	PLUGIN_COMPARE,
	PLUGIN_DATA,
	PLUGIN_METADATA,
	PLUGIN_RESTORE,
	PLUGIN_ASK_CNT
};

struct plugin_opts {
	const struct config_plugin *config;
	const char *folder;   /* that it runs in, and that relative names start from */
	const char *engine;   /* tapedeck-plugin is beside it */
	const char *category; /* that it is for */
	unsigned recycle;     /* comparisons that a process is for; 0: any number */
};

/* @opts' pointers are borrowed. Starts nothing. */
int plugin_new(struct plugin **out, const struct plugin_opts *opts, struct err *err);
void plugin_free(struct plugin *plugin);
/* For another comparison: start it, if it does not run, and have it say what it does. */
int plugin_start(struct plugin *plugin, struct err *err);
/* What it said; false before it was started. */
bool plugin_does(const struct plugin *plugin, enum plugin_ask ask);
/*
 * Ask; @question's "ask" is added. A plug-in that crashes, hangs or answers nonsense is -errno with the
 * reason in words, and is started anew by the next question. *@answer is the caller's.
 */
int plugin_ask(struct plugin *plugin, enum plugin_ask ask, struct cJSON *question, struct cJSON **answer,
	       struct err *err);

/* What of an input's @call, as it is shown, is other than it was recorded: {"out", "return"}, or what it
 * lacks is the same. *@changes is the caller's. */
int plugin_restore(struct plugin *plugin, const char *id, const struct cJSON *call, struct cJSON **changes,
		   struct err *err);

/*
 * Let @plugin have its say about @out. @replayed is NULL when the replay did not come to its end: then the
 * verdict stands. With @keep what was compared is kept in @out. @plugin may be NULL. A failure of the plug-in
 * is the verdict equalizer_failure; -errno: no memory.
 */
int plugin_judge(struct plugin *plugin, struct comparison *out, const struct cJSON *recorded,
		 const struct cJSON *replayed, bool keep, struct err *err);
