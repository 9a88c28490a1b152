/* SPDX-License-Identifier: MIT */
/* /dev/xen/xenbus: xenstore for programs, each descriptor a client of its own. */
#include "core.h"
#include "store.h"

#include <nub/errno.h>
#include <nub/sched.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/vfs.h>

struct xenbus {
	struct xs_client client;
	struct list replies; /* struct xs_msg */
	unsigned waiting;
	size_t read_done; /* bytes of the first reply that were read */
	struct waitq wq;
	/* the request being written */
	union {
		struct xsd_sockmsg hdr;
		char bytes[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
	} *req;
	size_t req_done;
};

static void deliver(struct xs_client *c, struct xs_msg *m)
{
	struct xenbus *x = c->priv;

	/* A client that never reads loses watch events, not our memory. */
	if (x->waiting >= XS_CLIENT_MAX_EVENTS && m->hdr.type == XS_WATCH_EVENT) {
		kfree(m);
		return;
	}
	x->waiting++;
	list_add_tail(&x->replies, &m->link);
	waitq_wake(&x->wq, POLLIN);
}

static ssize_t xenbus_read(struct file *f, struct uio *u, u64 *pos)
{
	struct xenbus *x = f->priv;
	ssize_t done = 0;

	while (list_empty(&x->replies)) {
		int err;

		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = waitq_sleep(&x->wq, NEVER);
		if (err)
			return err;
	}
	while (u->left && !list_empty(&x->replies)) {
		struct xs_msg *m = list_first(&x->replies, struct xs_msg, link);
		size_t at = x->read_done, want, got;

		if (at < sizeof(m->hdr)) {
			want = MIN(sizeof(m->hdr) - at, u->left);
			got = uio_put(u, (char *)&m->hdr + at, want);
		} else {
			want = MIN(sizeof(m->hdr) + m->hdr.len - at, u->left);
			got = uio_put(u, m->body + at - sizeof(m->hdr), want);
		}
		x->read_done += got;
		done += (ssize_t)got;
		if (got < want)
			return done ? done : -EFAULT;
		if (x->read_done == sizeof(m->hdr) + m->hdr.len) {
			x->read_done = 0;
			x->waiting--;
			list_del(&m->link);
			kfree(m);
		}
	}
	return done;
}

/* A whole request is there. */
static int submit(struct xenbus *x, struct file *f)
{
	/* Answers that nobody reads: no more questions. */
	if (x->waiting >= XS_CLIENT_MAX_EVENTS)
		return -EAGAIN;
	for (;;) {
		int err = xs_client_submit(&x->client, &x->req->hdr,
					   x->req->bytes + sizeof(x->req->hdr));

		store_pump();
		if (err == -EAGAIN && !(f->flags & O_NONBLOCK))
			err = waitq_sleep(&x->wq, NEVER);
		else
			return err;
		if (err)
			return err;
	}
}

static ssize_t xenbus_write(struct file *f, struct uio *u, u64 *pos)
{
	struct xenbus *x = f->priv;
	ssize_t done = 0;

	if (!x->req)
		x->req = kmalloc(sizeof(*x->req));
	if (!x->req)
		return -ENOMEM;
	while (u->left) {
		size_t have = x->req_done, want, got;
		int err;

		want = have < sizeof(x->req->hdr)
			       ? sizeof(x->req->hdr) - have
			       : sizeof(x->req->hdr) + x->req->hdr.len - have;
		want = MIN(want, u->left);
		got = uio_get(u, x->req->bytes + have, want);
		x->req_done += got;
		done += (ssize_t)got;
		if (got < want)
			return -EFAULT;
		if (x->req_done < sizeof(x->req->hdr))
			continue;
		if (x->req->hdr.len > XENSTORE_PAYLOAD_MAX) {
			x->req_done = 0;
			return -EINVAL;
		}
		if (x->req_done < sizeof(x->req->hdr) + x->req->hdr.len)
			continue;
		x->req_done = 0;
		err = submit(x, f);
		if (err)
			return err;
	}
	return done;
}

static unsigned xenbus_poll(struct file *f, struct waitq **wq)
{
	struct xenbus *x = f->priv;

	*wq = &x->wq;
	return POLLOUT | POLLWRNORM | (list_empty(&x->replies) ? 0 : POLLIN | POLLRDNORM);
}

static void xenbus_release(struct file *f)
{
	struct xenbus *x = f->priv;

	xs_client_close(&x->client);
	store_pump();
	while (!list_empty(&x->replies)) {
		struct xs_msg *m = list_first(&x->replies, struct xs_msg, link);

		list_del(&m->link);
		kfree(m);
	}
	kfree(x->req);
	kfree(x);
}

static const struct file_ops xenbus_ops = {
	.read = xenbus_read,
	.write = xenbus_write,
	.poll = xenbus_poll,
	.release = xenbus_release,
};

static int xenbus_open(struct inode *ino, struct file *f)
{
	struct xenbus *x;

	if (!xen_store.next_id)
		return -ENODEV;
	x = kzalloc(sizeof(*x));
	if (!x)
		return -ENOMEM;
	list_init(&x->replies);
	waitq_init(&x->wq);
	xs_client_init(&xen_store, &x->client, deliver, x);
	f->ops = &xenbus_ops;
	f->priv = x;
	return 0;
}

void xen_dev_xenbus_init(void)
{
	chrdev_register("xen/xenbus", 10, 124, xenbus_open);
}
