/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program and its configured functions: where each is, its types, its probe site, and what stands in the
 * way. One answer for check, record and replay.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/debuginfo.h"
#include "lib/err.h"
#include "lib/insn.h"
#include "lib/marks.h"
#include "lib/shape.h"

struct compiled;
struct config;
struct config_func;
struct libc_function;
struct named_address;
struct object;
struct plan;
struct plan_gate;
struct program_spots;
struct recording;
struct sampling;
struct schema;
struct serve_function;

#define PROGRAM_MODULES_MAX 256

/* The files that make up a program, the executable first. */
struct program_file {
	char *path;	/* to open it by: may lie under /proc/PID/root */
	char *name;	/* as its users know it: soname or base name */
	uint64_t base;	/* load bias in a live process; 0 when not running */
	bool stands_in; /* for every file of that name, wherever it is */
	bool is_absent; /* not loaded: a plug-in that the configuration names by its path */
};

/* Another place that is probed for a function: a PLT entry that leads to one whose code is chosen at start
 * (an IFUNC) and may lie where no probe can, or what _FORTIFY_SOURCE calls in its place. */
struct program_stub {
	size_t module;
	struct site site;
	uint64_t offset;
};

struct program_func {
	const struct config_func *config;
	char *symbol;  /* what its file calls it: of a C++ function the mangled name */
	size_t module; /* index into files */
	uint64_t addr, size;
	uint64_t offset; /* file offset of site.addr */
	struct debug_func debug;
	struct site site;
	bool is_ifunc; /* or a mark: probed at the stubs alone; site and offset are those of the first */
	struct program_stub *stubs;
	size_t stubs_cnt;
	const struct libc_function *libc; /* its declaration and defaults are libc's; or NULL */
	struct shape *shape;
	struct plan *plan;
	struct plan_gate *gate; /* NULL: nothing is decided at entry */
	struct err refused;	/* msg is "" when the function can be used */
	struct err unprobed; /* why it cannot be recorded, though it can be replayed; msg is "" when it can */
	bool is_at_rets; /* its return is seen at its `ret` instructions, as something may unwind through it
			  */
	uint64_t *rets;	 /* their file offsets */
	size_t rets_cnt;
	char warning[256]; /* "" when there is none: inlined copies beside an out-of-line one, ... */
};

/* A mark of one of the files: see lib/tapedeck/mark.h. */
struct program_mark {
	size_t module;
	struct mark_site site;
};

struct program {
	struct program_file *files;
	struct object **objects;  /* by file */
	struct debuginfo **infos; /* by file; NULL where there is none, or it was not needed */
	size_t files_cnt;
	struct schema *schema;
	struct program_func *funcs; /* in the order of config->funcs and of the schema's functions */
	size_t funcs_cnt;
	struct program_spots *spots;
	bool hooks_returns; /* nothing in its files unwinds the stack, so returns are hooked; what else it
			       loads may */
	uint64_t *catches;  /* by file: file offset of what every C++ handler calls first; 0: not there */
	struct program_mark *marks;
	size_t marks_cnt;
	struct compiled *compiled; /* what describes it in place of debug information; or NULL */
};

/* The executable at @path and the libraries that its loader would map, by DT_NEEDED, DT_RPATH,
 * LD_LIBRARY_PATH, DT_RUNPATH, ld.so.cache or the default folders. Nothing of the program is run. */
int program_files(struct program_file **files, size_t *cnt, const char *path, struct err *err);
void program_files_free(struct program_file *files, size_t cnt);

/*
 * Find everything. @files is taken over, also on failure; files in it that are no ELF objects are dropped. A
 * function that cannot be used does not fail the call: it is `refused`, and the others are still looked at,
 * so that check can show all. Fails when the executable cannot be read. Refusals at fault of the
 * configuration (unknown function, path, type; with the nearest right name and "FILE:LINE:COLUMN: ") are
 * usage errors. What "serve" stands for in this program and the marks that the files have become functions
 * of @config, behind its own; it must outlive
 * the program.
 */
int program_open(struct program **out, struct config *config, struct program_file *files, size_t cnt,
		 struct err *err);
/* The same with a schema that was compiled before, which is taken over too; no debug information is looked
 * for. Fails when the schema was compiled for another build or another configuration. */
int program_open_compiled(struct program **out, struct config *config, struct program_file *files, size_t cnt,
			  struct compiled *compiled, struct err *err);
/* Compile the schema of @program, all of whose functions must be usable. */
int program_compile(struct compiled **out, const struct program *program, const struct config *config,
		    struct err *err);
/* The gate for the function's configuration with @sampling in place of its own; NULL when it needs none. The
 * caller's to free. */
int program_gate(struct plan_gate **out, const struct program_func *func, const struct sampling *sampling,
		 struct err *err);
/* That @fresh's sampling, of a later reading of @func's configuration, names what there is; as the paths are
 * checked by program_open. */
int program_check_sampling(const struct config *config, const struct program_func *func,
			   const struct config_func *fresh, struct err *err);
/* 0, or the first refusal. */
int program_usable(const struct program *program, struct err *err);
/* The same, for recording: also what cannot be probed is refused. */
int program_recordable(const struct program *program, struct err *err);

/*
 * Have returns seen at `ret` instructions in a program that has other stacks than its threads' (signal
 * stacks, coroutines). Where each probed return is hooked, which is before Linux 6.13, a function that is
 * called on one of them can make the kernel forget the returns that are pending on the thread's own: the
 * process would end. A function whose returns cannot be seen so is `unprobed` then.
 */
int program_spare_stacks(struct program *program, struct err *err);
/* Whether something shows that @object unwinds the stack: no return may be hooked where it can pass. */
bool program_may_unwind(const struct object *object);
/* The file whose functions move their stacks while they run (Go), which no probe on a return survives; NULL:
 * none. */
const char *program_moves_stacks(const struct program *program);

#define PROGRAM_NOT_LOADED UINT64_MAX
/*
 * Name the addresses in @recording, whose functions are those of @program, that lie in its files' images:
 * where its shapes have opaque pointers. @bases: each file's load bias in the process, or PROGRAM_NOT_LOADED.
 */
int program_symbolize(const struct program *program, struct recording *recording, const uint64_t *bases,
		      struct err *err);
/* Where this program has what another build of it called so: an address of file *@module. False: it has not.
 */
bool program_locate(const struct program *program, const struct named_address *want, size_t *module,
		    uint64_t *addr);
/* The names by which the program's files may import @func of libc: its own first, those that share its code,
 * and what _FORTIFY_SOURCE calls in its place. Returns how many. */
#define PROGRAM_NAMES_MAX 16
size_t program_import_names(const struct program *program, const struct program_func *func,
			    const char *names[PROGRAM_NAMES_MAX]);
/* The functions of lib/serve.h that the program's files call and that are not configured: at most @max; how
 * many. */
size_t program_unserved(const struct program *program, const struct serve_function **out, size_t max);
void program_free(struct program *program);
void program_freep(struct program **program);
#define auto_program __attribute__((cleanup(program_freep)))
