/* SPDX-License-Identifier: MIT */
/* Time: monotonic and real-time nanoseconds from the TSC. */
#ifndef NUB_CLOCK_H
#define NUB_CLOCK_H

#include <nub/types.h>

struct page;

#define NS_PER_SEC 1000000000UL
#define NS_PER_MSEC 1000000UL
#define NS_PER_USEC 1000UL
#define USEC_PER_SEC 1000000UL

/*
 * ns = ns_base + (((tsc - tsc_base) shifted by shift) * mult >> 32): pvclock's
 * formula.
 */
struct clock_params {
	u64 tsc_base, ns_base;
	u32 mult;
	s8 shift;
};

/* Set at boot by the platform, and again after a resume. */
void clock_set_params(const struct clock_params *p);
void clock_set_realtime(u64 real_ns_now);
/* Monotonic ns since boot; never goes back, whatever the TSC does. */
#define TICK_NS 10000000UL /* of times(2) and /proc: a hundred in a second */

u64 clock_now(void);
/* The time that so many ticks of the TSC take. */
u64 clock_span(u64 ticks);
u64 clock_at(u64 tsc); /* the same for a reading of the TSC, as it is */
u64 clock_real(void);  /* ns since 1970 */
s64 clock_real_offset(void);
/* TSC value at a monotonic time (for deadline timers). */
u64 clock_to_tsc(u64 ns);
/* The page that the vDSO reads. */
struct page *clock_vdso_page(void);

#endif
