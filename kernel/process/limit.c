/* SPDX-License-Identifier: MIT */
/* Resource limits. */
#include "../linux/sys.h"

#include <nub/errno.h>
#include <nub/mm.h>
#include <nub/page.h>
#include <nub/process.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#define SIGPENDING_MAX 4096

/* Limits that are kept and told, without effect. Either they have none for root in Linux, or they
 * are for things that are not here (message queues, real-time classes, core dumps). */
const struct limit limits_default[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = {RLIM_INFINITY, RLIM_INFINITY},
	[RLIMIT_FSIZE] = {RLIM_INFINITY, RLIM_INFINITY},
	[RLIMIT_DATA] = {RLIM_INFINITY, RLIM_INFINITY},
	[RLIMIT_STACK] = {8 << 20, RLIM_INFINITY},
	[RLIMIT_CORE] = {0, RLIM_INFINITY},
	[RLIMIT_RSS] = {RLIM_INFINITY, RLIM_INFINITY},
	[RLIMIT_NPROC] = {4096, 4096},
	[RLIMIT_NOFILE] = {FD_MAX, FD_MAX},
	[RLIMIT_MEMLOCK] = {RLIM_INFINITY, RLIM_INFINITY},
	[RLIMIT_AS] = {RLIM_INFINITY, RLIM_INFINITY},
	[RLIMIT_LOCKS] = {RLIM_INFINITY, RLIM_INFINITY},
	[RLIMIT_SIGPENDING] = {SIGPENDING_MAX, SIGPENDING_MAX},
	[RLIMIT_MSGQUEUE] = {819200, 819200},
	[RLIMIT_NICE] = {0, 0},
	[RLIMIT_RTPRIO] = {0, 0},
	[RLIMIT_RTTIME] = {RLIM_INFINITY, RLIM_INFINITY},
};

static int limit_check(int resource, const struct limit *l)
{
	if (l->soft > l->hard)
		return -EINVAL;
	switch (resource) {
	case RLIMIT_CPU:
	case RLIMIT_DATA:
		return l->soft == RLIM_INFINITY ? 0
						: -EINVAL; /* nobody would hold them */
	case RLIMIT_NOFILE:
		return l->hard > FD_MAX ? -EPERM : 0;
	case RLIMIT_SIGPENDING:
		return l->hard > SIGPENDING_MAX ? -EPERM : 0; /* kernel memory */
	default:
		return 0;
	}
}

long sys_prlimit64(int pid, int resource, const void *new, void *old)
{
	struct process *p = pid ? process_of(pid) : current->proc;
	struct limit n, was;
	int err;

	if (resource < 0 || resource >= RLIM_NLIMITS)
		return -EINVAL;
	if (new && copy_from_user(&n, new, sizeof(n)))
		return -EFAULT;
	if (!p)
		return -ESRCH;
	was = p->limits[resource];
	err = new ? limit_check(resource, &n) : 0;
	if (err)
		return err;
	if (new) {
		p->limits[resource] = n;
		if (p->mm)
			mm_set_limits(p->mm, process_limit(p, RLIMIT_STACK),
				      process_limit(p, RLIMIT_AS));
	}
	return old ? copy_to_user(old, &was, sizeof(was)) : 0;
}
long sys_getrlimit(int resource, void *lim)
{
	return sys_prlimit64(0, resource, NULL, lim);
}
long sys_setrlimit(int resource, const void *lim)
{
	return sys_prlimit64(0, resource, lim, NULL);
}
