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

#define IOV_MAX 1024
#define RW_MAX 0x7ffff000UL /* bytes of one call, as in Linux */

enum dir { READ, WRITE };

static long rw(struct file *f, struct uio *u, enum dir d, const s64 *at)
{
	u64 pos = at ? (u64)*at : f->pos;
	ssize_t r;

	if (f->flags & O_PATH)
		return -EBADF;
	if (at && *at < 0)
		return -EINVAL;
	if (at && !f->ops->seekable)
		return f->inode && S_ISCHR(f->inode->mode) ? -EINVAL : -ESPIPE;
	u->left = MIN(u->left, RW_MAX);
	r = d == READ ? file_read(f, u, &pos) : file_write(f, u, &pos);
	if (r >= 0 && !at)
		f->pos = pos;
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

int iovec_import(const void *uvec, u64 count, struct uio *u, struct uio_vec **vec)
{
	u64 total = 0;

	*vec = NULL;
	if (count > IOV_MAX)
		return -EINVAL;
	if (!count) {
		uio_user(u, NULL, 0);
		return 0;
	}
	if (count > 1) {
		*vec = kmalloc(count * sizeof(**vec));
		if (!*vec)
			return -ENOMEM;
	}
	u->vec = *vec ? *vec : &u->one;
	if (copy_from_user((void *)(u64)u->vec, uvec, count * sizeof(**vec)))
		return -EFAULT;
	for (u64 i = 0; i < count; i++) {
		if ((s64)u->vec[i].len < 0 ||
		    __builtin_add_overflow(total, u->vec[i].len, &total) ||
		    (s64)total < 0)
			return -EINVAL;
		if (!user_range_ok((void *)u->vec[i].base, u->vec[i].len))
			return -EFAULT;
	}
	u->count = (unsigned)count;
	u->kernel = false;
	u->off = 0;
	u->left = total;
	return 0;
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

	(void)hi;
	return off < 0 ? -EINVAL : rw_vector(fd, vec, n, READ, &off);
}
long sys_pwritev(int fd, const void *vec, u64 n, u64 lo, u64 hi)
{
	s64 off = (s64)lo;

	(void)hi;
	return off < 0 ? -EINVAL : rw_vector(fd, vec, n, WRITE, &off);
}
long sys_preadv2(int fd, const void *vec, u64 n, u64 lo, u64 hi, int flags)
{
	if (flags)
		return -EOPNOTSUPP;
	return (s64)lo == -1 ? sys_readv(fd, vec, n) : sys_preadv(fd, vec, n, lo, hi);
}
long sys_pwritev2(int fd, const void *vec, u64 n, u64 lo, u64 hi, int flags)
{
	if (flags)
		return -EOPNOTSUPP;
	return (s64)lo == -1 ? sys_writev(fd, vec, n) : sys_pwritev(fd, vec, n, lo, hi);
}

long sys_lseek(int fd, s64 off, int whence)
{
	struct file *f = fd_get(fd);
	u64 size;
	s64 pos;

	if (!f)
		return -EBADF;
	size = f->inode ? f->inode->size : 0;
	pos = -EINVAL;
	if (f->inode && S_ISDIR(f->inode->mode)) {
		if (whence == 0)
			pos = off;
		else if (whence == 1)
			pos = (s64)f->pos + off;
	} else if (!f->ops->seekable) {
		/* Character devices other than terminals let a seek pass, and so do
		 * eventfd and its kin. */
		pos = !f->inode || (S_ISCHR(f->inode->mode) && !f->ops->poll) ? 0
									      : -ESPIPE;
		file_put(f);
		return pos;
	} else {
		switch (whence) {
		case 0:
			pos = off;
			break;
		case 1:
			pos = (s64)f->pos + off;
			break;
		case 2:
			pos = (s64)size + off;
			break;
		case 3:
			pos = off < 0 || (u64)off >= size ? -ENXIO : off;
			break;
		case 4:
			pos = off < 0 || (u64)off >= size ? -ENXIO : (s64)size;
			break;
		}
		if (pos == -ENXIO) {
			file_put(f);
			return pos;
		}
	}
	if (pos >= 0)
		f->pos = (u64)pos;
	else
		pos = -EINVAL;
	file_put(f);
	return pos;
}

/* Through a kernel page; offsets NULL: the file's own position. */
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

static long copy_files(int infd, void *uin, int outfd, void *uout, u64 count)
{
	struct file *in = fd_get(infd), *out = fd_get(outfd);
	u64 ip = 0, op = 0;
	long r = -EBADF;

	if (!in || !out)
		goto out;
	r = -EFAULT;
	ip = in->pos;
	op = out->pos;
	if ((uin && get_user64(&ip, uin)) || (uout && get_user64(&op, uout)))
		goto out;
	r = -EINVAL;
	if (!in->ops->seekable)
		goto out;
	r = copy_between(in, &ip, out, &op, MIN(count, RW_MAX));
	if (r >= 0) {
		if (!uin)
			in->pos = ip;
		else if (put_user64(ip, uin))
			r = -EFAULT;
		if (!uout)
			out->pos = op;
		else if (put_user64(op, uout))
			r = -EFAULT;
	}
out:
	if (in)
		file_put(in);
	if (out)
		file_put(out);
	return r;
}

long sys_sendfile(int out, int in, void *off, u64 count)
{
	return copy_files(in, off, out, NULL, count);
}

long sys_copy_file_range(int in, void *offin, int out, void *offout, u64 len, u32 flags)
{
	return flags ? -EINVAL : copy_files(in, offin, out, offout, len);
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
		    : inode_truncate(d->inode, (u64)len);
	dent_put(d);
	return r;
}

#define FALLOC_KEEP_SIZE 1
#define FALLOC_PUNCH_HOLE 2

static long punch(struct inode *ino, u64 off, u64 end)
{
	static const u8 zero[512];

	end = MIN(end, ino->size);
	while (off < end) {
		u64 in = off & (PAGE_SIZE - 1),
		    n = MIN(MIN(PAGE_SIZE - in, end - off), 512UL);
		struct page *p;
		int err;

		if (off >= ino->base_size && !radix_get(&ino->pages, off >> PAGE_SHIFT)) {
			off += PAGE_SIZE - in; /* a hole already */
			sched_point();
			continue;
		}
		err = inode_page(ino, off >> PAGE_SHIFT, true, true, &p);
		if (err)
			return err;
		memcpy((u8 *)page_to_virt(p) + in, zero, n);
		page_put(p);
		off += n;
	}
	return 0;
}

long sys_fallocate(int fd, int mode, s64 off, s64 len)
{
	struct file *f = fd_get(fd);
	u64 end = (u64)off + (u64)len;
	long r = 0;

	if (!f)
		return -EBADF;
	if (off < 0 || len <= 0)
		r = -EINVAL;
	else if ((f->flags & O_ACCMODE) == O_RDONLY)
		r = -EBADF;
	else if (f->ops != &regular_file_ops)
		r = f->inode && S_ISFIFO(f->inode->mode) ? -ESPIPE : -ENODEV;
	else if (mode == (FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE))
		r = punch(f->inode, (u64)off, end);
	else if (mode & ~FALLOC_KEEP_SIZE)
		r = -EOPNOTSUPP;
	else if (!mode && end > f->inode->size)
		r = inode_truncate(f->inode, end);
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
long sys_flock(int fd, int op)
{
	(void)op;
	return check_fd(fd);
}
long sys_fadvise64(int fd, s64 off, s64 len, int advice)
{
	(void)off;
	if (advice < 0 || advice > 5 /* POSIX_FADV_NOREUSE */ || len < 0)
		return check_fd(fd) ? -EBADF : -EINVAL;
	return check_fd(fd);
}
