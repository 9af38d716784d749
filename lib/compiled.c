// SPDX-License-Identifier: BSD-3-Clause
#include "lib/compiled.h"

#include <cjson/cJSON.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/schema.h"
#include "lib/util.h"

static const uint8_t magic[8] = {0x89, 'T', 'P', 'S', '\r', '\n', 0x1a, '\n'};

#define VERSION	    1
#define HEADER_LEN  32
#define AT_CHECKSUM 12
#define CHUNK	    65536

bool compiled_is_one(const void *data, size_t len)
{
	return len >= sizeof(magic) && !memcmp(data, magic, sizeof(magic));
}

void compiled_free(struct compiled *compiled)
{
	if (!compiled)
		return;
	for (size_t i = 0; i < compiled->funcs_cnt; i++) {
		struct compiled_func *func = &compiled->funcs[i];

		free(func->name);
		free(func->module);
		free(func->source);
		free(func->inlined_at);
		free(func->warning);
	}
	free(compiled->funcs);
	free(compiled->program);
	schema_free(compiled->schema);
	free(compiled);
}

void compiled_freep(struct compiled **compiled)
{
	compiled_free(*compiled);
}

/* --- the document in front of the schema --- */

/* Members that are text, and where they are. A member that says nothing is absent. */
static const struct {
	const char *name;
	size_t offset;
	size_t room; /* of an array; 0: a pointer, owned */
} func_texts[] = {
	{"name", offsetof(struct compiled_func, name)},
	{"module", offsetof(struct compiled_func, module)},
	{"build_id", offsetof(struct compiled_func, build_id), COMPILED_ID_MAX + 1},
	{"source", offsetof(struct compiled_func, source)},
	{"inlined_at", offsetof(struct compiled_func, inlined_at)},
	{"warning", offsetof(struct compiled_func, warning)},
	{"configured", offsetof(struct compiled_func, configured), DIGEST_HEX_LEN + 1},
};

static cJSON *func_json(const struct compiled_func *func)
{
	cJSON *json = cJSON_CreateObject();
	char addr[32];

	for (size_t i = 0; i < ARRAY_SIZE(func_texts); i++) {
		const char *at = (const char *)func + func_texts[i].offset;
		const char *text = func_texts[i].room ? at : *(char *const *)at;

		if (text && *text)
			cJSON_AddStringToObject(json, func_texts[i].name, text);
	}
	snprintf(addr, sizeof(addr), "0x%lx", (unsigned long)func->addr);
	cJSON_AddStringToObject(json, "address", addr);
	cJSON_AddNumberToObject(json, "size", func->size);
	if (func->line)
		cJSON_AddNumberToObject(json, "line", func->line);
	if (func->inlined)
		cJSON_AddNumberToObject(json, "inlined", func->inlined);
	return json;
}

static char *document(const struct compiled *compiled)
{
	auto_cjson cJSON *json = cJSON_CreateObject();
	cJSON *funcs;

	cJSON_AddStringToObject(json, "program", compiled->program);
	cJSON_AddStringToObject(json, "build_id", compiled->build_id);
	cJSON_AddStringToObject(json, "configured", compiled->configured);
	funcs = cJSON_AddArrayToObject(json, "functions");
	for (size_t i = 0; i < compiled->funcs_cnt; i++)
		cJSON_AddItemToArray(funcs, func_json(&compiled->funcs[i]));
	return cJSON_PrintUnformatted(json);
}

static int damaged(struct err *err, const char *what)
{
	return err_set(err, -EBADMSG, "damaged compiled schema: %s", what);
}

static const cJSON *member(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

/* The text @name into @room bytes at @out. False: it is none, or too long. */
static bool get_text(char *out, size_t room, const cJSON *json, const char *name)
{
	const cJSON *item = member(json, name);
	const char *text = item ? cJSON_GetStringValue(item) : "";

	if (!text || strlen(text) >= room)
		return false;
	strcpy(out, text);
	return true;
}

static bool get_copy(char **out, const cJSON *json, const char *name)
{
	const cJSON *item = member(json, name);
	const char *text = item ? cJSON_GetStringValue(item) : "";

	*out = text ? strdup(text) : NULL;
	return *out;
}

static bool get_number(double *out, const cJSON *json, const char *name, double max)
{
	const cJSON *item = member(json, name);

	*out = item ? cJSON_GetNumberValue(item) : 0;
	return *out >= 0 && *out <= max && *out == (double)(uint64_t)*out;
}

static int read_func(struct compiled_func *out, const cJSON *json, struct err *err)
{
	double size = 0, line = 0, inlined = 0;
	char addr[32] = "", *end = addr;
	bool is_good = cJSON_IsObject(json) && get_text(addr, sizeof(addr), json, "address") &&
		       get_number(&size, json, "size", 1ull << 40) &&
		       get_number(&line, json, "line", INT32_MAX) &&
		       get_number(&inlined, json, "inlined", UINT32_MAX);

	for (size_t i = 0; is_good && i < ARRAY_SIZE(func_texts); i++) {
		char *at = (char *)out + func_texts[i].offset;

		is_good = func_texts[i].room ? get_text(at, func_texts[i].room, json, func_texts[i].name)
					     : get_copy((char **)at, json, func_texts[i].name);
	}
	out->addr = strtoull(addr, &end, 16);
	out->size = size;
	out->line = line;
	out->inlined = inlined;
	return is_good && end != addr && !*end && out->name[0] ? 0
							       : damaged(err, "a function cannot be read");
}

static int read_funcs(struct compiled *out, const cJSON *list, struct err *err)
{
	size_t cnt = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : SIZE_MAX;
	const cJSON *item;

	if (cnt > SCHEMA_FUNCS_MAX)
		return damaged(err, "it has no functions, or too many");
	out->funcs = calloc(cnt + 1, sizeof(*out->funcs));
	if (!out->funcs)
		return err_nomem(err);
	cJSON_ArrayForEach(item, list)
	{
		int r = read_func(&out->funcs[out->funcs_cnt++], item, err);

		if (r)
			return r;
	}
	return 0;
}

static int read_document(struct compiled *out, const char *text, size_t len, struct err *err)
{
	auto_cjson cJSON *json = cJSON_ParseWithLength(text, len);

	if (!cJSON_IsObject(json) || !get_copy(&out->program, json, "program") ||
	    !get_text(out->build_id, sizeof(out->build_id), json, "build_id") ||
	    !get_text(out->configured, sizeof(out->configured), json, "configured"))
		return damaged(err, "what stands before the types cannot be read");
	return read_funcs(out, member(json, "functions"), err);
}

/* --- the whole --- */

int compiled_write(struct buf *out, const struct compiled *compiled, struct err *err)
{
	autofree char *text = document(compiled);
	size_t base = out->len, text_len = text ? strlen(text) : 0;
	const void *types;
	size_t types_len;
	uint32_t checksum;
	int r = schema_bytes(compiled->schema, &types, &types_len, err);

	if (r)
		return r;
	if (!text)
		return err_nomem(err);
	buf_put(out, magic, sizeof(magic));
	buf_put_u16(out, VERSION);
	buf_put_u16(out, 0);
	buf_put_u32(out, 0);
	buf_put_u64(out, HEADER_LEN + text_len + types_len);
	buf_put_u32(out, text_len);
	buf_put_u32(out, types_len);
	buf_put(out, text, text_len);
	buf_put(out, types, types_len);
	if (out->failed)
		return out->failed == -ENOMEM ? err_nomem(err)
					      : err_set(err, out->failed, "the compiled schema does not fit");
	checksum = htole32(crc32_z(0, out->data + base, out->len - base));
	memcpy(out->data + base + AT_CHECKSUM, &checksum, sizeof(checksum));
	return 0;
}

static uint32_t checksum_of(const uint8_t *data, size_t len)
{
	static const uint8_t zero[4];
	uint32_t crc = crc32_z(0, data, AT_CHECKSUM);

	crc = crc32_z(crc, zero, sizeof(zero));
	return crc32_z(crc, data + AT_CHECKSUM + sizeof(zero), len - AT_CHECKSUM - sizeof(zero));
}

struct head {
	uint16_t version;
	uint32_t checksum, text_len, types_len;
	uint64_t len;
};

static int read_head(struct head *out, const void *data, size_t len, struct err *err)
{
	struct reader r;

	if (!compiled_is_one(data, len))
		return err_set(err, -EBADMSG, "not a compiled schema");
	reader_init(&r, data, len);
	reader_bytes(&r, sizeof(magic));
	out->version = reader_u16(&r);
	reader_u16(&r);
	out->checksum = reader_u32(&r);
	out->len = reader_u64(&r);
	out->text_len = reader_u32(&r);
	out->types_len = reader_u32(&r);
	if (r.failed)
		return damaged(err, "it is torn");
	if (out->version != VERSION)
		return err_set(err, -ENOTSUP,
			       "a compiled schema of version %u, this program reads version %d", out->version,
			       VERSION);
	if (out->len != len || (uint64_t)HEADER_LEN + out->text_len + out->types_len != len)
		return damaged(err, "it is torn");
	return checksum_of(data, len) == out->checksum ? 0 : damaged(err, "its checksum differs");
}

static int check_functions(const struct compiled *compiled, struct err *err)
{
	size_t cnt = schema_funcs_cnt(compiled->schema);

	for (size_t i = 0; i < cnt && i < compiled->funcs_cnt; i++)
		if (strcmp(schema_func(compiled->schema, i)->name, compiled->funcs[i].name))
			cnt = SIZE_MAX;
	return cnt == compiled->funcs_cnt ? 0 : damaged(err, "its types are of other functions");
}

int compiled_read(struct compiled **out, const void *data, size_t len, struct err *err)
{
	auto_compiled struct compiled *compiled = calloc(1, sizeof(*compiled));
	const char *text = (const char *)data + HEADER_LEN;
	struct head head = {};
	int r;

	if (!compiled)
		return err_nomem(err);
	r = read_head(&head, data, len, err);
	if (!r)
		r = read_document(compiled, text, head.text_len, err);
	if (!r)
		r = schema_load(&compiled->schema, text + head.text_len, head.types_len, err);
	if (!r)
		r = check_functions(compiled, err);
	if (r)
		return r;
	*out = TAKE_PTR(compiled);
	return 0;
}

int compiled_load(struct compiled **out, const char *path, struct err *err)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	autofree uint8_t *chunk = malloc(CHUNK);
	auto_buf struct buf bytes;
	ssize_t len;
	int r;

	buf_init(&bytes, COMPILED_BYTES_MAX);
	if (fd < 0)
		return err_usage(err, -errno, "cannot open '%s': %s", path, strerror(errno));
	if (!chunk)
		return err_nomem(err);
	while ((len = read(fd, chunk, CHUNK)) > 0)
		buf_put(&bytes, chunk, len);
	if (len < 0)
		return err_set(err, -errno, "cannot read '%s': %s", path, strerror(errno));
	if (bytes.failed)
		return err_set(err, bytes.failed, "'%s' is too long for a compiled schema", path);
	r = compiled_read(out, bytes.data, bytes.len, err);
	return r && r != -ENOMEM ? err_wrap(err, r, "cannot use '%s'", path) : r;
}
