/* SPDX-License-Identifier: MIT */
/* Socket files and the table of families. */
#include "socket.h"

#include <nub/errno.h>
#include <nub/netdev.h>
#include <nub/string.h>

static struct {
	int family;
	struct socket *(*create)(int type, int protocol);
} families[4];

void socket_family_register(int family, struct socket *(*create)(int type, int protocol))
{
	for (unsigned i = 0; i < ARRAY_SIZE(families); i++) {
		if (families[i].create)
			continue;
		families[i].family = family;
		families[i].create = create;
		return;
	}
}

struct socket *socket_create(int family, int type, int protocol)
{
	for (unsigned i = 0; i < ARRAY_SIZE(families); i++)
		if (families[i].create && families[i].family == family)
			return families[i].create(type, protocol);
	return ERR_PTR(-EAFNOSUPPORT);
}

static ssize_t sock_read(struct file *f, struct uio *u, u64 *pos)
{
	struct socket *s = f->priv;
	struct sockmsg m = {.uio = *u};
	ssize_t r;

	if (!u->left)
		return 0;
	r = s->ops->recv(s, &m, f->flags & O_NONBLOCK);
	for (unsigned i = 0; i < m.nfds; i++)
		file_put(m.fds[i]);
	return r;
}

static ssize_t sock_write(struct file *f, struct uio *u, u64 *pos)
{
	struct socket *s = f->priv;
	struct sockmsg m = {.uio = *u};

	return s->ops->send(s, &m, f->flags & O_NONBLOCK);
}

static unsigned sock_poll(struct file *f, struct waitq **wq)
{
	struct socket *s = f->priv;

	return s->ops->poll(s, wq);
}

static long sock_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct socket *s = f->priv;

	long ret = netdev_ioctl(cmd, arg);

	if (ret != -ENOTTY)
		return ret;
	return s->ops->ioctl ? s->ops->ioctl(s, cmd, arg) : -ENOTTY;
}

static void sock_release(struct file *f)
{
	struct socket *s = f->priv;

	s->ops->release(s);
}

static u64 sock_held(const struct file *f)
{
	const struct socket *s = f->priv;

	return s->ops->held ? s->ops->held(s) : 0;
}

static const struct file_ops socket_file_ops = {
	.held = sock_held,
	.read = sock_read,
	.write = sock_write,
	.poll = sock_poll,
	.ioctl = sock_ioctl,
	.release = sock_release,
};

struct file *socket_file(struct socket *s, unsigned flags)
{
	struct file *f = file_create(&socket_file_ops, flags, s);
	struct inode *ino = inode_create(S_IFSOCK | 0777);

	if (!f || !ino) {
		if (f) {
			f->priv = NULL;
			f->ops = NULL;
			file_put(f);
		}
		if (ino)
			inode_put(ino);
		s->ops->release(s);
		return ERR_PTR(-ENOMEM);
	}
	f->inode = ino;
	return f;
}

struct socket *socket_of(struct file *f)
{
	return f->ops == &socket_file_ops ? f->priv : NULL;
}

struct file *socket_get(int fd, struct socket **s)
{
	struct file *f = fd_get(fd);

	if (!f)
		return ERR_PTR(-EBADF);
	if (f->ops != &socket_file_ops) {
		file_put(f);
		return ERR_PTR(-ENOTSOCK);
	}
	*s = f->priv;
	return f;
}
