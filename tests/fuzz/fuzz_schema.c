// SPDX-License-Identifier: BSD-3-Clause
/* Any bytes are refused with words, or are a schema that can be walked and is written back as it was. */
#include <assert.h>
#include <bpf/btf.h>
#include <string.h>

#include "lib/err.h"
#include "lib/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	auto_schema struct schema *schema = NULL;
	struct err err = {};
	const void *written;
	size_t written_len;
	char text[128];

	if (schema_load(&schema, data, len, &err)) {
		assert(err.msg[0]);
		return 0;
	}
	for (uint32_t id = 0; id < btf__type_cnt(schema_btf(schema)); id++) {
		schema_type_text(schema, id, text, sizeof(text));
		schema_align(schema, schema_strip(schema, id));
		assert(schema_size(schema, id) <= SCHEMA_SIZE_MAX);
	}
	assert(!schema_bytes(schema, &written, &written_len, &err));
	assert(written_len == len && !memcmp(written, data, len));
	return 0;
}
