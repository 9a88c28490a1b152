/* SPDX-License-Identifier: MIT */
/* AF_UNIX: sending and receiving. */
#include "unix.h"

#include <nub/errno.h>
#include <nub/process.h>
#include <nub/signal.h>
#include <nub/slab.h>
#include <nub/string.h>

#define CHUNK 16384 /* bytes of one queued piece of a stream */

bool usock_writable(const struct usock *u)
{
	return u->tx_bytes <= u->sndbuf / 4;
}

bool usock_full(const struct usock *u, const struct usock *to)
{
	return to->peer != u && to->rx_count > DATAGRAMS_MAX;
}

void umsg_uncharge(struct umsg *m)
{
	struct usock *u = m->from;

	u->tx_bytes -= m->charged;
	if (usock_writable(u))
		waitq_wake(&u->wq, POLLOUT | POLLWRNORM);
	usock_put(u);
}

/* Waits until it may send: 0, -EAGAIN, -EPIPE or the sleep's. */
static int wait_tx(struct usock *u, bool nonblock)
{
	while (u->tx_bytes >= u->sndbuf) {
		int err = nonblock ? -EAGAIN : waitq_sleep(&u->wq, NEVER);

		if (err)
			return err;
		if (u->shut & SND_SHUT)
			return -EPIPE;
	}
	return 0;
}

static struct umsg *umsg_create(struct usock *from, size_t len)
{
	struct umsg *m = kmalloc(sizeof(*m) + len);

	if (!m)
		return NULL;
	memset(m, 0, sizeof(*m));
	m->from = from;
	from->refs++;
	m->charged = (u32)(len + sizeof(*m));
	from->tx_bytes += m->charged;
	m->len = (u32)len;
	m->pid = current->proc->pid;
	memcpy(m->addr, from->addr, sizeof(m->addr));
	m->addr_len = from->addr_len;
	return m;
}

static int attach_fds(struct umsg *q, struct sockmsg *m)
{
	return m->nfds ? flight_start(q, m->fds, m->nfds) : 0;
}

static int broken(const struct sockmsg *m)
{
	if (!(m->flags & MSG_NOSIGNAL))
		signal_send(current->proc, current, SIGPIPE, NULL);
	return -EPIPE;
}

static void enqueue(struct usock *to, struct umsg *q)
{
	list_add_tail(&to->rx, &q->link);
	to->rx_count++;
	waitq_wake(&to->wq, POLLIN | POLLRDNORM);
}

static ssize_t send_stream(struct usock *u, struct sockmsg *m, bool nonblock)
{
	ssize_t done = 0;

	if (m->addr_len)
		return u->state == US_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	while (m->uio.left || (!done && m->nfds)) {
		struct umsg *q;
		size_t n, k;
		int err;

		if (u->shut & SND_SHUT || u->peer_gone)
			return done ? done : broken(m);
		if (!u->peer)
			return -ENOTCONN;
		if (u->tx_bytes >= u->sndbuf) {
			if (nonblock)
				return done ? done : -EAGAIN;
			err = waitq_sleep(&u->wq, NEVER);
			if (err)
				return done ? done : err;
			continue;
		}
		n = MIN(m->uio.left, MIN((u64)CHUNK - sizeof(*q), u->sndbuf / 2 - 64));
		q = umsg_create(u, n);
		if (!q)
			return done ? done : -ENOMEM;
		k = uio_get(&m->uio, q->data, n);
		q->len = (u32)k;
		err = k < n && !k ? -EFAULT : done ? 0 : attach_fds(q, m);
		if (err) {
			umsg_free(q);
			return done ? done : err;
		}
		if (!u->peer) { /* unreachable, and freed to make room for descriptors */
			umsg_free(q);
			return broken(m);
		}
		enqueue(u->peer, q);
		done += (ssize_t)k;
		if (k < n || !n)
			break;
	}
	return done;
}

/* Whom a packet goes to, or an error. A peer that is gone is refused once, then none. */
static int packet_target(struct usock *u, struct sockmsg *m, struct usock **target)
{
	struct usock *to = u->peer;
	int err = 0;

	if (m->addr_len)
		to = unix_find(m->addr, m->addr_len, &err);
	if (err)
		return err;
	if (!to)
		return u->peer_gone ? -EPIPE : -ENOTCONN;
	if (to->s.type != u->s.type)
		return -EPROTOTYPE;
	if (to->state == US_CLOSED) {
		if (to == u->peer) {
			u->peer = NULL;
			u->state = US_NEW;
			usock_put(to);
		}
		return -ECONNREFUSED;
	}
	*target = to;
	return to->shut & RCV_SHUT ? -EPIPE : 0;
}

/* EPIPE comes without SIGPIPE here, as on Linux. */
static ssize_t send_packet(struct usock *u, struct sockmsg *m, bool nonblock)
{
	size_t n = m->uio.left;
	struct usock *to;
	struct umsg *q;
	int err;

	if (n > u->sndbuf - 32)
		return -EMSGSIZE;
	if (u->shut & SND_SHUT)
		return -EPIPE;
	if (m->addr_len && u->s.type != SOCK_DGRAM)
		return u->state == US_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	err = wait_tx(u, nonblock);
	if (err)
		return err;
	q = umsg_create(u, n);
	if (!q)
		return n > 65536 ? -ENOBUFS : -ENOMEM;
	err = uio_get(&m->uio, q->data, n) != n ? -EFAULT : attach_fds(q, m);
	while (!err) {
		err = packet_target(u, m, &to);
		if (err)
			break;
		if (!usock_full(u, to)) {
			enqueue(to, q);
			return (ssize_t)n;
		}
		if (nonblock) {
			err = -EAGAIN;
			break;
		}
		to->refs++;
		err = waitq_sleep(&to->wq, NEVER);
		usock_put(to);
	}
	umsg_free(q);
	return err;
}

ssize_t unix_send(struct socket *s, struct sockmsg *m, bool nonblock)
{
	struct usock *u = (struct usock *)s;

	if (u->error) {
		int e = u->error;

		u->error = 0;
		return -e;
	}
	return s->type == SOCK_STREAM ? send_stream(u, m, nonblock)
				      : send_packet(u, m, nonblock);
}

static void take_fds(struct umsg *q, struct sockmsg *m, bool peek)
{
	for (unsigned i = 0; i < q->nfds; i++)
		m->fds[m->nfds++] = peek ? file_get(q->fds[i]) : q->fds[i];
	if (!peek && q->nfds)
		flight_end(q);
}

static void consumed(struct usock *u, struct umsg *q)
{
	struct usock *c;

	list_del(&q->link);
	u->rx_count--;
	umsg_free(q);
	if (likely(u->rx_count != DATAGRAMS_MAX))
		return;
	waitq_wake(&u->wq, 0); /* datagram senders wait here, or are polled */
	list_for_each(c, &u->clients, client_link)
		waitq_wake(&c->wq, POLLOUT | POLLWRNORM);
}

static int wait_rx(struct usock *u, bool nonblock)
{
	while (list_empty(&u->rx)) {
		int err;

		if (u->error) {
			err = -u->error;
			u->error = 0;
			return err;
		}
		if (u->shut & RCV_SHUT)
			return 1;
		if (u->s.type != SOCK_DGRAM && u->state != US_CONNECTED)
			return u->s.type == SOCK_STREAM ? -EINVAL : -ENOTCONN;
		if (nonblock)
			return -EAGAIN;
		err = waitq_sleep(&u->wq, NEVER);
		if (err)
			return err;
	}
	return 0;
}

static void fill_source(struct umsg *q, struct sockmsg *m)
{
	memcpy(m->addr, q->addr, q->addr_len);
	m->addr_len = q->addr_len;
	m->creds.pid = q->pid;
	m->has_creds = true;
}

static ssize_t recv_stream(struct usock *u, struct sockmsg *m, bool nonblock)
{
	bool peek = m->flags & MSG_PEEK;
	ssize_t done = 0;
	struct umsg *q, *next;

	for (;;) {
		int r = wait_rx(u, nonblock || (done && !(m->flags & MSG_WAITALL)));

		if (r)
			return done ? done : r > 0 ? 0 : r;
		list_for_each_safe(q, next, &u->rx, link) {
			size_t n = MIN((u64)(q->len - q->off), m->uio.left), k;

			/* Descriptors mark a boundary: not two lots in one message. */
			if (q->nfds && (m->nfds || (done && !m->nfds)))
				return done;
			k = uio_put(&m->uio, q->data + q->off, n);
			if (k < n)
				return done + (ssize_t)k ? done + (ssize_t)k : -EFAULT;
			if (!done)
				fill_source(q, m);
			done += (ssize_t)k;
			take_fds(q, m, peek);
			if (!peek) {
				q->off += (u32)k;
				if (q->off == q->len)
					consumed(u, q);
			}
			if (!m->uio.left || m->nfds)
				return done;
		}
		if (peek || !(m->flags & MSG_WAITALL))
			return done;
	}
}

static ssize_t recv_packet(struct usock *u, struct sockmsg *m, bool nonblock)
{
	bool peek = m->flags & MSG_PEEK;
	int want_trunc = m->flags & MSG_TRUNC, r = wait_rx(u, nonblock);
	struct umsg *q;
	size_t n;
	ssize_t len;

	m->flags = 0;
	if (r)
		return r > 0 ? 0 : r;
	q = list_first(&u->rx, struct umsg, link);
	n = MIN((u64)q->len, m->uio.left);
	if (uio_put(&m->uio, q->data, n) != n)
		return -EFAULT;
	if (n < q->len)
		m->flags |= MSG_TRUNC;
	if (u->s.type == SOCK_SEQPACKET)
		m->flags |= 0;
	len = want_trunc ? (ssize_t)q->len : (ssize_t)n;
	fill_source(q, m);
	take_fds(q, m, peek);
	if (!peek)
		consumed(u, q);
	return len;
}

ssize_t unix_recv(struct socket *s, struct sockmsg *m, bool nonblock)
{
	struct usock *u = (struct usock *)s;
	ssize_t r;

	if (s->type == SOCK_STREAM) {
		r = recv_stream(u, m, nonblock);
		m->flags = 0;
		m->addr_len = 0;
		return r;
	}
	return recv_packet(u, m, nonblock);
}
