/* SPDX-License-Identifier: MIT */
/* Clocks and sleeping. */
#include "sys.h"

#include <nub/clock.h>
#include <nub/deadline.h>
#include <nub/errno.h>
#include <nub/process.h>
#include <nub/uaccess.h>

#include <linux/time.h>

/* --- clocks --- */

/* The clock of another thread or process: ~pid << 3, then these bits (Linux,
 * linux/posix-timers_types.h). */
#define CPUCLOCK_KIND 3 /* which time: all of them are the same here, but for */
#define CPUCLOCK_FD 3	/* a device's clock, which there is not */
#define CPUCLOCK_PERTHREAD 4
#define CPUCLOCK_PID_SHIFT 3

static int clock_value(int id, u64 *ns)
{
	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI:
		*ns = clock_real();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		*ns = clock_now();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		*ns = process_cpu_ns(current->proc);
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*ns = current->run_ns + clock_now() - current->run_start;
		return 0;
	}
	if (id < 0 && (id & CPUCLOCK_KIND) != CPUCLOCK_FD) {
		int pid = ~(id >> CPUCLOCK_PID_SHIFT);

		if (id & CPUCLOCK_PERTHREAD) {
			struct thread *t = pid ? thread_find(pid) : current;

			if (!t)
				return -EINVAL;
			*ns = t->run_ns +
			      (thread_running(t) ? clock_now() - t->run_start : 0);
		} else {
			struct process *p = pid ? process_find(pid) : current->proc;

			if (!p)
				return -EINVAL;
			*ns = process_cpu_ns(p);
		}
		return 0;
	}
	return -EINVAL;
}

long sys_clock_gettime(int clock, void *uts)
{
	struct ktimespec ts;
	u64 ns;

	if (clock_value(clock, &ns))
		return -EINVAL;
	ts = timespec_from_ns(ns);
	return copy_to_user(uts, &ts, sizeof(ts));
}

long sys_clock_getres(int clock, void *uts)
{
	struct ktimespec ts = {0, 1};
	u64 ns;

	if (clock_value(clock, &ns))
		return -EINVAL;
	if (clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE)
		ts.nsec = 4000000;
	return uts ? copy_to_user(uts, &ts, sizeof(ts)) : 0;
}

long sys_clock_settime(int clock, const void *uts)
{
	u64 ns;
	int err = timespec_from_user(uts, &ns);

	if (!err)
		clock_set_realtime(ns);
	return err;
}

long sys_gettimeofday(void *tv, void *tz)
{
	u64 us = clock_real() / NS_PER_USEC;
	s64 v[2] = {(s64)(us / USEC_PER_SEC), (s64)(us % USEC_PER_SEC)};

	if (tv && copy_to_user(tv, v, sizeof(v)))
		return -EFAULT;
	return tz ? clear_user(tz, 8) : 0;
}

long sys_time(void *t)
{
	u64 s = clock_real() / NS_PER_SEC;

	return t && put_user64(s, t) ? -EFAULT : (long)s;
}

long sys_times(void *buf)
{
	struct cpu_time own = process_cpu_time(current->proc),
			child = current->proc->child_time;
	u64 v[4] = {(own.ns - own.sys_ns) / TICK_NS, own.sys_ns / TICK_NS,
		    (child.ns - child.sys_ns) / TICK_NS, child.sys_ns / TICK_NS};

	if (buf && copy_to_user(buf, v, sizeof(v)))
		return -EFAULT;
	return (long)(clock_now() / TICK_NS);
}

/* --- sleeping --- */

long sys_clock_nanosleep(int clock, int flags, const void *req, void *rem)
{
	bool absolute = flags & TIMER_ABSTIME;
	u64 deadline;
	int err;

	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC &&
	    clock != CLOCK_BOOTTIME && clock != CLOCK_TAI)
		return clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_REALTIME_COARSE ||
				       clock == CLOCK_MONOTONIC_COARSE ||
				       clock == CLOCK_THREAD_CPUTIME_ID
			       ? -EOPNOTSUPP
			       : -EINVAL;
	err = deadline_from_user(
		req, absolute, clock == CLOCK_REALTIME || clock == CLOCK_TAI, &deadline);
	while (!err)
		err = thread_sleep(deadline, true);
	if (err == -ETIMEDOUT)
		return 0;
	if (err != -ERESTARTSYS)
		return err;
	if (absolute)
		return -ERESTARTNOHAND;
	if (rem) {
		u64 now = clock_now();
		struct ktimespec ts =
			timespec_from_ns(deadline > now ? deadline - now : 0);

		if (copy_to_user(rem, &ts, sizeof(ts)))
			return -EFAULT;
	}
	return wait_interrupted(deadline);
}

long sys_nanosleep(const void *req, void *rem)
{
	return sys_clock_nanosleep(CLOCK_MONOTONIC, 0, req, rem);
}
