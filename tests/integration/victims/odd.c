// SPDX-License-Identifier: BSD-3-Clause
/* Declarations of many kinds, for guessing a configuration from them. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEP __attribute__((noipa))

struct item {
	int id;
	char name[16];
};

struct list {
	int nitems;
	struct item *items;
	size_t blob_len;
	unsigned char *blob;
	char *note;
	struct list *next;
	void (*free)(void *);
};

struct chain {
	int argc, argv_len, nlinks;
	struct item **argv;
	struct chain *links, *next;
};

struct tail {
	unsigned count;
	struct item items[];
};

typedef const char *text_t;
typedef struct {
	union {
		int number;
		const char *text;
	};
	int kind;
} variant;

struct hidden;

KEEP int encode(const void *data, size_t data_len, char *out, int out_size)
{
	return data && data_len && out ? out_size : 0;
}
KEEP void fill(unsigned char *dst, size_t n)
{
	memset(dst, 1, n);
}
KEEP int get(char *buf, size_t *len)
{
	return buf && len;
}
KEEP int make(char **text, struct list **list, struct hidden **hidden)
{
	return text && list && hidden;
}
KEEP int run(int argc, char **argv)
{
	return argc && argv;
}
KEEP long sum(const int *values, int nvalues, const struct item *items, unsigned items_count)
{
	return values && nvalues && items ? items_count : 0;
}
KEEP void each(void (*fn)(int), void *ctx, struct hidden *hidden)
{
	if (ctx && hidden)
		fn(1);
}
KEEP int print(const char *format, ...)
{
	return format != NULL;
}
KEEP struct list by_value(struct list list, variant v)
{
	list.nitems += v.kind;
	return list;
}
KEEP bool flag(text_t name, unsigned len, bool *result, int *out)
{
	return name && len && result && out;
}
KEEP double rate(double a, float *b, long double c)
{
	return a + *b + (double)c;
}
KEEP int chained(struct chain *chain, const char **names)
{
	return chain && names;
}
KEEP int told(char *text, size_t size)
{
	return text && size;
}
KEEP void *lookup(struct tail *tail, const variant *v, int64_t key)
{
	return tail && v && key ? tail : NULL;
}
KEEP int unnamed(int a, char *)
{
	return a;
}
KEEP int nothing(void)
{
	return rand();
}
KEEP ssize_t reads(int fd, void *buf, size_t n)
{
	return fd && buf ? (ssize_t)n : -1;
}
KEEP int matrix(int rows[][4], int n, volatile uint8_t *reg, const uint8_t table[16])
{
	return rows && n && reg && table;
}

int main(int argc, char **argv)
{
	struct list list = {}, *lists = &list;
	struct item item = {};
	variant v = {};
	char buf[8], *text = buf;
	unsigned char bytes[8];
	size_t len = 8;
	int rows[2][4] = {}, i = 1;
	float f = 1;
	bool b;

	return encode(buf, 8, buf, 8) + get(buf, &len) + make(&text, &lists, NULL) + run(argc, argv) +
	       sum(&i, 1, &item, 1) + print("x") + by_value(list, v).nitems + flag("x", 1, &b, &i) +
	       (int)rate(1, &f, 1) + !lookup(NULL, &v, 1) + unnamed(1, buf) + nothing() +
	       (int)reads(1, buf, 8) + chained(NULL, NULL) + told(NULL, 0) + matrix(rows, 2, bytes, bytes) +
	       (fill(bytes, 8), each(NULL, NULL, NULL), 0);
}
