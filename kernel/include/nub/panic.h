/* SPDX-License-Identifier: MIT */
/* The one way out of a broken kernel: report, then tell the platform that we crashed. */
#ifndef NUB_PANIC_H
#define NUB_PANIC_H

#include <nub/types.h>

struct regs;

void panic(const char *fmt, ...) __printf(1, 2) __noreturn;
/* As panic, with the registers of the fault. */
void panic_regs(const struct regs *regs, const char *fmt, ...) __printf(2, 3) __noreturn;
void backtrace_print(u64 rip, u64 rbp);
/* Keeps the other CPUs from running on; NULL while there are none. */
extern void (*panic_stop_others)(void);

/* Only for invariants of our own; never for a value of user space's or another
 * domain's. */
#define ASSERT(cond)                                                                     \
	do {                                                                             \
		if (unlikely(!(cond)))                                                   \
			panic("assertion %s, %s:%d", #cond, __FILE__, __LINE__);         \
	} while (0)

#endif
