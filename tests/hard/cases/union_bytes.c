// SPDX-License-Identifier: BSD-3-Clause
// A union that nothing tells the live member of is shown as its bytes: by value, in a struct, behind a
// pointer.
#include "case.h"

union word {
	unsigned u;
	unsigned char b[4];
};
struct event {
	int kind;
	union {
		long number;
		char text[16];
	};
	union word word;
};

FUNC int post(union word word, const struct event *event, union word *out)
{
	out->u = word.u + event->number;
	return event->kind + event->text[0];
}

FUNC union word handle(struct event *req)
{
	union word out = {0};
	int n = post((union word){0x01020304}, req, &out);

	return (union word){out.u + n};
}

int main(void)
{
	struct event req = {7, {.number = 5}, {1}};

	return handle(&req).u == 0x01020304 + 5 + 7 + 5 ? 0 : 1;
}
