/* SPDX-License-Identifier: MIT */
/* Interval timers: ITIMER_REAL and timer_create. */
#include "../linux/sys.h"

#include <nub/clock.h>
#include <nub/deadline.h>
#include <nub/errno.h>
#include <nub/process.h>
#include <nub/slab.h>
#include <nub/uaccess.h>

#include <linux/time.h>

/* sigevent.sigev_notify */
#define SIGEV_SIGNAL 0
#define SIGEV_NONE 1
#define SIGEV_THREAD_ID 4

/* --- ITIMER_REAL, alarm --- */

/* A period whose signal is ignored is not worth an interrupt more often than this. */
#define IGNORED_NS NS_PER_MSEC

/* The first end of a period after `after`; counts the ends since `when` in *missed. */
static u64 period_after(u64 when, u64 interval, u64 after, u64 *missed)
{
	u64 n = when <= after ? (after - when) / interval + 1 : 0;

	*missed += n;
	return when + n * interval;
}

/* The next period begins when the signal is taken: one entry, however many periods. */
void itimer_expired(struct timer *t)
{
	struct process *p = container_of(t, struct process, itimer);
	u64 missed = 0;

	signal_send(p, NULL, SIGALRM, NULL);
	if (p->itimer_interval && !(p->pending.set & SIGBIT(SIGALRM)))
		timer_set(t, period_after(t->when, p->itimer_interval,
					  clock_now() + IGNORED_NS, &missed));
}

void itimer_taken(struct process *p)
{
	u64 missed = 0;

	if (p->itimer.index < 0)
		timer_set(&p->itimer, period_after(p->itimer.when, p->itimer_interval,
						   clock_now(), &missed));
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
	out[1] = (s64)(interval % NS_PER_SEC / NS_PER_USEC);
	out[2] = (s64)(value / NS_PER_SEC);
	out[3] = (s64)(value % NS_PER_SEC / NS_PER_USEC);
}

long sys_getitimer(int which, void *cur)
{
	struct process *p = current->proc;
	s64 v[4];

	to_timevals(p->itimer_interval, timer_left(&p->itimer), v);
	return copy_to_user(cur, v, sizeof(v));
}

long sys_setitimer(int which, const void *new, void *old)
{
	struct process *p = current->proc;
	s64 in[4] = {0}, out[4];
	u64 value;

	if (new && copy_from_user(in, new, sizeof(in)))
		return -EFAULT;
	if (in[0] < 0 || in[2] < 0 || (u64)in[1] >= USEC_PER_SEC ||
	    (u64)in[3] >= USEC_PER_SEC)
		return -EINVAL;
	to_timevals(p->itimer_interval, timer_left(&p->itimer), out);
	timer_cancel(&p->itimer);
	p->itimer_interval = (u64)in[0] * NS_PER_SEC + (u64)in[1] * NS_PER_USEC;
	value = (u64)in[2] * NS_PER_SEC + (u64)in[3] * NS_PER_USEC;
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
	struct sigqueue entry;
	struct sigpending *queued; /* where the entry is, NULL: it is not */
	int id, signo, tid;	   /* signo 0: SIGEV_NONE */
	u64 value;		   /* for the handler */
	bool realtime;
	u64 when, interval; /* next end of a period, 0: not armed */
	u64 missed;  /* ends of periods that were counted before the signal was taken */
	s32 overrun; /* of the last signal */
};

struct user_sigevent {
	u64 value;
	s32 signo, notify, tid, pad[11];
};

static void ptimer_arm(struct ptimer *pt)
{
	if (pt->signo)
		timer_set(&pt->timer, pt->when);
}

static void ptimer_expired(struct timer *t)
{
	struct ptimer *pt = container_of(t, struct ptimer, timer);
	struct thread *target = pt->tid ? thread_find(pt->tid) : NULL;

	if (pt->tid && !target)
		return;
	pt->entry.info = (struct ksiginfo){.signo = pt->signo, .code = SI_TIMER};
	pt->entry.info.timer.tid = pt->id;
	if (signal_send_entry(pt->proc, target, &pt->entry)) {
		pt->queued = target ? &target->sig.pending : &pt->proc->pending;
	} else if (pt->interval) {
		pt->when = period_after(pt->when, pt->interval, clock_now() + IGNORED_NS,
					&pt->missed);
		pt->missed = 0;
		ptimer_arm(pt);
	} else {
		pt->when = 0;
	}
}

/* Periods that ended while the signal waited are its overrun. */
static void ptimer_taken(struct sigqueue *q, struct ksiginfo *info)
{
	struct ptimer *pt = container_of(q, struct ptimer, entry);

	pt->queued = NULL;
	if (!pt->interval) {
		pt->when = 0;
		pt->overrun = 0;
	} else {
		pt->when = period_after(pt->when, pt->interval, clock_now(), &pt->missed);
		pt->overrun = (s32)MIN(pt->missed ? pt->missed - 1 : 0, 0x7fffffffUL);
		pt->missed = 0;
		ptimer_arm(pt);
	}
	if (info) {
		info->timer.overrun = pt->overrun;
		info->timer.value = pt->value;
	}
}

static struct ptimer *ptimer_find(int id)
{
	struct ptimer *pt;

	list_for_each(pt, &current->proc->ptimers, link)
		if (pt->id == id)
			return pt;
	return NULL;
}

static void ptimer_disarm(struct ptimer *pt)
{
	timer_cancel(&pt->timer);
	if (pt->queued)
		signal_withdraw(pt->queued, &pt->entry);
	pt->queued = NULL;
	pt->when = 0;
}

static void ptimer_delete(struct ptimer *pt)
{
	ptimer_disarm(pt);
	timer_release();
	signal_unreserve();
	list_del(&pt->link);
	kfree(pt);
}

void ptimers_delete_all(struct process *p)
{
	while (!list_empty(&p->ptimers))
		ptimer_delete(list_first(&p->ptimers, struct ptimer, link));
}

static int event_check(const struct user_sigevent *ev)
{
	struct thread *t;

	if (ev->notify == SIGEV_NONE)
		return 0;
	if (ev->notify != SIGEV_SIGNAL && ev->notify != SIGEV_THREAD_ID)
		return -EINVAL;
	if (ev->signo < 1 || ev->signo > NSIG)
		return -EINVAL;
	t = ev->notify == SIGEV_THREAD_ID ? thread_find(ev->tid) : current;
	return t && t->proc == current->proc ? 0 : -EINVAL;
}

static struct ptimer *ptimer_alloc(void)
{
	struct ptimer *pt = NULL;

	if (!signal_reserve(current->proc))
		return NULL;
	if (!timer_reserve()) {
		pt = kzalloc(sizeof(*pt));
		if (pt)
			return pt;
		timer_release();
	}
	signal_unreserve();
	return NULL;
}

long sys_timer_create(int clock, const void *event, void *uid)
{
	struct user_sigevent ev = {.signo = SIGALRM};
	struct ptimer *pt;

	if (event && copy_from_user(&ev, event, sizeof(ev)))
		return -EFAULT;
	if (event_check(&ev))
		return -EINVAL;
	pt = ptimer_alloc();
	if (!pt)
		return -EAGAIN;
	pt->proc = current->proc;
	pt->id = pt->proc->ptimer_next++;
	pt->signo = ev.notify == SIGEV_NONE ? 0 : ev.signo;
	pt->tid = ev.notify == SIGEV_THREAD_ID ? ev.tid : 0;
	pt->value = event ? ev.value : (u64)pt->id;
	pt->entry.taken = ptimer_taken;
	list_init(&pt->entry.link);
	pt->realtime = clock == CLOCK_REALTIME || clock == CLOCK_TAI;
	timer_init(&pt->timer, ptimer_expired);
	list_add_tail(&pt->proc->ptimers, &pt->link);
	if (put_user32((u32)pt->id, uid)) {
		ptimer_delete(pt);
		return -EFAULT;
	}
	return 0;
}

static void ptimer_value(struct ptimer *pt, struct ktimespec out[2])
{
	u64 now = clock_now(), left = 0;

	if (pt->when && pt->interval && (pt->queued || !pt->signo))
		pt->when = period_after(pt->when, pt->interval, now, &pt->missed);
	if (pt->when > now)
		left = pt->when - now;
	else if (pt->when && pt->signo && !pt->queued)
		left = 1; /* about to expire */
	out[0] = timespec_from_ns(pt->interval);
	out[1] = timespec_from_ns(left);
}

long sys_timer_settime(int id, int flags, const void *new, void *old)
{
	struct ptimer *pt;
	struct ktimespec in[2], out[2];
	u64 interval, when;

	if (!new)
		return -EINVAL;
	if (copy_from_user(in, new, sizeof(in)))
		return -EFAULT;
	if (timespec_to_ns(&in[0], &interval) || timespec_to_ns(&in[1], &when))
		return -EINVAL;
	pt = ptimer_find(id);
	if (!pt)
		return -EINVAL;
	ptimer_value(pt, out);
	ptimer_disarm(pt);
	pt->interval = interval;
	pt->missed = 0;
	pt->overrun = 0;
	if (when) {
		u64 off = pt->realtime ? (u64)clock_real_offset() : 0;

		if (!(flags & TIMER_ABSTIME))
			pt->when = when + clock_now();
		else
			pt->when = when > off ? when - off : 1;
		/* Our clock begins at boot: periods that would have ended before count as
		 * missed. */
		if (flags & TIMER_ABSTIME && when <= off && interval)
			pt->missed = (off - when) / interval;
		ptimer_arm(pt);
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
