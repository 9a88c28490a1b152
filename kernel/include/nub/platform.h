/* SPDX-License-Identifier: MIT */
/* The operations in which Xen and a bare machine differ. */
#ifndef NUB_PLATFORM_H
#define NUB_PLATFORM_H

#include <nub/types.h>

enum stop_kind { STOP_POWEROFF, STOP_REBOOT, STOP_CRASH };

struct platform_ops {
	const char *name;
	/* Works from the first instruction of C on; no allocation. */
	void (*console_write)(const char *s, size_t n);
	/* After memory works: interrupts, clock, timer, console input. */
	void (*init)(void);
	/* After the file tree works: device nodes, drivers; may be NULL. */
	void (*devices)(void);
	/* One timer event at this monotonic time (soon if past); NEVER: none. */
	void (*timer_program)(u64 when_ns);
	/* Nothing to run: sleeps until there may be, and runs the interrupts that came
	 * meanwhile, also timers whose time has come. Called and left with interrupts
	 * off. The timer event is not programmed yet (timer_arm). NULL: HLT. */
	void (*idle)(void);
	/* Called on the return to user mode that brings `return_work` to zero. NULL on
	 * platforms that never set it. */
	void (*return_work)(void);
	/* The number of CPUs; NULL: one. The calls below are for those beyond the
	 * first. */
	unsigned (*cpu_count)(void);
	/* Makes CPU k run the code at `entry` (ap_entry32 of ap.S) in flat 32-bit mode
	 * without paging: 0 or negative errno. */
	int (*cpu_start)(unsigned k, paddr_t entry);
	/* On CPU k itself, which does not hold the lock: its interrupts and timer. */
	void (*cpu_init)(unsigned k);
	/* An interrupt for CPU k. */
	void (*cpu_kick)(unsigned k);
	/* Somebody else may have this CPU for a moment; may be NULL. */
	void (*relax)(void);
	/* One line about a failure, for the manager of this machine (xenstore); may be
	 * NULL. */
	void (*report)(const char *line);
	void (*stop)(enum stop_kind kind) __noreturn;
};

extern const struct platform_ops *platform;
/* One CPU only: the number of returns to a program before there is work; 0: none. */
extern u8 return_work;
extern const struct platform_ops platform_pc;
/* Weak: NULL ops unless the Xen part is linked in. */
const struct platform_ops *platform_xen_probe(void);

#endif
