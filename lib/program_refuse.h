/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stands against a function that is looked for, in words: why it is refused, and what the compiler did
 * beside it. Each refusal returns its code, and ends with what the reader can do.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct config_func;
struct debug_func;
struct err;
struct finder;
struct object;

/* @func as it is configured, though its mangled name is looked for. */
const char *program_written(const struct config_func *func);
/* The changed copy that gcc made of @name, or NULL; @with_parts: the part of one whose head may be inlined
 * where it is called, too. */
const char *program_clone(const struct object *object, const char *name, bool with_parts);

int refuse_changed(const char *name, const char *fault, struct err *err);
/* Of @name only the copy @clone is left. */
int refuse_clone(const char *name, const char *clone, struct err *err);
int refuse_folded(const char *name, const char *other, struct err *err);
/* There is no code of @name by itself. */
int refuse_inlined(const char *name, const struct debug_func *debug, struct err *err);
int refuse_ifunc(const char *name, const char *file, struct err *err);
/* No debug information describes what is in file @module. */
int refuse_undescribed(const struct finder *f, size_t module, const char *name, struct err *err);
/* There is no such function; @module: the file that was asked for, SIZE_MAX: none in particular. */
int refuse_unknown_func(struct finder *f, const struct config_func *func, size_t module, struct err *err);
int refuse_unknown_module(struct finder *f, const struct config_func *func, struct err *err);
