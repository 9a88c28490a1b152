/* SPDX-License-Identifier: MIT */
/* /dev/xen/evtchn: event channels as a descriptor that programs read, write and poll. */
#include "calltrace.h"
#include "core.h"
#include "event.h"
#include "evtchn_abi.h"
#include "firewall.h"
#include "foreign.h"
#include "idle.h"

#include <nub/errno.h>
#include <nub/sched.h>
#include <nub/slab.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#define PORTS_MAX 1024

struct evtchn {
	struct list ports;   /* all that are bound through this descriptor */
	struct list pending; /* those that fired; masked until user space writes them */
	unsigned count;
	domid_t restricted; /* DOMID_INVALID: not */
	struct waitq wq;
};

struct uport {
	struct list link, pend;
	struct evtchn *owner;
	u32 port;
};

/* Interrupt context. */
static void fired(u32 port, void *arg)
{
	struct uport *u = arg;
	struct evtchn *e = u->owner;

	event_mask(port);
	if (!list_empty(&u->pend))
		return;
	list_add_tail(&e->pending, &u->pend);
	waitq_wake(&e->wq, POLLIN);
}

void evtchn_notify_program(u32 port)
{
	if (event_handler_of(port) == fired)
		event_notify(port);
}

static struct uport *find(struct evtchn *e, u32 port)
{
	struct uport *u;

	list_for_each(u, &e->ports, link)
		if (u->port == port)
			return u;
	return NULL;
}

static void drop(struct uport *u)
{
	event_send_now();
	event_close(u->port);
	list_del(&u->pend);
	list_del(&u->link);
	u->owner->count--;
	kfree(u);
}

static ssize_t evtchn_read(struct file *f, struct uio *uio, u64 *pos)
{
	struct evtchn *e = f->priv;
	ssize_t done = 0;

	if (uio->left < sizeof(u32))
		return uio->left ? -EINVAL : 0;
	while (list_empty(&e->pending)) {
		int err;

		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = waitq_sleep(&e->wq, NEVER);
		if (err)
			return err;
	}
	while (uio->left >= sizeof(u32) && !list_empty(&e->pending)) {
		struct uport *u = list_first(&e->pending, struct uport, pend);

		if (uio_put(uio, &u->port, sizeof(u->port)) != sizeof(u->port))
			return done ? done : -EFAULT;
		list_del(&u->pend);
		done += (ssize_t)sizeof(u->port);
	}
	return done;
}

static ssize_t evtchn_write(struct file *f, struct uio *uio, u64 *pos)
{
	struct evtchn *e = f->priv;
	ssize_t done = 0;

	while (uio->left >= sizeof(u32)) {
		struct uport *u;
		u32 port;

		if (uio_get(uio, &port, sizeof(port)) != sizeof(port))
			return done ? done : -EFAULT;
		done += (ssize_t)sizeof(port);
		u = find(e, port);
		/* While it still waits to be read, it stays masked. */
		if (u && list_empty(&u->pend))
			event_unmask(port);
	}
	return done;
}

static unsigned evtchn_poll(struct file *f, struct waitq **wq)
{
	struct evtchn *e = f->priv;

	*wq = &e->wq;
	return POLLOUT | POLLWRNORM | (list_empty(&e->pending) ? 0 : POLLIN | POLLRDNORM);
}

/* The device model's events are its target's; the agent's channels are dom0's to
 * connect to. Virtual interrupts are the kernel's own. */
static bool peer_ok(unsigned cmd, u32 dom)
{
	switch (cmd) {
	case IOCTL_EVTCHN_BIND_INTERDOMAIN:
		calltrace_note("evtchn bind_interdomain", 0, 0, 0);
		return firewall_peer(dom, PEER_TARGET | PEER_SELF);
	case IOCTL_EVTCHN_BIND_UNBOUND_PORT:
		calltrace_note("evtchn bind_unbound", 0, 0, 0);
		return firewall_peer(dom, PEER_TARGET | PEER_SELF | PEER_DOM0);
	}
	return false;
}

static long bind(struct evtchn *e, unsigned cmd, void __user *arg)
{
	struct ioctl_evtchn_bind_interdomain b = {0, 0};
	struct uport *u;
	int port;

	if (copy_from_user(&b, arg, cmd == IOCTL_EVTCHN_BIND_INTERDOMAIN ? 8 : 4))
		return -EFAULT;
	if (e->restricted != DOMID_INVALID &&
	    (cmd == IOCTL_EVTCHN_BIND_VIRQ || b.remote_domain != e->restricted))
		return -EACCES;
	if (!peer_ok(cmd, b.remote_domain))
		return -EPERM;
	if (e->count >= PORTS_MAX)
		return -ENOSPC;
	u = kzalloc(sizeof(*u));
	if (!u)
		return -ENOMEM;
	u->owner = e;
	list_init(&u->pend);
	/* An event that is there already runs fired() before the port is known. */
	if (cmd == IOCTL_EVTCHN_BIND_INTERDOMAIN)
		port = event_bind_interdomain((domid_t)b.remote_domain, b.remote_port,
					      fired, u);
	else
		port = event_alloc_unbound((domid_t)b.remote_domain, fired, u);
	if (port < 0) {
		list_del(&u->pend);
		kfree(u);
		return port;
	}
	u->port = (u32)port;
	list_add_tail(&e->ports, &u->link);
	e->count++;
	return port;
}

static long evtchn_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct evtchn *e = f->priv;
	struct uport *u;
	u16 dom;
	u32 port;

	switch (cmd) {
	case IOCTL_EVTCHN_BIND_VIRQ:
	case IOCTL_EVTCHN_BIND_INTERDOMAIN:
	case IOCTL_EVTCHN_BIND_UNBOUND_PORT:
		return bind(e, cmd, (void *)arg);
	case IOCTL_EVTCHN_UNBIND:
	case IOCTL_EVTCHN_NOTIFY:
		if (get_user32(&port, (void *)arg))
			return -EFAULT;
		u = find(e, port);
		if (!u)
			return -ENOTCONN;
		if (cmd == IOCTL_EVTCHN_UNBIND) {
			drop(u);
		} else {
			foreign_answered();
			event_notify_late(port);
		}
		return 0;
	case IOCTL_EVTCHN_RESET:
		while (!list_empty(&e->pending))
			list_del(&list_first(&e->pending, struct uport, pend)->pend);
		return 0;
	case IOCTL_EVTCHN_RESTRICT_DOMID:
		if (copy_from_user(&dom, (void *)arg, sizeof(dom)))
			return -EFAULT;
		if (e->restricted != DOMID_INVALID)
			return -EACCES;
		if (!dom || dom >= DOMID_FIRST_RESERVED)
			return -EINVAL;
		e->restricted = dom;
		return 0;
	}
	return -ENOSYS;
}

static void evtchn_release(struct file *f)
{
	struct evtchn *e = f->priv;

	while (!list_empty(&e->ports))
		drop(list_first(&e->ports, struct uport, link));
	kfree(e);
}

static const struct file_ops evtchn_ops = {
	.read = evtchn_read,
	.write = evtchn_write,
	.poll = evtchn_poll,
	.ioctl = evtchn_ioctl,
	.release = evtchn_release,
};

static int evtchn_open(struct inode *ino, struct file *f)
{
	struct evtchn *e = kzalloc(sizeof(*e));

	if (!e)
		return -ENOMEM;
	list_init(&e->ports);
	list_init(&e->pending);
	waitq_init(&e->wq);
	e->restricted = DOMID_INVALID;
	f->ops = &evtchn_ops;
	f->priv = e;
	return 0;
}

void xen_dev_evtchn_init(void)
{
	chrdev_register("xen/evtchn", 10, 121, evtchn_open);
}
