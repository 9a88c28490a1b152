/* SPDX-License-Identifier: MIT */
/* Threads, wait queues and timers. Kernel code is never preempted: see docs/kernel.md. */
#ifndef NUB_SCHED_H
#define NUB_SCHED_H

#include <nub/list.h>
#include <nub/signal.h>
#include <nub/types.h>

#define NEVER (~0ULL) /* as a deadline: no time-out */
#define KSTACK_SIZE 16384UL

struct fdtable;
struct process;
struct regs;

struct timer {
	u64 when;		       /* monotonic ns */
	void (*func)(struct timer *t); /* from interrupt context */
	int index;		       /* in the heap, -1: not armed */
};

enum thread_state { THREAD_RUNNABLE, THREAD_BLOCKED, THREAD_DEAD };

struct thread {
	struct list run;      /* run queue */
	struct list link;     /* process->threads */
	struct process *proc; /* NULL: kernel thread */
	u64 ksp;	      /* saved kernel stack pointer while not running */
	u8 *kstack;	      /* lowest usable address; the page below is a guard */
	int tid;
	enum thread_state state;
	bool interruptible; /* a signal may end the present sleep */
	bool timed_out;	    /* the present sleep ended by its deadline */
	unsigned oom_waits;
	bool die; /* leave at the next return to user mode */
	char comm[16];
	u64 fsbase, gsbase;
	void *fpu;	       /* FXSAVE or XSAVE image */
	struct fdtable *files; /* shared by CLONE_FILES; NULL: kernel thread, or ended */
	struct sigstate sig;
	u64 robust_head; /* struct robust_list_head of the program */
	u32 __user *clear_tid;
	const char *syscall;   /* name of the call in progress, NULL: none */
	u64 restart_deadline;  /* of a relative wait that is being restarted, 0: none */
	u64 poll_until;	       /* the last poll's deadline */
	u64 run_ns, run_start; /* CPU time */
	u64 kernel_tsc;	       /* in the kernel since */
	u64 sys_tsc;	       /* spent there before */
	struct timer timer;    /* ends a sleep */
	bool *vfork_flag;      /* set, and the waiter woken, when we exec or exit */
	struct thread *vfork_waiter;
	void (*kfn)(void *); /* kernel thread: the function that it runs */
	void *karg;
	u64 timer_slack; /* from prctl, 0: the default */
	bool no_new_privs;
	u8 cpus;    /* mask of those that it may run on */
	s8 idle_on; /* the CPU that idles on its stack, -1: none */
};

/* Of the CPU that runs in the kernel (nub/smp.h). */
extern struct thread *current;
extern bool need_resched;
extern struct thread *dead_thread; /* left behind by its own last switch */

/* User registers of a thread that came from user mode. */
struct regs *thread_regs(const struct thread *t);

void sched_init(void);
/* Ends the boot thread: from here on the threads take turns. */
void sched_start(void) __noreturn;
void schedule(void);
/* Gives the CPU away if another thread wants it. Lets pending interrupts in: call it in
 * loops that may be long, with no invariant broken. */
void sched_point(void);
void sched_yield(void);
/* It runs on another CPU: that one looks at its signals now. */
void thread_kick(const struct thread *t);
/* It has a CPU at the moment. */
bool thread_running(const struct thread *t);
/* The thread that a CPU starts with and falls back to: in the end it only idles. */
struct thread *sched_idle_thread(unsigned id);
void sched_idle_run(void) __noreturn;
/* Makes a blocked thread runnable; no effect on others. Callable from interrupts. */
void thread_wake(struct thread *t);
/* Blocks until woken, until deadline (monotonic ns), or, when interruptible, until a
 * signal is pending. 0, -ETIMEDOUT or -ERESTARTSYS. A wake that happens before the call
 * is lost: test the condition first; nothing can come between (interrupts are off). */
int thread_sleep(u64 deadline, bool interruptible);

/* Allocates a thread with stack and FPU image, not yet runnable; one of a process still needs
 * its tid. NULL: no memory. */
struct thread *thread_alloc(struct process *proc, const char *comm);
void thread_free(struct thread *t);
void thread_start(struct thread *t);
/* Ends current; never returns. Freed by the next thread. */
void thread_exit_switch(void) __noreturn;
/* The first code of a thread with a program (entry.S); set before the first is made. */
extern void (*thread_user_start)(void);
void thread_start_user(void);
struct thread *kthread_create(void (*fn)(void *), void *arg, const char *name);

/* --- wait queues --- */

struct waitq {
	struct list waiters;
};

struct waiter {
	struct list link;
	/* Called by waitq_wake, maybe from an interrupt; true: somebody will act on it.
	 * NULL: wake `thread`. */
	bool (*func)(struct waiter *w, unsigned events);
	struct thread *thread;
	bool woken;
	bool exclusive; /* one of these is enough: EPOLLEXCLUSIVE */
};

static inline void waitq_init(struct waitq *q)
{
	list_init(&q->waiters);
}
void waitq_add(struct waitq *q, struct waiter *w);
void waitq_remove(struct waiter *w);
/* Wakes all, of the exclusive ones the first that will act; `events` are POLL* bits for epoll (0: unknown, look at all). */
void waitq_wake(struct waitq *q, unsigned events);
/* Wakes the thread that has waited longest and is not woken yet, of those that sleep on
 * q. */
void waitq_wake_one(struct waitq *q);
/*
 * Sleeps on one queue, interruptible: 0, -ETIMEDOUT, -ERESTARTSYS. Loop on the
 * condition.
 */
int waitq_sleep(struct waitq *q, u64 deadline);
/* As waitq_sleep, but signals do not end it (device I/O with a bounded deadline). */
int waitq_sleep_hard(struct waitq *q, u64 deadline);

/* --- timers --- */

static inline void timer_init(struct timer *t, void (*func)(struct timer *t))
{
	t->func = func;
	t->index = -1;
}
/* Arms or re-arms. Cannot fail: room is reserved by timer_reserve at creation. */
void timer_set(struct timer *t, u64 when);
void timer_cancel(struct timer *t);
/* Every object that holds a timer reserves a heap slot when made: 0 or -ENOMEM. */
int timer_reserve(void);
void timer_release(void);
/* Runs the timers that are due. */
void timer_run(void);
/* The timer event has come: runs the timers that are due. */
void timer_interrupt(void);
/* The time of the first timer, and the latest time of the platform's event; NEVER:
 * none. */
extern u64 timer_next, timer_programmed;
void timer_program_next(void);
/* Called on the way out of the kernel (to a program, to idle): makes sure that the event
 * comes. One that is programmed for earlier than needed costs a look. */
static inline void timer_arm(void)
{
	if (unlikely(timer_next < timer_programmed))
		timer_program_next();
}

#endif
