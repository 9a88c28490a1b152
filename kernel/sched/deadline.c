/* SPDX-License-Identifier: MIT */
/* The program's times, and the deadlines of waits. */
#include <nub/clock.h>
#include <nub/deadline.h>
#include <nub/errno.h>
#include <nub/sched.h>
#include <nub/uaccess.h>

int timespec_to_ns(const struct ktimespec *ts, u64 *ns)
{
	if (ts->sec < 0 || ts->nsec < 0 || ts->nsec >= (s64)NS_PER_SEC)
		return -EINVAL;
	if ((u64)ts->sec > (NEVER >> 2) / NS_PER_SEC)
		*ns = NEVER >> 2; /* centuries: as good as never */
	else
		*ns = (u64)ts->sec * NS_PER_SEC + (u64)ts->nsec;
	return 0;
}

struct ktimespec timespec_from_ns(u64 ns)
{
	return (struct ktimespec){(s64)(ns / NS_PER_SEC), (s64)(ns % NS_PER_SEC)};
}

int timespec_from_user(const void *uts, u64 *ns)
{
	struct ktimespec ts;

	if (copy_from_user(&ts, uts, sizeof(ts)))
		return -EFAULT;
	return timespec_to_ns(&ts, ns);
}

int deadline_from_user(const void *uts, bool absolute, bool realtime, u64 *deadline)
{
	u64 ns;
	int err = timespec_from_user(uts, &ns);

	if (err)
		return err;
	if (absolute) {
		u64 off = realtime ? (u64)clock_real_offset() : 0;

		*deadline = ns > off ? ns - off : 0;
	} else if (current->restart_deadline) {
		*deadline = current->restart_deadline;
		current->restart_deadline = 0;
	} else {
		*deadline = clock_now() + ns;
	}
	return 0;
}

long wait_interrupted(u64 deadline)
{
	current->restart_deadline = deadline;
	return -ERESTARTNOHAND;
}
