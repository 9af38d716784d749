// SPDX-License-Identifier: BSD-3-Clause
#include "loader/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/plan.h"
#include "lib/program.h"
#include "lib/shape.h"
#include "lib/util.h"
#include "tests/support/shop.h"

#define SIZE 40000

/* An entry of f("NAME") in this process, as the kernel makes it. */
struct made {
	struct event event;
	struct plan_fragment name;
	char text[256];
};

struct bench {
	struct program program;
	struct program_func func;
	struct shape *shape;
	struct files *files;
	uint16_t node;
	char dir[64];
	struct made made;
};

static void begin(struct bench *b, struct shop *s, uint32_t max)
{
	struct rule rule = {.path = "path", .is_string = true, .is_file = true, .max = max};
	struct shop_param params[] = {{"path", s->cptr}, {}};
	struct err err = {};

	*b = (struct bench){.dir = "/tmp/tapedeck-test-XXXXXX"};
	assert_int_equal(
		shape_build(&b->shape, s->schema, shop_func(s, "f", 0, params, &rule, 1), NULL, &err), 0);
	b->func.shape = b->shape;
	b->program.funcs = &b->func;
	b->program.funcs_cnt = 1;
	b->node = b->shape->params[1].node;
	assert_string_equal(b->shape->nodes[b->node].name, "file(path)");
	assert_non_null(mkdtemp(b->dir));
	assert_int_equal(chdir(b->dir), 0);
	assert_int_equal(files_new(&b->files, &b->program, &err), 0);
	assert_non_null(b->files);
}

static void end(struct bench *b)
{
	unlink("big");
	unlink("empty");
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(b->dir), 0);
	files_free(b->files);
	shape_free(b->shape);
}

static void write_file(const char *name, size_t len)
{
	FILE *file = fopen(name, "w");

	for (size_t i = 0; i < len; i++)
		fputc('a' + i % 26, file);
	fclose(file);
}

static const struct event *read_named(struct bench *b, const char *name, uint64_t ago_ns)
{
	struct timespec now;
	const struct event *event = &b->made.event;
	size_t len = strlen(name) + 1;
	struct err err = {};

	clock_gettime(CLOCK_MONOTONIC, &now);
	b->made = (struct made){
		.event = {.len = sizeof(struct event) + sizeof(struct plan_fragment) + ALIGN_UP(len, 8),
			  .kind = EVENT_ENTRY,
			  .tgid = getpid(),
			  .ts_ns = now.tv_sec * 1000000000ull + now.tv_nsec - ago_ns},
		.name = {.addr = 0x1000, .len = len, .captured = len, .node = b->shape->params[0].node},
	};
	strcpy(b->made.text, name);
	assert_int_equal(files_add(b->files, &event, &err), 0);
	return event;
}

/* The pieces of the content together; -1 - enum plan_file: why there are none. */
static long content(const struct bench *b, const struct event *event, char *to, uint32_t *size)
{
	const uint8_t *at = (const uint8_t *)(event + 1), *end = (const uint8_t *)event + event->len;
	long len = 0;

	while (at < end) {
		const struct plan_fragment *f = (const void *)at;

		at += sizeof(*f) + ALIGN_UP(f->captured, 8u);
		if (f->node != b->node)
			continue;
		if (f->status == PLAN_FRAGMENT_FAULT)
			return -1 - (long)(f->addr - PLAN_FILE_ADDR);
		assert_int_equal(f->addr, PLAN_FILE_ADDR + len);
		if (!len)
			*size = f->len;
		memcpy(to + len, f + 1, f->captured);
		len += f->captured;
	}
	assert_ptr_equal(at, end);
	return len;
}

static void a_file_is_read_whole_in_pieces(void **state)
{
	char *text = malloc(2 * SIZE), path[128];
	struct bench b;
	uint32_t size;

	begin(&b, *state, 0);
	write_file("big", SIZE);
	write_file("empty", 0);
	usleep(20000);
	assert_int_equal(content(&b, read_named(&b, "big", 0), text, &size), SIZE);
	assert_int_equal(size, SIZE);
	for (size_t i = 0; i < SIZE; i++)
		assert_int_equal(text[i], 'a' + i % 26);
	snprintf(path, sizeof(path), "%s/./big", b.dir);
	assert_int_equal(content(&b, read_named(&b, path, 0), text, &size), SIZE);
	assert_int_equal(content(&b, read_named(&b, "empty", 0), text, &size), 0);
	end(&b);
	free(text);
}

static void a_file_is_cut_at_max_and_its_size_is_told(void **state)
{
	char *text = malloc(2 * SIZE);
	struct bench b;
	uint32_t size;

	begin(&b, *state, 20000);
	write_file("big", SIZE);
	usleep(20000);
	assert_int_equal(content(&b, read_named(&b, "big", 0), text, &size), 20000);
	assert_int_equal(size, SIZE);
	end(&b);
	free(text);
}

static void what_is_no_content_says_why(void **state)
{
	struct bench b;
	uint32_t size;
	char text[16];

	begin(&b, *state, 0);
	assert_int_equal(content(&b, read_named(&b, "nowhere", 0), text, &size), -1 - PLAN_FILE_ABSENT);
	assert_int_equal(content(&b, read_named(&b, "/dev/zero", 0), text, &size), -1 - PLAN_FILE_NO_FILE);
	assert_int_equal(content(&b, read_named(&b, "/tmp", 0), text, &size), -1 - PLAN_FILE_NO_FILE);
	write_file("empty", 0);
	/* The call was before that. */
	assert_int_equal(content(&b, read_named(&b, "empty", 1000000000), text, &size),
			 -1 - PLAN_FILE_CHANGED);
	end(&b);
}

static void what_the_program_read_itself_is_not_read_again(void **state)
{
	struct bench b;
	const struct event *event;

	begin(&b, *state, 0);
	write_file("empty", 0);
	b.shape->nodes[b.node].format = b.node; /* the event has a fragment of that node */
	b.shape->nodes[b.node].flows = FLOW_IN;
	event = read_named(&b, "empty", 0);
	assert_ptr_equal(event, &b.made.event);
	end(&b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, shop_setup, shop_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_read_whole_in_pieces),
		TEST(a_file_is_cut_at_max_and_its_size_is_told),
		TEST(what_is_no_content_says_why),
		TEST(what_the_program_read_itself_is_not_read_again),
	};

	return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
