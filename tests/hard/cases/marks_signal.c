// SPDX-License-Identifier: BSD-3-Clause
// Marks in signal handlers, on the stack and on one of their own: they mean the operation that was interrupted.
// Inside an input data is not recorded; the name is known there, too.
// @flags: -I$BUILD/include
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <tapedeck/mark.h>

#include "case.h"

static struct {
	char id[TAPEDECK_ID_BYTES];
	enum tapedeck_mode mode;
	int value;
} seen;
static int secret;

static void on_signal(int sig)
{
	seen.mode = tapedeck_mode();
	tapedeck_recording_id(seen.id);
	seen.value = ++secret;
	tapedeck_data("value", &seen.value, sizeof(seen.value));
	USE(sig);
}

FUNC int interrupted_input(int n)
{
	raise(SIGUSR2);
	return seen.mode == TAPEDECK_RECORDING && strlen(seen.id) == 32 ? n : -1;
}

FUNC int handle(int sig)
{
	char id[TAPEDECK_ID_BYTES];
	int value;

	raise(sig);
	value = seen.value;
	if (seen.mode == TAPEDECK_OFF || strcmp(tapedeck_recording_id(id), seen.id) || !*id)
		return -1;
	return value * 10 + interrupted_input(1);
}

int main(void)
{
	const struct sigaction plain = {.sa_handler = on_signal},
			       alternate = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
	const stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};

	if (sigaltstack(&stack, NULL) || sigaction(SIGUSR1, &plain, NULL) || sigaction(SIGUSR2, &alternate, NULL))
		return 1;
	if (handle(SIGUSR1) != 11 || handle(SIGUSR2) != 31)
		return 2;
	raise(SIGUSR1);
	return seen.mode == TAPEDECK_OFF && !*seen.id ? 0 : 3;
}
