/* SPDX-License-Identifier: MIT */
/* epoll: level, edge and one-shot. An entry is on the ready list when it may be ready;
 * epoll_wait asks the file again before it reports. */
#include <nub/clock.h>
#include <nub/deadline.h>
#include <nub/errno.h>
#include <nub/process.h>
#include <nub/slab.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#include <linux/eventpoll.h>

#include "../linux/sys.h"

#define EP_EXCLUSIVE_OK                                                                  \
	(EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET |              \
	 EPOLLEXCLUSIVE)
#define EP_PRIVATE (EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP)
#define MAX_NESTING 4
#define MAX_VISITS 20000u /* entries looked at for a new one */

struct epoll {
	struct file *file; /* its own; not counted */
	struct list items, ready;
	struct waitq wq;
};

struct epitem {
	struct list link;      /* epoll->items */
	struct list ready;     /* epoll->ready, self-linked when not */
	struct list file_link; /* file->epitems */
	struct waiter waiter;
	struct epoll *ep;
	struct file *file; /* not counted: the file tells when it goes */
	int fd;
	u32 events;
	u64 data;
};

static const struct file_ops epoll_ops;

static void item_ready(struct epitem *it)
{
	if (list_empty(&it->ready))
		list_add_tail(&it->ep->ready, &it->ready);
	waitq_wake(&it->ep->wq, POLLIN | POLLRDNORM);
}

static bool item_wake(struct waiter *w, unsigned events)
{
	struct epitem *it = container_of(w, struct epitem, waiter);
	bool waited = !list_empty(&it->ep->wq.waiters);

	if (!(it->events & ~EP_PRIVATE))
		return false; /* a one-shot that has fired */
	if (events && !(events & (it->events | POLLERR | POLLHUP)))
		return false;
	item_ready(it);
	return waited;
}

static void item_free(struct epitem *it)
{
	waitq_remove(&it->waiter);
	list_del(&it->link);
	list_del(&it->ready);
	list_del(&it->file_link);
	kfree(it);
}

static void watched_gone(struct file *f)
{
	struct epitem *it, *next;

	list_for_each_safe(it, next, &f->epitems, file_link)
		item_free(it);
}

static struct epitem *item_find(struct epoll *ep, struct file *f, int fd)
{
	struct epitem *it;

	list_for_each(it, &f->epitems, file_link)
		if (it->ep == ep && it->fd == fd)
			return it;
	return NULL;
}

/* The number of epolls one below the other from f on, itself included. MAX_NESTING + 1
 * for more than are allowed, or if ep is one of them. */
static int depth_below(struct file *f, const struct epoll *ep, int level,
		       unsigned *visits)
{
	struct epoll *e;
	struct epitem *it;
	int deepest = 0;

	if (f->ops != &epoll_ops)
		return 0;
	e = f->priv;
	if (e == ep || level >= MAX_NESTING)
		return MAX_NESTING + 1;
	list_for_each(it, &e->items, link) {
		if (++*visits > MAX_VISITS)
			return MAX_NESTING + 1;
		deepest = MAX(deepest, depth_below(it->file, ep, level + 1, visits));
	}
	return deepest + 1;
}

/* The number of epolls that watch ep, one above the other. */
static int depth_above(const struct epoll *ep, int level, unsigned *visits)
{
	struct epitem *it;
	int highest = 0;

	if (level > MAX_NESTING)
		return level;
	list_for_each(it, &ep->file->epitems, file_link) {
		if (++*visits > MAX_VISITS)
			return MAX_NESTING + 1;
		highest = MAX(highest, 1 + depth_above(it->ep, level + 1, visits));
	}
	return highest;
}

/* Would watching f from ep make a cycle, or too deep a chain? Each link of a chain takes
 * stack when something wakes its end or asks its top. */
static bool too_deep(struct file *f, const struct epoll *ep)
{
	unsigned visits = 0;
	int below = depth_below(f, ep, 0, &visits);

	return below && below + depth_above(ep, 0, &visits) > MAX_NESTING;
}

static int item_add(struct epoll *ep, struct file *f, int fd,
		    const struct epoll_event *ev)
{
	struct epitem *it = kzalloc(sizeof(*it));
	struct waitq *wq;

	if (!it)
		return -ENOMEM;
	it->ep = ep;
	it->file = f;
	it->fd = fd;
	it->events = ev->events;
	it->data = ev->data;
	it->waiter.func = item_wake;
	it->waiter.exclusive = it->events & EPOLLEXCLUSIVE;
	list_init(&it->ready);
	list_init(&it->waiter.link);
	list_add_tail(&ep->items, &it->link);
	list_add_tail(&f->epitems, &it->file_link);
	f->gone = watched_gone;
	if (file_poll(f, &wq) & (it->events | POLLERR | POLLHUP))
		item_ready(it);
	if (wq)
		waitq_add(wq, &it->waiter);
	return 0;
}

static void item_modify(struct epitem *it, const struct epoll_event *ev)
{
	struct waitq *wq;

	it->events = ev->events;
	it->data = ev->data;
	if (file_poll(it->file, &wq) & (it->events | POLLERR | POLLHUP))
		item_ready(it);
}

static unsigned epoll_poll(struct file *f, struct waitq **wq)
{
	struct epoll *ep = f->priv;
	struct epitem *it, *next;
	struct waitq *unused;

	*wq = &ep->wq;
	list_for_each_safe(it, next, &ep->ready, ready) {
		if (file_poll(it->file, &unused) & (it->events | POLLERR | POLLHUP) &&
		    it->events & ~EP_PRIVATE)
			return POLLIN | POLLRDNORM;
		list_del(&it->ready);
	}
	return 0;
}

static void epoll_release(struct file *f)
{
	struct epoll *ep = f->priv;
	struct epitem *it, *next;

	list_for_each_safe(it, next, &ep->items, link)
		item_free(it);
	kfree(ep);
}

static const struct file_ops epoll_ops = {.poll = epoll_poll, .release = epoll_release};

/* Moves ready events to user space; level-triggered entries stay on the list. */
static int harvest(struct epoll *ep, struct epoll_event *out, int max)
{
	struct list again = LIST_INIT(again);
	struct epitem *it, *next;
	struct waitq *wq;
	int n = 0;

	list_for_each_safe(it, next, &ep->ready, ready) {
		struct epoll_event ev = {.data = it->data};

		if (n >= max)
			break;
		list_del(&it->ready);
		if (!(it->events & ~EP_PRIVATE))
			continue;
		ev.events = file_poll(it->file, &wq) & (it->events | POLLERR | POLLHUP);
		if (!ev.events)
			continue;
		if (copy_to_user(&out[n], &ev, sizeof(ev))) {
			list_add(&ep->ready, &it->ready);
			n = n ? n : -EFAULT;
			break;
		}
		n++;
		if (it->events & EPOLLONESHOT)
			it->events &= EP_PRIVATE;
		else if (!(it->events & EPOLLET))
			list_add_tail(&again, &it->ready);
	}
	list_for_each_safe(it, next, &again, ready) {
		list_del(&it->ready);
		list_add_tail(&ep->ready, &it->ready);
	}
	return n;
}

static struct file *epoll_get(int epfd, long *err)
{
	struct file *f = fd_get(epfd);

	*err = -EBADF;
	if (f && f->ops != &epoll_ops) {
		*err = -EINVAL;
		file_put(f);
		f = NULL;
	}
	return f;
}

long sys_epoll_create1(int flags)
{
	struct epoll *ep;
	struct file *f;

	ep = kzalloc(sizeof(*ep));
	f = ep ? file_create(&epoll_ops, O_RDWR, ep) : NULL;
	if (!f) {
		kfree(ep);
		return -ENOMEM;
	}
	ep->file = f;
	list_init(&ep->items);
	list_init(&ep->ready);
	waitq_init(&ep->wq);
	return fd_install(f, flags & EPOLL_CLOEXEC);
}

long sys_epoll_create(int size)
{
	return size > 0 ? sys_epoll_create1(0) : -EINVAL;
}

static long ctl(struct epoll *ep, struct file *self, int op, struct file *f, int fd,
		const struct epoll_event *ev)
{
	struct epitem *it;

	if (f == self)
		return -EINVAL;
	if (!f->ops->poll)
		return -EPERM; /* regular files and the like never wait */
	it = item_find(ep, f, fd);
	/* Exclusive waiting is chosen when an entry is made, once and for all. */
	if (op == EPOLL_CTL_ADD && ev->events & EPOLLEXCLUSIVE &&
	    (f->ops == &epoll_ops || ev->events & ~(u32)EP_EXCLUSIVE_OK))
		return -EINVAL;
	if (op == EPOLL_CTL_MOD &&
	    (ev->events & EPOLLEXCLUSIVE || (it && it->events & EPOLLEXCLUSIVE)))
		return -EINVAL;
	switch (op) {
	case EPOLL_CTL_ADD:
		if (it)
			return -EEXIST;
		if (too_deep(f, ep))
			return -ELOOP;
		return item_add(ep, f, fd, ev);
	case EPOLL_CTL_MOD:
		if (!it)
			return -ENOENT;
		item_modify(it, ev);
		return 0;
	case EPOLL_CTL_DEL:
		if (!it)
			return -ENOENT;
		item_free(it);
		return 0;
	default:
		return -EINVAL;
	}
}

long sys_epoll_ctl(int epfd, int op, int fd, const void *event)
{
	struct epoll_event ev = {0};
	struct file *self, *f;
	long err;

	if (op != EPOLL_CTL_DEL && copy_from_user(&ev, event, sizeof(ev)))
		return -EFAULT;
	self = epoll_get(epfd, &err);
	if (!self)
		return err;
	f = fd_get(fd);
	err = f ? ctl(self->priv, self, op, f, fd, &ev) : -EBADF;
	if (f)
		file_put(f);
	file_put(self);
	return err;
}

static long wait_until(int epfd, void *events, int max, u64 deadline)
{
	struct file *f;
	struct epoll *ep;
	long n;

	if (max <= 0 || max > (int)(0x7fffffff / sizeof(struct epoll_event)))
		return -EINVAL;
	f = epoll_get(epfd, &n);
	if (!f)
		return n;
	ep = f->priv;
	for (;;) {
		n = harvest(ep, events, max);
		if (n)
			break;
		n = waitq_sleep(&ep->wq, deadline);
		if (n == -ETIMEDOUT)
			n = 0;
		else if (n == -ERESTARTSYS)
			n = -EINTR;
		else
			continue;
		break;
	}
	file_put(f);
	return n;
}

static u64 ms_deadline(int ms)
{
	return ms < 0 ? NEVER : clock_now() + (u64)ms * NS_PER_MSEC;
}

long sys_epoll_wait(int epfd, void *events, int max, int timeout)
{
	return wait_until(epfd, events, max, ms_deadline(timeout));
}

long sys_epoll_pwait(int epfd, void *events, int max, int timeout, const void *mask,
		     u64 size)
{
	long err = sigmask_temporary(mask, size);

	return err ? err : wait_until(epfd, events, max, ms_deadline(timeout));
}

long sys_epoll_pwait2(int epfd, void *events, int max, const void *timeout,
		      const void *mask, u64 size)
{
	u64 deadline = NEVER;
	long err = 0;

	if (timeout)
		err = deadline_from_user(timeout, false, false, &deadline);
	if (!err)
		err = sigmask_temporary(mask, size);
	return err ? err : wait_until(epfd, events, max, deadline);
}
