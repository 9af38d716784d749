// SPDX-License-Identifier: BSD-3-Clause
/* Any text is refused with its column, or is a function whose schema can be read back. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/prototype.h"
#include "lib/schema.h"
#include "lib/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	auto_schema struct schema *schema = NULL, *again = NULL;
	autofree char *text = strndup((const char *)data, len);
	struct err err = {};
	const void *bytes;
	size_t bytes_len;
	char shown[256];
	uint32_t id = 0;

	assert(!schema_new(&schema, &err));
	if (prototype_add(schema, text, "operator f", NULL, &id, &err))
		assert(err.msg[0] && err.is_usage);
	else
		schema_type_text(schema, id, shown, sizeof(shown));
	assert(!schema_bytes(schema, &bytes, &bytes_len, &err));
	assert(!schema_load(&again, bytes, bytes_len, &err));
	return 0;
}
