// SPDX-License-Identifier: BSD-3-Clause
// Opaque handles: equal numbers for equal pointers, over calls; void *, an incomplete type, FILE *.
#include <stdio.h>
#include <stdlib.h>

#include "case.h"

struct conn;

FUNC struct conn *open_conn(const char *name, void *ctx)
{
	USE(name);
	return malloc(ctx ? 8 : 4);
}

FUNC int send_on(struct conn *conn, FILE *log, void *ctx)
{
	return conn && log && ctx ? 2 : 1;
}

FUNC int handle(void *ctx)
{
	struct conn *a = open_conn("a", ctx), *b = open_conn("b", NULL);

	return send_on(a, stderr, ctx) + send_on(b, NULL, a) + send_on(a, stderr, b);
}

int main(void)
{
	int here = 0;

	return handle(&here) == 5 ? 0 : 1;
}
