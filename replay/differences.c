// SPDX-License-Identifier: BSD-3-Clause
#include "replay/differences.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/util.h"

void differences_release(struct differences *differences)
{
	for (size_t i = 0; i < differences->cnt; i++) {
		free(differences->row[i].path);
		cJSON_Delete(differences->row[i].recorded);
		cJSON_Delete(differences->row[i].replayed);
	}
	free(differences->row);
	free(differences->unread);
	*differences = (struct differences){};
}

int differences_add(struct differences *differences, const char *path, struct cJSON *recorded,
		    struct cJSON *replayed, struct err *err)
{
	auto_cjson cJSON *own_recorded = recorded, *own_replayed = replayed;
	autofree char *copy = NULL;
	struct difference *row;

	if (differences->cnt == DIFFERENCES_MAX) {
		differences->more++;
		return 0;
	}
	copy = strdup(path);
	row = realloc(differences->row, (differences->cnt + 1) * sizeof(*row));
	if (row)
		differences->row = row;
	if (!copy || !row)
		return err_nomem(err);
	row[differences->cnt++] = (struct difference){.path = TAKE_PTR(copy),
						      .recorded = TAKE_PTR(own_recorded),
						      .replayed = TAKE_PTR(own_replayed)};
	return 0;
}
