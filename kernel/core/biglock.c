/* SPDX-License-Identifier: MIT */
/* The one lock around all kernel code, and the requests of CPUs to each other while they
 * wait for it. */
#include <arch/cpu.h>
#include <arch/pgtable.h>
#include <nub/page.h>
#include <nub/platform.h>
#include <nub/sched.h>
#include <nub/smp.h>

#define SPINS 2000 /* before the hypervisor may run somebody else */

static u32 locked = 1, waiters; /* smp_start() turns smp_on on inside the kernel */
static bool stopping;

/* Without the lock, interrupts off: requests that the holder may be waiting for. */
static void answer(struct cpu_state *c)
{
	if (__atomic_load_n(&stopping, __ATOMIC_ACQUIRE))
		for (;;)
			__asm__ volatile("cli; hlt");
	if (__atomic_load_n(&c->park, __ATOMIC_ACQUIRE) && !c->parked) {
		write_cr3(virt_to_phys(kernel_pml4));
		__atomic_store_n(&c->parked, true, __ATOMIC_RELEASE);
	}
}

void smp_relax(unsigned *spins)
{
	__asm__ volatile("pause");
	if (++*spins % SPINS == 0 && platform->relax)
		platform->relax();
}

bool biglock_held(void)
{
	return cpus[smp_id()].holds;
}

void biglock_take(void)
{
	unsigned id = smp_id(), spins = 0;
	struct cpu_state *c = &cpus[id];

	if (__atomic_exchange_n(&locked, 1, __ATOMIC_ACQUIRE)) {
		__atomic_fetch_add(&waiters, 1, __ATOMIC_RELAXED);
		do {
			while (__atomic_load_n(&locked, __ATOMIC_RELAXED)) {
				answer(c);
				smp_relax(&spins);
			}
		} while (__atomic_exchange_n(&locked, 1, __ATOMIC_ACQUIRE));
		__atomic_fetch_sub(&waiters, 1, __ATOMIC_RELAXED);
	}
	answer(c);
	c->holds = true;
	cpu_self = id;
	current = c->current;
	dead_thread = c->dead_thread;
	need_resched = c->need_resched;
	pgtable_active = c->pgtable_active;
	if (c->parked) {
		c->park = c->parked = false;
		pgtable_activate(pgtable_active);
	}
	if (c->kernel_tlb != kernel_tlb) {
		c->kernel_tlb = kernel_tlb;
		tlb_flush_global();
	}
}

void biglock_drop(void)
{
	struct cpu_state *c = &cpus[cpu_self];

	c->current = current;
	c->dead_thread = dead_thread;
	c->need_resched = need_resched;
	c->pgtable_active = pgtable_active;
	c->holds = false;
	__atomic_store_n(&locked, 0, __ATOMIC_RELEASE);
}

void biglock_yield(void)
{
	if (!__atomic_load_n(&waiters, __ATOMIC_RELAXED))
		return;
	biglock_drop();
	/* Ends long after a spinning CPU sees the lock free. */
	for (int i = 0; i < 64; i++)
		__asm__ volatile("pause");
	biglock_take();
}

void smp_kick(unsigned k)
{
	platform->cpu_kick(k);
}

/* An asked CPU answers from user mode (the kick's interrupt) or while it waits for the
 * lock. An idle one is in no program's address space. The wait has no end of its own: a
 * hypervisor may leave the other CPU without time for as long as it likes. */
static void park(const u64 *pml4)
{
	for (unsigned k = 0; k < smp_count; k++) {
		struct cpu_state *c = &cpus[k];

		if (k == cpu_self || c->park || c->idle ||
		    (pml4 && c->pgtable_active != pml4))
			continue;
		__atomic_store_n(&c->park, true, __ATOMIC_RELEASE);
		smp_kick(k);
	}
	for (unsigned k = 0; k < smp_count; k++) {
		unsigned spins = 0;

		if (k == cpu_self || !cpus[k].park)
			continue;
		while (!__atomic_load_n(&cpus[k].parked, __ATOMIC_ACQUIRE))
			smp_relax(&spins);
	}
}

void smp_park(const u64 *pml4)
{
	if (unlikely(smp_on))
		park(pml4);
}

void smp_barrier(void)
{
	if (unlikely(smp_on))
		park(NULL);
}

void smp_stop_others(void)
{
	if (!smp_on)
		return;
	__atomic_store_n(&stopping, true, __ATOMIC_RELEASE);
	for (unsigned k = 0; k < smp_count; k++)
		if (k != smp_id())
			smp_kick(k);
}
