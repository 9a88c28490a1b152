/* SPDX-License-Identifier: MIT */
/* File attributes. */
#include "sys.h"

#include <nub/clock.h>
#include <nub/deadline.h>
#include <nub/errno.h>
#include <nub/page.h>
#include <nub/process.h>
#include <nub/string.h>
#include <nub/uaccess.h>
#include <nub/uapi.h>
#include <nub/vfs.h>

#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/magic.h>

#define UTIME_NOW 0x3fffffffL
#define UTIME_OMIT 0x3ffffffeL

static void stat_fill(struct stat *st, const struct inode *ino)
{
	memset(st, 0, sizeof(*st));
	st->st_dev = 1;
	st->st_ino = ino->ino;
	st->st_nlink = ino->nlink;
	st->st_mode = ino->mode;
	st->st_uid = ino->uid;
	st->st_gid = ino->gid;
	st->st_rdev = ino->rdev;
	st->st_size = (long)ino->size;
	st->st_blksize = PAGE_SIZE;
	st->st_blocks = S_ISREG(ino->mode) ? (long)((ino->size + 511) / 512) : 0;
	st->st_atime = (u64)(ino->atime / (s64)NS_PER_SEC);
	st->st_atime_nsec = (u64)(ino->atime % (s64)NS_PER_SEC);
	st->st_mtime = (u64)(ino->mtime / (s64)NS_PER_SEC);
	st->st_mtime_nsec = (u64)(ino->mtime % (s64)NS_PER_SEC);
	st->st_ctime = (u64)(ino->ctime / (s64)NS_PER_SEC);
	st->st_ctime_nsec = (u64)(ino->ctime % (s64)NS_PER_SEC);
}

/* The attributes of a file without an inode of its own (eventfd and its kin). */
static struct inode *anon_inode(void)
{
	static struct inode *ino;

	if (!ino)
		ino = inode_create(0600);
	return ino;
}

static long stat_fd(int fd, struct stat *st)
{
	struct file *f = fd_get_any(fd);
	struct inode *ino;

	if (!f)
		return -EBADF;
	ino = f->inode ? f->inode : anon_inode();
	if (ino)
		stat_fill(st, ino);
	file_put(f);
	return ino ? 0 : -ENOMEM;
}

static long stat_at(int dir, const char *path, int flags, struct stat *st)
{
	struct dent *d;
	char first;

	if (flags & AT_EMPTY_PATH && dir != AT_FDCWD) {
		if (!path)
			return stat_fd(dir, st);
		if (copy_from_user(&first, path, 1))
			return -EFAULT;
		if (!first)
			return stat_fd(dir, st);
	}
	d = path_lookup_at(dir, path, flags & AT_SYMLINK_NOFOLLOW ? LOOKUP_NOFOLLOW : 0,
			   NULL, flags & AT_EMPTY_PATH);
	if (IS_ERR(d))
		return PTR_ERR(d);
	stat_fill(st, d->inode);
	dent_put(d);
	return 0;
}

long sys_newfstatat(int dir, const char *path, void *buf, int flags)
{
	struct stat st;
	long r = stat_at(dir, path, flags, &st);

	return r ? r : copy_to_user(buf, &st, sizeof(st));
}

long sys_stat(const char *path, void *buf)
{
	return sys_newfstatat(AT_FDCWD, path, buf, 0);
}

long sys_lstat(const char *path, void *buf)
{
	return sys_newfstatat(AT_FDCWD, path, buf, AT_SYMLINK_NOFOLLOW);
}

long sys_fstat(int fd, void *buf)
{
	struct stat st;
	long r = stat_fd(fd, &st);

	return r ? r : copy_to_user(buf, &st, sizeof(st));
}

static struct statx_timestamp stamp(u64 sec, u64 nsec)
{
	return (struct statx_timestamp){.tv_sec = (s64)sec, .tv_nsec = (u32)nsec};
}

long sys_statx(int dir, const char *path, int flags, u32 mask, void *buf)
{
	struct statx sx = {0};
	struct stat st;
	long r;

	if ((flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	r = stat_at(dir, path, flags, &st);
	if (r)
		return r;
	sx.stx_mask = STATX_BASIC_STATS;
	sx.stx_blksize = (u32)st.st_blksize;
	sx.stx_nlink = (u32)st.st_nlink;
	sx.stx_uid = st.st_uid;
	sx.stx_gid = st.st_gid;
	sx.stx_mode = (u16)st.st_mode;
	sx.stx_ino = st.st_ino;
	sx.stx_size = (u64)st.st_size;
	sx.stx_blocks = (u64)st.st_blocks;
	sx.stx_atime = stamp(st.st_atime, st.st_atime_nsec);
	sx.stx_mtime = stamp(st.st_mtime, st.st_mtime_nsec);
	sx.stx_ctime = stamp(st.st_ctime, st.st_ctime_nsec);
	sx.stx_rdev_major = (u32)(st.st_rdev >> 8);
	sx.stx_rdev_minor = (u32)(st.st_rdev & 0xff);
	sx.stx_dev_minor = 1;
	return copy_to_user(buf, &sx, sizeof(sx));
}

static long access_at(int dir, const char *path, int mode, int flags)
{
	struct dent *d;
	long r = 0;

	d = path_lookup_at(dir, path, flags & AT_SYMLINK_NOFOLLOW ? LOOKUP_NOFOLLOW : 0,
			   NULL, flags & AT_EMPTY_PATH);
	if (IS_ERR(d))
		return PTR_ERR(d);
	/* Root may do everything but execute what nobody may execute. */
	if (mode & 1 && !S_ISDIR(d->inode->mode) && !(d->inode->mode & 0111))
		r = -EACCES;
	dent_put(d);
	return r;
}

long sys_access(const char *path, int mode)
{
	return access_at(AT_FDCWD, path, mode, 0);
}
long sys_faccessat(int dir, const char *path, int mode)
{
	return access_at(dir, path, mode, 0);
}
long sys_faccessat2(int dir, const char *path, int mode, int flags)
{
	return access_at(dir, path, mode, flags);
}

/* --- changes --- */

static int chmod_inode(struct inode *ino, u32 mode)
{
	if (ino->seals != ~0u && ino->seals & F_SEAL_EXEC && (ino->mode ^ mode) & 0111)
		return -EPERM;
	ino->mode = (ino->mode & S_IFMT) | (mode & 07777);
	ino->ctime = (s64)clock_real();
	return 0;
}

static void chown_inode(struct inode *ino, u32 uid, u32 gid)
{
	if (uid != ~0u)
		ino->uid = uid;
	if (gid != ~0u)
		ino->gid = gid;
	if (!S_ISDIR(ino->mode)) {
		ino->mode &= ~(u32)S_ISUID;
		if (ino->mode & S_IXGRP)
			ino->mode &= ~(u32)S_ISGID;
	}
	ino->ctime = (s64)clock_real();
}

long sys_fchmodat2(int dir, const char *path, u32 mode, int flags)
{
	struct dent *d = path_lookup_at(dir, path,
					flags & AT_SYMLINK_NOFOLLOW ? LOOKUP_NOFOLLOW : 0,
					NULL, flags & AT_EMPTY_PATH);
	long r;

	if (IS_ERR(d))
		return PTR_ERR(d);
	r = S_ISLNK(d->inode->mode) ? -EOPNOTSUPP : chmod_inode(d->inode, mode);
	dent_put(d);
	return r;
}
long sys_fchmodat(int dir, const char *path, u32 mode)
{
	return sys_fchmodat2(dir, path, mode, 0);
}
long sys_chmod(const char *path, u32 mode)
{
	return sys_fchmodat2(AT_FDCWD, path, mode, 0);
}

long sys_fchmod(int fd, u32 mode)
{
	struct file *f = fd_get(fd);
	long r;

	if (!f)
		return -EBADF;
	r = f->inode ? chmod_inode(f->inode, mode) : 0;
	file_put(f);
	return r;
}

long sys_fchownat(int dir, const char *path, u32 uid, u32 gid, int flags)
{
	struct dent *d = path_lookup_at(dir, path,
					flags & AT_SYMLINK_NOFOLLOW ? LOOKUP_NOFOLLOW : 0,
					NULL, flags & AT_EMPTY_PATH);

	if (IS_ERR(d))
		return PTR_ERR(d);
	chown_inode(d->inode, uid, gid);
	dent_put(d);
	return 0;
}
long sys_chown(const char *path, u32 uid, u32 gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, 0);
}
long sys_lchown(const char *path, u32 uid, u32 gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}
long sys_fchown(int fd, u32 uid, u32 gid)
{
	struct file *f = fd_get(fd);

	if (!f)
		return -EBADF;
	if (f->inode)
		chown_inode(f->inode, uid, gid);
	file_put(f);
	return 0;
}

static int time_value(const struct ktimespec *ts, s64 *out)
{
	if (ts->nsec == UTIME_OMIT)
		return 0;
	if (ts->nsec == UTIME_NOW) {
		*out = (s64)clock_real();
		return 0;
	}
	if (ts->nsec < 0 || ts->nsec >= (s64)NS_PER_SEC)
		return -EINVAL;
	*out = ts->sec * (s64)NS_PER_SEC + ts->nsec;
	return 0;
}

static int set_times(struct inode *ino, const struct ktimespec ts[2])
{
	s64 a = ino->atime, m = ino->mtime;

	if (time_value(&ts[0], &a) || time_value(&ts[1], &m))
		return -EINVAL;
	ino->atime = a;
	ino->mtime = m;
	ino->ctime = (s64)clock_real();
	return 0;
}

long sys_utimensat(int dir, const char *path, const void *times, int flags)
{
	struct ktimespec ts[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
	long r;

	if (times && copy_from_user(ts, times, sizeof(ts)))
		return -EFAULT;
	if (!path) {
		struct file *f = fd_get(dir);

		if (!f)
			return -EBADF;
		r = f->inode ? set_times(f->inode, ts) : 0;
		file_put(f);
	} else {
		struct dent *d = path_lookup_at(
			dir, path, flags & AT_SYMLINK_NOFOLLOW ? LOOKUP_NOFOLLOW : 0,
			NULL, flags & AT_EMPTY_PATH);

		if (IS_ERR(d))
			return PTR_ERR(d);
		r = set_times(d->inode, ts);
		dent_put(d);
	}
	return r;
}

long sys_utimes(const char *path, const void *times)
{
	struct ktimespec ts[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
	struct dent *d;
	long r;

	if (times) {
		if (copy_from_user(ts, times, sizeof(ts)))
			return -EFAULT;
		ts[0].nsec *= (s64)NS_PER_USEC;
		ts[1].nsec *= (s64)NS_PER_USEC;
	}
	d = path_lookup_at(AT_FDCWD, path, 0, NULL, false);
	if (IS_ERR(d))
		return PTR_ERR(d);
	r = set_times(d->inode, ts);
	dent_put(d);
	return r;
}

static long statfs_out(void *buf)
{
	struct statfs s = {
		.f_type = TMPFS_MAGIC,
		.f_bsize = PAGE_SIZE,
		.f_blocks = (long)page_stats.total,
		.f_bfree = (long)page_stats.free,
		.f_bavail = (long)page_stats.free,
		.f_files = 1 << 20,
		.f_ffree = 1 << 20,
		.f_namelen = NAME_MAX,
		.f_frsize = PAGE_SIZE,
	};

	return copy_to_user(buf, &s, sizeof(s));
}

long sys_statfs(const char *path, void *buf)
{
	struct dent *d = path_lookup_at(AT_FDCWD, path, 0, NULL, false);

	if (IS_ERR(d))
		return PTR_ERR(d);
	dent_put(d);
	return statfs_out(buf);
}

long sys_fstatfs(int fd, void *buf)
{
	struct file *f = fd_get_any(fd);

	if (!f)
		return -EBADF;
	file_put(f);
	return statfs_out(buf);
}
