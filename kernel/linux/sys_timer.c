/* SPDX-License-Identifier: MIT */
/* Interval timers: ITIMER_REAL and timer_create. */
#include "sys.h"

#include <nub/clock.h>
#include <nub/errno.h>
#include <nub/process.h>
#include <nub/slab.h>
#include <nub/uaccess.h>

#include <linux/time.h>

void itimer_expired(struct timer *t);
void ptimers_delete_all(struct process *p);

/* --- ITIMER_REAL, alarm --- */

void itimer_expired(struct timer *t)
{
	struct process *p = container_of(t, struct process, itimer);

	signal_send(p, NULL, SIGALRM, NULL);
	if (p->itimer_interval)
		timer_set(t, MAX(t->when + p->itimer_interval, clock_now()));
}

static u64 timer_left(const struct timer *t)
{
	u64 now = clock_now();

	if (t->index < 0)
		return 0;
	return t->when > now ? t->when - now : 1;
}

static void to_timevals(u64 interval, u64 value, s64 out[4])
{
	out[0] = (s64)(interval / NS_PER_SEC);
	out[1] = (s64)(interval % NS_PER_SEC / 1000);
	out[2] = (s64)(value / NS_PER_SEC);
	out[3] = (s64)(value % NS_PER_SEC / 1000);
}

long sys_getitimer(int which, void *cur)
{
	struct process *p = current->proc;
	s64 v[4];

	if (which < 0 || which > 2)
		return -EINVAL;
	to_timevals(p->itimer_interval, which ? 0 : timer_left(&p->itimer), v);
	return copy_to_user(cur, v, sizeof(v));
}

long sys_setitimer(int which, const void *new, void *old)
{
	struct process *p = current->proc;
	s64 in[4] = {0}, out[4];
	u64 value;

	if (which < 0 || which > 2)
		return -EINVAL;
	if (which)
		return -ENOSYS;
	if (new && copy_from_user(in, new, sizeof(in)))
		return -EFAULT;
	if (in[0] < 0 || in[2] < 0 || (u64)in[1] >= 1000000 || (u64)in[3] >= 1000000)
		return -EINVAL;
	to_timevals(p->itimer_interval, timer_left(&p->itimer), out);
	timer_cancel(&p->itimer);
	p->itimer_interval = (u64)in[0] * NS_PER_SEC + (u64)in[1] * 1000;
	value = (u64)in[2] * NS_PER_SEC + (u64)in[3] * 1000;
	if (value)
		timer_set(&p->itimer, clock_now() + value);
	return old ? copy_to_user(old, out, sizeof(out)) : 0;
}

long sys_alarm(u32 seconds)
{
	struct process *p = current->proc;
	u64 left = timer_left(&p->itimer);

	timer_cancel(&p->itimer);
	p->itimer_interval = 0;
	if (seconds)
		timer_set(&p->itimer, clock_now() + seconds * NS_PER_SEC);
	return (long)((left + NS_PER_SEC - 1) / NS_PER_SEC);
}

/* --- timer_create --- */

struct ptimer {
	struct list link;
	struct timer timer;
	struct process *proc;
	int id, signo, tid;
	bool realtime;
	u64 value, interval;
	s32 overrun;
};

struct user_sigevent {
	u64 value;
	s32 signo, notify, tid, pad[11];
};

static void ptimer_expired(struct timer *t)
{
	struct ptimer *pt = container_of(t, struct ptimer, timer);
	struct ksiginfo info = {.signo = pt->signo, .code = -2 /* SI_TIMER */};
	struct thread *target = pt->tid ? thread_find(pt->tid) : NULL;
	u64 now = clock_now();

	pt->overrun = 0;
	if (pt->interval) {
		u64 next = t->when + pt->interval;

		if (next <= now) {
			u64 missed = (now - next) / pt->interval + 1;

			pt->overrun = (s32)missed;
			next += missed * pt->interval;
		}
		timer_set(t, next);
	}
	info.timer.tid = pt->id;
	info.timer.overrun = pt->overrun;
	info.timer.value = pt->value;
	if (pt->signo && (!pt->tid || target))
		signal_send(pt->proc, target, pt->signo, &info);
}

static struct ptimer *ptimer_find(int id)
{
	struct ptimer *pt;

	list_for_each(pt, &current->proc->ptimers, link)
		if (pt->id == id)
			return pt;
	return NULL;
}

static void ptimer_delete(struct ptimer *pt)
{
	timer_cancel(&pt->timer);
	timer_release();
	list_del(&pt->link);
	kfree(pt);
}

void ptimers_delete_all(struct process *p)
{
	while (!list_empty(&p->ptimers))
		ptimer_delete(list_first(&p->ptimers, struct ptimer, link));
}

long sys_timer_create(int clock, const void *event, void *uid)
{
	struct user_sigevent ev = {.signo = SIGALRM};
	struct ptimer *pt;

	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC &&
	    clock != CLOCK_BOOTTIME)
		return -EINVAL;
	if (event && copy_from_user(&ev, event, sizeof(ev)))
		return -EFAULT;
	if (ev.notify != 0 && ev.notify != 1 && ev.notify != 4)
		return -EINVAL;
	if (ev.notify != 1 && (ev.signo < 1 || ev.signo > NSIG))
		return -EINVAL;
	pt = kzalloc(sizeof(*pt));
	if (!pt || timer_reserve()) {
		kfree(pt);
		return -EAGAIN;
	}
	pt->proc = current->proc;
	pt->id = pt->proc->ptimer_next++;
	pt->signo = ev.notify == 1 ? 0 : ev.signo;
	pt->tid = ev.notify == 4 ? ev.tid : 0;
	pt->value = event ? ev.value : (u64)pt->id;
	pt->realtime = clock == CLOCK_REALTIME;
	timer_init(&pt->timer, ptimer_expired);
	list_add_tail(&pt->proc->ptimers, &pt->link);
	if (put_user32((u32)pt->id, uid)) {
		ptimer_delete(pt);
		return -EFAULT;
	}
	return 0;
}

static void ptimer_value(const struct ptimer *pt, struct ktimespec out[2])
{
	out[0] = timespec_from_ns(pt->interval);
	out[1] = timespec_from_ns(timer_left(&pt->timer));
}

long sys_timer_settime(int id, int flags, const void *new, void *old)
{
	struct ptimer *pt = ptimer_find(id);
	struct ktimespec in[2], out[2];
	u64 interval, when;

	if (!pt)
		return -EINVAL;
	if (copy_from_user(in, new, sizeof(in)))
		return -EFAULT;
	if (timespec_to_ns(&in[0], &interval) || timespec_to_ns(&in[1], &when))
		return -EINVAL;
	ptimer_value(pt, out);
	timer_cancel(&pt->timer);
	pt->interval = interval;
	if (when) {
		u64 off = pt->realtime ? (u64)clock_real_offset() : 0;

		if (!(flags & 1))
			when += clock_now();
		else
			when = when > off ? when - off : 1;
		timer_set(&pt->timer, when);
	}
	return old ? copy_to_user(old, out, sizeof(out)) : 0;
}

long sys_timer_gettime(int id, void *cur)
{
	struct ptimer *pt = ptimer_find(id);
	struct ktimespec out[2];

	if (!pt)
		return -EINVAL;
	ptimer_value(pt, out);
	return copy_to_user(cur, out, sizeof(out));
}

long sys_timer_getoverrun(int id)
{
	struct ptimer *pt = ptimer_find(id);

	return pt ? pt->overrun : -EINVAL;
}

long sys_timer_delete(int id)
{
	struct ptimer *pt = ptimer_find(id);

	if (!pt)
		return -EINVAL;
	ptimer_delete(pt);
	return 0;
}
