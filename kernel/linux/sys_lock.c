/* SPDX-License-Identifier: MIT */
/* Locks: the requests of fcntl and flock. */
#include "sys.h"

#include "sys_lock.h"

#include <nub/errno.h>
#include <nub/locks.h>
#include <nub/process.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#include <linux/fs.h>

#define LOCK_END 0x7fffffffffffffffUL /* the last byte that a file may have */

struct user_flock {
	s16 type, whence;
	s64 start, len;
	s32 pid;
};

static int range(const struct file *f, const struct user_flock *u, struct lock *l)
{
	s64 base, start, end;

	switch (u->whence) {
	case SEEK_SET:
		base = 0;
		break;
	case SEEK_CUR:
		base = (s64)f->pos;
		break;
	case SEEK_END:
		base = (s64)f->inode->size;
		break;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, u->start, &start))
		return -EOVERFLOW;
	if (start < 0)
		return -EINVAL;
	end = (s64)LOCK_END;
	if (u->len > 0 && __builtin_add_overflow(start, u->len - 1, &end))
		return -EOVERFLOW;
	if (u->len < 0) {
		end = start - 1;
		if (__builtin_add_overflow(start, u->len, &start) || start < 0)
			return -EINVAL;
	}
	l->start = (u64)start;
	l->end = (u64)end;
	return 0;
}

static int lock_read(struct file *f, const struct user_flock *u, bool ofd, struct lock *l)
{
	if (!f->inode)
		return -EINVAL;
	if (u->type != F_RDLCK && u->type != F_WRLCK && u->type != F_UNLCK)
		return -EINVAL;
	if (ofd && u->pid)
		return -EINVAL;
	*l = (struct lock){
		.owner = ofd ? (void *)f : (void *)current->files,
		.pid = ofd ? -1 : current->proc->pid,
		.write = u->type == F_WRLCK,
	};
	return range(f, u, l);
}

long lock_get(struct file *f, void *arg, bool ofd)
{
	const struct lock *other;
	struct user_flock u;
	struct lock l;
	int err = copy_from_user(&u, arg, sizeof(u));

	if (!err)
		err = lock_read(f, &u, ofd, &l);
	if (!err && u.type == F_UNLCK)
		err = -EINVAL;
	if (err)
		return err;
	other = lock_conflict(f->inode, &l);
	u.type = !other ? F_UNLCK : other->write ? F_WRLCK : F_RDLCK;
	if (other) {
		u.whence = SEEK_SET;
		u.start = (s64)other->start;
		u.len = other->end == LOCK_END ? 0 : (s64)(other->end - other->start + 1);
		u.pid = other->pid;
	}
	return copy_to_user(arg, &u, sizeof(u));
}

long lock_set(struct file *f, int fd, void *arg, bool ofd, bool wait)
{
	struct user_flock u;
	struct file *still;
	struct lock l;
	int err = copy_from_user(&u, arg, sizeof(u));

	if (!err)
		err = lock_read(f, &u, ofd, &l);
	if (err)
		return err;
	if (u.type == F_UNLCK) {
		lock_release(f->inode, &l);
		return 0;
	}
	if (u.type == F_RDLCK ? !file_readable(f) : !file_writable(f))
		return -EBADF;
	err = lock_take(f->inode, &l, wait);
	if (err || ofd)
		return err;
	/* Closed while we waited: nobody would let go of it any more. */
	still = fd_get(fd);
	if (still != f)
		locks_owner_gone(f->inode, current->files);
	if (still)
		file_put(still);
	return 0;
}

long sys_flock(int fd, int op)
{
	struct file *f = fd_get(fd);
	struct lock l = {.owner = f, .end = LOCK_END, .pid = -1, .whole = true};
	long r = 0;

	if (!f)
		return -EBADF;
	l.write = (op & ~LOCK_NB) == LOCK_EX;
	if (!f->inode)
		r = -EINVAL;
	else if ((op & ~LOCK_NB) == LOCK_UN)
		lock_release(f->inode, &l);
	else if ((op & ~LOCK_NB) == LOCK_SH || l.write)
		r = lock_take(f->inode, &l, !(op & LOCK_NB));
	else
		r = -EINVAL;
	file_put(f);
	return r;
}
