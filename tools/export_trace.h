/* SPDX-License-Identifier: BSD-3-Clause */
/* A recording on a time line: the JSON trace that Perfetto and Chrome's about:tracing read (Trace Event
 * Format, phase X). */
#pragma once

struct cJSON;

/* @recording: as recording_json makes it. NULL: no memory. */
struct cJSON *export_trace(const struct cJSON *recording);
