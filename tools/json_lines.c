// SPDX-License-Identifier: BSD-3-Clause
/* The lines of every command's --json. A test holds that nothing else is printed. */
#include <stddef.h>

#include "tools/json_schema.h"

static const struct json_field document_fields[] = {
	{"service", FIELD_STRING, "as configured", .is_optional = true},
	{"category", FIELD_STRING, "of the operation", .is_optional = true},
	{"function", FIELD_STRING, "the operation, as configured", .is_optional = true},
	{"recorded_at", FIELD_STRING, "when it began, UTC", .is_optional = true},
	{"duration_ns", FIELD_INTEGER, "from entry to return", .is_optional = true},
	{"build_id", FIELD_STRING, "of the executable", .is_optional = true},
	{"host", FIELD_STRING, "where it was recorded", .is_optional = true},
	{"pid", FIELD_INTEGER, "of the process", .is_optional = true},
	{"error", FIELD_BOOL, "it ended in what the configuration calls an error", .is_optional = true},
	{"user", FIELD_VALUES, "the metadata that is configured, and what the program gave",
	 .is_optional = true},
	{"schema", FIELD_STRING, "name of its types in the cassette", .is_optional = true},
	{"complete", FIELD_BOOL, "nothing of it was lost", .is_optional = true},
	{"incomplete", FIELD_STRINGS, "what was lost", .is_optional = true},
	{},
};

static const struct json_field found_fields[] = {
	{"id", FIELD_STRING, "<category>/<yyyymmdd>/<32 hex digits>"},
	{"category", FIELD_STRING, "of the operation"},
	{"recorded_at", FIELD_STRING, "when it began, UTC"},
	{"duration_ns", FIELD_INTEGER, "from entry to return", .is_nullable = true},
	{"complete", FIELD_BOOL, "nothing of it was lost"},
	{"metadata", FIELD_DOCUMENT, "the whole metadata document", document_fields},
	{},
};

const struct json_line lines_ls[] = {{NULL, found_fields}, {}};

static const struct json_field call_fields[] = {
	{"kind", FIELD_STRING, "operation, input, output or callback"},
	{"function", FIELD_STRING, "as configured"},
	{"alias", FIELD_STRING, "its stable name"},
	{"seq", FIELD_INTEGER, "number of the call in its recording, by entry; 0: the operation"},
	{"thread", FIELD_INTEGER, "index of the thread in the recording"},
	{"entered_ns", FIELD_INTEGER, "since the operation's entry"},
	{"left_ns", FIELD_INTEGER, "since the operation's entry", .is_optional = true},
	{"args", FIELD_VALUES, "what flowed in, as it was at entry"},
	{"out", FIELD_VALUES, "what flowed out through pointers, as it was at return"},
	{"return", FIELD_VALUE, "absent: void, or it did not return", .is_optional = true},
	{"errno", FIELD_INTEGER, "at return, where it was read", .is_optional = true},
	{"left", FIELD_STRING, "return, unwound, exit or unknown"},
	{},
};

static const struct json_field recording_fields[] = {
	{"id", FIELD_STRING, "<category>/<yyyymmdd>/<32 hex digits>"},
	{"category", FIELD_STRING, "of the operation"},
	{"metadata", FIELD_DOCUMENT, "the metadata document", document_fields},
	{"complete", FIELD_BOOL, "nothing of it was lost"},
	{"incomplete", FIELD_STRINGS, "what was lost", .is_optional = true},
	{"operation", FIELD_OBJECT, "the operation's own call", call_fields},
	{"calls", FIELD_LIST, "calls of inputs and outputs, by entry", call_fields},
	{},
};

const struct json_line lines_show[] = {{NULL, recording_fields}, {}};

static const struct json_field site_fields[] = {
	{"address", FIELD_STRING, "in the file, hexadecimal"},
	{"instruction", FIELD_STRING, "the one that is probed"},
	{"kind", FIELD_STRING, "how the kernel runs it"},
	{"skipped", FIELD_INTEGER, "bytes between the entry and the probe"},
	{"cost_ns", FIELD_INTEGER, "of a hit, about"},
	{"floating_point_ns", FIELD_INTEGER, "what a recorded call costs more, about, for such registers"},
	{"returns", FIELD_STRING,
	 "how they are seen: by a return probe, or at the function's own ret instructions"},
	{},
};

static const struct json_field cut_fields[] = {
	{"path", FIELD_STRING, "of the parameter or member: c->argv[]->ptr"},
	{"reason", FIELD_STRING, "why it is not captured"},
	{},
};

static const struct json_field function_fields[] = {
	{"function", FIELD_STRING, "as configured"},
	{"role", FIELD_STRING, "operation, input, output or callback"},
	{"alias", FIELD_STRING, "its stable name"},
	{"serve", FIELD_STRING, "what of the configuration's serve stands for it", .is_optional = true},
	{"module", FIELD_STRING, "the file that it is in"},
	{"path", FIELD_STRING, "of that file"},
	{"build_id", FIELD_STRING, "of that file"},
	{"source", FIELD_STRING, "source file", .is_optional = true},
	{"line", FIELD_INTEGER, "in the source file", .is_optional = true},
	{"prototype", FIELD_STRING, "in C"},
	{"site", FIELD_OBJECT, "the probe", site_fields},
	{"inlined", FIELD_INTEGER, "places where it was inlined, whose calls are not seen"},
	{"warning", FIELD_STRING, "what else is not seen", .is_optional = true},
	{"not_captured", FIELD_LIST, "data that is not captured", cut_fields},
	{"rate", FIELD_NUMBER, "hits a second, with --rate", .is_optional = true},
	{},
};

static const struct json_field refused_fields[] = {
	{"function", FIELD_STRING, "as configured"},
	{"role", FIELD_STRING, "operation, input, output or callback"},
	{"alias", FIELD_STRING, "its stable name"},
	{"serve", FIELD_STRING, "what of the configuration's serve stands for it", .is_optional = true},
	{"refused", FIELD_STRING, "why it cannot be recorded"},
	{"hint", FIELD_STRING, "what to do", .is_optional = true},
	{},
};

const struct json_line lines_check[] = {{"function", function_fields}, {"function", refused_fields}, {}};

static const struct json_field count_fields[] = {
	{"function", FIELD_STRING, "as configured"},
	{"role", FIELD_STRING, "operation, input, output or callback"},
	{"hits", FIELD_INTEGER, "of its probe"},
	{"taken", FIELD_INTEGER, "calls that were recorded"},
	{"sampled_out", FIELD_INTEGER, "operations that sampling passed over"},
	{"unwanted", FIELD_INTEGER, "operations that \"if\" rejected"},
	{"events", FIELD_INTEGER, "handed over by the probes"},
	{"lost", FIELD_INTEGER, "events that could not be handed over"},
	{"faults", FIELD_INTEGER, "memory, or floating-point registers, that could not be read"},
	{"floating_point_unread", FIELD_INTEGER, "of faults: entries and returns without such registers"},
	{"truncated", FIELD_INTEGER, "data cut by a limit"},
	{"limited", FIELD_INTEGER, "events cut at the limit of bytes or steps of a call"},
	{"too_deep", FIELD_INTEGER, "operations not taken, for their return could not be hooked"},
	{"elsewhere", FIELD_INTEGER, "calls not recorded, on a stack that is not their thread's own"},
	{"unjoined", FIELD_INTEGER, "calls that would join an operation that is not recorded"},
	{"late", FIELD_INTEGER, "ends of calls whose operation had ended before"},
	{},
};

static const struct json_field record_fields[] = {
	{"taken", FIELD_INTEGER, "operations that became recordings"},
	{"stored", FIELD_INTEGER, "recordings in the cassette, or safe in the spool before it"},
	{"incomplete", FIELD_INTEGER, "recordings with a hole, of those taken"},
	{"sampled_out", FIELD_INTEGER, "operations that sampling passed over"},
	{"kept_out", FIELD_INTEGER,
	 "operations beyond --count, against keep_if, or left out by a rate at the end or by sizes"},
	{"discarded", FIELD_INTEGER, "operations that the program discarded by a mark"},
	{"dropped", FIELD_INTEGER, "recordings that storage was too slow for"},
	{"failed", FIELD_INTEGER, "recordings that could not be stored"},
	{"waiting", FIELD_INTEGER, "recordings in the spool that are not in the cassette yet"},
	{"adopted", FIELD_INTEGER, "recordings that an earlier recorder had left in the spool"},
	{"rejected", FIELD_INTEGER, "recordings that the cassette will never take, kept aside"},
	{"storage_failures", FIELD_INTEGER, "attempts to pass recordings on that failed"},
	{"retried_requests", FIELD_INTEGER, "requests to the store that were made again"},
	{"throttled_requests", FIELD_INTEGER, "of these, for an answer that there were too many requests"},
	{"lost_events", FIELD_INTEGER, "that the rings had no room for"},
	{"unaccounted_events", FIELD_INTEGER, "must be 0"},
	{"lost_operations", FIELD_INTEGER,
	 "of which no recording could be made, for their own entry was lost"},
	{"abandoned_rings", FIELD_INTEGER, "whose writer stopped in them; what they held is lost"},
	{"processes", FIELD_INTEGER, "children that were followed"},
	{"unfollowed", FIELD_INTEGER, "children that were too many to follow"},
	{"execs", FIELD_INTEGER, "processes that run another program by now, and are not recorded any more"},
	{"duration_ns", FIELD_INTEGER, "of recording"},
	{"bytes", FIELD_INTEGER, "stored"},
	{"overhead", FIELD_NUMBER, "of probes, as a share of a core, where there is a budget",
	 .is_optional = true},
	{"cassette", FIELD_STRING, "where"},
	{"spool", FIELD_STRING, "the directory before it", .is_optional = true},
	{"storage_error", FIELD_STRING, "why the last attempt to store failed", .is_optional = true},
	{"process_ended", FIELD_BOOL, "the process ended while it was recorded"},
	{"exit_status", FIELD_INTEGER, "of the command behind --, as a shell gives it", .is_optional = true},
	{"functions", FIELD_LIST, "each function's counts", count_fields},
	{},
};

const struct json_line lines_record[] = {
	{"summary", record_fields}, {"function", function_fields}, {"function", refused_fields}, {}};

static const struct json_field difference_fields[] = {
	{"path", FIELD_STRING, "as the configuration would say it; of a call behind 'calls[alias#n].'"},
	{"recorded", FIELD_VALUE, "in the recording"},
	{"replayed", FIELD_VALUE, "in the replay"},
	{},
};

static const struct json_field unrecorded_fields[] = {
	{"function", FIELD_STRING, "no two runs get the same from it"},
	{"calls", FIELD_INTEGER, "that the replay made"},
	{"add", FIELD_STRING, "to the configuration, to record and serve it"},
	{},
};

static const struct json_field comparison_fields[] = {
	{"id", FIELD_STRING, "of the recording"},
	{"category", FIELD_STRING, "of the operation"},
	{"verdict", FIELD_STRING, "equal, fixed, different, failed or equalizer_failure"},
	{"reason", FIELD_STRING, "empty when equal"},
	{"differences", FIELD_LIST, "between recording and replay", difference_fields},
	{"missing", FIELD_STRINGS, "calls that were recorded, but not made"},
	{"extra", FIELD_STRINGS, "calls that were made, but not recorded"},
	{"reordered", FIELD_STRINGS, "outputs that were made in another order; absent: none",
	 .is_optional = true},
	{"first", FIELD_STRING,
	 "which difference, missing or extra call came first; absent: nothing went wrong",
	 .is_optional = true},
	{"recorded_ns", FIELD_INTEGER, "what the operation took"},
	{"replayed_ns", FIELD_INTEGER, "what the replay took"},
	{"unrecorded", FIELD_LIST,
	 "what it called that gives another result in each run, and nothing had recorded", unrecorded_fields,
	 .is_optional = true},
	{"advice", FIELD_VALUES,
	 "what the configuration should say, to be laid over it, and then recorded again",
	 .is_optional = true},
	{"not_compared", FIELD_INTEGER, "values that neither side captured; absent: none",
	 .is_optional = true},
	{"metadata", FIELD_VALUES, "what a plug-in tells comparisons by", .is_optional = true},
	{"data", FIELD_VALUE, "what a plug-in puts beside the comparison", .is_optional = true},
	{"results", FIELD_VALUES, "what was compared, recorded and replayed; with --keep-results",
	 .is_optional = true},
	{},
};

static const struct json_field totals_fields[] = {
	{"total", FIELD_INTEGER, "recordings that were replayed"},
	{"equal", FIELD_INTEGER, "by verdict"},
	{"fixed", FIELD_INTEGER, "by verdict"},
	{"different", FIELD_INTEGER, "by verdict"},
	{"failed", FIELD_INTEGER, "by verdict"},
	{"equalizer_failure", FIELD_INTEGER, "by verdict"},
	{"accepted", FIELD_INTEGER, "of those that are not equal; of studio", .is_optional = true},
	{"not_compared", FIELD_INTEGER, "values that neither side captured; absent: none",
	 .is_optional = true},
	{"unrecorded", FIELD_LIST, "what they called without a record, all together", unrecorded_fields,
	 .is_optional = true},
	{},
};

static const struct json_field noise_fields[] = {
	{"section", FIELD_STRING, "of the configuration: operations or outputs"},
	{"function", FIELD_STRING, "as configured"},
	{"ignore", FIELD_STRING, "the path that a rule should name"},
	{"differ", FIELD_INTEGER, "replays that differ there"},
	{"of", FIELD_INTEGER, "replays"},
	{"example", FIELD_STRING, "the ID of a recording"},
	{},
};

static const struct json_field chosen_fields[] = {
	{"id", FIELD_STRING, "of a recording that --cover keeps; what adds most comes first"},
	{"adds", FIELD_INTEGER, "counters that it reaches and none before it does"},
	{"reached", FIELD_INTEGER, "counters that it and those before it reach"},
	{"of", FIELD_INTEGER, "counters of the build"},
	{},
};

static const struct json_field covered_fields[] = {
	{"recordings", FIELD_INTEGER, "that were replayed"},
	{"kept", FIELD_INTEGER, "of them"},
	{"unknown", FIELD_INTEGER, "that did not come to tell what they reach"},
	{"reached", FIELD_INTEGER, "counters that any recording reaches"},
	{"of", FIELD_INTEGER, "counters of the build"},
	{},
};

const struct json_line lines_verdicts[] = {{"comparison", comparison_fields}, {"summary", totals_fields},
					   {"noise", noise_fields},	      {"chosen", chosen_fields},
					   {"covered", covered_fields},	      {}};

static const struct json_field category_fields[] = {
	{"category", FIELD_STRING, "of the operation"},
	{"equal", FIELD_INTEGER, "by verdict"},
	{"fixed", FIELD_INTEGER, "by verdict"},
	{"different", FIELD_INTEGER, "by verdict"},
	{"failed", FIELD_INTEGER, "by verdict"},
	{"equalizer_failure", FIELD_INTEGER, "by verdict"},
	{"accepted", FIELD_INTEGER, "of those that are not equal"},
	{},
};

const struct json_line lines_studio[] = {
	{"comparison", comparison_fields}, {"category", category_fields}, {"summary", totals_fields}, {}};

static const struct json_field commit_fields[] = {
	{"commit", FIELD_STRING, "its id"},
	{"title", FIELD_STRING, "its short id and subject"},
	{"outcome", FIELD_STRING, "equal, different, or cannot be tested"},
	{"reason", FIELD_STRING, "of the verdict, or why it cannot be tested"},
	{},
};

static const struct json_field bisected_fields[] = {
	{"commit", FIELD_STRING, "the first known to differ"},
	{"title", FIELD_STRING, "its short id and subject"},
	{"builds", FIELD_INTEGER, "that were made"},
	{"untestable", FIELD_INTEGER, "commits right before it that cannot be tested: it may be one of them"},
	{},
};

const struct json_line lines_bisect[] = {{"commit", commit_fields}, {"found", bisected_fields}, {}};

static const struct json_field finding_fields[] = {
	{"name", FIELD_STRING, "what was looked for"},
	{"for", FIELD_STRING, "record, replay or s3"},
	{"there", FIELD_BOOL, "whether it is there"},
	{"required", FIELD_BOOL, "nothing goes without it"},
	{"cost", FIELD_STRING, "what its absence costs", .is_optional = true},
	{"why", FIELD_STRING, "why it is absent", .is_optional = true},
	{},
};

const struct json_line lines_doctor[] = {{"finding", finding_fields}, {}};

static const struct json_field cp_fields[] = {
	{"copied", FIELD_INTEGER, "recordings"},
	{"schemas", FIELD_INTEGER, "schemas that they name"},
	{"bytes", FIELD_INTEGER, "of recordings and their metadata"},
	{"failed", FIELD_INTEGER, "recordings that could not be copied; stderr says why"},
	{},
};

const struct json_line lines_cp[] = {{"summary", cp_fields}, {}};

static const struct json_field rm_fields[] = {
	{"removed", FIELD_INTEGER, "recordings", .is_optional = true},
	{"found", FIELD_INTEGER, "with --dry-run: recordings that would be", .is_optional = true},
	{},
};

const struct json_line lines_rm[] = {{"summary", rm_fields}, {}};

static const struct json_field du_category_fields[] = {
	{"category", FIELD_STRING, "its name in storage"},
	{"recordings", FIELD_INTEGER, "that are listed"},
	{"full_bytes", FIELD_INTEGER, "of recordings"},
	{"metadata_bytes", FIELD_INTEGER, "of their metadata documents"},
	{"first_day", FIELD_STRING, "yyyymmdd"},
	{"last_day", FIELD_STRING, "yyyymmdd"},
	{},
};

static const struct json_field du_fields[] = {
	{"recordings", FIELD_INTEGER, "that are listed"},
	{"full_bytes", FIELD_INTEGER, "of recordings"},
	{"metadata_bytes", FIELD_INTEGER, "of their metadata documents"},
	{"schemas", FIELD_INTEGER, "that are kept"},
	{"schema_bytes", FIELD_INTEGER, "of schemas"},
	{"halves", FIELD_INTEGER, "recordings without metadata, which are not listed"},
	{},
};

const struct json_line lines_du[] = {{"category", du_category_fields}, {"summary", du_fields}, {}};

static const struct json_field fault_fields[] = {
	{"id", FIELD_STRING, "of the recording"},
	{"reason", FIELD_STRING, "what is not right"},
	{},
};

static const struct json_field verify_fields[] = {
	{"checked", FIELD_INTEGER, "recordings"},
	{"bytes", FIELD_INTEGER, "that were read"},
	{"faults", FIELD_INTEGER, "what is not right"},
	{},
};

const struct json_line lines_verify[] = {{"fault", fault_fields}, {"summary", verify_fields}, {}};

static const struct json_field spool_fields[] = {
	{"cassette", FIELD_STRING, "where they go"},
	{"spool", FIELD_STRING, "the directory before it"},
	{"passed_on", FIELD_INTEGER, "recordings that have arrived"},
	{"waiting", FIELD_INTEGER, "recordings that have not"},
	{"rejected", FIELD_INTEGER, "recordings that the cassette will never take, kept aside"},
	{"storage_error", FIELD_STRING, "why the last attempt failed", .is_optional = true},
	{},
};

const struct json_line lines_flush[] = {{"spool", spool_fields}, {}};

static const struct json_field compact_fields[] = {
	{"expired", FIELD_INTEGER, "recordings that were too old, and are gone"},
	{"moved", FIELD_INTEGER, "recordings that were objects, and are in segments"},
	{"merged", FIELD_INTEGER, "small segments that were merged"},
	{"made", FIELD_INTEGER, "segments that they became"},
	{"orphans", FIELD_INTEGER, "segments without an index that are gone"},
	{"schemas", FIELD_INTEGER, "that no recording names, and are gone"},
	{},
};

const struct json_line lines_compact[] = {{"summary", compact_fields}, {}};
