/* SPDX-License-Identifier: MIT */
/* Threads' own registers and names, limits, exec. */
#include "sys.h"

#include <arch/cpu.h>
#include <nub/errno.h>
#include <nub/exec.h>
#include <nub/futex.h>
#include <nub/mm.h>
#include <nub/process.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#include <asm/prctl.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/prctl.h>

#define TIMER_SLACK_NS 50000

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
