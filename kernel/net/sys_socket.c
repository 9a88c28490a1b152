/* SPDX-License-Identifier: MIT */
/* The socket system calls. */
#include "socket.h"

#include <nub/errno.h>
#include <nub/process.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/uaccess.h>

#include <asm/socket.h>

#include "../linux/sys.h"

#define SCM_RIGHTS 1
#define SCM_CREDENTIALS 2
#define CONTROL_MAX 4096

struct user_msghdr {
	u64 name;
	u32 name_len, pad;
	u64 iov, iov_len, control, control_len;
	u32 flags, pad1;
};

struct user_cmsghdr {
	u64 len;
	s32 level, type;
};

static int addr_in(u8 addr[SOCKADDR_MAX], const void *p, u32 len)
{
	if (len > SOCKADDR_MAX)
		return -EINVAL;
	return copy_from_user(addr, p, len);
}

static int addr_out(const u8 *addr, u32 len, void *p, void *plen)
{
	u32 room;

	if (get_user32(&room, plen))
		return -EFAULT;
	if ((s32)room < 0)
		return -EINVAL;
	if (copy_to_user(p, addr, MIN(room, len)))
		return -EFAULT;
	return put_user32(len, plen);
}

static int install(struct socket *s, int type)
{
	struct file *f = socket_file(s, O_RDWR | ((unsigned)type & O_NONBLOCK));

	return IS_ERR(f) ? (int)PTR_ERR(f) : fd_install(f, type & O_CLOEXEC);
}

static bool type_ok(int type)
{
	return !(type & ~(SOCK_TYPE_MASK | O_NONBLOCK | O_CLOEXEC));
}

long sys_socket(int family, int type, int protocol)
{
	struct socket *s;

	if (!type_ok(type))
		return -EINVAL;
	s = socket_create(family, type & SOCK_TYPE_MASK, protocol);
	return IS_ERR(s) ? PTR_ERR(s) : install(s, type);
}

long sys_socketpair(int family, int type, int protocol, void *out)
{
	struct socket *s[2];
	s32 fd[2];
	int err;

	if (!type_ok(type))
		return -EINVAL;
	if (family != AF_UNIX)
		return family == AF_INET ? -EOPNOTSUPP : -EAFNOSUPPORT;
	if (protocol && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	err = unix_pair(type & SOCK_TYPE_MASK, s);
	if (err)
		return err;
	fd[0] = install(s[0], type);
	if (fd[0] < 0) {
		s[1]->ops->release(s[1]);
		return fd[0];
	}
	fd[1] = install(s[1], type);
	if (fd[1] < 0 || copy_to_user(out, fd, sizeof(fd))) {
		err = fd[1] < 0 ? fd[1] : -EFAULT;
		fd_close(fd[0]);
		if (fd[1] >= 0)
			fd_close(fd[1]);
	}
	return err;
}

long sys_bind(int fd, const void *addr, int len)
{
	u8 buf[SOCKADDR_MAX];
	struct socket *s;
	struct file *f = socket_get(fd, &s);
	long r;

	if (IS_ERR(f))
		return PTR_ERR(f);
	r = addr_in(buf, addr, (u32)len);
	if (!r)
		r = s->ops->bind ? s->ops->bind(s, buf, (u32)len) : -EOPNOTSUPP;
	file_put(f);
	return r;
}

long sys_connect(int fd, const void *addr, int len)
{
	u8 buf[SOCKADDR_MAX];
	struct socket *s;
	struct file *f = socket_get(fd, &s);
	long r;

	if (IS_ERR(f))
		return PTR_ERR(f);
	r = addr_in(buf, addr, (u32)len);
	if (!r)
		r = s->ops->connect
			    ? s->ops->connect(s, buf, (u32)len, f->flags & O_NONBLOCK)
			    : -EOPNOTSUPP;
	file_put(f);
	return r;
}

long sys_listen(int fd, int backlog)
{
	struct socket *s;
	struct file *f = socket_get(fd, &s);
	long r;

	if (IS_ERR(f))
		return PTR_ERR(f);
	r = s->ops->listen ? s->ops->listen(s, backlog) : -EOPNOTSUPP;
	file_put(f);
	return r;
}

long sys_accept4(int fd, void *addr, void *len, int flags)
{
	u8 name[SOCKADDR_MAX] = {0};
	u32 name_len = 0;
	struct socket *s, *c;
	struct file *f, *n;
	long r;

	f = socket_get(fd, &s);
	if (IS_ERR(f))
		return PTR_ERR(f);
	n = s->ops->accept ? s->ops->accept(s, f->flags & O_NONBLOCK)
			   : ERR_PTR(-EOPNOTSUPP);
	file_put(f);
	if (IS_ERR(n))
		return PTR_ERR(n);
	n->flags |= (unsigned)flags & O_NONBLOCK;
	c = n->priv;
	if (addr) {
		r = c->ops->getname(c, name, &name_len, true);
		if (r == -ENOTCONN) {
			/* The peer has gone already: it had no name. */
			name[0] = (u8)c->family;
			name_len = 2;
		}
		r = addr_out(name, name_len, addr, len);
		if (r) {
			file_put(n);
			return r;
		}
	}
	return fd_install(n, flags & O_CLOEXEC);
}

long sys_accept(int fd, void *addr, void *len)
{
	return sys_accept4(fd, addr, len, 0);
}

static long name_call(int fd, void *addr, void *len, bool peer)
{
	u8 name[SOCKADDR_MAX] = {0};
	struct socket *s;
	struct file *f = socket_get(fd, &s);
	u32 n = 0;
	long r;

	if (IS_ERR(f))
		return PTR_ERR(f);
	r = s->ops->getname ? s->ops->getname(s, name, &n, peer) : -EOPNOTSUPP;
	file_put(f);
	return r ? r : addr_out(name, n, addr, len);
}

long sys_getsockname(int fd, void *addr, void *len)
{
	return name_call(fd, addr, len, false);
}

long sys_getpeername(int fd, void *addr, void *len)
{
	return name_call(fd, addr, len, true);
}

long sys_shutdown(int fd, int how)
{
	struct socket *s;
	struct file *f = socket_get(fd, &s);
	long r;

	if (IS_ERR(f))
		return PTR_ERR(f);
	r = s->ops->shutdown ? s->ops->shutdown(s, how) : -EOPNOTSUPP;
	file_put(f);
	return r;
}

long sys_setsockopt(int fd, int level, int name, const void *value, int len)
{
	u8 buf[128] = {0};
	struct socket *s;
	struct file *f = socket_get(fd, &s);
	long r = 0;
	s32 v;

	if (IS_ERR(f))
		return PTR_ERR(f);
	if (len < 0)
		r = -EINVAL;
	else if (len < 4 && level == SOL_SOCKET)
		r = -EINVAL;
	else
		r = copy_from_user(buf, value, MIN((size_t)len, sizeof(buf)));
	memcpy(&v, buf, 4);
	if (!r && level == SOL_SOCKET) {
		switch (name) {
		case SO_PASSCRED:
			s->passcred = v;
			goto out;
		case SO_REUSEADDR:
			s->reuseaddr = v;
			goto out;
		case SO_KEEPALIVE:
			s->keepalive = v;
			goto out;
		case SO_BROADCAST:
			s->broadcast = v;
			goto out;
		case SO_PRIORITY:
			s->priority = v;
			goto out;
		}
	}
	if (!r)
		r = s->ops->setsockopt ? s->ops->setsockopt(s, level, name, buf, (u32)len)
				       : -ENOPROTOOPT;
out:
	file_put(f);
	return r;
}

long sys_getsockopt(int fd, int level, int name, void *value, void *plen)
{
	u8 buf[128] = {0};
	struct socket *s;
	struct file *f = socket_get(fd, &s);
	u32 len;
	s32 v = -1;
	long r;

	if (IS_ERR(f))
		return PTR_ERR(f);
	r = get_user32(&len, plen);
	if (!r && (s32)len < 0)
		r = -EINVAL;
	if (r)
		goto out;
	len = MIN(len, (u32)sizeof(buf));
	if (level == SOL_SOCKET) {
		switch (name) {
		case SO_TYPE:
			v = s->type;
			break;
		case SO_DOMAIN:
			v = s->family;
			break;
		case SO_PROTOCOL:
			v = s->protocol;
			break;
		case SO_PASSCRED:
			v = s->passcred;
			break;
		case SO_REUSEADDR:
			v = s->reuseaddr;
			break;
		case SO_KEEPALIVE:
			v = s->keepalive;
			break;
		case SO_BROADCAST:
			v = s->broadcast;
			break;
		case SO_PRIORITY:
			v = s->priority;
			break;
		}
	}
	if (v >= 0) {
		len = MIN(len, 4u);
		memcpy(buf, &v, 4);
	} else {
		r = s->ops->getsockopt ? s->ops->getsockopt(s, level, name, buf, &len)
				       : -ENOPROTOOPT;
	}
	if (!r)
		r = copy_to_user(value, buf, len);
	if (!r)
		r = put_user32(len, plen);
out:
	file_put(f);
	return r;
}

/* --- messages --- */

static int fds_in(struct sockmsg *m, const u8 *p, size_t n)
{
	for (size_t i = 0; i + 4 <= n; i += 4) {
		s32 fd;

		if (m->nfds == SCM_MAX_FDS)
			return -EINVAL;
		memcpy(&fd, p + i, 4);
		m->fds[m->nfds] = fd_get_any(fd);
		if (!m->fds[m->nfds])
			return -EBADF;
		m->nfds++;
	}
	return 0;
}

static int control_in(struct sockmsg *m, u64 control, u64 len)
{
	u8 *buf;
	int err;

	if (!control || !len)
		return 0;
	if (len > CONTROL_MAX)
		return -ENOBUFS;
	buf = kmalloc(len);
	if (!buf)
		return -ENOMEM;
	err = copy_from_user(buf, (void *)control, len);
	for (u64 off = 0; !err && off + sizeof(struct user_cmsghdr) <= len;) {
		struct user_cmsghdr h;

		memcpy(&h, buf + off, sizeof(h));
		if (h.len < sizeof(h) || h.len > len - off) {
			err = -EINVAL;
			break;
		}
		if (h.level == SOL_SOCKET && h.type == SCM_RIGHTS)
			err = fds_in(m, buf + off + sizeof(h), h.len - sizeof(h));
		else if (h.level == SOL_SOCKET && h.type != SCM_CREDENTIALS)
			err = -EINVAL;
		off += ALIGN_UP(h.len, 8UL);
	}
	kfree(buf);
	return err;
}

static void release_fds(struct sockmsg *m)
{
	for (unsigned i = 0; i < m->nfds; i++)
		file_put(m->fds[i]);
	m->nfds = 0;
}

/* Writes one control message if it fits (partly); returns its space or 0. */
static u64 cmsg_out(u64 at, u64 room, int type, const void *data, u64 len, int *flags)
{
	struct user_cmsghdr h = {sizeof(h) + len, SOL_SOCKET, type};

	if (room < sizeof(h)) {
		*flags |= MSG_CTRUNC;
		return 0;
	}
	if (h.len > room) {
		h.len = room;
		len = room - sizeof(h);
		*flags |= MSG_CTRUNC;
	}
	if (copy_to_user((void *)at, &h, sizeof(h)) ||
	    copy_to_user((void *)(at + sizeof(h)), data, len))
		return 0;
	return MIN(ALIGN_UP(h.len, 8UL), room);
}

static u64 control_out(struct socket *s, struct sockmsg *m, u64 control, u64 room,
		       bool cloexec, int *flags)
{
	s32 fds[SCM_MAX_FDS];
	u64 used = 0;
	unsigned n, fit;

	if (s->passcred && m->has_creds)
		used += cmsg_out(control, room, SCM_CREDENTIALS, &m->creds,
				 sizeof(m->creds), flags);
	if (!m->nfds)
		return used;
	fit = room - used > sizeof(struct user_cmsghdr)
		      ? (unsigned)((room - used - sizeof(struct user_cmsghdr)) / 4)
		      : 0;
	for (n = 0; n < m->nfds && n < fit; n++) {
		fds[n] = fd_install(file_get(m->fds[n]), cloexec);
		if (fds[n] < 0)
			break;
	}
	if (n < m->nfds)
		*flags |= MSG_CTRUNC;
	if (n)
		used += cmsg_out(control + used, room - used, SCM_RIGHTS, fds, n * 4UL,
				 flags);
	return used;
}

/* The descriptor's errors come before those of the pointers. */
static long check_socket(int fd)
{
	struct socket *s;
	struct file *f = socket_get(fd, &s);

	if (IS_ERR(f))
		return PTR_ERR(f);
	file_put(f);
	return 0;
}

static long send_common(int fd, struct sockmsg *m, int flags)
{
	struct socket *s;
	struct file *f = socket_get(fd, &s);
	long r;

	if (IS_ERR(f))
		return PTR_ERR(f);
	m->flags = flags;
	r = s->ops->send
		    ? s->ops->send(s, m, f->flags & O_NONBLOCK || flags & MSG_DONTWAIT)
		    : -EOPNOTSUPP;
	file_put(f);
	return r;
}

long sys_sendto(int fd, const void *buf, u64 len, int flags, const void *addr,
		int addr_len)
{
	struct sockmsg m = {0};

	uio_user(&m.uio, (void *)(u64)buf, len);
	if (addr) {
		if (addr_in(m.addr, addr, (u32)addr_len))
			return addr_len > SOCKADDR_MAX ? -EINVAL : -EFAULT;
		m.addr_len = (u32)addr_len;
	}
	return send_common(fd, &m, flags);
}

long sys_sendmsg(int fd, const void *msg, int flags)
{
	struct sockmsg m = {0};
	struct user_msghdr h;
	struct uio_vec *vec = NULL;
	long r = check_socket(fd);

	if (r)
		return r;
	if (copy_from_user(&h, msg, sizeof(h)))
		return -EFAULT;
	if (h.name && h.name_len) {
		r = addr_in(m.addr, (void *)h.name, h.name_len);
		if (r)
			return r;
		m.addr_len = h.name_len;
	}
	r = iovec_import((void *)h.iov, h.iov_len, &m.uio, &vec);
	if (!r)
		r = control_in(&m, h.control, h.control_len);
	if (!r)
		r = send_common(fd, &m, flags);
	release_fds(&m);
	kfree(vec);
	return r;
}

long sys_sendmmsg(int fd, void *msgs, u32 n, int flags)
{
	u8 *at = msgs;
	u32 done;

	for (done = 0; done < MIN(n, 1024u);
	     done++, at += sizeof(struct user_msghdr) + 8) {
		long r = sys_sendmsg(fd, at, flags);

		if (r < 0)
			return done ? (long)done : r;
		if (put_user32((u32)r, at + sizeof(struct user_msghdr)))
			return -EFAULT;
	}
	return done;
}

static long recv_common(int fd, struct sockmsg *m, int flags, struct socket **s)
{
	struct file *f = socket_get(fd, s);
	long r;

	if (IS_ERR(f))
		return PTR_ERR(f);
	m->flags = flags;
	r = (*s)->ops->recv
		    ? (*s)->ops->recv(*s, m,
				      f->flags & O_NONBLOCK || flags & MSG_DONTWAIT)
		    : -EOPNOTSUPP;
	file_put(f);
	return r;
}

long sys_recvfrom(int fd, void *buf, u64 len, int flags, void *addr, void *addr_len)
{
	struct sockmsg m = {0};
	struct socket *s;
	long r, err;

	uio_user(&m.uio, buf, len);
	r = recv_common(fd, &m, flags, &s);
	release_fds(&m);
	if (r >= 0 && addr) {
		err = addr_out(m.addr, m.addr_len, addr, addr_len);
		if (err)
			return err;
	}
	return r;
}

long sys_recvmsg(int fd, void *msg, int flags)
{
	struct sockmsg m = {0};
	struct user_msghdr h;
	struct uio_vec *vec = NULL;
	struct socket *s;
	int out_flags;
	long r = check_socket(fd);

	if (r)
		return r;
	if (copy_from_user(&h, msg, sizeof(h)))
		return -EFAULT;
	r = iovec_import((void *)h.iov, h.iov_len, &m.uio, &vec);
	if (r)
		return r;
	r = recv_common(fd, &m, flags, &s);
	kfree(vec);
	if (r < 0)
		return r;
	out_flags = m.flags | (flags & MSG_CMSG_CLOEXEC);
	h.control_len = h.control ? control_out(s, &m, h.control, h.control_len,
						flags & MSG_CMSG_CLOEXEC, &out_flags)
				  : 0;
	if (m.nfds && !h.control)
		out_flags |= MSG_CTRUNC;
	release_fds(&m);
	if (h.name) {
		if (copy_to_user((void *)h.name, m.addr, MIN(m.addr_len, h.name_len)))
			return -EFAULT;
		h.name_len = m.addr_len;
	}
	h.flags = (u32)out_flags;
	return copy_to_user(msg, &h, sizeof(h)) ? -EFAULT : r;
}
