// SPDX-License-Identifier: BSD-3-Clause
// An input that changes what lies several pointers behind each of its parameters, and leaves most as it was.
// Some of it lies deeper than the operation's own arguments were recorded, beside another way to the same place.
struct part {
	int n;
	struct part *next;
};
struct box {
	int id;
	struct part *parts, *spare;
};

__attribute__((noinline)) int merge(struct box *into, struct box *from, int *moved, long *total)
{
	into->parts->next->n += from->parts->n;
	from->parts->n = 0;
	*moved += 1;
	*total += into->parts->next->n + into->id;
	return from->id;
}

__attribute__((noinline)) int handle(struct box *into, struct box *from)
{
	int moved = 0;
	long total = 0;
	int id = merge(into, from, &moved, &total);

	if (!into->spare || from->spare)
		return -1;
	return id * 1000 + moved * 100 + (int)total + into->parts->next->n + from->parts->n;
}

int main(void)
{
	struct part deep = {9, 0}, third = {3, &deep}, second = {2, &third}, first = {1, &second}, other = {50, 0};
	struct box into = {5, &first, &third}, from = {6, &other, 0};

	return handle(&into, &from) == 6000 + 100 + 57 + 52 ? 0 : 1;
}
