/* SPDX-License-Identifier: MIT */
/* timerfd. */
#include <nub/clock.h>
#include <nub/deadline.h>
#include <nub/errno.h>
#include <nub/slab.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#include <linux/time.h>
#include <linux/timerfd.h>

#include "../linux/sys.h"

struct timerfd {
	struct timer timer;
	u64 interval, expirations;
	bool due; /* an interval has ended and the next one is not armed */
	bool realtime;
	struct waitq wq;
};

static void expired(struct timer *t)
{
	struct timerfd *tf = container_of(t, struct timerfd, timer);

	tf->expirations++;
	tf->due = tf->interval;
	waitq_wake(&tf->wq, POLLIN | POLLRDNORM);
}

/* A second period wakes nobody before the first has been asked for; the rest is counted
 * then. */
static void catch_up(struct timerfd *tf)
{
	u64 n, now = clock_now();

	if (!tf->due)
		return;
	tf->due = false;
	n = (now - tf->timer.when) / tf->interval;
	tf->expirations += n;
	timer_set(&tf->timer, tf->timer.when + (n + 1) * tf->interval);
}

static ssize_t timerfd_read(struct file *f, struct uio *u, u64 *pos)
{
	struct timerfd *tf = f->priv;
	u64 n;

	if (u->left < 8)
		return -EINVAL;
	while (!tf->expirations) {
		int err;

		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = waitq_sleep(&tf->wq, NEVER);
		if (err)
			return err;
	}
	catch_up(tf);
	n = tf->expirations;
	tf->expirations = 0;
	return uio_put(u, &n, 8) == 8 ? 8 : -EFAULT;
}

static unsigned timerfd_poll(struct file *f, struct waitq **wq)
{
	struct timerfd *tf = f->priv;

	*wq = &tf->wq;
	return tf->expirations ? POLLIN | POLLRDNORM : 0;
}

static void timerfd_release(struct file *f)
{
	struct timerfd *tf = f->priv;

	timer_cancel(&tf->timer);
	timer_release();
	kfree(tf);
}

static const struct file_ops timerfd_ops = {
	.read = timerfd_read,
	.poll = timerfd_poll,
	.release = timerfd_release,
};

long sys_timerfd_create(int clock, int flags)
{
	struct timerfd *tf;
	struct file *f;

	if (timer_reserve())
		return -ENOMEM;
	tf = kzalloc(sizeof(*tf));
	f = tf ? file_create(&timerfd_ops, O_RDWR | (flags & TFD_NONBLOCK), tf) : NULL;
	if (!f) {
		kfree(tf);
		timer_release();
		return -ENOMEM;
	}
	tf->realtime = clock == CLOCK_REALTIME;
	waitq_init(&tf->wq);
	timer_init(&tf->timer, expired);
	return fd_install(f, flags & TFD_CLOEXEC);
}

static struct file *timerfd_get(int fd, long *err)
{
	struct file *f = fd_get(fd);

	*err = -EBADF;
	if (f && f->ops != &timerfd_ops) {
		*err = -EINVAL;
		file_put(f);
		f = NULL;
	}
	return f;
}

static void current_value(struct timerfd *tf, struct ktimespec out[2])
{
	u64 now = clock_now(), left = 0;

	catch_up(tf);
	if (tf->timer.index >= 0)
		left = tf->timer.when > now ? tf->timer.when - now : 1;
	out[0] = timespec_from_ns(tf->interval);
	out[1] = timespec_from_ns(left);
}

long sys_timerfd_settime(int fd, int flags, const void *new, void *old)
{
	struct ktimespec in[2], out[2];
	struct timerfd *tf;
	struct file *f;
	u64 interval, when;
	long err;

	if (copy_from_user(in, new, sizeof(in)))
		return -EFAULT;
	if (timespec_to_ns(&in[0], &interval) || timespec_to_ns(&in[1], &when))
		return -EINVAL;
	f = timerfd_get(fd, &err);
	if (!f)
		return err;
	tf = f->priv;
	current_value(tf, out);
	timer_cancel(&tf->timer);
	tf->expirations = 0;
	tf->due = false;
	tf->interval = interval;
	if (when) {
		if (!(flags & TFD_TIMER_ABSTIME))
			when += clock_now();
		else if (tf->realtime)
			when = when > (u64)clock_real_offset()
				       ? when - (u64)clock_real_offset()
				       : 1;
		timer_set(&tf->timer, when);
	}
	file_put(f);
	return old ? copy_to_user(old, out, sizeof(out)) : 0;
}

long sys_timerfd_gettime(int fd, void *cur)
{
	struct ktimespec out[2];
	struct file *f;
	long err;

	f = timerfd_get(fd, &err);
	if (!f)
		return err;
	current_value(f->priv, out);
	file_put(f);
	return copy_to_user(cur, out, sizeof(out));
}
