// SPDX-License-Identifier: BSD-3-Clause
// Marks of a library and of the program: of one kind, from both, and a name that both ask for.
// @flags: -I$BUILD/include
// @library: marks_library_lib.inc
#include <string.h>
#include <tapedeck/mark.h>

#include "case.h"

int library_number(int n);
const char *library_name(char id[TAPEDECK_ID_BYTES]);

FUNC int handle(int n)
{
	char id[TAPEDECK_ID_BYTES], other[TAPEDECK_ID_BYTES];
	int own = n + 1;

	tapedeck_data("own", &own, sizeof(own));
	if (strcmp(library_name(other), tapedeck_recording_id(id)) || !*id)
		return -1;
	return own * 100 + library_number(n);
}

int main(void)
{
	return handle(1) == 203 && handle(2) == 305 ? 0 : 1;
}
