/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A printf format, character by character: which variable argument each conversion takes. The kernel's and
 * the target's interpreter walk the program's text with it, and a reader the recorded one, so all agree on
 * what lies where. glibc's conversions, but for `%1$d`; what is not surely one of them is unknown. Includes
 * nothing, as plan.h.
 */
#pragma once

#define PLAN_FORMAT_MAX	   4096 /* characters of a format */
#define PLAN_FORMAT_WORDS  64	/* eight bytes of arguments; a long double takes two */
#define PLAN_PRECISION_MAX (1 << 20)

enum plan_takes {
	PLAN_TAKES_NOTHING,
	PLAN_TAKES_END,	    /* the format ends here */
	PLAN_TAKES_UNKNOWN, /* nobody knows what it takes, nor where what follows lies */
	PLAN_TAKES_SIGNED,  /* an integer of `size` bytes, in a word */
	PLAN_TAKES_UNSIGNED,
	PLAN_TAKES_STAR, /* an int; its value goes to plan_format_star */
	PLAN_TAKES_DOUBLE,
	PLAN_TAKES_LONG_DOUBLE, /* on the stack, 16 bytes at a multiple of 16 */
	PLAN_TAKES_TEXT,	/* at most `precision` bytes of it, unless that is -1 */
	PLAN_TAKES_WIDE,	/* text of wchar_t */
	PLAN_TAKES_POINTER,
	PLAN_TAKES_COUNT, /* %n: a pointer to an integer of `size` bytes */
};

/* What may stand next: this, or what comes behind it. */
enum plan_format_state {
	PLAN_FORMAT_TEXT,
	PLAN_FORMAT_FLAGS,
	PLAN_FORMAT_WIDTH,
	PLAN_FORMAT_POINT, /* behind the width */
	PLAN_FORMAT_PRECISION_FIRST,
	PLAN_FORMAT_PRECISION,
	PLAN_FORMAT_LENGTH,
	PLAN_FORMAT_LENGTH_AGAIN, /* behind one h or l */
	PLAN_FORMAT_CONVERSION,
};

struct plan_format {
	unsigned char state;  /* enum plan_format_state */
	unsigned char length; /* its letter; H and q: twice h and l */
	unsigned char size;   /* of an integer */
	unsigned char pad;
	int precision;
};

/* Behind PLAN_TAKES_STAR. */
static inline void plan_format_star(struct plan_format *f, int value)
{
	if (f->state == PLAN_FORMAT_LENGTH)
		f->precision = value < 0 ? -1 : value;
}

static inline enum plan_takes plan_format_conversion(struct plan_format *f, unsigned char c)
{
	const unsigned char length = f->length;

	f->state = PLAN_FORMAT_TEXT;
	f->size = !length ? 4 : length == 'h' ? 2 : length == 'H' ? 1 : 8;
	switch (c) {
	case 'd':
	case 'i':
		return PLAN_TAKES_SIGNED;
	case 'o':
	case 'u':
	case 'x':
	case 'X':
	case 'b':
	case 'B':
		return PLAN_TAKES_UNSIGNED;
	case 'n':
		return PLAN_TAKES_COUNT;
	case 'e':
	case 'E':
	case 'f':
	case 'F':
	case 'g':
	case 'G':
	case 'a':
	case 'A':
		if (length && length != 'l' && length != 'L')
			return PLAN_TAKES_UNKNOWN;
		return length == 'L' ? PLAN_TAKES_LONG_DOUBLE : PLAN_TAKES_DOUBLE;
	case 'c':
	case 's':
		if (length && length != 'l')
			return PLAN_TAKES_UNKNOWN;
		f->size = 4;
		if (c == 'c')
			return length ? PLAN_TAKES_UNSIGNED : PLAN_TAKES_SIGNED;
		return length ? PLAN_TAKES_WIDE : PLAN_TAKES_TEXT;
	case 'm':
	case '%':
		return PLAN_TAKES_NOTHING;
	case 'p':
	case 'C':
	case 'S':
		if (length)
			return PLAN_TAKES_UNKNOWN;
		return c == 'p' ? PLAN_TAKES_POINTER : c == 'S' ? PLAN_TAKES_WIDE : PLAN_TAKES_UNSIGNED;
	default:
		return PLAN_TAKES_UNKNOWN;
	}
}

/* Whether @c is a part of the length. */
static inline int plan_format_length(struct plan_format *f, unsigned char c)
{
	if (f->state == PLAN_FORMAT_LENGTH_AGAIN && c == f->length) {
		f->length = c == 'h' ? 'H' : 'q';
		f->state = PLAN_FORMAT_CONVERSION;
		return 1;
	}
	if (f->state > PLAN_FORMAT_LENGTH)
		return 0;
	if (c != 'h' && c != 'l' && c != 'q' && c != 'j' && c != 'z' && c != 'Z' && c != 't' && c != 'L')
		return 0;
	f->length = c;
	f->state = c == 'h' || c == 'l' ? PLAN_FORMAT_LENGTH_AGAIN : PLAN_FORMAT_CONVERSION;
	return 1;
}

/* Whether @c is a part of the flags, the width or the precision. */
static inline int plan_format_modifier(struct plan_format *f, unsigned char c)
{
	if (f->state == PLAN_FORMAT_FLAGS &&
	    (c == '-' || c == '+' || c == ' ' || c == '#' || c == '0' || c == '\'' || c == 'I'))
		return 1;
	if (c >= '0' && c <= '9' && f->state <= PLAN_FORMAT_WIDTH) {
		f->state = PLAN_FORMAT_WIDTH;
		return 1;
	}
	if (c == '.' && f->state <= PLAN_FORMAT_POINT) {
		f->state = PLAN_FORMAT_PRECISION_FIRST;
		f->precision = 0;
		return 1;
	}
	if (c >= '0' && c <= '9' &&
	    (f->state == PLAN_FORMAT_PRECISION_FIRST || f->state == PLAN_FORMAT_PRECISION)) {
		f->state = PLAN_FORMAT_PRECISION;
		if (f->precision < PLAN_PRECISION_MAX)
			f->precision = f->precision * 10 + (c - '0');
		return 1;
	}
	return 0;
}

/* Walk over @c. The state starts as zeros. */
static inline enum plan_takes plan_format_char(struct plan_format *f, unsigned char c)
{
	if (!c)
		return f->state == PLAN_FORMAT_TEXT ? PLAN_TAKES_END : PLAN_TAKES_UNKNOWN;
	if (f->state == PLAN_FORMAT_TEXT) {
		if (c != '%')
			return PLAN_TAKES_NOTHING;
		f->state = PLAN_FORMAT_FLAGS;
		f->length = 0;
		f->precision = -1;
		return PLAN_TAKES_NOTHING;
	}
	if (c == '*' && (f->state == PLAN_FORMAT_FLAGS || f->state == PLAN_FORMAT_PRECISION_FIRST)) {
		f->state = f->state == PLAN_FORMAT_FLAGS ? PLAN_FORMAT_POINT : PLAN_FORMAT_LENGTH;
		return PLAN_TAKES_STAR;
	}
	if (plan_format_modifier(f, c) || plan_format_length(f, c))
		return PLAN_TAKES_NOTHING;
	return plan_format_conversion(f, c);
}
