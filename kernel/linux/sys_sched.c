/* SPDX-License-Identifier: MIT */
/* Scheduling classes and priorities: there is one of each. */
#include "sys.h"

#include <arch/cpu.h>
#include <nub/errno.h>
#include <nub/process.h>
#include <nub/smp.h>
#include <nub/uaccess.h>

#include <linux/resource.h>
#include <linux/sched.h>

static long thread_there(int pid)
{
	return pid < 0 ? -EINVAL : pid && !thread_find(pid) ? -ESRCH : 0;
}
long sys_sched_yield(void)
{
	sched_yield();
	return 0;
}
long sys_sched_getaffinity(int pid, u64 len, void *mask)
{
	const struct thread *t;
	long err = thread_there(pid);

	if (err)
		return err;
	if (len < 8)
		return -EINVAL;
	t = pid ? thread_find(pid) : current;
	return put_user64(t->cpus & ((1u << smp_count) - 1), mask) ? -EFAULT : 8;
}
long sys_sched_setaffinity(int pid, u64 len, const void *mask)
{
	struct thread *t;
	u64 v = 0;
	long err = thread_there(pid);

	if (!err)
		err = copy_from_user(&v, mask, MIN(len, 8UL));
	if (err)
		return err;
	v &= (1u << smp_count) - 1;
	if (!v)
		return -EINVAL;
	/* A thread on another CPU moves on its way to user mode; so does this one. */
	t = pid ? thread_find(pid) : current;
	t->cpus = (u8)v;
	thread_kick(t);
	return 0;
}
long sys_sched_getparam(int pid, void *param)
{
	long err = param ? thread_there(pid) : -EINVAL;

	return err ? err : put_user32(0, param);
}
long sys_sched_setparam(int pid, const void *param)
{
	u32 prio;

	if (get_user32(&prio, param))
		return -EFAULT;
	return prio ? -EINVAL : thread_there(pid);
}
long sys_sched_getscheduler(int pid)
{
	return thread_there(pid);
}
long sys_sched_setscheduler(int pid, int policy, const void *param)
{
	u32 prio;

	if (get_user32(&prio, param))
		return -EFAULT;
	if (policy)
		return policy == 1 || policy == 2 ? -EPERM : -EINVAL;
	return prio ? -EINVAL : thread_there(pid);
}
static bool real_time(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}
long sys_sched_get_priority_max(int policy)
{
	return real_time(policy) ? 99 : 0;
}
long sys_sched_get_priority_min(int policy)
{
	return real_time(policy) ? 1 : 0;
}
/* There is only one user, 0. */
static bool someone(int which, int who)
{
	const struct process *p;

	if (!who || which == PRIO_USER)
		return !who;
	if (which == PRIO_PROCESS)
		return thread_find(who);
	list_for_each(p, &process_list, link)
		if (p->pgid == who)
			return true;
	return false;
}
long sys_getpriority(int which, int who)
{
	return someone(which, who) ? 20 : -ESRCH;
}
long sys_setpriority(int which, int who, int prio)
{
	return !someone(which, who) ? -ESRCH : prio ? -EPERM : 0;
}
long sys_getcpu(u32 *ucpu, u32 *node, void *unused)
{
	if (ucpu && put_user32(cpu_self, ucpu))
		return -EFAULT;
	return node ? put_user32(0, node) : 0;
}
