/* SPDX-License-Identifier: MIT */
/* Process identity, limits, and programs' questions about the system. */
#include "sys.h"

#include <arch/cpu.h>
#include <nub/clock.h>
#include <nub/errno.h>
#include <nub/exec.h>
#include <nub/futex.h>
#include <nub/mm.h>
#include <nub/page.h>
#include <nub/platform.h>
#include <nub/printk.h>
#include <nub/process.h>
#include <nub/random.h>
#include <nub/slab.h>
#include <nub/smp.h>
#include <nub/string.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#include <asm/prctl.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <linux/random.h>
#include <linux/reboot.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/sysinfo.h>

#define TIMER_SLACK_NS 50000
#define PER_LINUX 0

static char hostname[65] = "stubdom";

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

long sys_set_tid_address(u32 *addr)
{
	current->clear_tid = addr;
	return current->tid;
}
long sys_set_robust_list(u64 head, u64 len)
{
	if (len != sizeof(struct robust_list_head))
		return -EINVAL;
	current->robust_head = head;
	return 0;
}
long sys_get_robust_list(int pid, void *head, void *len)
{
	struct thread *t = pid ? thread_find(pid) : current;

	if (!t)
		return -ESRCH;
	if (put_user64(t->robust_head, head) ||
	    put_user64(sizeof(struct robust_list_head), len))
		return -EFAULT;
	return 0;
}

long sys_arch_prctl(int code, u64 addr)
{
	switch (code) {
	case ARCH_SET_FS:
		if (addr >= USER_TOP)
			return -EPERM;
		current->fsbase = addr;
		wrmsr(MSR_FS_BASE, addr);
		return 0;
	case ARCH_SET_GS:
		if (addr >= USER_TOP)
			return -EPERM;
		current->gsbase = addr;
		wrmsr(MSR_GS_BASE, addr);
		return 0;
	case ARCH_GET_FS:
		return put_user64(current->fsbase, (void *)addr);
	case ARCH_GET_GS:
		return put_user64(current->gsbase, (void *)addr);
	default:
		return -EINVAL;
	}
}

static long no_new_privs(u64 a2, u64 a3, u64 a4, u64 a5)
{
	if (a2 != 1 || a3 || a4 || a5)
		return -EINVAL;
	current->no_new_privs = true;
	return 0;
}

/* The table lets no other option come here. */
long sys_prctl(int option, u64 a2, u64 a3, u64 a4, u64 a5)
{
	struct thread *t = current;
	struct process *p = t->proc;
	char name[16] = {0};

	switch (option) {
	case PR_SET_NAME:
		if (strncpy_from_user(name, (void *)a2, 15) == -EFAULT)
			return -EFAULT;
		memcpy(t->comm, name, sizeof(name));
		return 0;
	case PR_GET_NAME:
		return copy_to_user((void *)a2, t->comm, 16);
	case PR_CAPBSET_READ:
		return a2 <= CAP_LAST_CAP ? 1 : -EINVAL;
	case PR_SET_DUMPABLE:
		if (a2 > 1)
			return -EINVAL;
		p->dumpable = a2;
		return 0;
	case PR_GET_DUMPABLE:
		return p->dumpable;
	case PR_SET_PDEATHSIG:
		if (a2 > NSIG)
			return -EINVAL;
		p->death_signal = (u8)a2;
		return 0;
	case PR_GET_PDEATHSIG:
		return put_user32(p->death_signal, (void *)a2);
	case PR_SET_CHILD_SUBREAPER:
		p->subreaper = a2;
		return 0;
	case PR_GET_CHILD_SUBREAPER:
		return put_user32(p->subreaper, (void *)a2);
	case PR_SET_TIMERSLACK: /* timers are exact: never later than asked for */
		t->timer_slack = (s64)a2 > 0 ? a2 : 0;
		return 0;
	case PR_GET_TIMERSLACK:
		return (long)(t->timer_slack ? t->timer_slack : TIMER_SLACK_NS);
	case PR_MCE_KILL_GET:
		return PR_MCE_KILL_DEFAULT;
	case PR_SET_KEEPCAPS: /* the user cannot change */
		if (a2 > 1)
			return -EINVAL;
		p->keep_caps = a2;
		return 0;
	case PR_GET_KEEPCAPS:
		return p->keep_caps;
	case PR_GET_SECUREBITS:
		return p->keep_caps ? 1 << 4 : 0;
	case PR_SET_NO_NEW_PRIVS:
		return no_new_privs(a2, a3, a4, a5);
	case PR_GET_NO_NEW_PRIVS:
		return a2 || a3 || a4 || a5 ? -EINVAL : t->no_new_privs;
	default:
		return -EINVAL;
	}
}

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

/* --- scheduling classes: there is one --- */

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

/* --- the system --- */

long sys_uname(void *buf)
{
	char u[6][65] = {"Linux", "", "6.12.0-nub", "#1 nub", "x86_64", "(none)"};

	strlcpy(u[1], hostname, sizeof(u[1]));
	return copy_to_user(buf, u, sizeof(u));
}

long sys_sethostname(const char *name, u64 len)
{
	char new[65] = {0};

	if (len > 64)
		return -EINVAL;
	if (copy_from_user(new, name, len))
		return -EFAULT;
	memcpy(hostname, new, sizeof(new));
	return 0;
}

long sys_sysinfo(void *buf)
{
	struct sysinfo s = {0};
	struct process *p;

	s.uptime = (long)(clock_now() / NS_PER_SEC);
	s.totalram = page_stats.total * PAGE_SIZE;
	s.freeram = page_stats.free * PAGE_SIZE;
	s.mem_unit = 1;
	list_for_each(p, &process_list, link)
		s.procs = (u16)(s.procs + p->nthreads);
	return copy_to_user(buf, &s, sizeof(s));
}

long sys_getrandom(void *buf, u64 count, u32 flags)
{
	u8 tmp[256];
	u64 done = 0;

	if ((flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	count = MIN(count, 0x7fffffffUL);
	while (done < count) {
		size_t n = MIN(count - done, sizeof(tmp));

		random_bytes(tmp, n);
		if (copy_to_user((u8 *)buf + done, tmp, n))
			return done ? (long)done : -EFAULT;
		done += n;
		sched_point();
	}
	return (long)done;
}

long sys_personality(u64 persona)
{
	return (u32)persona == 0xffffffff || persona == PER_LINUX ? 0 : -EINVAL;
}

long sys_restart_syscall(void)
{
	return -EINTR;
}

long sys_reboot(int m1, int m2, u32 cmd, void *arg)
{
	if ((u32)m1 != LINUX_REBOOT_MAGIC1 ||
	    ((u32)m2 != LINUX_REBOOT_MAGIC2 && (u32)m2 != LINUX_REBOOT_MAGIC2A &&
	     (u32)m2 != LINUX_REBOOT_MAGIC2B && (u32)m2 != LINUX_REBOOT_MAGIC2C))
		return -EINVAL;
	switch (cmd) {
	case LINUX_REBOOT_CMD_CAD_ON:
	case LINUX_REBOOT_CMD_CAD_OFF:
		return 0;
	case LINUX_REBOOT_CMD_POWER_OFF:
	case LINUX_REBOOT_CMD_HALT:
		printk("nub: power off\n");
		platform->stop(STOP_POWEROFF);
	case LINUX_REBOOT_CMD_RESTART:
	case LINUX_REBOOT_CMD_RESTART2:
		printk("nub: restart\n");
		platform->stop(STOP_REBOOT);
	default:
		return -EINVAL;
	}
}

/* --- exec --- */

#define EXEC_STRINGS_MAX 65536

static int strings_in(struct exec_strings *s, const void *uvec, unsigned *count)
{
	char *buf = kmalloc(131072);
	int err = buf ? 0 : -ENOMEM;

	for (*count = 0; uvec && !err; (*count)++) {
		u64 p;
		ssize_t n;

		if (get_user64(&p, (const u64 *)uvec + *count)) {
			err = -EFAULT;
			break;
		}
		if (!p)
			break;
		if (*count >= EXEC_STRINGS_MAX) {
			err = -E2BIG;
			break;
		}
		n = strncpy_from_user(buf, (const char *)p, 131072);
		err = n < 0 ? (n == -ENAMETOOLONG ? -E2BIG : (int)n)
			    : exec_strings_add(s, buf, (size_t)n);
	}
	kfree(buf);
	return err;
}

long sys_execve(const char *upath, const void *argv, const void *envp)
{
	struct exec_strings s = {0};
	char *path = kmalloc(PATH_MAX);
	ssize_t n;
	int err;

	if (!path)
		return -ENOMEM;
	n = strncpy_from_user(path, upath, PATH_MAX);
	err = n < 0 ? (int)n : exec_check(path);
	if (!err)
		err = strings_in(&s, argv, &s.argc);
	if (!err)
		err = strings_in(&s, envp, &s.envc);
	if (!err && !s.argc) {
		/*
		 * Linux gives a program at least an empty argv[0]; ours starts with
		 * none.
		 */
		struct exec_strings e = {0};

		err = exec_strings_add(&e, "", 0);
		for (size_t off = 0; !err && off < s.used; off += strlen(s.buf + off) + 1)
			err = exec_strings_add(&e, s.buf + off, strlen(s.buf + off));
		e.argc = 1;
		e.envc = s.envc;
		exec_strings_free(&s);
		s = e;
	}
	if (!err)
		err = exec_load(path, &s);
	exec_strings_free(&s);
	kfree(path);
	/* On success the frame is the new program's; rax of a fresh program is 0. */
	return err;
}

long sys_execveat(int dir, const char *path, const void *argv, const void *envp,
		  int flags)
{
	char first;

	if (copy_from_user(&first, path, 1))
		return -EFAULT;
	if (dir != AT_FDCWD && first != '/')
		return -ENOSYS;
	return sys_execve(path, argv, envp);
}

/* glibc then uses getcpu, which on one CPU costs nothing. */
long sys_rseq(u64 ptr, u32 len, int flags, u32 sig)
{
	return -ENOSYS;
}
