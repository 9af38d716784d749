// SPDX-License-Identifier: BSD-3-Clause
/*
 * The operation's `out` and `return` are compared, and what flowed into each output; inputs are compared by
 * having been matched by their keys. A replay that ended early is compared as far as it came, and misses
 * nothing.
 */
#include "replay/judge.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/expr.h"
#include "lib/json.h"
#include "lib/pool.h"
#include "lib/program.h"
#include "lib/recording.h"
#include "lib/recording_json.h"
#include "lib/redact.h"
#include "lib/util.h"
#include "lib/value.h"
#include "replay/blame.h"
#include "replay/call_key.h"
#include "replay/failure.h"
#include "replay/judge_impl.h"
#include "replay/outcome.h"
#include "replay/pairing.h"
#include "replay/server.h"
#include "replay/target/patch.h"
#include "replay/verdict.h"

/* --- what the recording does not have --- */

static struct blame blame_of(const struct judge *j)
{
	return (struct blame){
		.recorded = j->recorded,
		.schema = j->schema,
		.store = j->store,
		.program = j->program,
		.operation = j->operation->config,
		.pairing = &j->pairing,
		.displaced = j->displaced,
		.outcome = j->result->outcome,
		.pool = j->pool,
	};
}

int judge_blames(struct judge *j, const struct paired_call *call, const struct value *value)
{
	const struct blame blame = blame_of(j);
	struct comparison again = {};
	int r;

	if (value->kind != VALUE_UNAVAILABLE || !value->bits)
		return 0;
	r = blame_pointer(j->blamed.reason[0] ? &again : &j->blamed, &blame, value->bits, call->alias,
			  j->err);
	comparison_release(&again);
	return r;
}

/* Takes the words, and the advice. */
static void take_blame(struct judge *j)
{
	j->out->verdict = VERDICT_EQUALIZER_FAILURE;
	snprintf(j->out->reason, sizeof(j->out->reason), "%s", j->blamed.reason);
	j->out->advice = TAKE_PTR(j->blamed.advice);
}

static void add_blame(struct judge *j)
{
	size_t len = strlen(j->out->reason);

	if (!j->blamed.reason[0])
		return;
	snprintf(j->out->reason + len, sizeof(j->out->reason) - len, "; besides, %s", j->blamed.reason);
	j->out->advice = TAKE_PTR(j->blamed.advice);
}

/* --- an input that no recorded call has the key of --- */

static size_t last_unserved(const struct judge *j, size_t func)
{
	for (size_t i = j->pairing.replayed_cnt; i > 0; i--)
		if (j->pairing.replayed[i - 1].func == func &&
		    j->pairing.replayed[i - 1].other == PAIRING_NONE)
			return i - 1;
	return PAIRING_NONE;
}

/* The recorded call that would have been due. */
static size_t first_unused(const struct judge *j, size_t func)
{
	for (size_t i = 0; i < j->pairing.recorded_cnt; i++)
		if (j->pairing.recorded[i].func == func && j->pairing.recorded[i].other == PAIRING_NONE)
			return i;
	return PAIRING_NONE;
}

#define KEY_WHERE_MAX 128

/* @where: in which they differ first, "" where that is not known. */
static int report_keys(struct judge *j, const char *path, size_t recorded, size_t replayed,
		       char where[KEY_WHERE_MAX])
{
	const struct program_func *func = &j->program->funcs[j->pairing.replayed[replayed].func];
	auto_cjson cJSON *due = NULL, *made = NULL;
	struct values values;
	int r = judge_decode_replayed(j, &values, &j->replayed->calls[replayed]);

	if (r)
		return r;
	made = call_key_json(func, &values, handle_map_numbers(j->handles, true));
	if (!made)
		return err_nomem(j->err);
	if (recorded != PAIRING_NONE) {
		r = judge_decode_recorded(j, &values, &j->recorded->calls[recorded]);
		if (r)
			return r;
		due = call_key_json(func, &values, handle_map_numbers(j->handles, false));
		if (!due)
			return err_nomem(j->err);
		call_key_differs(where, KEY_WHERE_MAX, due, made);
	}
	return differences_add(&j->out->differences, path, TAKE_PTR(due), TAKE_PTR(made), j->err);
}

/* Whether a key is not known because the recording does not have what an argument leads to. */
static int is_key_lacking(struct judge *j, size_t replayed)
{
	struct values values;
	int r = judge_decode_replayed(j, &values, &j->replayed->calls[replayed]);

	for (size_t i = 0; r == 0 && i < values.params_cnt; i++)
		if (values.args[i])
			r = judge_blames(j, &j->pairing.replayed[replayed], values.args[i]);
	return r;
}

static int judge_unmatched(struct judge *j)
{
	size_t func = j->result->outcome->func;
	size_t replayed = func < j->program->funcs_cnt ? last_unserved(j, func) : PAIRING_NONE, recorded;
	char path[PAIRING_TEXT_MAX], where[KEY_WHERE_MAX] = "";
	int r = 0;

	if (replayed == PAIRING_NONE)
		return err_set(j->err, -EBADMSG,
			       "what the replayed program left behind makes no sense: an unmatched call that "
			       "was not made");
	pairing_text(&j->pairing.replayed[replayed], path);
	recorded = first_unused(j, func);
	if (j->pairing.replayed[replayed].role == ROLE_INPUT)
		r = is_key_lacking(j, replayed);
	if (r == 1) {
		take_blame(j);
		return 0;
	}
	if (r == 0 && j->pairing.replayed[replayed].role == ROLE_INPUT)
		r = report_keys(j, path, recorded, replayed, where);
	if (r)
		return r;
	j->out->verdict = VERDICT_DIFFERENT;
	snprintf(j->out->reason, sizeof(j->out->reason), "%s: %s%s%s%s", path,
		 recorded != PAIRING_NONE ? "no recorded call has its key"
					  : "it was called more often than it was recorded",
		 where[0] ? ": the next one has another '" : "", where, where[0] ? "'" : "");
	return 0;
}

/* --- the verdict --- */

/* -1: error_if cannot be told, for a value that it names is not there. */
static int is_error(const struct judge *j, const struct values *values, enum left left)
{
	const struct expr *error_if = j->operation->config->error_if;
	int64_t holds = 0;

	if (left != LEFT_RETURN)
		return 1;
	if (!error_if)
		return 0;
	return values_eval(values, error_if, VALUE_AT_RETURN, &holds, NULL) ? -1 : holds != 0;
}

static void decide(struct judge *j, int was_error, int is_error_now)
{
	struct comparison *out = j->out;

	if (was_error == 1 && is_error_now == 0) {
		out->verdict = VERDICT_FIXED;
		snprintf(out->reason, sizeof(out->reason),
			 "the recording ended in an error (%s), the replay does not",
			 j->recorded->operation.left == LEFT_RETURN ? "error_if" : "it did not return");
	} else if (was_error == 0 && is_error_now == 1) {
		out->verdict = VERDICT_FAILED;
		snprintf(out->reason, sizeof(out->reason),
			 "the replay ends in an error (error_if), the recording did not");
	} else if (out->differences.cnt || out->missing_cnt || out->extra_cnt) {
		out->verdict = VERDICT_DIFFERENT;
		comparison_explain(out);
		add_blame(j);
	} else if (j->blamed.reason[0]) {
		take_blame(j);
	} else if (out->differences.unread) {
		out->verdict = VERDICT_EQUALIZER_FAILURE;
		snprintf(
			out->reason, sizeof(out->reason),
			"'%s' cannot be compared: when it was recorded the floating-point registers could not "
			"be read",
			out->differences.unread);
	} else {
		out->verdict = VERDICT_EQUAL;
		out->reason[0] = '\0';
	}
}

/* The replay came to its end as the recording did. */
static int judge_whole(struct judge *j)
{
	struct values a, b;
	int r = judge_decode_recorded(j, &a, &j->recorded->operation);

	if (!r)
		r = judge_decode_replayed(j, &b, &j->replayed->operation);
	if (!r)
		r = judge_outputs(j);
	if (!r)
		r = judge_operation(j, &a, &b);
	if (!r)
		r = judge_missing(j);
	if (!r)
		r = judge_extra(j);
	if (!r)
		r = judge_reordered(j);
	if (r)
		return r;
	j->is_whole = true;
	j->out->first = judge_first(j);
	decide(j, is_error(j, &a, j->recorded->operation.left), is_error(j, &b, j->replayed->operation.left));
	return 0;
}

static const char *last_served(const struct judge *j, char text[PAIRING_TEXT_MAX])
{
	for (size_t i = j->pairing.replayed_cnt; i > 0; i--)
		if (j->pairing.replayed[i - 1].other != PAIRING_NONE) {
			pairing_text(&j->pairing.replayed[i - 1], text);
			return text;
		}
	return NULL;
}

static int judge_failed(struct judge *j)
{
	const struct blame blame = blame_of(j);
	char text[PAIRING_TEXT_MAX];
	int r = judge_outputs(j);

	if (!r)
		r = blame_recording(j->out, &blame, j->err);
	if (r)
		return MIN(r, 0);
	j->out->verdict = VERDICT_FAILED;
	failure_text(j->out->reason, sizeof(j->out->reason), j->result, j->program, last_served(j, text));
	return r;
}

static int give_up(struct comparison *out, const char *why)
{
	out->verdict = VERDICT_EQUALIZER_FAILURE;
	snprintf(out->reason, sizeof(out->reason), "%s", why);
	return 0;
}

static int judge_unserved(struct judge *j)
{
	const struct outcome_header *outcome = j->result->outcome;
	const char *alias = outcome->func < j->program->funcs_cnt
				    ? j->program->funcs[outcome->func].config->alias
				    : "a function";
	char why[sizeof(j->out->reason)];

	snprintf(why, sizeof(why), "'%s' cannot be served: %.*s", alias, PATCH_TEXT_MAX - 1, outcome->text);
	return give_up(j->out, why);
}

static int judge_trouble(struct judge *j)
{
	char why[PATCH_TEXT_MAX];

	snprintf(why, sizeof(why), "%.*s", PATCH_TEXT_MAX - 1, j->result->outcome->text);
	return give_up(j->out, why);
}

static int judge_full(struct judge *j)
{
	return give_up(j->out, "the replay captured more than an outcome can hold");
}

static int judge_done(struct judge *j)
{
	int r;

	if (j->replayed->operation.func >= j->program->funcs_cnt ||
	    j->replayed->operation.left != LEFT_RETURN)
		return err_set(j->err, -EBADMSG,
			       "what the replayed program left behind makes no sense: it is done without "
			       "having returned");
	r = judge_whole(j);
	if (!r && j->out->verdict != VERDICT_EQUAL)
		failure_memory(j->out->reason, sizeof(j->out->reason), j->result->outcome);
	return r;
}

/* Left without returning: an error, unless the recording was left so, too. */
static int judge_left(struct judge *j)
{
	enum left left = j->result->outcome->end == OUTCOME_EXIT ? LEFT_EXIT : LEFT_UNWOUND;

	if (j->recorded->operation.left != left || j->replayed->operation.func >= j->program->funcs_cnt)
		return judge_failed(j);
	return judge_whole(j);
}

/* As far as the outputs went before an input had no answer. */
static int judge_unmatched_so_far(struct judge *j)
{
	int r = judge_outputs(j);

	if (!r)
		r = judge_unmatched(j);
	return r ? r : judge_extra(j);
}

static int (*const judges[OUTCOME_END_CNT])(struct judge *j) = {
	[OUTCOME_NONE] = judge_failed,
	[OUTCOME_DONE] = judge_done,
	[OUTCOME_UNMATCHED] = judge_unmatched_so_far,
	[OUTCOME_UNSERVED] = judge_unserved,
	[OUTCOME_SIGNAL] = judge_failed,
	[OUTCOME_BLOCKED] = judge_failed,
	[OUTCOME_EXIT] = judge_left,
	[OUTCOME_FULL] = judge_full,
	[OUTCOME_LEFT] = judge_left,
	[OUTCOME_TROUBLE] = judge_trouble,
};

/* A program that crashed may have written over its outcome: that it crashed is still known. */
static int judge_ruins(struct judge *j, const struct err *why)
{
	unsigned end = j->result->outcome->end;

	if (end == OUTCOME_NONE || end == OUTCOME_SIGNAL) {
		j->out->verdict = VERDICT_FAILED;
		failure_text(j->out->reason, sizeof(j->out->reason), j->result, j->program, NULL);
		return 0;
	}
	return give_up(j->out, why->msg);
}

/* What a sanitizer found is the build's fault, whatever came out. */
static void judge_report(struct judge *j)
{
	struct comparison *out = j->out;

	if (!j->result->report || !j->result->report[0] || out->verdict == VERDICT_EQUALIZER_FAILURE)
		return;
	out->verdict = VERDICT_FAILED;
	snprintf(out->reason, sizeof(out->reason), "%s", j->result->report);
}

static int judge_events(struct judge *j, const struct outcome_call *served)
{
	unsigned end = j->result->outcome->end;
	struct err why = {};
	int r;

	j->out->replayed_ns = j->replayed->operation.left_ns;
	r = pairing_make(&j->pairing, j->recorded, j->schema, j->replayed, served, j->program, &why);
	if (r == -EBADMSG)
		return judge_ruins(j, &why);
	if (!r)
		r = end < OUTCOME_END_CNT ? judges[end](j) : give_up(j->out, "an end of no known kind");
	if (r == -EBADMSG && j->err)
		return give_up(j->out, j->err->msg);
	return r;
}

/* As the recorder did, so that what is compared is what is left on both sides. */
static void redact(struct recording *replayed, const struct program *program, const struct config *config)
{
	const struct redact_key key = {config->redact_key, config->redact_key_len};

	for (size_t i = 0; i < replayed->calls_cnt; i++)
		if (replayed->calls[i].func < program->funcs_cnt)
			redact_call(&replayed->calls[i], program->funcs[replayed->calls[i].func].shape, &key);
	if (replayed->operation.func < program->funcs_cnt)
		redact_call(&replayed->operation, program->funcs[replayed->operation.func].shape, &key);
}

static int find_func(struct recording_func *out, uint32_t number, void *ctx, struct err *err)
{
	const struct program *program = ctx;
	const struct program_func *func = &program->funcs[number];

	if (number >= program->funcs_cnt)
		return err_set(err, -EBADMSG, "a call of no known function");
	*out = (struct recording_func){func->config->role, func->config->name, func->config->alias,
				       func->shape};
	return 0;
}

/* What a plug-in may be shown. */
static int tell_replayed(struct judge *j, struct cJSON **out)
{
	bool has_report = j->result->report && j->result->report[0];

	if (!out || !j->is_whole || has_report)
		return 0;
	return recording_json_by(out, &j->out->key, j->replayed, find_func, (void *)j->program, j->err);
}

int judge(struct comparison *out, const struct recording *recording, const struct schema *schema,
	  struct store *store, const struct config *config, const struct program *program, unsigned operation,
	  const struct server_result *result, const struct displaced *displaced, struct cJSON **replayed_json,
	  struct err *err)
{
	auto_recording struct recording *replayed = NULL;
	autofree struct outcome_call *served = NULL;
	auto_pool struct pool *pool = pool_new();
	struct err own = {};
	struct judge j = {
		.out = out,
		.recorded = recording,
		.schema = schema,
		.store = store,
		.program = program,
		.operation = &program->funcs[operation],
		.result = result,
		.differing = PAIRING_NONE,
		.handles = handle_map_new(),
		.displaced = displaced,
		.pool = pool,
		.err = err ? err : &own,
	};
	int r;

	out->recorded_ns = recording->operation.left_ns;
	r = outcome_recording(&replayed, &served, result->outcome, PATCH_OUTCOME_BYTES, j.err);
	j.replayed = replayed;
	if (!r)
		redact(replayed, program, config);
	if (!r)
		r = program_symbolize(program, replayed, (const uint64_t *)result->outcome->bases, j.err);
	if (!pool || !j.handles)
		r = err_nomem(err);
	else if (r == -EBADMSG)
		r = judge_ruins(&j, j.err);
	else if (!r)
		r = judge_events(&j, served);
	if (!r)
		judge_report(&j);
	if (!r && out->verdict != VERDICT_EQUAL && replayed)
		r = timeline_make(&out->timeline, &j.pairing, recording, replayed, j.err);
	if (!r)
		r = tell_replayed(&j, replayed_json);
	comparison_release(&j.blamed);
	pairing_release(&j.pairing);
	handle_map_free(j.handles);
	return r;
}
