/* SPDX-License-Identifier: MIT */
/* /dev nodes of block devices: reads and writes of any size, flush, discard, ioctls. */
#include <nub/blkdev.h>
#include <nub/clock.h>
#include <nub/errno.h>
#include <nub/printk.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#include <linux/fs.h>

#define PIPELINE 8 /* requests that one call keeps in flight */
#define AGAIN_NS (100 * NS_PER_MSEC)
#define BLKDISCARDZEROES_ _IO(0x12, 124)

static struct list devices = LIST_INIT(devices);

void blk_io_done(struct blk_io *io, int error)
{
	io->error = error;
	io->done = true;
	if (io->owner)
		thread_wake(io->owner);
}

/* Once a second at most: a program that tries again and again must not fill the log. */
static void say_error(const struct blkdev *d, bool write, u64 sector, const char *why)
{
	static u64 silent_until;
	u64 now = clock_now();

	if (now < silent_until)
		return;
	silent_until = now + NS_PER_SEC;
	printk("%s: %s of sector %llu: %s\n", d->name, write ? "write" : "read",
	       (unsigned long long)sector, why);
}

static int io_wait(struct blk_io *io)
{
	while (!io->done)
		thread_sleep(NEVER, false);
	return io->error;
}

/* `patient`: waits for a free request; not while this thread holds others itself. */
static struct blk_io *io_get(struct blkdev *d, enum blk_op op, u64 sector, u64 bytes,
			     bool patient)
{
	u32 room = op == BLK_READ || op == BLK_WRITE ? (u32)bytes : 0;
	struct blk_io *io;
	bool waited = false;

	for (;;) {
		io = d->gone ? NULL : d->ops->get(d, room);
		if (io || d->gone || !patient)
			break;
		/* Not for ever: it may be memory that is short, and nobody tells. */
		waitq_sleep_hard(&d->wq, clock_now() + AGAIN_NS);
		waited = true;
	}
	/*
	 * One is woken for each request that is given back: there may be room for
	 * more.
	 */
	if (io && waited)
		waitq_wake_one(&d->wq);
	if (!io)
		return NULL;
	io->op = op;
	io->sector = sector;
	io->bytes = bytes;
	io->owner = current;
	io->done = false;
	io->error = 0;
	return io;
}

/* Between a request's pages and the caller's memory. */
static size_t io_copy(struct blk_io *io, struct uio *u, size_t from, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t at = from + done;
		size_t part = MIN(n - done, PAGE_SIZE - at % PAGE_SIZE);
		u8 *mem = io->pages[at / PAGE_SIZE] + at % PAGE_SIZE;
		size_t got = io->op == BLK_READ ? uio_put(u, mem, part)
						: uio_get(u, mem, part);

		done += got;
		if (got < part)
			break;
	}
	return done;
}

/* One request and the wait for it: flush, discard. */
static int simple(struct blkdev *d, enum blk_op op, u64 sector, u64 bytes)
{
	struct blk_io *io = io_get(d, op, sector, bytes, true);
	int err;

	if (!io)
		return -EIO;
	d->ops->start(io);
	err = io_wait(io);
	d->ops->put(io);
	return err;
}

/* Less than a block: read it, and for a write change it and write it back. Two writers of
 * one block could lose each other's bytes, so these go one at a time. */
static ssize_t partial(struct blkdev *d, bool write, struct uio *u, u64 pos, size_t n)
{
	static struct waitq turn = {LIST_INIT(turn.waiters)};
	static bool busy;
	u64 block = ALIGN_DOWN(pos, (u64)d->logical_size);
	struct blk_io *io;
	size_t done = 0;
	int err;

	while (busy)
		waitq_sleep_hard(&turn, NEVER);
	busy = true;
	io = io_get(d, BLK_READ, block / 512, d->logical_size, true);
	err = -EIO;
	if (!io)
		goto out;
	d->ops->start(io);
	err = io_wait(io);
	if (!err) {
		io->op = write ? BLK_WRITE : BLK_READ;
		done = io_copy(io, u, pos - block, n);
		if (!done)
			err = -EFAULT;
	}
	if (!err && write) {
		io->done = false;
		d->ops->start(io);
		err = io_wait(io);
	}
	d->ops->put(io);
out:
	busy = false;
	waitq_wake(&turn, 0);
	return err ? err : (ssize_t)done;
}

/* Whole blocks, several requests at a time. Bytes done, or negative errno when none. */
static ssize_t whole(struct blkdev *d, bool write, struct uio *u, u64 pos, size_t n)
{
	struct blk_io *ring[PIPELINE];
	size_t started = 0, done = 0;
	unsigned head = 0, count = 0;
	int err = 0;

	while (count || (!err && started < n)) {
		struct blk_io *io = NULL;
		size_t part;

		if (!err && started < n && count < PIPELINE) {
			part = MIN(n - started, d->max_bytes);
			io = io_get(d, write ? BLK_WRITE : BLK_READ,
				    (pos + started) / 512, part, !count);
			if (!io && !count)
				return done ? (ssize_t)done : -EIO;
		}
		if (io) {
			if (write && io_copy(io, u, 0, part) < part) {
				err = -EFAULT;
				d->ops->put(io);
				continue;
			}
			d->ops->start(io);
			ring[(head + count++) % PIPELINE] = io;
			started += part;
			continue;
		}
		io = ring[head];
		head = (head + 1) % PIPELINE;
		count--;
		if (io_wait(io) && !err) {
			err = io->error;
			say_error(d, write, io->sector, "I/O error");
		}
		if (!err && !write && io_copy(io, u, 0, io->bytes) < io->bytes)
			err = -EFAULT;
		if (!err)
			done += io->bytes;
		d->ops->put(io);
	}
	return done ? (ssize_t)done : err;
}

static ssize_t transfer(struct file *f, bool write, struct uio *u, u64 *pos)
{
	struct blkdev *d = f->priv;
	u64 size = d->sectors * 512, mask = d->logical_size - 1;
	ssize_t total = 0;
	size_t left = u->left;

	if (write && d->readonly)
		return -EPERM;
	if (*pos >= size && write && left) {
		say_error(d, true, *pos / 512, "it is behind the disk's end");
		return -ENOSPC;
	}
	if (*pos >= size)
		return 0;
	left = MIN(left, size - *pos);
	while (left) {
		size_t part = left & ~mask;
		ssize_t ret;

		if (*pos & mask || !part) {
			part = MIN(left, d->logical_size - (*pos & mask));
			ret = partial(d, write, u, *pos, part);
		} else {
			ret = whole(d, write, u, *pos, part);
		}
		if (ret <= 0)
			return total ? total : ret;
		total += ret;
		*pos += (u64)ret;
		left -= (size_t)ret;
		if ((size_t)ret < part)
			break;
	}
	if (write && f->flags & O_DSYNC && d->can_flush) {
		int err = simple(d, BLK_FLUSH, 0, 0);

		if (err)
			return err;
	}
	return total;
}

static ssize_t blk_read(struct file *f, struct uio *u, u64 *pos)
{
	return transfer(f, false, u, pos);
}

static ssize_t blk_write(struct file *f, struct uio *u, u64 *pos)
{
	return transfer(f, true, u, pos);
}

static int blk_sync(struct file *f)
{
	struct blkdev *d = f->priv;

	return d->can_flush ? simple(d, BLK_FLUSH, 0, 0) : 0;
}

static long discard(struct file *f, void __user *arg)
{
	struct blkdev *d = f->priv;
	u64 range[2];

	if ((f->flags & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	if (d->readonly)
		return -EPERM;
	if (!d->can_discard)
		return -EOPNOTSUPP;
	if (copy_from_user(range, arg, sizeof(range)))
		return -EFAULT;
	if (range[0] % d->logical_size || range[1] % d->logical_size ||
	    range[0] > d->sectors * 512 || range[1] > d->sectors * 512 - range[0])
		return -EINVAL;
	return range[1] ? simple(d, BLK_DISCARD, range[0] / 512, range[1]) : 0;
}

static long blk_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct blkdev *d = f->priv;
	void __user *p = (void __user *)arg;
	u16 v16;

	switch (cmd) {
	case BLKGETSIZE64:
		return put_user64(d->sectors * 512, p);
	case BLKGETSIZE:
		return put_user64(d->sectors, p);
	case BLKSSZGET:
	case BLKIOMIN:
		return put_user32(d->logical_size, p);
	case BLKBSZGET:
		return put_user32(4096, p);
	case BLKPBSZGET:
		return put_user32(d->physical_size, p);
	case BLKIOOPT:
	case BLKALIGNOFF:
	case BLKDISCARDZEROES_:
		return put_user32(0, p);
	case BLKROGET:
		return put_user32(d->readonly, p);
	case BLKROTATIONAL:
		v16 = 0;
		return copy_to_user(p, &v16, sizeof(v16));
	case BLKSECTGET:
		v16 = (u16)(d->max_bytes / 512);
		return copy_to_user(p, &v16, sizeof(v16));
	case BLKFLSBUF:
		return blk_sync(f);
	case BLKDISCARD:
		return discard(f, p);
	}
	return -ENOTTY;
}

static void blkdev_put(struct blkdev *d)
{
	if (--d->refs == 0)
		d->ops->release(d);
}

static void blk_release(struct file *f)
{
	blkdev_put(f->priv);
}

static const struct file_ops blk_file_ops = {
	.read = blk_read,
	.write = blk_write,
	.ioctl = blk_ioctl,
	.fsync = blk_sync,
	.release = blk_release,
	.seekable = true,
};

static int blk_open(struct inode *ino, struct file *f)
{
	struct blkdev *d = ino->priv;

	if (!d || d->gone)
		return -ENXIO;
	if (d->readonly && (f->flags & O_ACCMODE) != O_RDONLY)
		return -EROFS;
	d->refs++;
	f->ops = &blk_file_ops;
	f->priv = d;
	return 0;
}

static const struct inode_ops blk_inode_ops = {
	.open = blk_open,
};

struct blkdev *blkdev_find(const char *name)
{
	struct blkdev *d;

	list_for_each(d, &devices, link)
		if (!strcmp(d->name, name))
			return d;
	return NULL;
}

void blkdev_resized(struct blkdev *dev)
{
	if (dev->dent)
		dev->dent->inode->size = dev->sectors * 512;
}

int blkdev_register(struct blkdev *dev, unsigned major, unsigned minor)
{
	char path[32];
	struct dent *dent;

	if (blkdev_find(dev->name))
		return -EEXIST;
	snprintf(path, sizeof(path), "/dev/%s", dev->name);
	dent = tree_try(path, S_IFBLK | 0660, &blk_inode_ops, dev);
	if (!dent)
		return -ENOMEM;
	dev->dent = dent;
	dent->inode->rdev = (u64)major << 8 | minor;
	blkdev_resized(dev);
	dev->refs = 1;
	list_add_tail(&devices, &dev->link);
	return 0;
}

void blkdev_unregister(struct blkdev *dev)
{
	struct dent *dent = dev->dent;

	if (!dent)
		return;
	list_del(&dev->link);
	dev->dent = NULL;
	/* An O_PATH descriptor may keep the inode. */
	dent->inode->priv = NULL;
	dent_unlink(dent);
	dent_put(dent);
	blkdev_put(dev);
}
