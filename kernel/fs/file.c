/* SPDX-License-Identifier: MIT */
/* Open files: life and the common front of their operations. */
#include <nub/errno.h>
#include <nub/locks.h>
#include <nub/slab.h>
#include <nub/vfs.h>

struct file *file_create(const struct file_ops *ops, unsigned flags, void *priv)
{
	struct file *f = kzalloc(sizeof(*f));

	if (!f)
		return NULL;
	f->refs = 1;
	f->ops = ops;
	f->flags = flags;
	f->priv = priv;
	list_init(&f->epitems);
	return f;
}

void file_put(struct file *f)
{
	if (--f->refs)
		return;
	if (f->gone)
		f->gone(f);
	if (f->ops && f->ops->release)
		f->ops->release(f);
	if (f->dent)
		dent_put(f->dent);
	if (f->inode && f->inode->locks)
		locks_owner_gone(f->inode, f);
	if (f->writer)
		inode_writer_put(f->inode);
	if (f->inode)
		inode_put(f->inode);
	kfree(f);
}

unsigned file_poll(struct file *f, struct waitq **wq)
{
	*wq = NULL;
	if (!f->ops->poll)
		return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
	return f->ops->poll(f, wq);
}

ssize_t file_read(struct file *f, struct uio *u, u64 *pos)
{
	if ((f->flags & O_ACCMODE) == O_WRONLY)
		return -EBADF;
	if (f->inode && S_ISDIR(f->inode->mode))
		return -EISDIR;
	if (!f->ops->read)
		return -EINVAL;
	return f->ops->read(f, u, pos);
}

ssize_t file_write(struct file *f, struct uio *u, u64 *pos)
{
	if ((f->flags & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	if (!f->ops->write)
		return -EINVAL;
	return f->ops->write(f, u, pos);
}
