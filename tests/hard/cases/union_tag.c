// SPDX-License-Identifier: BSD-3-Clause
// Unions whose live member a tag tells: an enum in front, a number behind, a bit-field of an outer struct, a parameter;
// with pointers in members, in arrays, by value. A value without a case leaves the bytes.
#include <stdlib.h>
#include <string.h>

#include "case.h"

enum kind { KIND_NONE, KIND_NUMBER, KIND_TEXT, KIND_LIST = 9 };
struct event {
	enum kind kind;
	union {
		long number;
		const char *text;
		struct {
			int cnt;
			short *items;
		} list;
	};
};
struct header {
	unsigned pad : 3, type : 2;
	union {
		double real;
		int whole[2];
		struct event *event;
	} u;
	short tail;
};
union slot {
	int n;
	const char *name;
};

FUNC int post(struct event *events, int cnt, struct event last)
{
	int sum = last.kind == KIND_TEXT ? strlen(last.text) : 0;

	for (int i = 0; i < cnt; i++) {
		if (events[i].kind == KIND_NUMBER)
			events[i].number *= 2;
		if (events[i].kind == KIND_LIST)
			sum += events[i].list.items[events[i].list.cnt - 1];
	}
	return sum;
}

FUNC int named(int which, union slot slot, union slot *out)
{
	out->name = "made";
	return which ? strlen(slot.name) : slot.n;
}

FUNC int handle(struct header *header)
{
	short items[] = {1, 2, 77};
	struct event events[] = {{KIND_NUMBER, {21}}, {KIND_TEXT, {.text = "abc"}}, {KIND_NONE}, {KIND_LIST}};
	union slot out = {0};
	int n;

	events[2].number = 5;
	events[3].list.cnt = 3;
	events[3].list.items = items;
	n = post(events, 4, (struct event){KIND_TEXT, {.text = "last"}}) + events[0].number;
	n += named(0, (union slot){3}, &out) + named(1, (union slot){.name = "abcd"}, &out) + strlen(out.name);
	return n + header->tail + (header->type == 2 ? header->u.event->kind : header->u.whole[1]);
}

int main(void)
{
	struct event event = {KIND_LIST, {.list = {0, NULL}}};
	struct header a = {0, 2, {.event = &event}, 100}, b = {0, 1, {.whole = {5, 6}}, 200}, c = {7, 3, {1.5}, 300};
	int common = 77 + 4 + 42 + 3 + 4 + 4;

	c.u.whole[1] = 8;
	return handle(&a) == common + 100 + 9 && handle(&b) == common + 200 + 6 && handle(&c) == common + 308 ? 0 : 1;
}
