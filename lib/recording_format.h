/* SPDX-License-Identifier: BSD-3-Clause */
/* The numbers of docs/FORMAT.md; included by lib/recording*.c and their tests only. */
#pragma once

#define FORMAT_MAGIC	 "\x89TPD\r\n\x1a\n" /* not text, and broken by whatever converts line ends */
#define FORMAT_MAGIC_LEN 8
#define FORMAT_VERSION	 1

#define FORMAT_MARK_INCOMPLETE 1 /* the file is being written */

/* Where the header's fields are; the table of sections follows. */
#define FORMAT_AT_VERSION  8
#define FORMAT_AT_MARK	   10
#define FORMAT_AT_CHECKSUM 12
#define FORMAT_AT_LENGTH   16
#define FORMAT_AT_ID	   24
#define FORMAT_AT_SECTIONS 40
#define FORMAT_HEADER_LEN  48

#define FORMAT_ID_BYTES	    16
#define FORMAT_SECTION_LEN  32 /* of one entry of the table */
#define FORMAT_SECTIONS_MAX 64
#define FORMAT_SECTIONS	    4 /* that this version writes, at most */

enum format_section {
	FORMAT_METADATA = 1,
	FORMAT_CALLS = 2,
	FORMAT_BYTES = 3,
	FORMAT_SYMBOLS = 4,
	FORMAT_SECTION_CNT
};
#define FORMAT_REQUIRED FORMAT_BYTES /* up to this kind each must be there */
enum format_encoding { FORMAT_PLAIN = 0, FORMAT_ZLIB = 1 };

/* Records of the calls section. Newer ones may be longer; each file says how long its are. */
#define FORMAT_CALL_LEN	    116
#define FORMAT_FRAGMENT_LEN 20
#define FORMAT_RECORD_MAX   1024

enum format_call_flags {
	FORMAT_HAS_ERRNO = 1 << 0,
	FORMAT_IN_STEPS_CUT = 1 << 1,
	FORMAT_IN_BUDGET_CUT = 1 << 2,
	FORMAT_OUT_STEPS_CUT = 1 << 3,
	FORMAT_OUT_BUDGET_CUT = 1 << 4,
};

/* zlib cannot expand a byte to more (zlib's technical notes: 1032 : 1). */
#define FORMAT_ZLIB_RATIO_MAX 1032
