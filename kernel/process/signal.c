/* SPDX-License-Identifier: MIT */
/* Sending signals and delivering them. */
#include <arch/regs.h>
#include <nub/cmdline.h>
#include <nub/errno.h>
#include <nub/panic.h>
#include <nub/printk.h>
#include <nub/process.h>
#include <nub/sched.h>
#include <nub/signal.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/uaccess.h>

#include <asm/poll.h>
#include <linux/resource.h>

#define DEFAULT_IGNORED                                                                  \
	(SIGBIT(SIGCHLD) | SIGBIT(SIGURG) | SIGBIT(SIGWINCH) | SIGBIT(SIGCONT))
/* Job control stops need a terminal's session, which this system has not. */
#define DEFAULT_STOP                                                                     \
	(SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))

/* Linux would dump core. */
#define DEFAULT_CORE                                                                     \
	(SIGBIT(SIGQUIT) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) | SIGBIT(SIGABRT) |          \
	 SIGBIT(SIGBUS) | SIGBIT(SIGFPE) | SIGBIT(SIGSEGV) | SIGBIT(SIGXCPU) |           \
	 SIGBIT(SIGXFSZ) | SIGBIT(SIGSYS))

/* Dom0 keeps this machine's memory: the process is still in it then, and on this CPU. */
static void end_by_signal(const struct regs *regs, int signo) __noreturn;
static void end_by_signal(const struct regs *regs, int signo)
{
	if (SIGBIT(signo) & DEFAULT_CORE && cmdline_has_word("nub.core", "panic"))
		panic_regs(regs, "%s[%d] ends with signal %d, and nub.core=panic",
			   current->comm, current->proc->pid, signo);
	process_exit_group(signo);
}

static bool ignored(const struct process *p, int signo)
{
	u64 h = p->sighand->action[signo - 1].handler;

	if (h == SIG_IGN)
		return true;
	if (h != SIG_DFL)
		return false;
	if (SIGBIT(signo) & (DEFAULT_IGNORED | DEFAULT_STOP))
		return true;
	return p == init_process;
}

static struct thread *pick_thread(struct process *p, int signo)
{
	struct thread *t, *sleeping = NULL, *any = NULL;

	list_for_each(t, &p->threads, link) {
		if (t->die || t->sig.mask & ~t->sig.wait_set & SIGBIT(signo))
			continue;
		if (t->sig.wait_set & SIGBIT(signo))
			return t;
		if (!any)
			any = t;
		if (t->interruptible && !sleeping)
			sleeping = t;
	}
	return any && any->state == THREAD_RUNNABLE ? any : sleeping ? sleeping : any;
}

/* An ignored signal is dropped unless it is blocked: it may be waited for. */
static bool dropped(const struct process *proc, const struct thread *target, int signo)
{
	if (proc->zombie || !proc->sighand)
		return true;
	if (!ignored(proc, signo))
		return false;
	if (target)
		return !((target->sig.mask | target->sig.wait_set) & SIGBIT(signo));
	return list_empty(&proc->threads);
}

static void notify(struct process *proc, struct thread *target)
{
	if (target && target->interruptible)
		thread_wake(target);
	else if (target)
		thread_kick(target);
	waitq_wake(&proc->sig_wait, POLLIN);
}

int signal_send(struct process *proc, struct thread *t, int signo,
		const struct ksiginfo *info)
{
	struct thread *target;
	int err;

	if (!signo)
		return 0; /* to see whether it is there */
	target = t ? t : pick_thread(proc, signo);
	/* Nobody can be stopped: better said than ignored. */
	if (SIGBIT(signo) & DEFAULT_STOP && !proc->zombie && proc->sighand &&
	    proc->sighand->action[signo - 1].handler == SIG_DFL)
		return -EINVAL;
	if (dropped(proc, target, signo))
		return 0;
	err = sigpending_add(t ? &t->sig.pending : &proc->pending, proc, signo, info);
	if (!err)
		notify(proc, target);
	return err;
}

bool signal_send_entry(struct process *proc, struct thread *t, struct sigqueue *q)
{
	struct sigpending *p = t ? &t->sig.pending : &proc->pending;
	struct thread *target = t ? t : pick_thread(proc, q->info.signo);

	if (dropped(proc, target, q->info.signo))
		return false;
	list_add_tail(&p->queue, &q->link);
	p->set |= SIGBIT(q->info.signo);
	notify(proc, target);
	return true;
}

/* The thread cannot go on: a blocked or ignored signal becomes the default action. */
void signal_fault(int signo, int code, u64 addr)
{
	struct thread *t = current;
	struct ksigaction *a = &t->proc->sighand->action[signo - 1];
	struct ksiginfo info = {.signo = signo, .code = code};

	info.fault.addr = addr;
	if (a->handler == SIG_IGN || t->sig.mask & SIGBIT(signo)) {
		a->handler = SIG_DFL;
		t->sig.mask &= ~SIGBIT(signo);
	}
	if (a->handler == SIG_DFL && signo != SIGKILL) {
		struct regs *r = thread_regs(t);

		printk("nub: %s[%d]: signal %d at rip %#lx, address %#lx, rsp %#lx\n",
		       t->comm, t->tid, signo, r->rip, addr, r->rsp);
	}
	if (a->handler == SIG_DFL)
		end_by_signal(thread_regs(t), signo);
	sigpending_add(&t->sig.pending, t->proc, signo, &info);
}

int signal_dequeue(struct thread *t, u64 set, struct ksiginfo *info)
{
	int signo = sigpending_take(&t->sig.pending, set, info);

	if (!signo) {
		signo = sigpending_take(&t->proc->pending, set, info);
		if (signo == SIGALRM && t->proc->itimer_interval)
			itimer_taken(t->proc);
	}
	return signo;
}

int sigmask_temporary(const void *mask, u64 size)
{
	struct thread *t = current;
	u64 v;

	if (!mask)
		return 0;
	if (size != 8)
		return -EINVAL;
	if (get_user64(&v, mask))
		return -EFAULT;
	t->sig.saved_mask = t->sig.mask;
	t->sig.restore_mask = true;
	signal_set_mask(&t->sig, v);
	return 0;
}

/*
 * A call that was interrupted: back to the instruction, or EINTR to the handler's
 * code.
 */
static void fix_restart(struct regs *regs, const struct ksigaction *act)
{
	s64 r = (s64)regs->rax;
	bool restart;

	if (regs->vector != VECTOR_SYSCALL || regs->orig_rax == NO_SYSCALL)
		return;
	if (r != -ERESTARTSYS && r != -ERESTARTNOINTR && r != -ERESTARTNOHAND)
		return;
	restart = !act || r == -ERESTARTNOINTR ||
		  (r == -ERESTARTSYS && act->flags & SA_RESTART);
	if (restart) {
		regs->rax = regs->orig_rax;
		regs->rip -= SYSCALL_INSN_SIZE;
	} else {
		regs->rax = (u64)-EINTR;
	}
	if (act)
		current->restart_deadline = 0;
	regs->orig_rax = NO_SYSCALL;
}

static void invoke(struct regs *regs, int signo, struct ksigaction *act,
		   const struct ksiginfo *info)
{
	struct thread *t = current;
	struct ksigaction a = *act;
	u64 mask = t->sig.restore_mask ? t->sig.saved_mask : t->sig.mask;

	fix_restart(regs, &a);
	if (a.flags & SA_RESETHAND)
		act->handler = SIG_DFL;
	t->sig.restore_mask = false;
	if (signal_setup_frame(regs, signo, &a, info, mask)) {
		if (signo == SIGSEGV)
			act->handler = SIG_DFL; /* its own handler has no room */
		signal_fault(SIGSEGV, SI_KERNEL, 0);
		return;
	}
	signal_set_mask(&t->sig, t->sig.mask | a.mask |
					 (a.flags & SA_NODEFER ? 0 : SIGBIT(signo)));
}

void signal_deliver(struct regs *regs)
{
	struct thread *t = current;
	struct ksiginfo info;
	int signo;

	if (t->die)
		process_exit_thread(0);
	while ((signo = signal_dequeue(t, ~t->sig.mask, &info)) != 0) {
		struct ksigaction *act = &t->proc->sighand->action[signo - 1];

		if (act->handler == SIG_IGN)
			continue;
		if (act->handler != SIG_DFL) {
			invoke(regs, signo, act, &info);
			return;
		}
		/* To init it may have come while it was blocked; a fault does not get
		 * here. */
		if (SIGBIT(signo) & (DEFAULT_IGNORED | DEFAULT_STOP) ||
		    t->proc == init_process)
			continue;
		end_by_signal(regs, signo);
	}
	fix_restart(regs, NULL);
	if (t->sig.restore_mask) {
		t->sig.restore_mask = false;
		t->sig.mask = t->sig.saved_mask;
	}
}
