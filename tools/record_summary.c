// SPDX-License-Identifier: BSD-3-Clause
#include "tools/record_summary.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/cassette.h"
#include "lib/config.h"
#include "lib/program.h"
#include "lib/schema.h"
#include "lib/util.h"
#include "loader/recorder.h"
#include "tools/common.h"

static uint64_t lost_of(const struct func_count *count)
{
	return count->dropped + count->no_slot + count->no_state;
}

static cJSON *function_json(const struct program *program, const struct func_count *counts, size_t i)
{
	const struct func_count *count = &counts[i];
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "function", program->funcs[i].config->name);
	cJSON_AddStringToObject(json, "role", role_name(program->funcs[i].config->role));
	cJSON_AddNumberToObject(json, "hits", count->hits);
	cJSON_AddNumberToObject(json, "taken", count->taken);
	cJSON_AddNumberToObject(json, "sampled_out", count->sampled_out);
	cJSON_AddNumberToObject(json, "unwanted", count->unwanted);
	cJSON_AddNumberToObject(json, "events", count->emitted);
	cJSON_AddNumberToObject(json, "lost", lost_of(count));
	cJSON_AddNumberToObject(json, "faults", count->faults);
	cJSON_AddNumberToObject(json, "floating_point_unread", count->fp_unread);
	cJSON_AddNumberToObject(json, "truncated", count->truncated);
	cJSON_AddNumberToObject(json, "limited", count->limited);
	cJSON_AddNumberToObject(json, "too_deep", count->too_deep);
	cJSON_AddNumberToObject(json, "elsewhere", count->elsewhere);
	cJSON_AddNumberToObject(json, "unjoined", count->unjoined);
	cJSON_AddNumberToObject(json, "late", count->late);
	return json;
}

static uint64_t sampled_out(const struct program *program, const struct recorder_summary *summary)
{
	uint64_t cnt = 0;

	for (size_t i = 0; i < program->funcs_cnt; i++)
		cnt += summary->counts[i].sampled_out;
	return cnt;
}

/* Of what was not stored; else of what came late. */
static const char *storage_error(const struct recorder_summary *summary)
{
	return *summary->storage_error ? summary->storage_error : summary->storage.error;
}

int record_summary_json(const struct program *program, const struct recorder_summary *summary,
			const char *cassette, int exit_status, struct err *err)
{
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{"taken", summary->taken},
		{"stored", summary->stored},
		{"incomplete", summary->incomplete},
		{"sampled_out", sampled_out(program, summary)},
		{"kept_out", summary->kept_out},
		{"discarded", summary->discarded},
		{"dropped", summary->dropped},
		{"failed", summary->failed},
		{"waiting", summary->storage.waiting},
		{"adopted", summary->storage.adopted},
		{"rejected", summary->storage.rejected},
		{"storage_failures", summary->storage.failures},
		{"retried_requests", summary->storage.retries},
		{"throttled_requests", summary->storage.throttled},
		{"lost_events", summary->lost_events},
		{"unaccounted_events", summary->unaccounted_events},
		{"lost_operations", summary->lost_operations},
		{"abandoned_rings", summary->abandoned_rings},
		{"processes", summary->processes},
		{"unfollowed", summary->unfollowed},
		{"execs", summary->execs},
		{"duration_ns", summary->duration_ns},
		{"bytes", summary->bytes},
	};
	cJSON *json = cJSON_CreateObject(), *functions;

	cJSON_AddStringToObject(json, "type", "summary");
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		cJSON_AddNumberToObject(json, numbers[i].name, numbers[i].value);
	if (summary->overhead > 0)
		cJSON_AddNumberToObject(json, "overhead", summary->overhead);
	cJSON_AddStringToObject(json, "cassette", cassette);
	if (*summary->storage.where)
		cJSON_AddStringToObject(json, "spool", summary->storage.where);
	if (*storage_error(summary))
		cJSON_AddStringToObject(json, "storage_error", storage_error(summary));
	cJSON_AddBoolToObject(json, "process_ended", summary->process_ended);
	if (exit_status >= 0)
		cJSON_AddNumberToObject(json, "exit_status", exit_status);
	functions = cJSON_AddArrayToObject(json, "functions");
	for (size_t i = 0; i < program->funcs_cnt; i++)
		cJSON_AddItemToArray(functions, function_json(program, summary->counts, i));
	return common_print_json(json, err);
}

/* What is rare enough to need no column. */
static bool was_called_inside(const struct program *program, const struct recorder_summary *summary, size_t i)
{
	const struct func_count *count = &summary->counts[i];

	return program->funcs[i].config->role == ROLE_OPERATION && count->hits && summary->taken &&
	       !summary->kept_out && !count->taken && !count->sampled_out && !count->unwanted &&
	       !count->too_deep && !count->no_state && !count->elsewhere;
}

static void print_remarks(const struct program *program, const struct recorder_summary *summary)
{
	static const struct {
		size_t offset;
		const char *words;
	} remarks[] = {
		{offsetof(struct func_count, unwanted), "calls were rejected by \"if\""},
		{offsetof(struct func_count, unjoined), "calls were for no operation that is recorded"},
		{offsetof(struct func_count, late), "calls ended after their operation"},
		{offsetof(struct func_count, too_deep),
		 "calls were not taken: their return could not be hooked (recursion, signal stack, something that "
		 "may throw was loaded)"},
		{offsetof(struct func_count, elsewhere),
		 "calls were not recorded: they ran on a stack that is not their thread's own (a coroutine)"},
		{offsetof(struct func_count, limited), "events were cut at the limit of bytes or steps"},
	};

	for (size_t i = 0; i < program->funcs_cnt; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(remarks); k++) {
			uint64_t cnt =
				*(const uint64_t *)((const char *)&summary->counts[i] + remarks[k].offset);

			if (cnt)
				printf("%s: %llu %s\n", program->funcs[i].config->name,
				       (unsigned long long)cnt, remarks[k].words);
		}
		if (was_called_inside(program, summary, i))
			printf("%s: all its calls were made inside another operation, and belong to that\n",
			       program->funcs[i].config->name);
	}
}

/* What became of operations, beyond those that are stored; of most there are none. */
static void print_losses(const struct program *program, const struct recorder_summary *summary)
{
	const struct {
		uint64_t cnt;
		const char *what;
		bool always;
	} losses[] = {
		{sampled_out(program, summary), "sampled out", true},
		{summary->incomplete, "incomplete", true},
		{summary->lost_events, "events lost", true},
		{summary->unaccounted_events, "events unaccounted for", false},
		{summary->lost_operations, "operations of which nothing is left", false},
		{summary->abandoned_rings, "rings abandoned, for a writer stopped in them", false},
		{summary->kept_out,
		 "not kept (beyond --count, by keep_if, by a rate at the end, or by sizes)", false},
		{summary->discarded, "discarded by the program", false},
		{summary->dropped, "dropped before they were stored", false},
		{summary->failed, "could not be stored", false},
	};
	const char *before = "";

	for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
		if (!losses[i].cnt && !losses[i].always)
			continue;
		printf("%s%llu %s", before, (unsigned long long)losses[i].cnt, losses[i].what);
		before = ", ";
	}
	printf("%s%s\n", summary->failed ? ": " : "", summary->failed ? summary->storage_error : "");
}

/* What a cassette behind a spool has been through. */
static void print_storage(const struct cassette_progress *storage)
{
	if (storage->adopted)
		printf("%llu recordings that an earlier recorder left in '%s' were passed on as well\n",
		       (unsigned long long)storage->adopted, storage->where);
	if (storage->retries)
		printf("%llu requests were made again, %llu of them because there were too many\n",
		       (unsigned long long)storage->retries, (unsigned long long)storage->throttled);
	if (storage->failures)
		printf("the cassette took nothing %llu times, the last time because: %s\n",
		       (unsigned long long)storage->failures, storage->error);
	if (storage->rejected)
		printf("%llu recordings that it will never take are kept in '%s/rejected'\n",
		       (unsigned long long)storage->rejected, storage->where);
	if (storage->waiting)
		printf("%llu recordings wait in '%s': the next 'tapedeck record' there, or 'tapedeck flush', "
		       "passes them on\n",
		       (unsigned long long)storage->waiting, storage->where);
}

static void print_functions(const struct program *program, const struct recorder_summary *summary)
{
	unsigned long long unread = 0;

	printf("\n%-32s %-10s %10s %10s %12s %8s %8s %10s\n", "function", "role", "hits", "taken",
	       "sampled out", "lost", "faults", "truncated");
	for (size_t i = 0; i < program->funcs_cnt; i++) {
		const struct func_count *count = &summary->counts[i];

		printf("%-32s %-10s %10llu %10llu %12llu %8llu %8llu %10llu\n",
		       program->funcs[i].config->name, role_name(program->funcs[i].config->role), count->hits,
		       count->taken, count->sampled_out, (unsigned long long)lost_of(count), count->faults,
		       count->truncated);
		unread += count->fp_unread;
	}
	print_remarks(program, summary);
	if (unread)
		printf("%llu of the faults are floating-point registers that could not be read\n", unread);
}

void record_summary_print(const struct program *program, const struct recorder_summary *summary,
			  const char *cassette)
{
	char duration[32], size[32];

	common_duration(summary->duration_ns, duration);
	common_size(summary->bytes, size);
	printf("%llu recordings taken in %s, %llu stored in %s (%s)\n", (unsigned long long)summary->taken,
	       duration, (unsigned long long)summary->stored, cassette, size);
	print_losses(program, summary);
	if (summary->overhead > 0)
		printf("probes took %.2f%% of a core\n", summary->overhead * 100);
	print_storage(&summary->storage);
	print_functions(program, summary);
}
