/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of program share; nobody else includes it. */
#pragma once

#include "lib/program.h"

struct nearest;
struct rule;

#define PROGRAM_ROOT_MAX 64

/* Looking at one program with one configuration. */
struct finder {
	struct program *program;
	const struct config *config;
	bool *tried;	 /* by file: program->infos was asked for */
	struct err *why; /* by file: why there is no debug information */
	bool *completed; /* by file: symbols that are kept apart were added */
};

/* Where a function is, and which file's debug information describes it. */
struct found {
	size_t module;
	uint64_t addr, size;
	struct debug_func debug;
	struct debuginfo *info;		  /* NULL: a declaration describes it */
	const char *declaration;	  /* C; or NULL */
	const struct libc_function *libc; /* the declaration and what it says are libc's; or NULL */
	bool is_ifunc;
	const char *symbol; /* what its file calls it, borrowed from there; NULL: as it is configured */
};

/* The debug information of file @module, or NULL. */
struct debuginfo *program_debug(struct finder *f, size_t module);
/* Add the symbols of file @module that are kept apart; those that were found in it before are no longer
 * valid. */
int program_complete(struct finder *f, size_t module, struct err *err);
/* Whether file @module is the one that the path @want names, as the program's own processes see paths. */
bool program_is_file(const struct program *program, size_t module, const char *want);
/* Where the file system of the program's process is seen: "/proc/PID/root", or "". */
void program_root(const struct program *program, char root[PROGRAM_ROOT_MAX]);
/* libc or ld.so: functions there are configured by their library's name only. */
bool program_is_libc(const struct program *program, size_t module);
/* The function is one of libc's, and the program a static one that has libc in itself. */
bool program_is_libc_linked_in(const struct program *program, const struct config_func *func);
/* Find @func: what stands against it is in words that are ready for its `refused`. */
int program_find(struct finder *f, const struct config_func *func, struct found *out, struct err *err);
/* The mangled name that @func's, as people write it, means in file @module (in source file @file, when that
 * is not NULL): *@mangled is borrowed from the file; NULL: there is none. Several that fit equally well are
 * -ENOTUNIQ, a usage error that lists them. */
int program_find_cxx(const char **mangled, struct finder *f, const struct config_func *func, size_t module,
		     const char *file, struct err *err);
/* A changed copy that a compiler made of the C++ function that @func names; or NULL. */
const char *program_cxx_clone(struct finder *f, const struct config_func *func, size_t module);
/* Offer the C++ functions of file @module to @nearest, which looks for @want. The caller's to free: NULL, or
 * what holds the best. */
char *program_suggest_cxx(struct finder *f, const char *want, size_t module, struct nearest *nearest);
/* Call libc's parameters as @func's configuration does. */
void program_name_params(struct debug_func *debug, const struct config_func *func);
/* A path, an expression or a declaration that calls libc's parameters by their first names, with the names
 * @params of program_name_params. The caller's to free; NULL: no memory. */
char *program_rename(const char *text, const char *symbol, const char *params);
/* The declaration that describes @func where no debug information needs to: sets found->declaration, and
 * found->libc where it is of the table. */
void program_declaration(const struct program *program, const struct config_func *func, struct found *found);
/* Add the function by its declaration. */
int program_declare(struct finder *f, const struct config_func *func, const struct found *found, uint32_t *id,
		    struct err *err);
/* The configuration's rules of @func, in their order, and behind them those that libc's table adds; one that
 * says only how much, or which way, is completed by libc's. */
int program_rules(struct rule **rules, size_t *cnt, const struct config_func *func, const struct found *found,
		  struct err *err);
void program_rules_free(struct rule *rules, size_t cnt);
/* What the compiler did beside the function that is found; "" when nothing. */
void program_warn(const struct finder *f, const struct config_func *func, const struct found *found,
		  char *text, size_t len);
/* Add to the configuration what its inputs may call back. */
int program_add_callbacks(struct finder *f, struct config *config, struct err *err);
/* Find the marks of all files, and add the functions that they are to the configuration. */
int program_add_marks(struct program *program, struct config *config, struct err *err);
/* Where the mark @func is: as program_find, but nothing can be refused. */
void program_place_mark(const struct program *program, struct program_func *func);
/* Its stubs and site. */
int program_build_mark(const struct finder *f, struct program_func *func, struct err *err);
/* Another place where @func is probed. */
int program_add_stub(const struct finder *f, struct program_func *func, size_t module, uint64_t addr,
		     uint64_t size, struct err *err);
/* Choose where @func is probed: its site and stubs, or why it is unprobed. Its shape is there. */
int program_build_site(const struct finder *f, struct program_func *func, struct err *err);
/* Every path that @func's configuration names must lead somewhere. */
int program_check_paths(const struct finder *f, const struct config_func *func, const struct shape *shape,
			struct err *err);
/* That no value is redacted that a replay needs. */
int program_check_redaction(const struct finder *f, const struct config_func *func, const struct shape *shape,
			    struct err *err);
/* Add the rules of the configuration's types to the schema, behind all functions. */
int program_add_types(struct finder *f, struct err *err);
/* Add what libc's table says of the structs of its functions; the configuration's rules come first. */
int program_add_libc_types(struct finder *f, struct err *err);
/* Find and describe all functions and types: from debug information, and from declarations where there is
 * none. What cannot be described is refused, and keeps its place. */
int program_describe(struct finder *f, struct err *err);
/* Shapes, sites and plans of all functions that are not refused; the schema is whole. */
int program_build(const struct finder *f, struct err *err);
/* Place the functions as program->compiled says. */
int program_place_compiled(struct finder *f, struct err *err);
/* The configured type whose rules are the schema's @idx-th, or NULL. */
const struct type_rules *program_type_of(const struct finder *f, size_t idx);
/* Add to @config what its "serve" stands for in this program, whose files are open. */
int program_serve(const struct program *program, struct config *config, struct err *err);
/* Where opaque pointers lie, by function: program->spots. */
int program_find_spots(struct program *program, struct err *err);
void program_spots_free(struct program_spots *spots);
/* How each function's return is seen, and where C++ exceptions are caught: is_at_rets, rets, catches. */
int program_find_returns(struct program *program, struct err *err);
/* A failure that is no property of one function or type. */
bool program_is_fatal(int code);
