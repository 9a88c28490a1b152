/* SPDX-License-Identifier: MIT */
/* Time for bounded waits. */
#include "clock.h"

#include <poll.h>
#include <time.h>

int64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void clock_wait_ms(int ms)
{
	/* ppoll, which the agent needs anyway, and not one more system call. */
	const struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};

	ppoll(NULL, 0, &ts, NULL);
}
