/* SPDX-License-Identifier: MIT */
/* New threads and processes: clone, clone3, fork, vfork; and the first process. */
#include <arch/cpu.h>
#include <arch/regs.h>
#include <nub/clock.h>
#include <nub/errno.h>
#include <nub/exec.h>
#include <nub/mm.h>
#include <nub/panic.h>
#include <nub/process.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#include "../linux/sys.h"

#include <linux/sched.h>

struct clone_request {
	u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

#define CLONE_KNOWN                                                                      \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_VFORK |               \
	 CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |             \
	 CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | CLONE_DETACHED | CLONE_IO |         \
	 CLONE_PARENT | CLONE_CLEAR_SIGHAND | CLONE_UNTRACED | CLONE_PTRACE)

static struct process *process_alloc(void)
{
	struct process *p = kzalloc(sizeof(*p));

	if (!p)
		return NULL;
	if (timer_reserve()) {
		kfree(p);
		return NULL;
	}
	list_init(&p->link);
	list_init(&p->threads);
	list_init(&p->children);
	list_init(&p->sibling);
	list_init(&p->ptimers);
	sigpending_init(&p->pending);
	waitq_init(&p->child_wait);
	waitq_init(&p->sig_wait);
	timer_init(&p->itimer, itimer_expired);
	p->start_ns = clock_now();
	p->dumpable = true;
	memcpy(p->limits, limits_default, sizeof(p->limits));
	return p;
}

static void process_discard(struct process *p)
{
	if (p->mm)
		mm_put(p->mm);
	fsinfo_put(p->fs);
	sighand_put(p->sighand);
	process_set_program(p, NULL);
	kfree(p->cmdline);
	timer_release();
	kfree(p);
}

static struct process *process_copy(struct process *from, u64 flags)
{
	struct process *p = process_alloc();

	if (!p)
		return NULL;
	if (flags & CLONE_VM) {
		p->mm = from->mm;
		p->mm->refs++;
	} else {
		p->mm = mm_fork(from->mm);
	}
	if (flags & CLONE_FS) {
		p->fs = from->fs;
		p->fs->refs++;
	} else {
		p->fs = fsinfo_copy(from->fs);
	}
	if (flags & CLONE_SIGHAND) {
		p->sighand = from->sighand;
		p->sighand->refs++;
	} else {
		p->sighand = sighand_copy(from->sighand, flags & CLONE_CLEAR_SIGHAND);
	}
	process_set_program(p, from->exe);
	if (from->cmdline) {
		p->cmdline = kmalloc(from->cmdline_len);
		if (p->cmdline) {
			memcpy(p->cmdline, from->cmdline, from->cmdline_len);
			p->cmdline_len = from->cmdline_len;
		}
	}
	p->pgid = from->pgid;
	p->sid = from->sid;
	p->oom_score_adj = from->oom_score_adj;
	p->keep_caps = from->keep_caps;
	memcpy(p->limits, from->limits, sizeof(p->limits));
	if (!p->mm || !p->fs || !p->sighand) {
		process_discard(p);
		return NULL;
	}
	return p;
}

static int check(const struct clone_request *c)
{
	u64 f = c->flags;

	if (f & ~(u64)CLONE_KNOWN)
		return -EINVAL;
	if (f & CLONE_THREAD && !(f & CLONE_SIGHAND))
		return -EINVAL;
	/* Threads have one working directory and umask. */
	if (f & CLONE_THREAD && !(f & CLONE_FS))
		return -EINVAL;
	if (f & CLONE_SIGHAND && !(f & CLONE_VM))
		return -EINVAL;
	if (f & CLONE_SIGHAND && f & CLONE_CLEAR_SIGHAND)
		return -EINVAL;
	/* Init's children would be nobody's. */
	if (f & CLONE_PARENT && current->proc == init_process)
		return -EINVAL;
	/* A base that is not canonical would fault in the kernel's own WRMSR. */
	if (f & CLONE_SETTLS && c->tls >= USER_TOP)
		return -EPERM;
	return c->exit_signal > NSIG ? -EINVAL : 0;
}

static void vfork_wait(bool *done)
{
	while (!*done) {
		/*
		 * Only our own death ends this early; the child finishes in its own
		 * time.
		 */
		current->state = THREAD_BLOCKED;
		schedule();
	}
}

static long clone_common(const struct clone_request *c)
{
	struct thread *self = current, *t;
	struct process *p = self->proc, *parent;
	struct regs *regs;
	bool vfork_flag = false;
	int tid, err = check(c);

	if (err)
		return err;
	if (!(c->flags & CLONE_THREAD)) {
		p = process_copy(self->proc, c->flags);
		if (!p)
			return -ENOMEM;
	}
	t = thread_alloc(p, self->comm);
	if (t)
		t->files = c->flags & CLONE_FILES ? fdtable_get(self->files)
						  : fdtable_copy(self->files);
	if (!t || !t->files) {
		if (t)
			thread_free(t);
		if (p != self->proc)
			process_discard(p);
		return -ENOMEM;
	}
	regs = thread_regs(t);
	*regs = *thread_regs(self);
	regs->rax = 0;
	if (c->stack)
		regs->rsp = c->stack + c->stack_size;
	fpu_save(self->fpu);
	memcpy(t->fpu, self->fpu, fpu_size());
	t->fsbase = c->flags & CLONE_SETTLS ? c->tls : self->fsbase;
	t->gsbase = self->gsbase;
	t->cpus = self->cpus;
	t->timer_slack = self->timer_slack;
	t->no_new_privs = self->no_new_privs;
	t->sig.mask = self->sig.mask;
	if (!(c->flags & CLONE_VM) || c->flags & CLONE_VFORK) {
		t->sig.alt_sp = self->sig.alt_sp;
		t->sig.alt_size = self->sig.alt_size;
		t->sig.alt_flags = self->sig.alt_flags;
	}
	tid = t->tid = tid_alloc();
	parent = c->flags & CLONE_PARENT ? self->proc->parent : self->proc;
	if (p != self->proc) {
		p->pid = tid;
		p->parent = parent;
		p->exit_signal = c->flags & CLONE_PARENT ? self->proc->exit_signal
							 : (int)c->exit_signal;
		list_add_tail(&parent->children, &p->sibling);
		list_add_tail(&process_list, &p->link);
	}
	if (c->flags & CLONE_CHILD_CLEARTID)
		t->clear_tid = (u32 *)c->child_tid;
	if (c->flags & CLONE_PARENT_SETTID)
		put_user32((u32)tid, (void *)c->parent_tid);
	if (c->flags & CLONE_CHILD_SETTID) {
		struct mm *own = self->proc->mm;

		/* In the child's memory; a fault on the way must look there, too. */
		self->proc->mm = p->mm;
		mm_activate(p->mm);
		put_user32((u32)tid, (void *)c->child_tid);
		self->proc->mm = own;
		mm_activate(own);
	}
	list_add_tail(&p->threads, &t->link);
	p->nthreads++;
	if (c->flags & CLONE_VFORK) {
		t->vfork_flag = &vfork_flag;
		t->vfork_waiter = self;
	}
	thread_start(t);
	if (c->flags & CLONE_VFORK)
		vfork_wait(&vfork_flag);
	return tid;
}

long sys_clone(u32 flags, u64 stack, u64 parent_tid, u64 child_tid, u64 tls)
{
	struct clone_request c = {
		.flags = flags & 0xffffff00, /* the low byte is the signal */
		.exit_signal = flags & CSIGNAL,
		.stack = stack,
		.parent_tid = parent_tid,
		.child_tid = child_tid,
		.tls = tls,
	};

	return clone_common(&c);
}

long sys_clone3(void *args, u64 size)
{
	struct clone_args a = {0};
	struct clone_request c;

	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (copy_from_user(&a, args, MIN(size, sizeof(a))))
		return -EFAULT;
	/* The part of a longer structure that we do not know must be zero. */
	for (u64 i = sizeof(a); i < size; i++) {
		u8 more;

		if (copy_from_user(&more, (u8 *)args + i, 1))
			return -EFAULT;
		if (more)
			return -E2BIG;
	}
	if (a.set_tid || a.set_tid_size || a.flags & (CSIGNAL | CLONE_DETACHED) ||
	    a.cgroup || (a.exit_signal && a.flags & (CLONE_THREAD | CLONE_PARENT)))
		return -EINVAL;
	if ((a.stack && !a.stack_size) || (!a.stack && a.stack_size))
		return -EINVAL;
	c = (struct clone_request){a.flags,	  a.pidfd, a.child_tid,	 a.parent_tid,
				   a.exit_signal, a.stack, a.stack_size, a.tls};
	return clone_common(&c);
}

long sys_fork(void)
{
	struct clone_request c = {.exit_signal = SIGCHLD};

	return clone_common(&c);
}

long sys_vfork(void)
{
	struct clone_request c = {.flags = CLONE_VM | CLONE_VFORK,
				  .exit_signal = SIGCHLD};

	return clone_common(&c);
}

static char *init_path;
static struct exec_strings init_strings;

int process_start_init(const char *path, char *const argv[], char *const envp[])
{
	struct process *p = process_alloc();
	struct thread *t;
	struct file *console;

	if (!p)
		return -ENOMEM;
	p->fs = fsinfo_copy(NULL);
	p->sighand = sighand_copy(NULL, false);
	t = p->fs && p->sighand ? thread_alloc(p, "init") : NULL;
	if (t)
		t->files = fdtable_create();
	if (!t || !t->files)
		return -ENOMEM;
	init_process = p;
	p->pid = p->pgid = p->sid = t->tid = tid_alloc();
	list_add_tail(&p->threads, &t->link);
	p->nthreads = 1;
	list_add_tail(&process_list, &p->link);
	for (; *argv; argv++, init_strings.argc++)
		if (exec_strings_add(&init_strings, *argv, strlen(*argv)))
			return -ENOMEM;
	for (; *envp; envp++, init_strings.envc++)
		if (exec_strings_add(&init_strings, *envp, strlen(*envp)))
			return -ENOMEM;
	init_path = kstrdup(path);
	/* The loader works on the current thread: borrow it until the first switch. */
	current = t;
	cpu_set_kernel_stack((u64)t->kstack + KSTACK_SIZE);
	console = file_open(root_dent, "/dev/console", O_RDWR, 0);
	if (!IS_ERR(console)) {
		fd_install(file_get(console), false);
		fd_install(file_get(console), false);
		fd_install(console, false);
	}
	thread_regs(t)->vector = VECTOR_SYSCALL;
	thread_regs(t)->orig_rax = NO_SYSCALL;
	return exec_load(init_path, &init_strings);
}
