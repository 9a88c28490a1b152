/* SPDX-License-Identifier: MIT */
/* AF_UNIX: stream, datagram and sequenced-packet sockets with descriptor passing. */
#include "unix.h"

#include <nub/errno.h>
#include <nub/panic.h>
#include <nub/process.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/uaccess.h>

#include <asm/ioctls.h>
#include <asm/socket.h>

static const struct socket_ops unix_ops;
static struct list abstract_names = LIST_INIT(abstract_names);

void usock_put(struct usock *u)
{
	if (--u->refs == 0)
		kfree(u);
}

static struct usock *usock_create(int type)
{
	struct usock *u = kzalloc(sizeof(*u));

	if (!u)
		return NULL;
	u->s.ops = &unix_ops;
	u->s.family = AF_UNIX;
	u->s.type = type;
	u->refs = 1;
	u->sndbuf = u->rcvbuf = UNIX_BUFFER;
	list_init(&u->rx);
	list_init(&u->pending);
	list_init(&u->pending_link);
	list_init(&u->name_link);
	list_init(&u->flight);
	list_init(&u->clients);
	list_init(&u->client_link);
	waitq_init(&u->wq);
	u->cred_pid = current->proc ? current->proc->pid : 0;
	return u;
}

static struct socket *unix_create(int type, int protocol)
{
	struct usock *u;

	if (protocol && protocol != AF_UNIX)
		return ERR_PTR(-EPROTONOSUPPORT);
	if (type == SOCK_RAW)
		type = SOCK_DGRAM;
	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return ERR_PTR(-ESOCKTNOSUPPORT);
	flight_collect();
	u = usock_create(type);
	return u ? &u->s : ERR_PTR(-ENOMEM);
}

static void link_peers(struct usock *a, struct usock *b)
{
	a->peer = b;
	b->refs++;
	b->peer = a;
	a->refs++;
	a->state = b->state = US_CONNECTED;
	a->peer_pid = b->cred_pid;
	b->peer_pid = a->cred_pid;
}

int unix_pair(int type, struct socket *out[2])
{
	struct socket *a = unix_create(type, 0), *b;

	if (IS_ERR(a))
		return (int)PTR_ERR(a);
	b = unix_create(type, 0);
	if (IS_ERR(b)) {
		usock_put((struct usock *)a);
		return (int)PTR_ERR(b);
	}
	link_peers((struct usock *)a, (struct usock *)b);
	out[0] = a;
	out[1] = b;
	return 0;
}

/* --- names --- */

static struct usock *abstract_find(const u8 *addr, u32 len)
{
	struct usock *u;

	list_for_each(u, &abstract_names, name_link)
		if (u->addr_len == len && !memcmp(u->addr, addr, len))
			return u;
	return NULL;
}

/* Path of a sockaddr_un that is not abstract, NUL-terminated into buf. */
static int path_of(const u8 *addr, u32 len, char buf[112])
{
	u32 n = len - 2;

	if (len > 110 || len <= 2)
		return -EINVAL;
	memcpy(buf, addr + 2, n);
	buf[n] = 0;
	return 0;
}

static int check_addr(const u8 *addr, u32 len)
{
	u16 family;

	if (len < 2 || len > 110)
		return -EINVAL;
	memcpy(&family, addr, 2);
	return family == AF_UNIX ? 0 : -EINVAL;
}

static int autobind(struct usock *u)
{
	static u32 next;
	char name[8];

	do {
		snprintf(name, sizeof(name), "%05x", next++ & 0xfffff);
		memset(u->addr, 0, 3);
		u->addr[0] = AF_UNIX;
		memcpy(u->addr + 3, name, 5);
	} while (abstract_find(u->addr, 8));
	u->addr_len = 8;
	list_add_tail(&abstract_names, &u->name_link);
	return 0;
}

static int unix_bind(struct socket *s, const u8 *addr, u32 len)
{
	struct usock *u = (struct usock *)s;
	char path[112], last[NAME_MAX + 1];
	struct dent *dir, *d;
	int err = check_addr(addr, len);

	if (err)
		return err;
	if (u->addr_len && (len == 2 || !addr[2]))
		return -EINVAL;
	if (len == 2)
		return autobind(u);
	if (!addr[2]) {
		if (abstract_find(addr, len))
			return -EADDRINUSE;
		list_add_tail(&abstract_names, &u->name_link);
	} else {
		struct inode *ino;

		err = path_of(addr, len, path);
		if (err)
			return err;
		dir = path_lookup(NULL, path, LOOKUP_PARENT, last);
		if (IS_ERR(dir))
			return (int)PTR_ERR(dir);
		d = dent_lookup(dir, last);
		if (d || !S_ISDIR(dir->inode->mode) || !strcmp(last, ".")) {
			if (d)
				dent_put(d);
			dent_put(dir);
			return -EADDRINUSE;
		}
		if (u->addr_len) {
			dent_put(dir);
			return -EINVAL;
		}
		ino = inode_create_in(dir, S_IFSOCK | 0777);
		d = dent_create(dir, last, ino);
		dent_put(dir);
		if (!d)
			return -ENOMEM;
		ino->priv = u;
		u->bound = inode_get(ino);
		dent_link(d);
		dent_put(d);
		len = 2 + (u32)strlen(path) + 1;
	}
	memset(u->addr, 0, sizeof(u->addr));
	memcpy(u->addr, addr, MIN(len, 110u));
	u->addr_len = len;
	return 0;
}

static struct usock *find_target(const u8 *addr, u32 len, int *err)
{
	char path[112];
	struct dent *d;
	struct usock *u;

	*err = check_addr(addr, len);
	if (*err)
		return NULL;
	if (len > 2 && !addr[2]) {
		u = abstract_find(addr, len);
		*err = u ? 0 : -ECONNREFUSED;
		return u;
	}
	*err = path_of(addr, len, path);
	if (*err)
		return NULL;
	d = path_lookup(NULL, path, 0, NULL);
	if (IS_ERR(d)) {
		*err = (int)PTR_ERR(d);
		return NULL;
	}
	u = S_ISSOCK(d->inode->mode) ? d->inode->priv : NULL;
	*err = u ? 0 : -ECONNREFUSED;
	dent_put(d);
	return u;
}

static int unix_getname(struct socket *s, u8 addr[SOCKADDR_MAX], u32 *len, bool peer)
{
	struct usock *u = (struct usock *)s;

	if (peer) {
		if (!u->peer)
			return -ENOTCONN;
		u = u->peer;
	}
	memset(addr, 0, 2);
	addr[0] = AF_UNIX;
	memcpy(addr, u->addr_len ? u->addr : addr, u->addr_len);
	*len = u->addr_len ? u->addr_len : 2;
	return 0;
}

/* --- connections --- */

static int unix_listen(struct socket *s, int backlog)
{
	struct usock *u = (struct usock *)s;

	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (!u->addr_len || u->state == US_CONNECTED)
		return -EINVAL;
	u->state = US_LISTENING;
	u->backlog = MAX(backlog, 0);
	u->cred_pid = current->proc->pid;
	waitq_wake(&u->wq, 0);
	return 0;
}

static int connect_dgram(struct usock *u, const u8 *addr, u32 len)
{
	struct usock *t = NULL;
	u16 family = 0;
	int err;

	memcpy(&family, addr, len >= 2 ? 2 : 0);
	if (family) { /* AF_UNSPEC dissolves the association */
		t = find_target(addr, len, &err);
		if (!t)
			return err;
		if (t->s.type != SOCK_DGRAM)
			return -EPROTOTYPE;
		t->refs++;
	}
	if (u->peer)
		usock_put(u->peer);
	u->peer = t;
	list_del(&u->client_link);
	if (t)
		list_add_tail(&t->clients, &u->client_link);
	u->state = t ? US_CONNECTED : US_NEW;
	waitq_wake(&u->wq, 0);
	return 0;
}

static int unix_connect(struct socket *s, const u8 *addr, u32 len, bool nonblock)
{
	struct usock *u = (struct usock *)s, *t, *server;
	int err;

	if (s->type == SOCK_DGRAM)
		return connect_dgram(u, addr, len);
	flight_collect(); /* not later: it may free t */
	for (;;) {
		/* Another thread may have had the socket while this one slept. */
		if (u->state == US_CONNECTED)
			return -EISCONN;
		if (u->state == US_LISTENING)
			return -EINVAL;
		t = find_target(addr, len, &err);
		if (!t)
			return err;
		if (t->s.type != s->type)
			return -EPROTOTYPE;
		if (t->state != US_LISTENING)
			return -ECONNREFUSED;
		if (t->npending <= t->backlog)
			break;
		if (nonblock)
			return -EAGAIN;
		t->refs++;
		err = waitq_sleep(&t->wq, NEVER);
		usock_put(t);
		if (err)
			return err;
	}
	server = usock_create(s->type);
	if (!server)
		return -ENOMEM;
	server->cred_pid = t->cred_pid;
	memcpy(server->addr, t->addr, sizeof(t->addr));
	server->addr_len = t->addr_len;
	u->cred_pid = current->proc->pid;
	link_peers(u, server);
	list_add_tail(&t->pending, &server->pending_link);
	t->npending++;
	waitq_wake(&t->wq, POLLIN | POLLRDNORM);
	waitq_wake(&u->wq, POLLOUT);
	return 0;
}

static struct file *unix_accept(struct socket *s, bool nonblock)
{
	struct usock *u = (struct usock *)s, *c;
	int err;

	if (s->type == SOCK_DGRAM)
		return ERR_PTR(-EOPNOTSUPP);
	for (;;) {
		if (u->state != US_LISTENING || u->shut & RCV_SHUT)
			return ERR_PTR(-EINVAL);
		if (!list_empty(&u->pending))
			break;
		if (nonblock)
			return ERR_PTR(-EAGAIN);
		err = waitq_sleep(&u->wq, NEVER);
		if (err)
			return ERR_PTR(err);
	}
	c = list_first(&u->pending, struct usock, pending_link);
	list_del(&c->pending_link);
	u->npending--;
	waitq_wake(&u->wq, 0); /* connectors wait for room */
	return socket_file(&c->s, O_RDWR);
}

static int unix_shutdown(struct socket *s, int how)
{
	struct usock *u = (struct usock *)s, *p = u->peer;
	unsigned mine = how == 0 ? RCV_SHUT : how == 1 ? SND_SHUT : RCV_SHUT | SND_SHUT;

	if (how < 0 || how > 2)
		return -EINVAL;
	if (s->type != SOCK_DGRAM && !p && u->state != US_LISTENING)
		return -ENOTCONN;
	u->shut |= mine;
	if (p && s->type != SOCK_DGRAM) {
		p->shut |= (mine & RCV_SHUT ? SND_SHUT : 0) |
			   (mine & SND_SHUT ? RCV_SHUT : 0);
		waitq_wake(&p->wq, 0);
	}
	waitq_wake(&u->wq, 0);
	return 0;
}

static void drop_pending(struct usock *u)
{
	while (!list_empty(&u->pending)) {
		struct usock *c = list_first(&u->pending, struct usock, pending_link);

		list_del(&c->pending_link);
		c->s.ops->release(&c->s);
	}
}

/* They keep it as their peer and find it closed. */
static void leave_clients(struct usock *u)
{
	list_del(&u->client_link);
	while (!list_empty(&u->clients)) {
		struct usock *c = list_first(&u->clients, struct usock, client_link);

		list_del(&c->client_link);
		waitq_wake(&c->wq, 0);
	}
}

static void unix_release(struct socket *s)
{
	struct usock *u = (struct usock *)s, *p;
	bool unread = !list_empty(&u->rx);

	u->state = US_CLOSED;
	leave_clients(u);
	list_del(&u->name_link);
	if (u->bound) {
		u->bound->priv = NULL;
		inode_put(u->bound);
		u->bound = NULL;
	}
	drop_pending(u);
	while (!list_empty(&u->rx)) {
		struct umsg *m = list_first(&u->rx, struct umsg, link);

		list_del(&m->link);
		u->rx_count--;
		umsg_free(m);
	}
	/* One of the messages may have held the peer. */
	p = u->peer;
	u->peer = NULL;
	if (p) {
		if (s->type != SOCK_DGRAM && p->peer == u) {
			p->peer = NULL;
			p->shut = RCV_SHUT | SND_SHUT;
			p->peer_gone = true;
			if (unread)
				p->error = ECONNRESET;
			usock_put(u);
		}
		waitq_wake(&p->wq, 0);
		usock_put(p);
	}
	waitq_wake(&u->wq, 0);
	usock_put(u);
	flight_collect();
}

static unsigned unix_poll(struct socket *s, struct waitq **wq)
{
	struct usock *u = (struct usock *)s;
	unsigned m = 0;

	*wq = &u->wq;
	if (u->state == US_LISTENING)
		return list_empty(&u->pending) ? 0 : POLLIN | POLLRDNORM;
	if (u->error)
		m |= POLLERR;
	if (!list_empty(&u->rx) || u->shut & RCV_SHUT)
		m |= POLLIN | POLLRDNORM;
	if (u->shut & RCV_SHUT)
		m |= POLLRDHUP;
	if (u->shut == (RCV_SHUT | SND_SHUT) ||
	    (s->type != SOCK_DGRAM && u->state == US_NEW))
		m |= POLLHUP;
	if (usock_writable(u) && (s->type != SOCK_DGRAM || !u->peer ||
				  u->peer->state == US_CLOSED || !usock_full(u, u->peer)))
		m |= POLLOUT | POLLWRNORM | POLLWRBAND;
	return m;
}

static int unix_getsockopt(struct socket *s, int level, int name, void *v, u32 *len)
{
	struct usock *u = (struct usock *)s;
	s32 value;

	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	switch (name) {
	case SO_ERROR:
		value = u->error;
		u->error = 0;
		break;
	case SO_ACCEPTCONN:
		value = u->state == US_LISTENING;
		break;
	case SO_SNDBUF:
		value = (s32)u->sndbuf;
		break;
	case SO_RCVBUF:
		value = (s32)u->rcvbuf;
		break;
	case SO_PEERCRED: {
		struct {
			s32 pid;
			u32 uid, gid;
		} c = {u->peer_pid, 0, 0};

		if (!u->peer_pid)
			c.uid = c.gid = ~0u;
		*len = MIN(*len, (u32)sizeof(c));
		memcpy(v, &c, *len);
		return 0;
	}
	default:
		return -ENOPROTOOPT;
	}
	*len = MIN(*len, 4u);
	memcpy(v, &value, *len);
	return 0;
}

static int unix_setsockopt(struct socket *s, int level, int name, const void *v, u32 len)
{
	struct usock *u = (struct usock *)s;
	u32 size;

	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	memcpy(&size, v, sizeof(size));
	size = MIN(size, UNIX_BUFFER) * 2;
	switch (name) {
	case SO_SNDBUF:
		u->sndbuf = MAX(size, SNDBUF_MIN);
		waitq_wake(&u->wq, POLLOUT | POLLWRNORM);
		return 0;
	case SO_RCVBUF:
		u->rcvbuf = MAX(size, RCVBUF_MIN);
		return 0;
	case SO_SNDBUFFORCE:
	case SO_RCVBUFFORCE:
		return -EPERM;
	default:
		return -ENOPROTOOPT;
	}
}

static u64 unix_held(const struct socket *s)
{
	const struct usock *u = (const struct usock *)s;
	const struct umsg *m;
	u64 sum = sizeof(*u);

	list_for_each(m, &u->rx, link)
		sum += sizeof(*m) + m->len;
	return sum;
}

static long unix_ioctl(struct socket *s, unsigned cmd, u64 arg)
{
	struct usock *u = (struct usock *)s;
	struct umsg *m;
	u32 n = 0;

	if (cmd != FIONREAD)
		return -ENOTTY;
	list_for_each(m, &u->rx, link) {
		n += m->len - m->off;
		if (s->type != SOCK_STREAM)
			break;
	}
	return put_user32(n, (void *)arg);
}

static const struct socket_ops unix_ops = {
	.bind = unix_bind,
	.connect = unix_connect,
	.listen = unix_listen,
	.accept = unix_accept,
	.getname = unix_getname,
	.send = unix_send,
	.recv = unix_recv,
	.shutdown = unix_shutdown,
	.setsockopt = unix_setsockopt,
	.getsockopt = unix_getsockopt,
	.poll = unix_poll,
	.ioctl = unix_ioctl,
	.release = unix_release,
	.held = unix_held,
};

struct usock *unix_find(const u8 *addr, u32 len, int *err)
{
	return find_target(addr, len, err);
}

void unix_init(void)
{
	socket_family_register(AF_UNIX, unix_create);
}
