/* SPDX-License-Identifier: MIT */
/* Starting the other CPUs, one after the other. */
#include <arch/cpu.h>
#include <arch/pgtable.h>
#include <nub/clock.h>
#include <nub/cmdline.h>
#include <nub/page.h>
#include <nub/panic.h>
#include <nub/platform.h>
#include <nub/printk.h>
#include <nub/sched.h>
#include <nub/smp.h>

/* A busy machine may give a new CPU its first time late. */
#define START_NS 3000000000UL
/* Two CPUs must agree on the time to less than a hand-over of the lock takes. */
#define TSC_SLACK 2000

enum { AP_WANTED = 1, AP_HERE, AP_TIME, AP_GO, AP_GIVEN_UP };

void smp_main(void) __noreturn;

/* The entry in ap.S, and its data. */
extern char ap_entry32[];
u64 ap_cr3, ap_stack;

static unsigned ap_id, ap_state;
static u64 ap_tsc;

static void halt(void) __noreturn;
static void halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

static unsigned wait_while(unsigned state)
{
	unsigned now, spins = 0;

	while ((now = __atomic_load_n(&ap_state, __ATOMIC_ACQUIRE)) == state)
		smp_relax(&spins);
	return now;
}

/* On the new CPU, without the lock.  It uses only what the first CPU has put ready, which
 * waits meanwhile. */
void smp_main(void)
{
	unsigned id = ap_id, state = AP_WANTED;

	cpu_init_more(id);
	if (!__atomic_compare_exchange_n(&ap_state, &state, AP_HERE, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		halt();
	wait_while(AP_HERE);
	__atomic_store_n(&ap_tsc, rdtsc(), __ATOMIC_RELEASE);
	if (wait_while(AP_TIME) != AP_GO)
		halt();
	platform->cpu_init(id);
	__atomic_store_n(&cpus[id].up, true, __ATOMIC_RELEASE);
	biglock_take();
	sched_idle_run();
}

static bool wait_here(void)
{
	u64 end = clock_now() + START_NS;
	unsigned state = AP_WANTED, spins = 0;

	while (__atomic_load_n(&ap_state, __ATOMIC_ACQUIRE) == AP_WANTED) {
		smp_relax(&spins);
		if (clock_now() > end)
			/* If it comes late after all, it finds that and halts. */
			return !__atomic_compare_exchange_n(
				&ap_state, &state, AP_GIVEN_UP, false, __ATOMIC_SEQ_CST,
				__ATOMIC_SEQ_CST);
	}
	return true;
}

static bool start(unsigned id)
{
	struct cpu_state *c = &cpus[id];
	u64 before, tsc, after;
	unsigned spins = 0;

	c->idle_thread = sched_idle_thread(id);
	if (!c->idle_thread || cpu_prepare(id)) {
		printk("nub: no memory for CPU %u\n", id);
		return false;
	}
	c->current = c->idle_thread;
	c->pgtable_active = kernel_pml4;
	ap_id = id;
	ap_cr3 = virt_to_phys(kernel_pml4);
	ap_stack = (u64)c->idle_thread->kstack + KSTACK_SIZE - 16;
	ap_tsc = 0;
	__atomic_store_n(&ap_state, AP_WANTED, __ATOMIC_SEQ_CST);
	if (platform->cpu_start(id, virt_to_phys(ap_entry32)) || !wait_here()) {
		printk("nub: CPU %u does not start\n", id);
		return false;
	}
	before = rdtsc();
	__atomic_store_n(&ap_state, AP_TIME, __ATOMIC_SEQ_CST);
	while (!(tsc = __atomic_load_n(&ap_tsc, __ATOMIC_ACQUIRE)))
		smp_relax(&spins);
	after = rdtsc();
	/* One scale and offset serve all CPUs, here and in the vDSO. */
	if (tsc + TSC_SLACK < before || tsc > after + TSC_SLACK) {
		printk("nub: CPU %u is left out: its TSC (%lu) is not the first one's (%lu to %lu)\n",
		       id, tsc, before, after);
		__atomic_store_n(&ap_state, AP_GIVEN_UP, __ATOMIC_SEQ_CST);
		return false;
	}
	smp_count = id + 1;
	__atomic_store_n(&ap_state, AP_GO, __ATOMIC_SEQ_CST);
	/* The next one must not change what this one still reads. */
	while (!__atomic_load_n(&c->up, __ATOMIC_ACQUIRE))
		smp_relax(&spins);
	return true;
}

void smp_start(void)
{
	char option[8];
	unsigned n = platform->cpu_count ? platform->cpu_count() : 1;

	if (cmdline_option("nub.cpus", option, sizeof(option)))
		n = MIN(n, (unsigned)(option[0] - '0'));
	n = MIN(n, (unsigned)CPUS_MAX);
	cpus[0] = (struct cpu_state){
		.holds = true,
		.idle_thread = sched_idle_thread(0),
		.kernel_tlb = kernel_tlb,
	};
	if (n < 2)
		return;
	panic_stop_others = smp_stop_others;
	smp_on = 1;
	for (unsigned id = 1; id < n; id++)
		if (!start(id))
			break;
	smp_on = smp_count > 1;
	printk("nub: %u CPUs\n", smp_count);
}
