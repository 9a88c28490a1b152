/* SPDX-License-Identifier: MIT */
/* eventfd. */
#include <nub/errno.h>
#include <nub/slab.h>
#include <nub/uapi.h>
#include <nub/vfs.h>

#include "../linux/sys.h"

struct eventfd {
	u64 count;
	bool semaphore;
	struct waitq wq;
};

static ssize_t eventfd_read(struct file *f, struct uio *u, u64 *pos)
{
	struct eventfd *e = f->priv;
	u64 v;

	if (u->left < 8)
		return -EINVAL;
	while (!e->count) {
		int err;

		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = waitq_sleep(&e->wq, NEVER);
		if (err)
			return err;
	}
	v = e->semaphore ? 1 : e->count;
	e->count -= v;
	waitq_wake(&e->wq, POLLOUT | POLLWRNORM);
	return uio_put(u, &v, 8) == 8 ? 8 : -EFAULT;
}

static ssize_t eventfd_write(struct file *f, struct uio *u, u64 *pos)
{
	struct eventfd *e = f->priv;
	u64 v;

	if (u->left < 8)
		return -EINVAL;
	if (uio_get(u, &v, 8) != 8)
		return -EFAULT;
	if (v == ~0ULL)
		return -EINVAL;
	while (~0ULL - e->count <= v) {
		int err;

		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = waitq_sleep(&e->wq, NEVER);
		if (err)
			return err;
	}
	e->count += v;
	waitq_wake(&e->wq, POLLIN | POLLRDNORM);
	return 8;
}

static unsigned eventfd_poll(struct file *f, struct waitq **wq)
{
	struct eventfd *e = f->priv;

	*wq = &e->wq;
	return (e->count ? POLLIN | POLLRDNORM : 0) |
	       (e->count < ~0ULL - 1 ? POLLOUT | POLLWRNORM : 0);
}

static void eventfd_release(struct file *f)
{
	kfree(f->priv);
}

static const struct file_ops eventfd_ops = {
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.release = eventfd_release,
};

long sys_eventfd2(u32 initval, int flags)
{
	struct eventfd *e;
	struct file *f;

	e = kzalloc(sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->count = initval;
	e->semaphore = flags & EFD_SEMAPHORE;
	waitq_init(&e->wq);
	f = file_create(&eventfd_ops, O_RDWR | (flags & O_NONBLOCK), e);
	if (!f) {
		kfree(e);
		return -ENOMEM;
	}
	return fd_install(f, flags & EFD_CLOEXEC);
}

long sys_eventfd(u32 initval)
{
	return sys_eventfd2(initval, 0);
}
