/* SPDX-License-Identifier: MIT */
/* Signal calls. */
#include "sys.h"

#include <arch/regs.h>
#include <nub/clock.h>
#include <nub/deadline.h>
#include <nub/errno.h>
#include <nub/process.h>
#include <nub/uaccess.h>

#define MINSIGSTKSZ 2048

long sys_rt_sigaction(int sig, const void *act, void *old, u64 size)
{
	struct process *p = current->proc;
	struct ksigaction new, *a;

	if (size != 8 || sig < 1 || sig > NSIG)
		return -EINVAL;
	if (act && copy_from_user(&new, act, sizeof(new)))
		return -EFAULT;
	if (act && SIGBIT(sig) & SIG_UNBLOCKABLE)
		return -EINVAL;
	a = &p->sighand->action[sig - 1];
	if (old && copy_to_user(old, a, sizeof(*a)))
		return -EFAULT;
	if (act) {
		struct thread *t;

		new.mask &= ~SIG_UNBLOCKABLE;
		new.flags &= SA_KNOWN; /* so that programs see what is not there */
		*a = new;
		if (new.handler == SIG_IGN ||
		    (new.handler == SIG_DFL && (sig == SIGCHLD || sig == SIGURG ||
						sig == SIGWINCH || sig == SIGCONT))) {
			sigpending_flush(&p->pending, SIGBIT(sig));
			list_for_each(t, &p->threads, link)
				sigpending_flush(&t->sig.pending, SIGBIT(sig));
		}
	}
	return 0;
}

long sys_rt_sigprocmask(int how, const void *set, void *old, u64 size)
{
	struct thread *t = current;
	u64 was = t->sig.mask, v;

	if (size != 8)
		return -EINVAL;
	if (set) {
		if (get_user64(&v, set))
			return -EFAULT;
		switch (how) {
		case SIG_BLOCK:
			signal_set_mask(&t->sig, was | v);
			break;
		case SIG_UNBLOCK:
			signal_set_mask(&t->sig, was & ~v);
			break;
		case SIG_SETMASK:
			signal_set_mask(&t->sig, v);
			break;
		default:
			return -EINVAL;
		}
	}
	return old ? put_user64(was, old) : 0;
}

long sys_rt_sigreturn(void)
{
	struct regs *regs = thread_regs(current);

	if (signal_return(regs))
		process_exit_group(SIGSEGV);
	return (long)regs->rax;
}

long sys_rt_sigpending(void *set, u64 size)
{
	struct thread *t = current;
	u64 v = (t->sig.pending.set | t->proc->pending.set) & t->sig.mask;

	return size > 8 ? -EINVAL : copy_to_user(set, &v, size);
}

long sys_rt_sigsuspend(const void *set, u64 size)
{
	int err = set ? sigmask_temporary(set, size) : -EFAULT;

	while (!err)
		err = thread_sleep(NEVER, true);
	return err == -ERESTARTSYS ? -ERESTARTNOHAND : err;
}

long sys_pause(void)
{
	int err = 0;

	while (!err)
		err = thread_sleep(NEVER, true);
	return -ERESTARTNOHAND;
}

long sys_rt_sigtimedwait(const void *uset, void *uinfo, const void *timeout, u64 size)
{
	struct thread *t = current;
	struct ksiginfo info;
	u64 set, deadline = NEVER;
	int sig, err = 0;

	if (size != 8)
		return -EINVAL;
	if (get_user64(&set, uset))
		return -EFAULT;
	set &= ~SIG_UNBLOCKABLE;
	if (timeout)
		err = deadline_from_user(timeout, false, false, &deadline);
	if (err)
		return err;
	for (;;) {
		sig = signal_dequeue(t, set, &info);
		if (sig || err)
			break;
		/* For the sleep the waited-for signals count as not blocked. */
		u64 mask = t->sig.mask;

		t->sig.wait_set = set;
		t->sig.mask &= ~set;
		err = thread_sleep(deadline, true);
		t->sig.mask = mask;
		t->sig.wait_set = 0;
	}
	if (!sig)
		return err == -ETIMEDOUT ? -EAGAIN : -EINTR;
	if (uinfo && copy_to_user(uinfo, &info, sizeof(info)))
		return -EFAULT;
	return sig;
}

/* --- sending --- */

static struct ksiginfo from_self(int sig, int code)
{
	struct ksiginfo info = {.signo = sig, .code = code};

	info.rt.pid = current->proc->pid;
	return info;
}

long sys_kill(int pid, int sig)
{
	struct ksiginfo info = from_self(sig, SI_USER);
	struct process *p, *next;
	int found = 0, group = pid == 0 ? current->proc->pgid : -pid;

	if (sig < 0 || sig > NSIG)
		return -EINVAL;
	if (pid > 0) {
		p = process_of(pid);
		return p ? signal_send(p, NULL, sig, &info) : -ESRCH;
	}
	list_for_each_safe(p, next, &process_list, link) {
		if (pid == -1 ? p == init_process || p == current->proc
			      : p->pgid != group)
			continue;
		found++;
		signal_send(p, NULL, sig, &info);
	}
	return found ? 0 : -ESRCH;
}

static long thread_kill(int pid, int tid, int sig, const struct ksiginfo *info)
{
	struct thread *t;

	if (sig < 0 || sig > NSIG || tid <= 0 || !pid)
		return -EINVAL;
	t = thread_find(tid);
	if (!t || (pid > 0 && t->proc->pid != pid))
		return -ESRCH;
	return signal_send(t->proc, t, sig, info);
}

long sys_tgkill(int pid, int tid, int sig)
{
	struct ksiginfo info = from_self(sig, SI_TKILL);

	return pid <= 0 ? -EINVAL : thread_kill(pid, tid, sig, &info);
}

long sys_tkill(int tid, int sig)
{
	struct ksiginfo info = from_self(sig, SI_TKILL);

	return thread_kill(-1, tid, sig, &info);
}

long sys_rt_sigqueueinfo(int pid, int sig, const void *uinfo)
{
	struct ksiginfo info;
	struct process *p;

	if (copy_from_user(&info, uinfo, sizeof(info)))
		return -EFAULT;
	if (sig < 0 || sig > NSIG)
		return -EINVAL;
	p = process_of(pid);
	if (!p)
		return -ESRCH;
	if ((info.code >= 0 || info.code == SI_TKILL) && p != current->proc)
		return -EPERM;
	info.signo = sig;
	return signal_send(p, NULL, sig, &info);
}

long sys_rt_tgsigqueueinfo(int pid, int tid, int sig, const void *uinfo)
{
	struct ksiginfo info;

	if (copy_from_user(&info, uinfo, sizeof(info)))
		return -EFAULT;
	if ((info.code >= 0 || info.code == SI_TKILL) && pid != current->proc->pid)
		return -EPERM;
	info.signo = sig;
	return thread_kill(pid, tid, sig, &info);
}

struct user_stack {
	u64 sp;
	u32 flags, pad;
	u64 size;
};

long sys_sigaltstack(const void *new, void *old)
{
	struct sigstate *s = &current->sig;
	u64 sp = thread_regs(current)->rsp;
	bool on = !(s->alt_flags & (SS_DISABLE | SS_AUTODISARM)) && sp > s->alt_sp &&
		  sp - s->alt_sp <= s->alt_size;
	struct user_stack n,
		o = {s->alt_sp, s->alt_flags | (on ? SS_ONSTACK : 0), 0, s->alt_size};

	if (new) {
		if (copy_from_user(&n, new, sizeof(n)))
			return -EFAULT;
		if (on)
			return -EPERM;
		if (n.flags & ~(SS_DISABLE | SS_ONSTACK | SS_AUTODISARM))
			return -EINVAL;
		if (n.flags & SS_DISABLE) {
			s->alt_sp = s->alt_size = 0;
			s->alt_flags = SS_DISABLE;
		} else {
			if (n.size < MINSIGSTKSZ)
				return -ENOMEM;
			s->alt_sp = n.sp;
			s->alt_size = n.size;
			s->alt_flags = n.flags & SS_AUTODISARM;
		}
	}
	return old ? copy_to_user(old, &o, sizeof(o)) : 0;
}
