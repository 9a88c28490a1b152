/* SPDX-License-Identifier: MIT */
/* The watchdog of QEMU: somebody asked it by QMP, and it says nothing. */
#ifndef STUBDOM_RELAY_SILENCE_H
#define STUBDOM_RELAY_SILENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/msg.h"

/* Of one connection; all zero is a fresh one. */
struct silence {
	int64_t since_ms; /* somebody waits, and QEMU has said nothing since; 0: nobody */
	int64_t told_ms;  /* the last SILENCE_HOLDS of this time; 0: none yet */
};

/* SILENCE_HOLDS: SILENCE_MS more without a word. */
enum silence_news { SILENCE_NO_NEWS, SILENCE_HOLDS, SILENCE_ENDS };

/*
 * Call it after bytes were moved.  waits: a command has no answer yet, or a client no
 * greeting.  spoke: QEMU has said anything since the last call.
 */
enum silence_news silence_step(struct silence *silence, bool waits, bool spoke,
			       int64_t now_ms);

/* After so many ms silence_step must be called; -1: no need, as long as nobody waits. */
int silence_timeout(const struct silence *silence, int64_t now_ms);

#endif
