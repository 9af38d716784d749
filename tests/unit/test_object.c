// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/err.h"
#include "lib/object.h"
#include "lib/util.h"
#include "tests/support/compile.h"

#define LIBC "/lib/x86_64-linux-gnu/libc.so.6"

__attribute__((noinline)) static int a_local_function(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x + 1;
}

__attribute__((noinline)) int a_global_function(int x);
int a_global_function(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x + 2;
}

/* Referenced as data: an R_X86_64_64 or GLOB_DAT relocation. */
static time_t (*volatile imported)(time_t *) = time;

static int first_bias(struct dl_phdr_info *info, size_t size, void *ctx)
{
	*(uintptr_t *)ctx = info->dlpi_addr;
	return 1; /* the first is the executable */
}

static uintptr_t own_bias(void)
{
	uintptr_t bias = 0;

	dl_iterate_phdr(first_bias, &bias);
	return bias;
}

static struct object *opened(const char *path)
{
	struct object *object = NULL;
	struct err err = {};

	if (object_open(&object, path, &err))
		fail_msg("%s", err.msg);
	return object;
}

static void functions_of_this_program_are_found_where_they_are(void **state)
{
	auto_object struct object *self = opened("/proc/self/exe");
	const struct symbol *local = object_find_func(self, "a_local_function", NULL, NULL);
	const struct symbol *global = object_find_func(self, "a_global_function", NULL, NULL);

	assert_non_null(local);
	assert_non_null(global);
	assert_true(local->is_local && local->is_func && !local->is_ifunc);
	assert_false(global->is_local);
	assert_int_equal(own_bias() + local->addr, (uintptr_t)a_local_function);
	assert_int_equal(own_bias() + global->addr, (uintptr_t)a_global_function);
	assert_ptr_equal(object_func_at(self, local->addr + 1), local);
	assert_null(object_find_func(self, "no_such_function", NULL, NULL));
}

static void a_file_selects_among_local_functions(void **state)
{
	auto_object struct object *self = opened("/proc/self/exe");
	size_t cnt = 7;

	assert_string_equal(object_find_func(self, "a_local_function", "test_object.c", &cnt)->file,
			    "test_object.c");
	assert_int_equal(cnt, 1);
	assert_non_null(object_find_func(self, "a_local_function", "tests/unit/test_object.c", NULL));
	assert_null(object_find_func(self, "a_local_function", "other.c", &cnt));
	assert_int_equal(cnt, 0);
	/* A global symbol does not tell its file. */
	assert_non_null(object_find_func(self, "a_global_function", "other.c", NULL));
}

static void bytes_are_those_in_memory(void **state)
{
	auto_object struct object *self = opened("/proc/self/exe");
	const struct symbol *local = object_find_func(self, "a_local_function", NULL, NULL);
	size_t len = local->size, huge = SIZE_MAX;
	uint64_t offset, from, to;
	uint8_t on_disk[4];
	FILE *file = fopen("/proc/self/exe", "r");

	assert_memory_equal(object_bytes(self, local->addr, &len), (void *)(uintptr_t)a_local_function,
			    local->size);
	assert_int_equal(len, local->size);
	assert_non_null(object_bytes(self, local->addr, &huge));
	assert_true(huge < 64u << 20);
	assert_int_equal(object_offset(self, local->addr, &offset), 0);
	assert_int_equal(fseek(file, (long)offset, SEEK_SET), 0);
	assert_int_equal(fread(on_disk, 1, 4, file), 4);
	assert_memory_equal(on_disk, (void *)(uintptr_t)a_local_function, 4);
	fclose(file);
	assert_true(object_text(self, &from, &to));
	assert_true(from <= local->addr && local->addr + local->size <= to);
	assert_int_equal(object_offset(self, UINT64_MAX, &offset), -ERANGE);
	assert_null(object_bytes(self, UINT64_MAX - 3, &len));
}

static int build_id_of_first(struct dl_phdr_info *info, size_t size, void *ctx)
{
	char *hex = ctx;

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		const char *pos = (const char *)(info->dlpi_addr + ph->p_vaddr), *end = pos + ph->p_memsz;

		while (ph->p_type == PT_NOTE && pos < end) {
			const ElfW(Nhdr) *note = (const void *)pos;
			const uint8_t *desc = (const uint8_t *)(note + 1) + ((note->n_namesz + 3) & ~3u);

			for (unsigned b = 0; note->n_type == NT_GNU_BUILD_ID && b < note->n_descsz; b++)
				sprintf(hex + 2 * b, "%02x", desc[b]);
			if (ph->p_align == 8)
				break;
			pos = (const char *)desc + ((note->n_descsz + 3) & ~3u);
		}
	}
	return 1;
}

static void the_build_id_is_the_one_in_memory(void **state)
{
	auto_object struct object *self = opened("/proc/self/exe");
	char hex[128] = "";

	dl_iterate_phdr(build_id_of_first, hex);
	assert_string_equal(object_build_id(self), hex);
	assert_int_equal(strlen(hex), 40);
}

static void facts_of_libraries_and_programs(void **state)
{
	auto_object struct object *self = opened("/proc/self/exe"), *libc = opened(LIBC);
	bool needs_libc = false;

	assert_string_equal(object_soname(libc), "libc.so.6");
	assert_null(object_soname(self));
	assert_string_equal(object_interp(self), "/lib64/ld-linux-x86-64.so.2");
	assert_true(object_is_pie(self));
	for (size_t i = 0; object_needed(self, i); i++)
		needs_libc |= !strcmp(object_needed(self, i), "libc.so.6");
	assert_true(needs_libc);
	assert_string_equal(object_needed(libc, 0), "ld-linux-x86-64.so.2");
	assert_null(object_needed(libc, 1));
	assert_string_equal(object_path(libc), LIBC);
}

static void versions_are_no_part_of_a_name_and_the_default_one_wins(void **state)
{
	auto_object struct object *libc = opened(LIBC), *self = opened("/proc/self/exe");
	const struct symbol *realpath_now = object_find_func(libc, "realpath", NULL, NULL);
	struct link_map *map;
	size_t cnt = 0;
	void *handle = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);

	/* realpath has an old version, GLIBC_2.2.5, at another address. */
	assert_int_equal(dlinfo(handle, RTLD_DI_LINKMAP, &map), 0);
	assert_int_equal(map->l_addr + realpath_now->addr, (uintptr_t)dlsym(handle, "realpath"));
	object_find_func(libc, "realpath", NULL, &cnt);
	assert_int_equal(cnt, 1);
	assert_true(object_find_func(libc, "strlen", NULL, NULL)->is_ifunc);
	for (size_t i = 0; i < object_symbols_cnt(libc); i++)
		assert_null(strchr(object_symbol(libc, i)->name, '@'));
	for (size_t i = 0; i < object_symbols_cnt(self); i++)
		assert_null(strchr(object_symbol(self, i)->name, '@'));
	dlclose(handle);
}

static void import_slots_hold_the_imported_function(void **state)
{
	auto_object struct object *self = opened("/proc/self/exe");
	uint64_t slots[8];
	size_t cnt = object_import_slots(self, "time", slots, ARRAY_SIZE(slots));
	bool has_data_slot = false;

	assert_in_range(cnt, 1, ARRAY_SIZE(slots));
	for (size_t i = 0; i < cnt; i++) {
		uintptr_t addr = own_bias() + slots[i];

		has_data_slot |= addr == (uintptr_t)&imported;
		/* Bound at start-up or by the first call below. */
		assert_true(time(NULL) == imported(NULL) || time(NULL));
		assert_int_equal(*(uintptr_t *)addr, (uintptr_t)imported);
	}
	assert_true(has_data_slot);
	assert_int_equal(object_import_slots(self, "time", slots, 0), cnt);
	assert_int_equal(object_import_slots(self, "a_global_function", slots, 8), 0);
	assert_int_equal(object_import_slots(self, "no_such_import", slots, 8), 0);
}

static void import_stubs_are_the_imported_function_when_called(void **state)
{
	auto_object struct object *self = opened("/proc/self/exe");
	time_t (*stub)(time_t *);
	uint64_t stubs[8];
	size_t cnt = object_import_stubs(self, "time", stubs, ARRAY_SIZE(stubs));

	assert_in_range(cnt, 1, ARRAY_SIZE(stubs));
	for (size_t i = 0; i < cnt; i++) {
		time_t before = time(NULL);

		stub = (void *)(own_bias() + stubs[i]);
		assert_in_range(stub(NULL), before, before + 5);
	}
	assert_int_equal(object_import_stubs(self, "time", stubs, 0), cnt);
	assert_int_equal(object_import_stubs(self, "no_such_import", stubs, 8), 0);
}

/* What each compiler makes of a call; the entry begins where it is called. */
static void import_stubs_are_found_in_every_kind_of_plt(void **state)
{
	static const struct {
		const char *flags, *link_flags, *first;
		size_t cnt;
	} cases[] = {
		{"-O2", "-Wl,-z,lazy", "\xff\x25", 1},
		{"-O2", "-Wl,-z,now", "\xff\x25", 1},
		{"-O2 -fcf-protection=full", "-Wl,-z,ibtplt", "\xf3\x0f\x1e\xfa", 1},
		{"-O2 -fno-pie", "-no-pie", "\xff\x25", 1},
		{"-O2 -fno-plt", "", "", 0},
	};
	static const struct source sources[] = {
		{"a.c", "#include <time.h>\nint main(void) { return time(NULL) == 0; }\n"}, {}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_built struct built built = {};
		auto_object struct object *object = NULL;
		size_t first_len = strlen(cases[i].first), len = first_len;
		uint64_t stub = 0;

		build(&built, "gcc", cases[i].flags, cases[i].link_flags, sources);
		object = opened(built.path);
		assert_int_equal(object_import_stubs(object, "time", &stub, 1), cases[i].cnt);
		if (cases[i].cnt)
			assert_memory_equal(object_bytes(object, stub, &len), cases[i].first, first_len);
	}
}

static void errno_lies_where_its_slot_says(void **state)
{
	auto_object struct object *libc = opened(LIBC), *self = opened("/proc/self/exe");
	struct link_map *map;
	void *handle = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	uint64_t slot = 0;
	int32_t offset = 7;
	uintptr_t tp;

	assert_int_equal(dlinfo(handle, RTLD_DI_LINKMAP, &map), 0);
	assert_int_equal(object_errno_slot(libc, &slot), 0);
	__asm__("mov %%fs:0, %0" : "=r"(tp));
	assert_ptr_equal((int *)(tp + *(int64_t *)(map->l_addr + slot)), &errno);
	assert_int_equal(object_errno_slot(self, &slot), -ENOENT);
	assert_int_equal(object_errno_offset(self, &offset), -ENOENT);
	assert_int_equal(offset, 7);
	dlclose(handle);
}

/* A static program prints &errno - fs:0 itself. */
static void errno_of_a_static_program_is_where_it_says(void **state)
{
	auto_object struct object *object = NULL;
	char dir[] = "/tmp/test_objectXXXXXX", cmd[512], path[64];
	int32_t offset = 0;
	int want = 0;
	FILE *out;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/prog", dir);
	snprintf(
		cmd, sizeof(cmd),
		"echo '#include <errno.h>\n#include <stdio.h>\n_Thread_local long pad[3];int main(void){char*tp;"
		"pad[0]++;__asm__(\"mov %%%%fs:0,%%0\":\"=r\"(tp));printf(\"%%d\",(int)((char*)&errno-tp));}' |"
		" gcc -static -x c - -o %s && %s",
		path, path);
	out = popen(cmd, "r");
	assert_int_equal(fscanf(out, "%d", &want), 1);
	assert_int_equal(pclose(out), 0);
	object = opened(path);
	assert_null(object_interp(object));
	assert_int_equal(object_errno_offset(object, &offset), 0);
	assert_int_equal(offset, want);
	unlink(path);
	rmdir(dir);
}

/* --- bad files --- */

static char *file_with(const void *data, size_t len)
{
	char *path = strdup("/tmp/test_objectXXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
	return path;
}

static uint8_t *self_bytes(size_t *len)
{
	FILE *file = fopen("/proc/self/exe", "r");
	struct stat st;
	uint8_t *data;

	assert_int_equal(fstat(fileno(file), &st), 0);
	data = malloc(st.st_size);
	assert_int_equal(fread(data, 1, st.st_size, file), st.st_size);
	fclose(file);
	*len = st.st_size;
	return data;
}

static void what_is_no_x86_64_program_is_refused_in_words(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte, byte2;
		int code;
		const char *want;
	} cases[] = {
		{0, 'X', 'E', -ENOEXEC, "'%s' is not an ELF file"},
		{offsetof(Elf64_Ehdr, e_machine), EM_AARCH64, 0, -ENOTSUP,
		 "'%s' is for aarch64, not for x86-64"},
		{offsetof(Elf64_Ehdr, e_type), ET_REL, 0, -ENOEXEC,
		 "'%s' is neither a program nor a shared library"},
	};
	size_t len;
	autofree uint8_t *data = self_bytes(&len);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct object *object = (void *)1;
		char want[256];
		struct err err = {};
		autofree char *path = NULL;
		uint8_t saved[2] = {data[cases[i].at], data[cases[i].at + 1]};

		data[cases[i].at] = cases[i].byte;
		data[cases[i].at + 1] = cases[i].byte2;
		path = file_with(data, len);
		snprintf(want, sizeof(want), cases[i].want, path);
		assert_int_equal(object_open(&object, path, &err), cases[i].code);
		assert_string_equal(err.msg, want);
		assert_ptr_equal(object, (void *)1);
		memcpy(data + cases[i].at, saved, 2);
		unlink(path);
	}
}

static void a_32_bit_program_is_refused(void **state)
{
	Elf32_Ehdr ehdr = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
			   .e_type = ET_EXEC,
			   .e_machine = EM_386,
			   .e_version = EV_CURRENT,
			   .e_ehsize = sizeof(ehdr)};
	autofree char *path = file_with(&ehdr, sizeof(ehdr));
	struct object *object = NULL;
	struct err err = {};
	char want[128];

	snprintf(want, sizeof(want), "'%s' is for 32-bit x86, not for x86-64", path);
	assert_int_equal(object_open(&object, path, &err), -ENOTSUP);
	assert_string_equal(err.msg, want);
	unlink(path);
}

static void a_script_is_refused_with_what_runs_it(void **state)
{
	static const char script[] = "#! /usr/bin/env  sh -e\nexec ordersd\n";
	autofree char *path = file_with(script, sizeof(script) - 1);
	struct object *object = NULL;
	struct err err = {};
	char want[128];

	snprintf(want, sizeof(want), "'%s' is a script, run by '/usr/bin/env'", path);
	assert_int_equal(object_open(&object, path, &err), -ENOEXEC);
	assert_string_equal(err.msg, want);
	assert_string_equal(err.hint, "name the program that it starts");
	unlink(path);
}

static void what_cannot_be_opened_says_why(void **state)
{
	struct object *object = NULL;
	struct err err = {};

	assert_int_equal(object_open(&object, "/no/such", &err), -ENOENT);
	assert_string_equal(err.msg, "cannot open '/no/such': No such file or directory");
	assert_int_equal(object_open(&object, "/tmp", &err), -EISDIR);
	assert_string_equal(err.msg, "cannot open '/tmp': Is a directory");
	assert_int_equal(object_open(&object, "/dev/zero", &err), -ENOEXEC);
	assert_string_equal(err.msg, "'/dev/zero' is not a regular file");
}

/* Ask everything that reads tables. */
static void ask(const struct object *object)
{
	size_t sum = 0, len;
	uint64_t slots[4];
	int32_t offset;

	for (size_t i = 0; i < object_symbols_cnt(object); i++) {
		const struct symbol *symbol = object_symbol(object, i);

		len = symbol->size;
		sum += strlen(symbol->name) + (symbol->file ? strlen(symbol->file) : 0);
		if (object_bytes(object, symbol->addr, &len) && len)
			sum += object_bytes(object, symbol->addr, &len)[len - 1];
		object_func_at(object, symbol->addr);
	}
	for (size_t i = 0; object_needed(object, i); i++)
		sum += strlen(object_needed(object, i));
	sum += object_import_slots(object, "time", slots, 4) + strlen(object_build_id(object));
	sum += object_soname(object) ? strlen(object_soname(object)) : 0;
	sum += object_interp(object) ? strlen(object_interp(object)) : 0;
	object_errno_slot(object, slots);
	object_errno_offset(object, &offset);
	assert_true(sum < SIZE_MAX);
}

static void hostile_files_are_refused_or_read_within_bounds(void **state)
{
	size_t len, cut;
	autofree uint8_t *data = self_bytes(&len);
	uint8_t *copy = malloc(len);
	unsigned seed = 12345;

	for (int round = 0; round < 300; round++) {
		struct object *object = NULL;
		struct err err = {};
		autofree char *path = NULL;
		size_t headers = (size_t)((Elf64_Ehdr *)data)->e_shoff;

		memcpy(copy, data, len);
		cut = round % 3 ? len : (size_t)rand_r(&seed) % len;
		for (int flips = 0; flips < 20; flips++) {
			/* Headers, sections' headers, and the tables between text and the end. */
			size_t at = round % 2 ? (size_t)rand_r(&seed) % 8192
					      : headers + (size_t)rand_r(&seed) % (len - headers);

			if (at >= 20 && at < len)
				copy[at] = (uint8_t)rand_r(&seed);
		}
		path = file_with(copy, cut);
		if (!object_open(&object, path, &err))
			ask(object);
		else
			assert_true(err.msg[0]);
		object_free(object);
		unlink(path);
	}
	free(copy);
}

static void a_separate_debug_file_has_symbols_but_no_code(void **state)
{
	auto_object struct object *object = NULL, *self = opened("/proc/self/exe");
	char path[] = "/tmp/test_objectXXXXXX", cmd[256];
	const struct symbol *local;
	uint64_t offset;
	size_t len = 4;

	close(mkstemp(path));
	snprintf(cmd, sizeof(cmd), "objcopy --only-keep-debug /proc/%d/exe %s", getpid(), path);
	assert_int_equal(system(cmd), 0);
	object = opened(path);
	assert_string_equal(object_build_id(object), object_build_id(self));
	local = object_find_func(object, "a_local_function", NULL, NULL);
	assert_non_null(local);
	assert_null(object_bytes(object, local->addr, &len));
	assert_int_equal(object_offset(object, local->addr, &offset), -ERANGE);
	assert_null(object_needed(object, 0));
	unlink(path);
}

static void a_stripped_program_keeps_its_dynamic_symbols_and_imports(void **state)
{
	auto_object struct object *object = NULL;
	char path[] = "/tmp/test_objectXXXXXX", cmd[256];
	uint64_t slot;

	close(mkstemp(path));
	snprintf(cmd, sizeof(cmd), "objcopy --strip-all /proc/%d/exe %s", getpid(), path);
	assert_int_equal(system(cmd), 0);
	object = opened(path);
	assert_null(object_find_func(object, "a_local_function", NULL, NULL));
	assert_true(object_import_slots(object, "time", &slot, 1) >= 1);
	unlink(path);
}

/* As Fedora packs them: what the dynamic symbols do not name, under xz. */
static void symbols_that_were_stripped_are_found_where_they_were_put(void **state)
{
	static const struct source sources[] = {
		{"a.c", "static __attribute__((noipa)) int hidden(int a) { return a + 1; }\n"
			"int main(int argc, char **argv) { return hidden(argc); }\n"},
		{}};
	static const struct {
		const char *command, *separate;
		bool is_there;
	} cases[] = {
		{"cp prog whole && strip prog && objcopy --only-keep-debug whole apart", "apart", true},
		{"objcopy -S --keep-symbol=hidden prog mini && xz mini && "
		 "objcopy --add-section .gnu_debugdata=mini.xz prog && strip prog",
		 NULL, true},
		{"cp prog mini && xz mini && head -c 300 mini.xz > cut && "
		 "objcopy --add-section .gnu_debugdata=cut prog && strip prog",
		 NULL, false},
		{"strip prog", NULL, false},
		{"strip prog", "absent", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_built struct built built = {};
		auto_object struct object *object = NULL;
		struct err err = {};
		char path[160];

		build(&built, "gcc", "-O1", "", sources);
		built_run(&built, cases[i].command);
		object = opened(built.path);
		assert_true(object_is_stripped(object));
		assert_null(object_find_func(object, "hidden", NULL, NULL));
		snprintf(path, sizeof(path), "%s/%s", built.dir, cases[i].separate ? cases[i].separate : "");
		assert_int_equal(object_complete(object, cases[i].separate ? path : NULL, &err), 0);
		assert_int_equal(object_is_stripped(object), !cases[i].is_there);
		assert_int_equal(object_find_func(object, "hidden", NULL, NULL) != NULL, cases[i].is_there);
		if (cases[i].is_there) {
			const struct symbol *symbol = object_find_func(object, "hidden", NULL, NULL);

			assert_true(symbol->is_local && symbol->addr);
			assert_string_equal(object_func_at(object, symbol->addr)->name, "hidden");
		}
		assert_int_equal(object_complete(object, NULL, &err), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_of_this_program_are_found_where_they_are),
		cmocka_unit_test(a_file_selects_among_local_functions),
		cmocka_unit_test(bytes_are_those_in_memory),
		cmocka_unit_test(the_build_id_is_the_one_in_memory),
		cmocka_unit_test(facts_of_libraries_and_programs),
		cmocka_unit_test(versions_are_no_part_of_a_name_and_the_default_one_wins),
		cmocka_unit_test(import_slots_hold_the_imported_function),
		cmocka_unit_test(import_stubs_are_the_imported_function_when_called),
		cmocka_unit_test(import_stubs_are_found_in_every_kind_of_plt),
		cmocka_unit_test(symbols_that_were_stripped_are_found_where_they_were_put),
		cmocka_unit_test(errno_lies_where_its_slot_says),
		cmocka_unit_test(errno_of_a_static_program_is_where_it_says),
		cmocka_unit_test(what_is_no_x86_64_program_is_refused_in_words),
		cmocka_unit_test(a_32_bit_program_is_refused),
		cmocka_unit_test(a_script_is_refused_with_what_runs_it),
		cmocka_unit_test(what_cannot_be_opened_says_why),
		cmocka_unit_test(hostile_files_are_refused_or_read_within_bounds),
		cmocka_unit_test(a_separate_debug_file_has_symbols_but_no_code),
		cmocka_unit_test(a_stripped_program_keeps_its_dynamic_symbols_and_imports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
