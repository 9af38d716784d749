// SPDX-License-Identifier: BSD-3-Clause
/*
 * A desk that answers questions, small enough to know every value by heart.
 * usage: desk answer N [MS]	answer N questions, each in MS milliseconds
 *	  desk serve		answer for ever
 *	  desk stick N		answer N questions, and never come back from the next
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct question {
	int id;
	const char *who;
};

struct answer {
	int id, words;
	char text[32];
};

static volatile int stick_at;
static unsigned pause_ms;

/* Nothing of it is left to probe. */
static inline __attribute__((always_inline)) int words_of(int id)
{
	return id % 3 + 1;
}

/* What is known of @who; the number of bytes, or -1 with errno. */
__attribute__((noipa)) long look_up(const char *who, char *buf, size_t len)
{
	if (!strcmp(who, "nobody")) {
		errno = ENOENT;
		return -1;
	}
	return snprintf(buf, len, "\x01%s;%zu", who, strlen(who));
}

__attribute__((noipa)) int send_answer(const struct answer *answer, const unsigned char *seal, size_t len)
{
	return printf("%d %s\n", answer->id, answer->text) > 0 && seal && len ? 0 : -1;
}

__attribute__((noipa)) int answer_question(const struct question *question, struct answer *answer)
{
	static const unsigned char seal[100] = {0, 1, 2, '"', '\n'};
	char known[64];
	long len;

	if (question->id == stick_at)
		pause();
	usleep(pause_ms * 1000);
	len = look_up(question->who, known, sizeof(known));
	answer->id = question->id;
	answer->words = words_of(question->id);
	snprintf(answer->text, sizeof(answer->text), "%s", len < 0 ? "who?" : "gladly");
#ifdef CHANGED
	answer->words += question->id % 2;
#endif
	return send_answer(answer, seal, sizeof(seal));
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "answer";
	int cnt = argc > 2 ? atoi(argv[2]) : 1;
	struct sigaction pipe_action;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGPIPE, NULL, &pipe_action);
	fprintf(stderr, "SIGPIPE %s\n", pipe_action.sa_handler == SIG_DFL ? "default" : "ignored");
	pause_ms = argc > 3 ? atoi(argv[3]) : 0;
	if (!strcmp(mode, "stick"))
		stick_at = cnt + 1;
	for (int id = 1; strcmp(mode, "answer") || id <= cnt; id++) {
		struct question question = {id, id % 5 ? "ann" : "nobody"};
		struct answer answer = {};

		answer_question(&question, &answer);
		if (!strcmp(mode, "serve"))
			usleep(2000);
	}
	return 7;
}
