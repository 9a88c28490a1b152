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
	if (silence_timeout(silence, now_ms) > 0)
		return SILENCE_NO_NEWS;
	silence->told_ms = now_ms;
	return SILENCE_HOLDS;
}

int silence_timeout(const struct silence *silence, int64_t now_ms)
{
	int64_t from = silence->told_ms ? silence->told_ms : silence->since_ms;
	int64_t left = from + SILENCE_MS - now_ms;

	if (silence->since_ms == 0)
		return -1;
	return left > 0 ? (int)left : 0;
}
