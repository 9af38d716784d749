// SPDX-License-Identifier: BSD-3-Clause
/* A program for a library that has none at hand: it loads the library that its argument names, and is ready.
 */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char *argv[])
{
	if (argc == 2 && dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL))
		return 0;
	fprintf(stderr, "%s\n", argc == 2 ? dlerror() : "usage: tapedeck-host LIBRARY");
	return 1;
}
