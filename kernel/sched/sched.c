/* SPDX-License-Identifier: MIT */
/* The scheduler: round robin over one queue, kernel code never preempted. */
#include <arch/cpu.h>
#include <nub/clock.h>
#include <nub/errno.h>
#include <nub/irq.h>
#include <nub/mm.h>
#include <nub/panic.h>
#include <nub/platform.h>
#include <nub/process.h>
#include <nub/sched.h>
#include <nub/slab.h>
#include <nub/smp.h>

#define SLICE_NS 10000000ULL

static struct list runq = LIST_INIT(runq);
/* Before, the boot thread does the work of PID 1 under its name but on its own stack
 * (process_start_init), and no switch may leave it. */
static bool started;
static struct timer slice;
static struct thread boot_thread;

void context_switch(u64 *save_sp, u64 load_sp);
void sched_finish_switch(void);

/* Only the CPU that idles on a thread's stack can go on with it. */
static bool may_run(const struct thread *t, unsigned k)
{
	return t->idle_on >= 0 ? t->idle_on == (int)k : t->cpus >> k & 1;
}

static struct thread *pick(void)
{
	struct thread *t;

	if (likely(!smp_on))
		return list_empty(&runq) ? NULL : list_first(&runq, struct thread, run);
	list_for_each(t, &runq, run)
		if (may_run(t, cpu_self))
			return t;
	return NULL;
}

/* An idle CPU comes and looks for something to run. */
static void kick_idle(unsigned k)
{
	if (!cpus[k].kicked && k != cpu_self)
		smp_kick(k);
	cpus[k].kicked = true;
}

/* One that is idle, not on its way already, and may run t; or -1. */
static int idle_cpu_for(const struct thread *t)
{
	for (unsigned k = 0; k < smp_count; k++)
		if (k != cpu_self && cpus[k].idle && !cpus[k].kicked && may_run(t, k))
			return (int)k;
	return -1;
}

/* Work in this CPU's queue is for one that idles; that one looks again. */
static void spread(void)
{
	struct thread *t;

	list_for_each(t, &runq, run) {
		int k = idle_cpu_for(t);

		if (k >= 0) {
			kick_idle((unsigned)k);
			return;
		}
	}
}

/*
 * The CPU that has been at one thread for longest gives it up for the first that
 * waits.
 */
static void slice_end_smp(void)
{
	const struct thread *t = list_first(&runq, struct thread, run);
	const struct thread *r, *longest = NULL;
	unsigned at = 0;

	for (unsigned k = 0; k < smp_count; k++) {
		r = k == cpu_self ? current : cpus[k].current;
		if (cpus[k].idle || !may_run(t, k))
			continue;
		if (!longest || r->run_start < longest->run_start) {
			longest = r;
			at = k;
		}
	}
	if (!longest)
		return;
	if (at == cpu_self) {
		need_resched = true;
	} else {
		cpus[at].need_resched = true;
		smp_kick(at);
	}
}

static void slice_end(struct timer *t)
{
	if (list_empty(&runq))
		return;
	if (unlikely(smp_on))
		slice_end_smp();
	else
		need_resched = true;
}

void sched_init(void)
{
	boot_thread.state = THREAD_RUNNABLE;
	boot_thread.cpus = 0xff;
	boot_thread.idle_on = -1;
	boot_thread.tid = 0;
	boot_thread.comm[0] = 'b';
	list_init(&boot_thread.run);
	sigpending_init(&boot_thread.sig.pending);
	timer_init(&boot_thread.timer, NULL);
	current = &boot_thread;
	timer_init(&slice, slice_end);
	if (timer_reserve())
		panic("no memory for timers");
}

/* Runs in the thread that was switched to, on its stack. */
void sched_finish_switch(void)
{
	struct thread *t = current;

	if (dead_thread) {
		thread_free(dead_thread);
		dead_thread = NULL;
	}
	t->run_start = clock_now();
	t->kernel_tsc = rdtsc();
	if (!t->proc)
		return;
	cpu_set_kernel_stack((u64)t->kstack + KSTACK_SIZE);
	mm_activate(t->proc->mm);
	wrmsr(MSR_FS_BASE, t->fsbase);
	wrmsr(MSR_GS_BASE, t->gsbase);
	fpu_restore(t->fpu);
}

static void slice_arm(void)
{
	if (slice.index < 0)
		timer_set(&slice, clock_now() + SLICE_NS);
}

static void idle_smp(void)
{
	struct cpu_state *c = &cpus[cpu_self];

	/* A change of an address space need not ask a CPU that idles. */
	mm_activate(NULL);
	c->idle = true;
	timer_arm();
	biglock_drop();
	/* A kick that comes before HLT ends it at once. */
	cpu_idle_once();
	biglock_take();
	c->idle = c->kicked = false;
}

static void idle(void)
{
	if (unlikely(smp_on))
		idle_smp();
	else if (platform->idle)
		platform->idle();
	else {
		timer_arm();
		cpu_idle_once();
	}
}

static void run_end(struct thread *t)
{
	t->run_ns += clock_now() - t->run_start;
	t->sys_tsc += rdtsc() - t->kernel_tsc;
}

/*
 * CPU 0 receives all events. It idles on the stack of the thread that slept last, so
 * waking that thread needs no switch. Every other CPU switches to its idle thread, so that
 * CPU 0 can wake and run the sleeper.
 */
void schedule(void)
{
	struct thread *prev = current, *next;

	ASSERT(!in_irq);
	need_resched = false;
	if (prev->state == THREAD_RUNNABLE)
		list_add_tail(&runq, &prev->run);
	next = pick();
	if (unlikely(!next && smp_on) && prev != cpus[cpu_self].idle_thread &&
	    (cpu_self || prev->state == THREAD_RUNNABLE))
		next = cpus[cpu_self].idle_thread;
	if (!next) {
		run_end(prev);
		prev->idle_on = (s8)cpu_self;
		do
			idle();
		while (!(next = pick()));
		prev->idle_on = -1;
		prev->run_start = clock_now();
		prev->kernel_tsc = rdtsc();
		need_resched = false;
		if (unlikely(smp_on) && next == prev && prev->proc)
			mm_activate(prev->proc->mm);
	}
	list_del(&next->run);
	if (!list_empty(&runq)) {
		slice_arm();
		if (unlikely(smp_on))
			spread();
	}
	if (next == prev)
		return;
	/* The next thread may have much to do before it enters the kernel. */
	if (unlikely(return_work))
		platform->return_work();
	run_end(prev);
	if (prev->proc && prev->state != THREAD_DEAD)
		fpu_save(prev->fpu);
	current = next;
	context_switch(&prev->ksp, next->ksp);
	sched_finish_switch();
}

void sched_point(void)
{
	if (!started)
		return;
	timer_arm();
	irq_on();
	__asm__ volatile("nop" ::: "memory");
	irq_off();
	if (unlikely(smp_on) && !in_irq)
		biglock_yield();
	if (need_resched && !in_irq)
		schedule();
}

void sched_start(void)
{
	started = true;
	current = &boot_thread;
	current->state = THREAD_BLOCKED;
	sched_idle_run();
}

void sched_idle_run(void)
{
	for (;;)
		schedule();
}

struct thread *sched_idle_thread(unsigned id)
{
	char name[] = "idle0";

	name[4] = (char)('0' + id);
	return id ? thread_alloc(NULL, name) : &boot_thread;
}

bool thread_running(const struct thread *t)
{
	if (t == current)
		return true;
	for (unsigned k = 0; smp_on && k < smp_count; k++)
		if (k != cpu_self && cpus[k].current == t && !cpus[k].idle)
			return true;
	return false;
}

void thread_kick(const struct thread *t)
{
	for (unsigned k = 0; smp_on && k < smp_count; k++)
		if (k != cpu_self && cpus[k].current == t && !cpus[k].idle)
			smp_kick(k);
}

void sched_yield(void)
{
	schedule();
}

/* Rather on a CPU that has nothing to do than in place of the thread here. */
static void wake_smp(struct thread *t)
{
	int k;

	if (in_irq)
		list_add(&runq, &t->run);
	else
		list_add_tail(&runq, &t->run);
	if (t->idle_on >= 0) {
		kick_idle((unsigned)t->idle_on);
		return;
	}
	if (cpus[cpu_self].idle && may_run(t, cpu_self))
		return; /* this interrupt's CPU takes it, and asks others for the rest */
	k = idle_cpu_for(t);
	if (k >= 0)
		kick_idle((unsigned)k);
	else if (in_irq && may_run(t, cpu_self))
		need_resched = true;
	else
		slice_arm();
}

void thread_wake(struct thread *t)
{
	if (t->state != THREAD_BLOCKED)
		return;
	t->state = THREAD_RUNNABLE;
	if (unlikely(smp_on)) {
		wake_smp(t);
		return;
	}
	if (in_irq) {
		list_add(&runq, &t->run);
		need_resched = true;
	} else {
		list_add_tail(&runq, &t->run);
		slice_arm();
	}
}

static void sleep_timeout(struct timer *timer)
{
	struct thread *t = container_of(timer, struct thread, timer);

	t->timed_out = true;
	thread_wake(t);
}

int thread_sleep(u64 deadline, bool interruptible)
{
	struct thread *t = current;

	if (interruptible && signal_pending(t))
		return -ERESTARTSYS;
	if (deadline != NEVER) {
		if (deadline <= clock_now())
			return -ETIMEDOUT;
		t->timer.func = sleep_timeout;
		timer_set(&t->timer, deadline);
	}
	t->timed_out = false;
	t->interruptible = interruptible;
	t->state = THREAD_BLOCKED;
	schedule();
	t->interruptible = false;
	timer_cancel(&t->timer);
	return t->timed_out ? -ETIMEDOUT : 0;
}

void thread_start(struct thread *t)
{
	t->state = THREAD_BLOCKED;
	thread_wake(t);
}

void thread_exit_switch(void)
{
	current->state = THREAD_DEAD;
	dead_thread = current;
	schedule();
	panic("a dead thread ran");
}
