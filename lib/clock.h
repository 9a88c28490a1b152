/* SPDX-License-Identifier: MIT */
/* Time for bounded waits. */
#ifndef STUBDOM_CLOCK_H
#define STUBDOM_CLOCK_H

#include <stdint.h>

/* Milliseconds of the monotonic clock. */
int64_t clock_ms(void);

/* Gives the processor away for `ms`; for polling what has no event of its own. */
void clock_wait_ms(int ms);

#endif
