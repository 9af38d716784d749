/* SPDX-License-Identifier: BSD-3-Clause */
/* What --json prints, as data: who adds a key adds its line to json_lines.c; --json-schema prints it as a
 * JSON Schema (draft 2020-12). */
#pragma once

#include <stdbool.h>

struct err;

enum field_kind {
	FIELD_STRING,
	FIELD_INTEGER,
	FIELD_NUMBER,
	FIELD_BOOL,
	FIELD_VALUE,	/* of the recorded program; docs/FORMAT.md has the table */
	FIELD_VALUES,	/* an object of them, by name */
	FIELD_OBJECT,	/* with `fields` */
	FIELD_DOCUMENT, /* with `fields`, and others that are not said here */
	FIELD_LIST,	/* of objects with `fields` */
	FIELD_STRINGS,	/* a list */
	FIELD_KIND_CNT,
};

struct json_field {
	const char *name; /* NULL ends a table */
	enum field_kind kind;
	const char *about;
	const struct json_field *fields;
	bool is_optional, is_nullable;
};

/* A line; which of several it is says its "type". */
struct json_line {
	const char *type; /* NULL: it has none, for there is no other line */
	const struct json_field *fields;
};

/* Tables end with a line without fields. */
extern const struct json_line lines_ls[], lines_show[], lines_check[], lines_record[], lines_verdicts[], lines_studio[], lines_bisect[],
	lines_doctor[], lines_cp[], lines_rm[], lines_du[], lines_verify[], lines_flush[], lines_compact[];

/* @command: for the title. */
int json_schema_print(const char *command, const struct json_line *lines, struct err *err);
