/* SPDX-License-Identifier: BSD-3-Clause */
/* Files that arguments name: what they hold, and putting it there again. Past libc and past the filter. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* At most @most bytes of the file from @off on; *@size is all that it has. Returns enum plan_file; *@len:
 * bytes read. */
int files_read(const char *name, uint64_t off, void *to, size_t most, size_t *len, uint64_t *size);
/* Make or replace the file, and the folders on the way. 0 or -errno. */
int files_write(const char *name, const void *data, size_t len);
