/* SPDX-License-Identifier: MIT */
/* The end of threads and processes, and waiting for it. */
#include <arch/cpu.h>
#include <nub/clock.h>
#include <nub/errno.h>
#include <nub/futex.h>
#include <nub/mm.h>
#include <nub/panic.h>
#include <nub/platform.h>
#include <nub/printk.h>
#include <nub/process.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#include "../linux/sys.h"

#include <linux/resource.h>
#include <linux/wait.h>

/* Linux: nothing may leave init; here the machine ends with it, and says how. */
static void init_ended(int status) __noreturn;
static void init_ended(int status)
{
	char line[80];

	if (status & 0x7f)
		snprintf(line, sizeof(line), "pid 1 ended: signal %d", status & 0x7f);
	else
		snprintf(line, sizeof(line), "pid 1 ended: exit %d", status >> 8 & 0xff);
	printk("nub: %s\n", line);
	if (status && platform->report)
		platform->report(line);
	platform->stop(status ? STOP_CRASH : STOP_POWEROFF);
}

static void process_free(struct process *p)
{
	/* An epoll that outlives us may still watch our signals through an inherited
	 * signalfd. */
	while (!list_empty(&p->sig_wait.waiters))
		list_del(p->sig_wait.waiters.next);
	list_del(&p->sibling);
	list_del(&p->link);
	timer_release();
	kfree(p);
}

static void notify_parent(struct process *p)
{
	struct process *parent = p->parent;
	const struct ksigaction *act = &parent->sighand->action[SIGCHLD - 1];
	bool reap = p->exit_signal == SIGCHLD &&
		    (act->handler == SIG_IGN || act->flags & SA_NOCLDWAIT);

	if (p->exit_signal) {
		struct ksiginfo info = {.signo = p->exit_signal};
		int status = p->exit_status;

		info.code = status & 0x7f ? CLD_KILLED : CLD_EXITED;
		info.chld.pid = p->pid;
		info.chld.status = status & 0x7f ? status & 0x7f : status >> 8 & 0xff;
		info.chld.utime =
			(s64)((p->dead_time.ns - p->dead_time.sys_ns) / TICK_NS);
		info.chld.stime = (s64)(p->dead_time.sys_ns / TICK_NS);
		signal_send(parent, NULL, p->exit_signal, &info);
	}
	waitq_wake(&parent->child_wait, 0);
	if (reap)
		process_free(p);
}

/* The children go to the nearest ancestor that wants them. */
static void orphans_give(struct process *p)
{
	struct process *to = p->parent, *c, *next;

	while (to != init_process && (!to->subreaper || to->exiting))
		to = to->parent;
	list_for_each_safe(c, next, &p->children, sibling) {
		list_del(&c->sibling);
		c->parent = to;
		list_add_tail(&to->children, &c->sibling);
		if (c->zombie)
			notify_parent(c);
		else if (c->death_signal)
			signal_send(c, NULL, c->death_signal, NULL);
	}
}

static void process_teardown(struct process *p, int status)
{
	if (p == init_process)
		init_ended(status);
	p->exiting = true;
	p->exit_status = status;
	timer_cancel(&p->itimer);
	ptimers_delete_all(p);
	mm_activate(NULL);
	if (p->mm)
		mm_put(p->mm);
	p->mm = NULL;
	fsinfo_put(p->fs);
	p->fs = NULL;
	process_set_program(p, NULL);
	kfree(p->cmdline);
	p->cmdline = NULL;
	p->cmdline_len = 0;
	sigpending_flush(&p->pending, ~0ULL);
	orphans_give(p);
	p->zombie = true;
	sighand_put(p->sighand);
	p->sighand = NULL;
	notify_parent(p);
}

void vfork_done(struct thread *t)
{
	if (!t->vfork_waiter)
		return;
	*t->vfork_flag = true;
	thread_wake(t->vfork_waiter);
	t->vfork_waiter = NULL;
}

void process_exit_thread(int code)
{
	struct thread *t = current;
	struct process *p = t->proc;

	futex_exit_robust(t);
	if (t->clear_tid && (p->nthreads > 1 || p->mm->refs > 1)) {
		put_user32(0, t->clear_tid);
		futex_wake_addr(t->clear_tid, 1, ~0u, true);
		futex_wake_addr(t->clear_tid, 1, ~0u, false);
	}
	vfork_done(t);
	/* It may sleep: we still count as one of the process. */
	fdtable_put(t->files);
	t->files = NULL;
	cpu_time_add(&p->dead_time, thread_cpu_time(t));
	list_del(&t->link);
	if (p->nthreads == 1)
		memcpy(p->comm, t->comm, sizeof(p->comm));
	if (--p->nthreads == 0)
		process_teardown(p, p->exiting ? p->exit_status : (code & 0xff) << 8);
	else
		waitq_wake(&p->sig_wait, 0);
	t->proc = NULL; /* no user state to save any more */
	mm_activate(NULL);
	thread_exit_switch();
}

static void doom_others(struct process *p)
{
	struct thread *t;

	list_for_each(t, &p->threads, link) {
		if (t == current)
			continue;
		t->die = true;
		if (t->interruptible)
			thread_wake(t);
		else
			thread_kick(t);
	}
}

void process_exit_group(int status)
{
	struct process *p = current->proc;

	if (!p->exiting) {
		p->exiting = true;
		p->exit_status = status;
		doom_others(p);
	}
	process_exit_thread(0);
}

void process_kill(struct process *p, int status)
{
	if (p->exiting || p->zombie)
		return;
	p->exiting = true;
	p->exit_status = status;
	doom_others(p);
}

int process_kill_others(void)
{
	struct process *p = current->proc;

	doom_others(p);
	while (p->nthreads > 1) {
		int err = waitq_sleep_hard(&p->sig_wait, NEVER);

		if (err)
			return err;
		if (current->die)
			return -ERESTARTSYS;
	}
	current->tid = p->pid;
	return 0;
}

long sys_exit(int code)
{
	process_exit_thread(code);
}

long sys_exit_group(int code)
{
	process_exit_group((code & 0xff) << 8);
}

/* --- waiting --- */

static void rusage_fill(struct rusage *ru, struct cpu_time t)
{
	u64 user = t.ns - t.sys_ns;

	memset(ru, 0, sizeof(*ru));
	ru->ru_utime.tv_sec = (long)(user / NS_PER_SEC);
	ru->ru_utime.tv_usec = (long)(user % NS_PER_SEC / NS_PER_USEC);
	ru->ru_stime.tv_sec = (long)(t.sys_ns / NS_PER_SEC);
	ru->ru_stime.tv_usec = (long)(t.sys_ns % NS_PER_SEC / NS_PER_USEC);
}

static bool selects(const struct process *p, int which, int id, int options)
{
	/* Children that tell of their end by another signal are a kind of their own. */
	if (!(options & (int)__WALL) &&
	    (p->exit_signal != SIGCHLD) != !!(options & (int)__WCLONE))
		return false;
	switch (which) {
	case P_PID:
		return p->pid == id;
	case P_PGID:
		return p->pgid == id;
	default:
		return true;
	}
}

struct wait_result {
	int pid, status;
	struct cpu_time time;
};

static int wait_child(int which, int id, int options, struct wait_result *w)
{
	struct process *self = current->proc;

	for (;;) {
		bool any = false;
		struct process *p;
		int err;

		list_for_each(p, &self->children, sibling) {
			if (!selects(p, which, id, options))
				continue;
			any = true;
			if (!p->zombie || !(options & WEXITED))
				continue;
			w->pid = p->pid;
			w->status = p->exit_status;
			w->time = p->dead_time;
			cpu_time_add(&w->time, p->child_time);
			if (!(options & WNOWAIT)) {
				cpu_time_add(&self->child_time, w->time);
				process_free(p);
			}
			return 1;
		}
		if (!any)
			return -ECHILD;
		if (options & WNOHANG)
			return 0;
		err = waitq_sleep(&self->child_wait, NEVER);
		if (err)
			return err;
	}
}

long sys_wait4(int pid, void *status, int options, void *rusage)
{
	int which = pid == -1 ? P_ALL : pid > 0 ? P_PID : P_PGID;
	struct wait_result w;
	struct rusage ru;
	int r;

	if (pid == -0x7fffffff - 1)
		return -ESRCH; /* has no group */
	if (which == P_PGID)
		pid = pid ? -pid : current->proc->pgid;
	r = wait_child(which, pid, options | WEXITED, &w);
	if (r <= 0)
		return r;
	rusage_fill(&ru, w.time);
	if (status && put_user32((u32)w.status, status))
		return -EFAULT;
	if (rusage && copy_to_user(rusage, &ru, sizeof(ru)))
		return -EFAULT;
	return w.pid;
}

long sys_waitid(int which, int id, void *infop, int options, void *rusage)
{
	struct wait_result w = {0};
	struct ksiginfo info = {0};
	struct rusage ru;
	int r;

	if (!(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	if (which == P_PID && id <= 0)
		return -EINVAL;
	if (which == P_PGID && !id)
		id = current->proc->pgid;
	r = wait_child(which, id, options, &w);
	if (r < 0)
		return r;
	if (r) {
		info.signo = SIGCHLD;
		info.code = w.status & 0x7f ? CLD_KILLED : CLD_EXITED;
		info.chld.pid = w.pid;
		info.chld.status =
			w.status & 0x7f ? w.status & 0x7f : w.status >> 8 & 0xff;
	}
	rusage_fill(&ru, w.time);
	if (infop && copy_to_user(infop, &info, sizeof(info)))
		return -EFAULT;
	if (rusage && copy_to_user(rusage, &ru, sizeof(ru)))
		return -EFAULT;
	return 0;
}

long sys_getrusage(int who, void *usage)
{
	struct rusage ru;
	struct cpu_time t;

	switch (who) {
	case RUSAGE_SELF:
		t = process_cpu_time(current->proc);
		break;
	case RUSAGE_CHILDREN:
		t = current->proc->child_time;
		break;
	case RUSAGE_THREAD:
		t = thread_cpu_time(current);
		break;
	default:
		return -EINVAL;
	}
	rusage_fill(&ru, t);
	if (who != RUSAGE_CHILDREN)
		ru.ru_maxrss = (long)(current->proc->mm->rss * 4);
	return copy_to_user(usage, &ru, sizeof(ru));
}
