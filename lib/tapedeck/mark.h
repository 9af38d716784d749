/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Marks: what a program may say to tapedeck about its own recording. Entirely optional, and this header is all
 * of it: nothing is linked. A mark is a probe site for its reader (USDT, provider `tapedeck`) around a nop: where
 * nobody listens it does nothing and costs a nop; `tapedeck record` listens to the marks that it finds, and a
 * replay answers them. They mean the operation that the calling thread is in; outside of one that is recorded
 * or replayed they do nothing. Inside a configured input or output (which a replay does not run) only
 * tapedeck_discard, tapedeck_keep, tapedeck_mode and tapedeck_recording_id have an effect.
 *
 *	int64_t now = read_clock();
 *	tapedeck_data("now", &now, sizeof(now));	recorded; at replay `now` is what it was
 *
 * C and C++, gcc and clang, x86-64; elsewhere all of them do nothing. The manual, "Marks", says more.
 */
#ifndef TAPEDECK_MARK_H
#define TAPEDECK_MARK_H

#include <stddef.h>

#define TAPEDECK_ID_BYTES 33 /* of a recording's name, with its NUL */
#define TAPEDECK_DATA_MAX 1048576

enum tapedeck_mode {
	TAPEDECK_OFF = 0,
	TAPEDECK_RECORDING = 1,
	TAPEDECK_REPLAYING = 2
};

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#define TAPEDECK_INLINE_ static __inline__ __attribute__((always_inline, unused))
#define TAPEDECK_FUNC_	 static __attribute__((noinline, unused))

#define TAPEDECK_NOP_ "990: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n\t"
/* What says where the nop is: kept out of memory. */
#define TAPEDECK_NOTE_(name, args)                                                                           \
	".pushsection .note.stapsdt, \"?\", \"note\"\n\t"                                                    \
	".balign 4\n\t"                                                                                      \
	".4byte 992f - 991f, 994f - 993f, 3\n"                                                               \
	"991: .asciz \"stapsdt\"\n"                                                                          \
	"992: .balign 4\n"                                                                                   \
	"993: .8byte 990b, 0, 0\n\t"                                                                         \
	".asciz \"tapedeck\"\n\t"                                                                            \
	".asciz \"" name "\"\n\t"                                                                            \
	".asciz \"" args "\"\n"                                                                              \
	"994: .balign 4\n\t"                                                                                 \
	".popsection"
/* Below the red zone of the function around it, which a call there would write over. */
#define TAPEDECK_SITE_(name, args)                                                                           \
	"lea -128(%%rsp), %%rsp\n\t" TAPEDECK_NOP_ "lea 128(%%rsp), %%rsp\n\t" TAPEDECK_NOTE_(name, args)
#define TAPEDECK_SAY_(name, result, a, b, c)                                                                 \
	__asm__ __volatile__(TAPEDECK_SITE_(name, "8@%%rdi 8@%%rsi 8@%%rdx")                                 \
			     : "+a"(result)                                                                  \
			     : "D"(a), "S"(b), "d"(c)                                                        \
			     : "memory", "cc")

/* --- data --- */

/* Recording: take @len bytes at @data under @key. Replay: fill them with what was taken. Returns whether they
 * were filled. A key may be used again: in their order. At replay a key, or a length, that was not recorded
 * ends the replay as different. At most TAPEDECK_DATA_MAX bytes. */
TAPEDECK_INLINE_ int tapedeck_data(const char *key, void *data, size_t len)
{
	unsigned long is_filled = 0;

	TAPEDECK_SAY_("data", is_filled, key, data, len);
	return is_filled != 0;
}

/* The two halves of tapedeck_data, for what need not be computed again at replay:
 *	if (!tapedeck_play_data("price", &price, sizeof(price))) {
 *		price = compute();
 *		tapedeck_record_data("price", &price, sizeof(price));
 *	}
 */
TAPEDECK_INLINE_ int tapedeck_play_data(const char *key, void *data, size_t len)
{
	unsigned long is_filled = 0;

	TAPEDECK_SAY_("play", is_filled, key, data, len);
	return is_filled != 0;
}

TAPEDECK_INLINE_ void tapedeck_record_data(const char *key, const void *data, size_t len)
{
	unsigned long unused = 0;

	TAPEDECK_SAY_("record", unused, key, data, len);
}

/* Data that comes out: recorded, captured again at replay, and compared, as an output's arguments are. */
TAPEDECK_INLINE_ void tapedeck_output(const char *key, const void *data, size_t len)
{
	unsigned long unused = 0;

	TAPEDECK_SAY_("output", unused, key, data, len);
}

/* --- the recording as a whole --- */

/* Searchable: `ls --where KEY=VALUE`. What is configured under the same name goes before; else the last
 * counts. At replay nothing. */
TAPEDECK_INLINE_ void tapedeck_metadata(const char *key, const char *value)
{
	unsigned long unused = 0;

	TAPEDECK_SAY_("metadata", unused, key, value, 0ul);
}

/* Nothing of this operation is stored, and the rest of it is not recorded. */
TAPEDECK_INLINE_ void tapedeck_discard(void)
{
	unsigned long unused = 0;

	TAPEDECK_SAY_("discard", unused, 0ul, 0ul, 0ul);
}

/* Keep this recording whatever decides when it ends: `keep_if`, and `rate` where it says `at_end`. It does not
 * bring back what was decided at the operation's entry: what `rate` else, `max_per_second` or `if` left out was
 * never recorded. */
TAPEDECK_INLINE_ void tapedeck_keep(void)
{
	unsigned long unused = 0;

	TAPEDECK_SAY_("keep", unused, 0ul, 0ul, 0ul);
}

/* --- questions --- */

#define TAPEDECK_ASK_STATE_ 128ul /* and from 0 on: a bit of the name, the highest first */
#define TAPEDECK_ASK_IS_    129ul /* whether the name is @a, @b */

/*
 * Nobody writes to the program to answer. A recorder that means yes hooks the return of a tiny function, as
 * any return probe does, and that function looks whether its return address is still what it was.
 */
TAPEDECK_FUNC_ unsigned long tapedeck_ask_(unsigned long question, unsigned long a, unsigned long b)
{
	unsigned long answer = 0, back;

	__asm__ __volatile__("lea -128(%%rsp), %%rsp\n\t"
			     "lea 995f(%%rip), %1\n\t"
			     "call 990f\n"
			     "995: jmp 996f\n" TAPEDECK_NOP_ "cmp %1, (%%rsp)\n\t"
			     "setne %b1\n\t"
			     "movzbl %b1, %k1\n\t"
			     "or %1, %0\n\t"
			     "ret\n"
			     "996: lea 128(%%rsp), %%rsp\n\t" TAPEDECK_NOTE_("ask", "8@%%rdi 8@%%rsi 8@%%rdx")
			     : "+a"(answer), "=&c"(back)
			     : "D"(question), "S"(a), "d"(b)
			     : "memory", "cc");
	return answer;
}

TAPEDECK_FUNC_ enum tapedeck_mode tapedeck_mode(void)
{
	unsigned long state = tapedeck_ask_(TAPEDECK_ASK_STATE_, 0, 0);

	return state == 2 ? TAPEDECK_REPLAYING : state ? TAPEDECK_RECORDING : TAPEDECK_OFF;
}

/* 64 bits of the name. */
TAPEDECK_FUNC_ unsigned long tapedeck_ask_word_(unsigned long first)
{
	unsigned long word = 0, i;

	for (i = 0; i < 64; i++)
		word = word << 1 | (tapedeck_ask_(first + i, 0, 0) != 0);
	return word;
}

/* The digits of the recording that is being made, or replayed, which `tapedeck show` takes; "" when there is
 * none. It may still not be stored: see keep_if, and loss. The first time in an operation it costs some 50
 * times what it costs again. Needs Linux 6.13: before, a recorder cannot answer, and it is "". Returns @id. */
TAPEDECK_FUNC_ const char *tapedeck_recording_id(char id[TAPEDECK_ID_BYTES])
{
	static __thread unsigned long last[2];
	int i;

	id[0] = '\0';
	if (!tapedeck_ask_(TAPEDECK_ASK_STATE_, 0, 0))
		return id;
	if (!tapedeck_ask_(TAPEDECK_ASK_IS_, last[0], last[1])) {
		last[0] = tapedeck_ask_word_(0);
		last[1] = tapedeck_ask_word_(64);
		/* A thread that works for an operation which has just ended. */
		if (!tapedeck_ask_(TAPEDECK_ASK_IS_, last[0], last[1]))
			return id;
	}
	for (i = 0; i < TAPEDECK_ID_BYTES - 1; i++)
		id[i] = "0123456789abcdef"[last[i / 16] >> (60 - 4 * (i % 16)) & 15];
	id[i] = '\0';
	return id;
}

#else

#define TAPEDECK_FUNC_ static __inline__ __attribute__((unused))

TAPEDECK_FUNC_ int tapedeck_data(const char *key, void *data, size_t len)
{
	return (void)key, (void)data, (void)len, 0;
}

TAPEDECK_FUNC_ int tapedeck_play_data(const char *key, void *data, size_t len)
{
	return (void)key, (void)data, (void)len, 0;
}

TAPEDECK_FUNC_ void tapedeck_record_data(const char *key, const void *data, size_t len)
{
	(void)key, (void)data, (void)len;
}

TAPEDECK_FUNC_ void tapedeck_output(const char *key, const void *data, size_t len)
{
	(void)key, (void)data, (void)len;
}

TAPEDECK_FUNC_ void tapedeck_metadata(const char *key, const char *value)
{
	(void)key, (void)value;
}

TAPEDECK_FUNC_ void tapedeck_discard(void)
{
}

TAPEDECK_FUNC_ void tapedeck_keep(void)
{
}

TAPEDECK_FUNC_ enum tapedeck_mode tapedeck_mode(void)
{
	return TAPEDECK_OFF;
}

TAPEDECK_FUNC_ const char *tapedeck_recording_id(char id[TAPEDECK_ID_BYTES])
{
	id[0] = '\0';
	return id;
}

#endif
#endif
