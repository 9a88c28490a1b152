/* SPDX-License-Identifier: MIT */
/* More than one CPU: the big lock, and a CPU's own state while it does not hold the
 * lock. */
#ifndef NUB_SMP_H
#define NUB_SMP_H

#include <arch/asm.h>
#include <nub/types.h>

struct thread;

/*
 * All kernel code runs under one lock. `current`, `need_resched`, `dead_thread` and
 * `pgtable_active` are true of the CPU that holds it. It leaves them here when it lets
 * the lock go, and finds them again when it takes it. Everything is read and written
 * under the lock, but for those marked as its own, and `park`.
 */
struct cpu_state {
	struct thread *current, *dead_thread;
	bool need_resched;
	u64 *pgtable_active;
	struct thread *idle_thread; /* runs when `current` may not stay */
	u64 kernel_tlb;		    /* the kernel's mappings that its TLB may hold */
	bool up;		    /* own: it has started, and waits for the lock */
	bool idle;
	bool kicked; /* an idle one, that has not looked yet */
	bool holds;  /* own: it has the lock */
	bool park; /* wanted by the holder: leave the address space, wait for the lock */
	bool parked; /* own: done */
} __aligned(64);

extern struct cpu_state cpus[CPUS_MAX];
extern u8 smp_on;	   /* more than one CPU runs: there is a lock */
extern unsigned cpu_self;  /* the CPU that holds the lock */
extern unsigned smp_count; /* CPUs that run */
extern u64 kernel_tlb;	   /* counts removals of kernel mappings */

/* Only while smp_on. Called with interrupts off; without and with the lock. */
void biglock_take(void);
void biglock_drop(void);
bool biglock_held(void);
/* Lets others in that wait. Everything may have changed after it. */
void biglock_yield(void);

/* From here on and until the lock is let go no other CPU runs user code in this address
 * space. None has anything of it in its TLB. Before any entry loses its frame or a
 * right. */
void smp_park(const u64 *pml4);
/* No other CPU runs user code until the lock is let go, and each has passed a barrier. */
void smp_barrier(void);
/*
 * One turn of a loop that waits for another CPU, which may be waiting for ours to
 * run on.
 */
void smp_relax(unsigned *spins);
/* Interrupts CPU k: it comes into the kernel, and looks at its need_resched. */
void smp_kick(unsigned k);
/* Starts the other CPUs: boot, before the first program. */
void smp_start(void);
/* A broken kernel: the others stop where they next enter it. */
void smp_stop_others(void);

#endif
