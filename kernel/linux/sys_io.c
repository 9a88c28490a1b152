/* SPDX-License-Identifier: MIT */
/* Reading, writing, seeking, copying. */
#include "sys.h"

#include <nub/errno.h>
#include <nub/page.h>
#include <nub/process.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#include <linux/falloc.h>
#include <linux/fs.h>

#define RW_MAX 0x7ffff000UL /* bytes of one call, as in Linux */

enum dir { READ, WRITE };

static bool is_dir(const struct file *f)
{
	return f->inode && S_ISDIR(f->inode->mode);
}

static long rw(struct file *f, struct uio *u, enum dir d, const s64 *at)
{
	bool lock = !at && file_is_regular(f);
	ssize_t r;
	u64 pos;

	if (at && (*at < 0 || (s64)((u64)*at + u->left) < 0))
		return -EINVAL;
	if (at && !f->ops->seekable && !is_dir(f))
		return f->inode && S_ISCHR(f->inode->mode) ? -EINVAL : -ESPIPE;
	if (lock)
		mutex_lock(&f->pos_lock);
	u->left = MIN(u->left, RW_MAX);
	pos = at ? (u64)*at : f->pos;
	r = d == READ ? file_read(f, u, &pos) : file_write(f, u, &pos);
	if (r >= 0 && !at)
		f->pos = pos;
	if (lock)
		mutex_unlock(&f->pos_lock);
	return r;
}

static long rw_buffer(int fd, void *buf, u64 count, enum dir d, const s64 *at)
{
	struct file *f = fd_get(fd);
	struct uio u;
	long r;

	if (!f)
		return -EBADF;
	if ((s64)count < 0) {
		file_put(f);
		return -EINVAL;
	}
	uio_user(&u, buf, count);
	r = user_range_ok(buf, count) ? rw(f, &u, d, at) : -EFAULT;
	file_put(f);
	return r;
}

long sys_read(int fd, void *buf, u64 count)
{
	return rw_buffer(fd, buf, count, READ, NULL);
}
long sys_write(int fd, const void *buf, u64 count)
{
	return rw_buffer(fd, (void *)(u64)buf, count, WRITE, NULL);
}
long sys_pread64(int fd, void *buf, u64 count, s64 off)
{
	return off < 0 ? -EINVAL : rw_buffer(fd, buf, count, READ, &off);
}
long sys_pwrite64(int fd, const void *buf, u64 count, s64 off)
{
	return off < 0 ? -EINVAL : rw_buffer(fd, (void *)(u64)buf, count, WRITE, &off);
}

static long rw_vector(int fd, const void *uvec, u64 count, enum dir d, const s64 *at)
{
	struct file *f = fd_get(fd);
	struct uio_vec *vec;
	struct uio u;
	long r;

	if (!f)
		return -EBADF;
	r = iovec_import(uvec, count, &u, &vec);
	if (!r)
		r = rw(f, &u, d, at);
	kfree(vec);
	file_put(f);
	return r;
}

long sys_readv(int fd, const void *vec, u64 n)
{
	return rw_vector(fd, vec, n, READ, NULL);
}
long sys_writev(int fd, const void *vec, u64 n)
{
	return rw_vector(fd, vec, n, WRITE, NULL);
}
long sys_preadv(int fd, const void *vec, u64 n, u64 lo, u64 hi)
{
	s64 off = (s64)lo;

	return off < 0 ? -EINVAL : rw_vector(fd, vec, n, READ, &off);
}
long sys_pwritev(int fd, const void *vec, u64 n, u64 lo, u64 hi)
{
	s64 off = (s64)lo;

	return off < 0 ? -EINVAL : rw_vector(fd, vec, n, WRITE, &off);
}
long sys_preadv2(int fd, const void *vec, u64 n, u64 lo, u64 hi, int flags)
{
	return (s64)lo == -1 ? sys_readv(fd, vec, n) : sys_preadv(fd, vec, n, lo, hi);
}
long sys_pwritev2(int fd, const void *vec, u64 n, u64 lo, u64 hi, int flags)
{
	return (s64)lo == -1 ? sys_writev(fd, vec, n) : sys_pwritev(fd, vec, n, lo, hi);
}

static s64 seek_target(const struct file *f, s64 off, int whence)
{
	u64 size;

	switch (whence) {
	case SEEK_SET:
		return off;
	case SEEK_CUR:
		return (s64)f->pos + off;
	case SEEK_END:
		return is_dir(f) ? -EINVAL : (s64)f->inode->size + off;
	case SEEK_DATA:
	case SEEK_HOLE:
		if (is_dir(f))
			return -EINVAL;
		size = f->inode->size;
		if (off < 0 || (u64)off >= size)
			return -ENXIO;
		return whence == SEEK_DATA ? off : (s64)size;
	default:
		return -EINVAL;
	}
}

static s64 seek(struct file *f, s64 off, int whence)
{
	s64 pos;

	/* Character devices other than terminals let a seek pass, and so do eventfd and
	 * its kin. */
	if (!f->ops->seekable && !is_dir(f))
		return !f->inode || (S_ISCHR(f->inode->mode) && !f->ops->poll) ? 0
									       : -ESPIPE;
	mutex_lock(&f->pos_lock);
	pos = seek_target(f, off, whence);
	if (pos > (s64)FILE_MAX && file_is_regular(f))
		pos = -EINVAL;
	if (pos >= 0)
		f->pos = (u64)pos;
	else if (pos != -ENXIO)
		pos = -EINVAL;
	mutex_unlock(&f->pos_lock);
	return pos;
}

long sys_lseek(int fd, s64 off, int whence)
{
	struct file *f = fd_get(fd);
	s64 pos;

	if (!f)
		return -EBADF;
	pos = seek(f, off, whence);
	file_put(f);
	return pos;
}

/* Through a kernel page. */
static long copy_between(struct file *in, u64 *in_pos, struct file *out, u64 *out_pos,
			 u64 count)
{
	u8 *buf = kmalloc(PAGE_SIZE);
	long done = 0;

	if (!buf)
		return -ENOMEM;
	while (count) {
		struct uio u;
		u64 before = *in_pos;
		ssize_t n, w;

		uio_kernel(&u, buf, MIN(count, PAGE_SIZE));
		n = file_read(in, &u, in_pos);
		if (n <= 0) {
			done = done ? done : n;
			break;
		}
		uio_kernel(&u, buf, (size_t)n);
		w = file_write(out, &u, out_pos);
		if (w < n) {
			*in_pos = before + (u64)MAX(w, 0);
			done = w > 0 ? done + w : done ? done : w;
			break;
		}
		done += n;
		count -= (u64)n;
	}
	kfree(buf);
	return done;
}

struct copy {
	struct file *in, *out;
	u64 in_pos, out_pos, count;
};

static long sendfile_check(struct copy *c)
{
	if (!file_readable(c->in) || !file_writable(c->out))
		return -EBADF;
	if ((s64)c->in_pos < 0 || (s64)c->count < 0 || c->out->flags & O_APPEND ||
	    (s64)(c->in_pos + c->count) < 0 || !c->in->ops->seekable || is_dir(c->in))
		return -EINVAL;
	return 0;
}

/* Between two regular files, not onto itself. */
static long copy_range_check(struct copy *c)
{
	u64 size = c->in->inode ? c->in->inode->size : 0;

	if (is_dir(c->in) || is_dir(c->out))
		return -EISDIR;
	if (!file_is_regular(c->in) || !file_is_regular(c->out))
		return -EINVAL;
	if (!file_readable(c->in) || !file_writable(c->out) || c->out->flags & O_APPEND)
		return -EBADF;
	if (c->in_pos + c->count < c->in_pos || c->out_pos + c->count < c->out_pos)
		return -EOVERFLOW;
	if ((s64)c->in_pos < 0 || (s64)c->out_pos < 0)
		return -EINVAL;
	c->count = c->in_pos < size ? MIN(c->count, size - c->in_pos) : 0;
	if (c->in->inode == c->out->inode && c->out_pos + c->count > c->in_pos &&
	    c->out_pos < c->in_pos + c->count)
		return -EINVAL;
	return 0;
}

/* The positions of both, in the order of their addresses, so that two copies do not wait
 * for each other. */
static void positions_lock(struct file *a, struct file *b)
{
	mutex_lock(a < b ? &a->pos_lock : &b->pos_lock);
	if (a != b)
		mutex_lock(a < b ? &b->pos_lock : &a->pos_lock);
}

static void positions_unlock(struct file *a, struct file *b)
{
	mutex_unlock(&a->pos_lock);
	if (a != b)
		mutex_unlock(&b->pos_lock);
}

/* Offsets NULL: the file's own position. */
static long copy_run(struct copy *c, void *uin, void *uout, long (*check)(struct copy *c))
{
	long r;

	c->in_pos = c->in->pos;
	c->out_pos = c->out->pos;
	if ((uin && get_user64(&c->in_pos, uin)) ||
	    (uout && get_user64(&c->out_pos, uout)))
		return -EFAULT;
	r = check(c);
	if (r)
		return r;
	r = copy_between(c->in, &c->in_pos, c->out, &c->out_pos, MIN(c->count, RW_MAX));
	if (r < 0)
		return r;
	if (!uin)
		c->in->pos = c->in_pos;
	else if (put_user64(c->in_pos, uin))
		r = -EFAULT;
	if (!uout)
		c->out->pos = c->out_pos;
	else if (put_user64(c->out_pos, uout))
		r = -EFAULT;
	return r;
}

static long copy_files(int infd, void *uin, int outfd, void *uout, u64 count,
		       long (*check)(struct copy *c))
{
	struct copy c = {.in = fd_get(infd), .out = fd_get(outfd), .count = count};
	long r = -EBADF;

	if (c.in && c.out) {
		positions_lock(c.in, c.out);
		r = copy_run(&c, uin, uout, check);
		positions_unlock(c.in, c.out);
	}
	if (c.in)
		file_put(c.in);
	if (c.out)
		file_put(c.out);
	return r;
}

long sys_sendfile(int out, int in, void *off, u64 count)
{
	return copy_files(in, off, out, NULL, count, sendfile_check);
}

long sys_copy_file_range(int in, void *offin, int out, void *offout, u64 len, u32 flags)
{
	return copy_files(in, offin, out, offout, len, copy_range_check);
}

long sys_ftruncate(int fd, s64 len)
{
	struct file *f = fd_get(fd);
	long r;

	if (!f)
		return -EBADF;
	if (len < 0 || f->ops != &regular_file_ops || (f->flags & O_ACCMODE) == O_RDONLY)
		r = -EINVAL;
	else
		r = inode_truncate(f->inode, (u64)len);
	file_put(f);
	return r;
}

long sys_truncate(const char *path, s64 len)
{
	struct dent *d;
	long r;

	if (len < 0)
		return -EINVAL;
	d = path_lookup_at(AT_FDCWD, path, 0, NULL, false);
	if (IS_ERR(d))
		return PTR_ERR(d);
	r = S_ISDIR(d->inode->mode) ? -EISDIR
	    : !S_ISREG(d->inode->mode) || (d->inode->ops && d->inode->ops->open)
		    ? -EINVAL
		    : inode_writer_get(d->inode);
	if (!r) {
		r = inode_truncate(d->inode, (u64)len);
		inode_writer_put(d->inode);
	}
	dent_put(d);
	return r;
}

long sys_fallocate(int fd, int mode, s64 off, s64 len)
{
	struct file *f = fd_get(fd);
	s64 end;
	long r;

	if (!f)
		return -EBADF;
	if (off < 0 || len <= 0)
		r = -EINVAL;
	else if (mode == FALLOC_FL_PUNCH_HOLE)
		r = -EOPNOTSUPP;
	else if ((f->flags & O_ACCMODE) == O_RDONLY)
		r = -EBADF;
	else if (f->ops != &regular_file_ops)
		r = f->inode && S_ISFIFO(f->inode->mode) ? -ESPIPE : -ENODEV;
	else if (__builtin_add_overflow(off, len, &end))
		r = -EFBIG;
	else
		r = inode_allocate(f->inode, mode, (u64)off, (u64)end);
	file_put(f);
	return r;
}

static long check_fd(int fd)
{
	struct file *f = fd_get(fd);

	if (!f)
		return -EBADF;
	file_put(f);
	return 0;
}

static long sync_fd(int fd)
{
	struct file *f = fd_get(fd);
	long r;

	if (!f)
		return -EBADF;
	if (f->ops->fsync)
		r = f->ops->fsync(f);
	else
		r = f->ops->seekable || (f->inode && S_ISDIR(f->inode->mode)) ? 0
									      : -EINVAL;
	file_put(f);
	return r;
}

long sys_fsync(int fd)
{
	return sync_fd(fd);
}
long sys_fdatasync(int fd)
{
	return sync_fd(fd);
}
long sys_sync(void)
{
	return 0;
}
long sys_fadvise64(int fd, s64 off, s64 len, int advice)
{
	if (len < 0)
		return check_fd(fd) ? -EBADF : -EINVAL;
	return check_fd(fd);
}
