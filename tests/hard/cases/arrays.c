// SPDX-License-Identifier: BSD-3-Clause
// Arrays of arrays, of structs, char[N] without a terminator, a flexible array, argv, an array behind a
// pointer to it.
#include <stdlib.h>
#include <string.h>

#include "case.h"

struct cell {
	char code[4];
	short at[2][3];
};
struct packet {
	unsigned short len, kind;
	struct {
		int key;
		const char *text;
	} items[];
};

FUNC int sum(int (*matrix)[3], int rows, const struct cell *cell, char *const argv[])
{
	int n = 0;

	for (int i = 0; i < rows; i++)
		for (int k = 0; k < 3; k++)
			n += matrix[i][k] + (i < 2 ? cell->at[i][k] : 0);
	for (int i = 0; argv[i]; i++)
		n += strlen(argv[i]);
	return n + cell->code[3];
}

FUNC int handle(struct packet *packet, int (*rows)[2][2])
{
	int matrix[4][3] = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {10, 11, 12}};
	struct cell cell = {{'F', 'U', 'L', 'L'}, {{1, -1, 2}, {-2, 3, -3}}};
	char *argv[] = {"one", "", "three", NULL};

	return sum(matrix, 4, &cell, argv) + packet->items[1].key + packet->items[0].text[1] + (*rows)[1][0];
}

int main(void)
{
	struct packet *packet = malloc(sizeof(*packet) + 3 * sizeof(packet->items[0]));
	int rows[2][2] = {{1, 2}, {3, 4}};

	packet->len = 3;
	packet->kind = 9;
	for (int i = 0; i < 3; i++) {
		packet->items[i].key = 100 * i;
		packet->items[i].text = i ? NULL : "text";
	}
	return handle(packet, &rows) == 78 + 8 + 'L' + 100 + 'e' + 3 ? 0 : 1;
}
