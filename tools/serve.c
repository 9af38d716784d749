// SPDX-License-Identifier: BSD-3-Clause
#include "tools/serve.h"

#include "lib/serve.h"

void serve_print_advice(FILE *to, unsigned groups)
{
	fprintf(to, "\n    \"serve\": [");
	for (enum serve_group group = 0; group < SERVE_GROUP_CNT; group++)
		if (groups & 1u << group)
			fprintf(to, "\"%s\"%s", serve_group_name(group), groups >> (group + 1) ? ", " : "");
	fprintf(to, "] in the configuration records and serves %s\n", groups & (groups - 1) ? "them" : "it");
}
