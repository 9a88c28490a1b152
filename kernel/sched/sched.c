/* SPDX-License-Identifier: MIT */
/* The scheduler: round robin, one CPU, kernel code never preempted. */
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

#define SLICE_NS 10000000ULL

struct thread *current;
bool need_resched;

static struct list runq = LIST_INIT(runq);
/* Before, the boot thread does the work of PID 1 under its name but on its own stack
 * (process_start_init), and cannot be switched away from. */
static bool started;
static struct timer slice;
static struct thread *dead; /* left behind by its own last switch */
static struct thread boot_thread;

void context_switch(u64 *save_sp, u64 load_sp);
void sched_finish_switch(void);

static void slice_end(struct timer *t)
{
	(void)t;
	if (!list_empty(&runq))
		need_resched = true;
}

void sched_init(void)
{
	boot_thread.state = THREAD_RUNNABLE;
	boot_thread.syscall = -1;
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

	if (dead) {
		thread_free(dead);
		dead = NULL;
	}
	t->run_start = clock_now();
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

static void idle(void)
{
	if (platform->idle)
		platform->idle();
	else
		cpu_idle_once();
}

void schedule(void)
{
	struct thread *prev = current, *next;

	ASSERT(!in_irq);
	need_resched = false;
	if (prev->state == THREAD_RUNNABLE)
		list_add_tail(&runq, &prev->run);
	if (list_empty(&runq)) {
		/* Idle on the stack of whoever slept last: if it is woken, no switch. */
		prev->run_ns += clock_now() - prev->run_start;
		while (list_empty(&runq))
			idle();
		prev->run_start = clock_now();
		need_resched = false;
	}
	next = list_first(&runq, struct thread, run);
	list_del(&next->run);
	if (!list_empty(&runq))
		slice_arm();
	if (next == prev)
		return;
	prev->run_ns += clock_now() - prev->run_start;
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
	irq_on();
	__asm__ volatile("nop" ::: "memory");
	irq_off();
	if (need_resched && !in_irq)
		schedule();
}

void sched_start(void)
{
	started = true;
	current = &boot_thread;
	current->state = THREAD_BLOCKED;
	schedule();
	panic("the boot thread ran again");
}

void sched_yield(void)
{
	schedule();
}

void thread_wake(struct thread *t)
{
	if (t->state != THREAD_BLOCKED)
		return;
	t->state = THREAD_RUNNABLE;
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
	dead = current;
	schedule();
	panic("a dead thread ran");
}
