/* SPDX-License-Identifier: MIT */
/* The watchdog of QEMU: somebody asked it by QMP, and it says nothing. */
#include "relay/silence.h"

enum silence_news silence_step(struct silence *silence, bool waits, bool spoke,
			       int64_t now_ms)
{
	if (spoke || !waits) {
		*silence = (struct silence){.since_ms = waits ? now_ms : 0};
		return spoke ? SILENCE_ENDS : SILENCE_NO_NEWS;
	}
	if (silence->since_ms == 0)
		silence->since_ms = now_ms;
	if (silence->told || now_ms - silence->since_ms < SILENCE_MS)
		return SILENCE_NO_NEWS;
	silence->told = true;
	return SILENCE_BEGINS;
}

int silence_timeout(const struct silence *silence, int64_t now_ms)
{
	int64_t left = silence->since_ms + SILENCE_MS - now_ms;

	if (silence->since_ms == 0 || silence->told)
		return -1;
	return left > 0 ? (int)left : 0;
}
