// SPDX-License-Identifier: BSD-3-Clause
/* The end of a recording: what is queued is stored, what waits is passed on, and every event is accounted
 * for. */
#include "loader/recorder_impl.h"

#include <stdio.h>
#include <unistd.h>

#include "lib/cassette.h"
#include "lib/clock.h"
#include "lib/program.h"
#include "lib/util.h"
#include "loader/assemble.h"
#include "loader/drain.h"
#include "loader/source.h"
#include "loader/upload.h"

#define FLUSH_NS 30000000000ull

void recorder_store_queued(struct recorder *recorder, recorder_progress_fn progress, void *ctx)
{
	const volatile sig_atomic_t *stop = recorder->opts->stop;
	struct recorder_summary *summary = recorder->summary;
	/* What ended recording may have been a Ctrl-C, or not. */
	sig_atomic_t told = stop ? MIN(*stop, 1) : 0;
	struct upload_counts counts;
	uint64_t last = 0;

	summary->is_over = true;
	for (;;) {
		upload_counts(recorder->upload, &counts);
		summary->stored = counts.stored;
		summary->queued = counts.queued;
		if (!counts.queued)
			return;
		if (stop && *stop > told)
			return upload_give_up(recorder->upload);
		if (progress && clock_ns() - last >= PROGRESS_NS) {
			last = clock_ns();
			progress(summary, ctx);
		}
		usleep(POLL_IDLE_US);
	}
}

void recorder_close_upload(struct recorder *recorder)
{
	struct recorder_summary *summary = recorder->summary;
	struct upload_counts counts = {};

	upload_close(recorder->upload, &counts);
	recorder->upload = NULL;
	summary->queued = 0;
	summary->stored = counts.stored;
	summary->kept_out += counts.sampled_out;
	summary->dropped = counts.dropped;
	summary->failed = counts.failed;
	summary->bytes = counts.bytes;
	snprintf(summary->storage_error, sizeof(summary->storage_error), "%s", counts.error);
}

void recorder_pass_on_waiting(struct recorder *recorder, struct cassette *cassette,
			      recorder_progress_fn progress, void *ctx)
{
	const volatile sig_atomic_t *stop = recorder->opts->stop;
	struct recorder_summary *summary = recorder->summary;
	uint64_t patience = recorder->opts->flush_ns ? recorder->opts->flush_ns : FLUSH_NS;
	uint64_t moved = clock_ns(), last = 0, passed_on = 0;

	for (;;) {
		cassette_progress(cassette, &summary->storage);
		if (summary->storage.passed_on != passed_on) {
			passed_on = summary->storage.passed_on;
			moved = clock_ns();
		}
		if (!summary->storage.waiting || (stop && *stop > 1) || clock_ns() - moved >= patience)
			return;
		if (progress && clock_ns() - last >= PROGRESS_NS) {
			last = clock_ns();
			progress(summary, ctx);
		}
		usleep(POLL_IDLE_US);
	}
}

int recorder_account(struct recorder *recorder)
{
	struct recorder_summary *summary = recorder->summary;
	struct assemble_counts assembled;
	uint64_t emitted = 0, lost = 0, missing;
	int r = recorder->source->ops->counts(recorder->source, summary->counts, recorder->err);

	assemble_counts(recorder->assemble, &assembled);
	summary->abandoned_rings = drain_abandoned(recorder->drain);
	summary->discarded = assembled.discarded;
	summary->lost_operations = assembled.overflow + assembled.no_entry;
	if (r < 0) {
		summary->loss_unknown = true;
		summary->lost_events = assembled.lost_events;
		return r;
	}
	for (size_t i = 0; i < recorder->program->funcs_cnt; i++) {
		const struct func_count *count = &summary->counts[i];

		emitted += count->emitted;
		lost += count->dropped + count->no_slot + count->no_state;
	}
	missing = emitted > recorder->drained ? emitted - recorder->drained : 0;
	summary->lost_events = lost + (summary->abandoned_rings ? missing : 0);
	summary->unaccounted_events = (summary->abandoned_rings ? 0 : missing) +
				      (recorder->drained > emitted ? recorder->drained - emitted : 0);
	return 0;
}
