/* SPDX-License-Identifier: MIT */
/* Pipes and FIFOs. */
#include <nub/errno.h>
#include <nub/pipe.h>
#include <nub/process.h>
#include <nub/signal.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#include <asm/ioctls.h>

#define PIPE_SIZE 65536 /* of a new one */
#define PIPE_SIZE_MAX (1u << 20)
#define PIPE_BUF 4096

struct pipe {
	int refs, readers, writers;
	u32 head, tail; /* free-running */
	u32 size;	/* a power of two of pages */
	struct waitq wq;
	/* The ring comes page by page as it is needed. */
	u8 **pages;
};

static void pages_free(u8 **pages, u32 size)
{
	for (u32 i = 0; i < size / PAGE_SIZE; i++)
		kfree(pages[i]);
	kfree(pages);
}

static void pipe_put(struct pipe *p)
{
	if (--p->refs)
		return;
	pages_free(p->pages, p->size);
	kfree(p);
}

static u32 used(const struct pipe *p)
{
	return p->head - p->tail;
}

static ssize_t pipe_read(struct file *f, struct uio *u, u64 *pos)
{
	struct pipe *p = f->priv;
	ssize_t done = 0;

	if (!u->left)
		return 0;
	while (!used(p)) {
		int err;

		if (!p->writers)
			return 0;
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = waitq_sleep(&p->wq, NEVER);
		if (err)
			return err;
	}
	while (u->left && used(p)) {
		u32 off = p->tail % p->size;
		size_t n =
			MIN(MIN((size_t)used(p), PAGE_SIZE - off % PAGE_SIZE), u->left);
		size_t k = uio_put(u, p->pages[off / PAGE_SIZE] + off % PAGE_SIZE, n);

		p->tail += (u32)k;
		done += (ssize_t)k;
		if (k < n) {
			done = done ? done : -EFAULT;
			break;
		}
	}
	waitq_wake(&p->wq, POLLOUT | POLLWRNORM);
	return done;
}

static ssize_t pipe_write(struct file *f, struct uio *u, u64 *pos)
{
	struct pipe *p = f->priv;
	size_t atomic = u->left <= PIPE_BUF ? u->left : 1;
	ssize_t done = 0;

	while (u->left) {
		u32 off = p->head % p->size;
		u8 **page = &p->pages[off / PAGE_SIZE];
		size_t room = p->size - used(p), n, k;

		if (!p->readers) {
			if (done)
				return done;
			signal_send(current->proc, current, SIGPIPE, NULL);
			return -EPIPE;
		}
		if (room < (done ? 1 : atomic)) {
			int err;

			if (f->flags & O_NONBLOCK)
				return done ? done : -EAGAIN;
			err = waitq_sleep(&p->wq, NEVER);
			if (err)
				return done ? done : err;
			continue;
		}
		if (!*page)
			*page = kmalloc(PAGE_SIZE);
		if (!*page)
			return done ? done : -ENOMEM;
		n = MIN(MIN(room, PAGE_SIZE - off % PAGE_SIZE), u->left);
		k = uio_get(u, *page + off % PAGE_SIZE, n);
		if (k < n) /* as Linux, the bytes before the fault are dropped */
			return done ? done : -EFAULT;
		p->head += (u32)k;
		done += (ssize_t)k;
		waitq_wake(&p->wq, POLLIN | POLLRDNORM);
	}
	return done;
}

static unsigned pipe_poll(struct file *f, struct waitq **wq)
{
	struct pipe *p = f->priv;
	unsigned mode = f->flags & O_ACCMODE, m = 0;

	*wq = &p->wq;
	if (mode != O_WRONLY) {
		if (used(p))
			m |= POLLIN | POLLRDNORM;
		if (!p->writers)
			m |= POLLHUP;
	}
	if (mode != O_RDONLY) {
		if (p->size - used(p) >= PIPE_BUF)
			m |= POLLOUT | POLLWRNORM;
		if (!p->readers)
			m |= POLLERR;
	}
	return m;
}

static long pipe_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	if (cmd == FIONREAD)
		return put_user32(used(f->priv), (void *)arg);
	return -ENOTTY;
}

/* The ring's bytes go to the beginning of a new one. */
static int pipe_resize(struct pipe *p, u64 arg)
{
	u32 size = PAGE_SIZE, n = used(p), k;
	u8 **pages;

	if (arg > 1u << 31)
		return -EINVAL;
	if (arg > PIPE_SIZE_MAX)
		return -EPERM;
	while (size < arg)
		size *= 2;
	if (size < n)
		return -EBUSY;
	pages = kcalloc(size / PAGE_SIZE, sizeof(*pages));
	if (!pages)
		return -ENOMEM;
	for (u32 at = 0; at < n; at += k) {
		u32 from = (p->tail + at) % p->size, to = at % PAGE_SIZE;

		k = MIN(MIN((u32)PAGE_SIZE - from % PAGE_SIZE, (u32)PAGE_SIZE - to),
			n - at);
		if (!to)
			pages[at / PAGE_SIZE] = kmalloc(PAGE_SIZE);
		if (!pages[at / PAGE_SIZE]) {
			pages_free(pages, size);
			return -ENOMEM;
		}
		memcpy(pages[at / PAGE_SIZE] + to,
		       p->pages[from / PAGE_SIZE] + from % PAGE_SIZE, k);
	}
	pages_free(p->pages, p->size);
	p->pages = pages;
	p->size = size;
	p->tail = 0;
	p->head = n;
	waitq_wake(&p->wq, POLLOUT | POLLWRNORM);
	return (int)size;
}

static int pipe_fcntl(struct file *f, unsigned cmd, u64 arg)
{
	struct pipe *p = f->priv;

	switch (cmd) {
	case F_SETPIPE_SZ:
		return pipe_resize(p, (u32)arg);
	case F_GETPIPE_SZ:
		return (int)p->size;
	default:
		return -EINVAL;
	}
}

static void pipe_release(struct file *f)
{
	struct pipe *p = f->priv;
	unsigned mode = f->flags & O_ACCMODE;

	if (mode != O_WRONLY)
		p->readers--;
	if (mode != O_RDONLY)
		p->writers--;
	waitq_wake(&p->wq, POLLHUP | POLLERR | POLLIN | POLLOUT);
	if (f->inode && f->inode->priv == p && p->refs == 1)
		f->inode->priv = NULL;
	pipe_put(p);
}

static u64 pipe_held(const struct file *f)
{
	const struct pipe *p = f->priv;
	u64 sum = sizeof(*p);

	for (u32 i = 0; i < p->size / PAGE_SIZE; i++)
		sum += p->pages[i] ? PAGE_SIZE : 0;
	return sum;
}

static const struct file_ops pipe_ops = {
	.held = pipe_held,
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.fcntl = pipe_fcntl,
	.release = pipe_release,
};

static struct pipe *pipe_alloc(void)
{
	struct pipe *p = kzalloc(sizeof(*p));

	if (!p)
		return NULL;
	p->size = PIPE_SIZE;
	p->pages = kcalloc(p->size / PAGE_SIZE, sizeof(*p->pages));
	if (!p->pages) {
		kfree(p);
		return NULL;
	}
	waitq_init(&p->wq);
	return p;
}

int pipe_create(struct file *out[2], unsigned flags)
{
	struct pipe *p = pipe_alloc();
	struct inode *ino = inode_create(S_IFIFO | 0600);

	out[0] = p && ino ? file_create(&pipe_ops, O_RDONLY | flags, p) : NULL;
	out[1] = out[0] ? file_create(&pipe_ops, O_WRONLY | flags, p) : NULL;
	if (!out[1]) {
		kfree(out[0]);
		if (p)
			pages_free(p->pages, p->size);
		kfree(p);
		kfree(ino);
		return -ENOMEM;
	}
	p->refs = 2;
	p->readers = p->writers = 1;
	out[0]->inode = ino;
	out[1]->inode = inode_get(ino);
	return 0;
}

static int fifo_open(struct inode *ino, struct file *f)
{
	unsigned mode = f->flags & O_ACCMODE;
	struct pipe *p = ino->priv;

	if (mode == O_WRONLY && f->flags & O_NONBLOCK && (!p || !p->readers))
		return -ENXIO;
	if (!p) {
		p = pipe_alloc();
		if (!p)
			return -ENOMEM;
		ino->priv = p;
	}
	p->refs++;
	if (mode != O_WRONLY)
		p->readers++;
	if (mode != O_RDONLY)
		p->writers++;
	waitq_wake(&p->wq, 0);
	f->priv = p;
	f->ops = &pipe_ops;
	while (!(f->flags & O_NONBLOCK) &&
	       ((mode == O_RDONLY && !p->writers && !used(p)) ||
		(mode == O_WRONLY && !p->readers))) {
		int err = waitq_sleep(&p->wq, NEVER);

		if (err) {
			pipe_release(f);
			return err;
		}
	}
	return 0;
}

const struct inode_ops fifo_inode_ops = {.open = fifo_open};
