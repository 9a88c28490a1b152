/* SPDX-License-Identifier: MIT */
/* Process identity: users, groups, sessions, capabilities. */
#include "sys.h"

#include <nub/errno.h>
#include <nub/process.h>
#include <nub/uaccess.h>

#include <linux/capability.h>

long sys_getpid(void)
{
	return current->proc->pid;
}
long sys_gettid(void)
{
	return current->tid;
}
long sys_getppid(void)
{
	return current->proc->parent ? current->proc->parent->pid : 0;
}
long sys_getuid(void)
{
	return 0;
}
long sys_getgid(void)
{
	return 0;
}
long sys_geteuid(void)
{
	return 0;
}
long sys_getegid(void)
{
	return 0;
}
static long ids_ok(u32 a, u32 b, u32 c)
{
	return (a && a != ~0u) || (b && b != ~0u) || (c && c != ~0u) ? -EPERM : 0;
}
long sys_setuid(u32 id)
{
	return ids_ok(id, 0, 0);
}
long sys_setgid(u32 id)
{
	return ids_ok(id, 0, 0);
}
long sys_setreuid(u32 r, u32 e)
{
	return ids_ok(r, e, 0);
}
long sys_setregid(u32 r, u32 e)
{
	return ids_ok(r, e, 0);
}
long sys_setresuid(u32 r, u32 e, u32 s)
{
	return ids_ok(r, e, s);
}
long sys_setresgid(u32 r, u32 e, u32 s)
{
	return ids_ok(r, e, s);
}
long sys_getresuid(void *r, void *e, void *s)
{
	return put_user32(0, r) || put_user32(0, e) || put_user32(0, s) ? -EFAULT : 0;
}
long sys_getresgid(void *r, void *e, void *s)
{
	return sys_getresuid(r, e, s);
}
long sys_getgroups(int n, void *list)
{
	return n < 0 ? -EINVAL : 0;
}
long sys_setgroups(int n, const void *list)
{
	return n < 0 || n > 65536 ? -EINVAL : n ? -EPERM : 0;
}

static struct process *by_pid(int pid)
{
	return pid ? process_of(pid) : current->proc;
}
long sys_getpgid(int pid)
{
	struct process *p = by_pid(pid);

	return p ? p->pgid : -ESRCH;
}
long sys_getpgrp(void)
{
	return current->proc->pgid;
}
static bool group_in_session(int pgid, int sid)
{
	struct process *p;

	list_for_each(p, &process_list, link)
		if (p->pgid == pgid)
			return p->sid == sid;
	return false;
}
long sys_setpgid(int pid, int pgid)
{
	struct process *self = current->proc, *p = by_pid(pid);

	if (pgid < 0)
		return -EINVAL;
	if (!p)
		return -ESRCH;
	if (pid && p->pid != pid)
		return -EINVAL; /* a thread's */
	if (p->parent == self) {
		if (p->sid != self->sid)
			return -EPERM;
		if (p->execed)
			return -EACCES;
	} else if (p != self) {
		return -ESRCH;
	}
	if (p->sid == p->pid)
		return -EPERM;
	if (pgid && pgid != p->pid && !group_in_session(pgid, self->sid))
		return -EPERM;
	p->pgid = pgid ? pgid : p->pid;
	return 0;
}
long sys_getsid(int pid)
{
	struct process *p = by_pid(pid);

	return p ? p->sid : -ESRCH;
}
long sys_setsid(void)
{
	struct process *p = current->proc, *q;

	list_for_each(q, &process_list, link)
		if (q->pgid == p->pid)
			return -EPERM;
	p->sid = p->pgid = p->pid;
	return p->sid;
}

/* --- capabilities --- */

/* Capabilities 32 and up, as the second word has them. */
#define CAP_HIGH ((1u << (CAP_LAST_CAP - 31)) - 1)

/* Older versions than 3 have one word; programs find out by asking with version 0. */
static long cap_header(struct __user_cap_header_struct *h, void *hdr)
{
	if (copy_from_user(h, hdr, sizeof(*h)))
		return -EFAULT;
	if (h->version == _LINUX_CAPABILITY_VERSION_1 ||
	    h->version == _LINUX_CAPABILITY_VERSION_2 ||
	    h->version == _LINUX_CAPABILITY_VERSION_3)
		return 0;
	return put_user32(_LINUX_CAPABILITY_VERSION_3, hdr) ? -EFAULT : -EINVAL;
}

static size_t cap_data_size(const struct __user_cap_header_struct *h)
{
	return h->version == _LINUX_CAPABILITY_VERSION_1 ? 12 : 24;
}

long sys_capget(void *hdr, void *data)
{
	struct __user_cap_header_struct h;
	u32 full[6] = {~0u, ~0u, 0, CAP_HIGH, CAP_HIGH, 0};
	long err = cap_header(&h, hdr);

	if (err)
		return err == -EINVAL && !data ? 0 : err;
	if (h.pid < 0)
		return -EINVAL;
	if (h.pid && !thread_find(h.pid))
		return -ESRCH;
	if (!data)
		return 0;
	return copy_to_user(data, full, cap_data_size(&h));
}

long sys_capset(void *hdr, const void *data)
{
	struct __user_cap_header_struct h;
	u32 v[6] = {0};
	long err = cap_header(&h, hdr);

	if (err)
		return err;
	if (h.pid && h.pid != current->tid)
		return -EPERM;
	if (copy_from_user(v, data, cap_data_size(&h)))
		return -EFAULT;
	/* None can be given up. */
	return v[0] == ~0u && v[1] == ~0u && (v[3] & CAP_HIGH) == CAP_HIGH &&
			       (v[4] & CAP_HIGH) == CAP_HIGH
		       ? 0
		       : -EPERM;
}
