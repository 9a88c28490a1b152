/* SPDX-License-Identifier: MIT */
/* signalfd. */
#include <nub/errno.h>
#include <nub/process.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#include <linux/signalfd.h>

#include "../linux/sys.h"

struct signalfd {
	u64 set;
};

static void fill(struct signalfd_siginfo *s, const struct ksiginfo *i)
{
	memset(s, 0, sizeof(*s));
	s->ssi_signo = (u32)i->signo;
	s->ssi_errno = i->err;
	s->ssi_code = i->code;
	s->ssi_pid = (u32)i->rt.pid;
	s->ssi_uid = i->rt.uid;
	if (i->signo == SIGCHLD) {
		s->ssi_status = i->chld.status;
		s->ssi_utime = (u64)i->chld.utime;
		s->ssi_stime = (u64)i->chld.stime;
	} else if (i->code == SI_TIMER) {
		s->ssi_pid = s->ssi_uid = 0;
		s->ssi_tid = (u32)i->timer.tid;
		s->ssi_overrun = (u32)i->timer.overrun;
		s->ssi_ptr = i->timer.value;
		s->ssi_int = (s32)i->timer.value;
	} else if (i->code < 0) {
		s->ssi_ptr = i->rt.value;
		s->ssi_int = (s32)i->rt.value;
	}
}

static ssize_t signalfd_read(struct file *f, struct uio *u, u64 *pos)
{
	struct signalfd *s = f->priv;
	struct signalfd_siginfo out;
	struct ksiginfo info;
	ssize_t done = 0;

	if (u->left < sizeof(out))
		return -EINVAL;
	while (u->left >= sizeof(out)) {
		if (!signal_dequeue(current, s->set, &info)) {
			int err;

			if (done)
				break;
			if (f->flags & O_NONBLOCK)
				return -EAGAIN;
			err = waitq_sleep(&current->proc->sig_wait, NEVER);
			if (err)
				return err;
			continue;
		}
		fill(&out, &info);
		if (uio_put(u, &out, sizeof(out)) < sizeof(out))
			return done ? done : -EFAULT;
		done += (ssize_t)sizeof(out);
	}
	return done;
}

static unsigned signalfd_poll(struct file *f, struct waitq **wq)
{
	struct signalfd *s = f->priv;
	struct thread *t = current;

	if (!t->proc)
		return 0;
	*wq = &t->proc->sig_wait;
	return (t->sig.pending.set | t->proc->pending.set) & s->set ? POLLIN | POLLRDNORM
								    : 0;
}

static void signalfd_release(struct file *f)
{
	kfree(f->priv);
}

static const struct file_ops signalfd_ops = {
	.read = signalfd_read,
	.poll = signalfd_poll,
	.release = signalfd_release,
};

long sys_signalfd4(int fd, const void *umask, u64 size, int flags)
{
	struct signalfd *s;
	struct file *f;
	u64 set;

	if (size != 8)
		return -EINVAL;
	if (get_user64(&set, umask))
		return -EFAULT;
	set &= ~(SIGBIT(SIGKILL) | SIGBIT(SIGSTOP));
	if (fd != -1) {
		f = fd_get(fd);
		if (!f)
			return -EBADF;
		if (f->ops != &signalfd_ops) {
			file_put(f);
			return -EINVAL;
		}
		s = f->priv;
		s->set = set;
		waitq_wake(&current->proc->sig_wait, 0);
		file_put(f);
		return fd;
	}
	s = kzalloc(sizeof(*s));
	f = s ? file_create(&signalfd_ops, O_RDWR | (flags & SFD_NONBLOCK), s) : NULL;
	if (!f) {
		kfree(s);
		return -ENOMEM;
	}
	s->set = set;
	return fd_install(f, flags & SFD_CLOEXEC);
}

long sys_signalfd(int fd, const void *umask, u64 size)
{
	return sys_signalfd4(fd, umask, size, 0);
}
