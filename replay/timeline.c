// SPDX-License-Identifier: BSD-3-Clause
#include "replay/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/recording.h"
#include "lib/util.h"
#include "replay/pairing.h"

void timeline_release(struct timeline *timeline)
{
	for (size_t i = 0; i < timeline->cnt; i++)
		free(timeline->row[i].text);
	free(timeline->row);
	*timeline = (struct timeline){};
}

static struct timeline_span span_of(const struct recording *recording, size_t call)
{
	const struct call *made;

	if (call == PAIRING_NONE)
		return (struct timeline_span){TIMELINE_NONE, 0};
	made = &recording->calls[call];
	return (struct timeline_span){
		made->entered_ns, made->left_ns > made->entered_ns ? made->left_ns - made->entered_ns : 0};
}

static int add(struct timeline *timeline, const struct paired_call *call, struct timeline_span recorded,
	       struct timeline_span replayed)
{
	char text[PAIRING_TEXT_MAX];
	char *copy;

	pairing_text(call, text);
	copy = strdup(text);
	if (!copy)
		return -1;
	timeline->row[timeline->cnt++] = (struct timeline_call){copy, call->role, recorded, replayed};
	return 0;
}

/* Extra calls stand before the recorded one that they were made before: both sides are walked together. */
int timeline_make(struct timeline *out, const struct pairing *p, const struct recording *recorded,
		  const struct recording *replayed, struct err *err)
{
	size_t cnt = MIN(p->recorded_cnt + p->replayed_cnt, (size_t)TIMELINE_MAX), at = 0;
	int r = 0;

	*out = (struct timeline){.row = calloc(cnt + 1, sizeof(*out->row))};
	if (!out->row)
		return err_nomem(err);
	for (size_t i = 0; i <= p->recorded_cnt && !r; i++) {
		size_t upto = i == p->recorded_cnt ? p->replayed_cnt : p->recorded[i].other;

		for (; upto != PAIRING_NONE && at < upto && !r && out->cnt < cnt; at++)
			if (p->replayed[at].other == PAIRING_NONE)
				r = add(out, &p->replayed[at], span_of(recorded, PAIRING_NONE),
					span_of(replayed, at));
		if (i < p->recorded_cnt && !r && out->cnt < cnt)
			r = add(out, &p->recorded[i], span_of(recorded, i),
				span_of(replayed, p->recorded[i].other));
	}
	if (!r)
		return 0;
	timeline_release(out);
	return err_nomem(err);
}
