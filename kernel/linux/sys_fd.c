/* SPDX-License-Identifier: MIT */
/* Descriptor calls. */
#include "sys.h"

#include "sys_lock.h"

#include <nub/errno.h>
#include <nub/pipe.h>
#include <nub/printk.h>
#include <nub/process.h>
#include <nub/slab.h>
#include <nub/syscall.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#include <asm/ioctls.h>
#include <linux/close_range.h>

#define O_SETTABLE (O_APPEND | O_NONBLOCK | O_NOATIME | O_DIRECT)

long sys_openat(int dir, const char *upath, int flags, u32 mode)
{
	char *path;
	struct file *f, *start = NULL;
	struct dent *from = NULL;
	ssize_t n;

	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	else
		flags |= O_LARGEFILE;
	path = kmalloc(PATH_MAX);
	if (!path)
		return -ENOMEM;
	n = strncpy_from_user(path, upath, PATH_MAX);
	if (n < 0) {
		kfree(path);
		return n;
	}
	if (path[0] != '/' && dir != AT_FDCWD) {
		start = fd_get_any(dir);
		from = start ? start->dent : NULL;
		if (!from || !S_ISDIR(from->inode->mode)) {
			kfree(path);
			if (start)
				file_put(start);
			return start ? -ENOTDIR : -EBADF;
		}
	}
	if ((flags & O_TMPFILE) == O_TMPFILE) {
		f = file_open_nameless(from, path, (unsigned)flags, mode);
	} else {
		f = file_open(from, path, (unsigned)flags, mode);
	}
	kfree(path);
	if (start)
		file_put(start);
	if (IS_ERR(f))
		return PTR_ERR(f);
	return fd_install(f, flags & O_CLOEXEC);
}

long sys_open(const char *path, int flags, u32 mode)
{
	return sys_openat(AT_FDCWD, path, flags, mode);
}

long sys_creat(const char *path, u32 mode)
{
	return sys_openat(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

long sys_close(int fd)
{
	return fd_close(fd);
}

long sys_close_range(u32 first, u32 last, u32 flags)
{
	int err;

	if (first > last)
		return -EINVAL;
	err = flags & CLOSE_RANGE_UNSHARE ? fdtable_unshare() : 0;
	if (err)
		return err;
	for (int fd = fd_next(current->files, (int)MIN(first, (u32)FD_MAX));
	     fd >= 0 && (u32)fd <= last; fd = fd_next(current->files, fd + 1)) {
		if (flags & CLOSE_RANGE_CLOEXEC)
			fd_set_cloexec(fd, true);
		else
			fd_close(fd);
	}
	return 0;
}

long sys_dup(int fd)
{
	struct file *f = fd_get_any(fd);

	return f ? fd_install(f, false) : -EBADF;
}

long sys_dup2(int old, int new)
{
	if (old == new) {
		struct file *f = fd_get_any(old);

		if (!f)
			return -EBADF;
		file_put(f);
		return new;
	}
	return fd_dup_to(old, new, false);
}

long sys_dup3(int old, int new, int flags)
{
	if (old == new)
		return -EINVAL;
	return fd_dup_to(old, new, flags & O_CLOEXEC);
}

static long control(struct file *f, int fd, unsigned cmd, u64 arg)
{
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if (arg >= fd_limit())
			return -EINVAL;
		return fd_install_from(file_get(f), (int)arg, cmd == F_DUPFD_CLOEXEC);
	case F_GETFD:
		return fd_get_cloexec(fd);
	case F_SETFD:
		return fd_set_cloexec(fd, arg & FD_CLOEXEC);
	case F_GETFL:
		return (long)f->flags;
	case F_SETFL:
		/* No SIGIO; a file without offsets has no direct way past a cache. */
		if (arg & FASYNC || (arg & O_DIRECT && !f->ops->seekable))
			return -EINVAL;
		f->flags =
			(f->flags & ~(unsigned)O_SETTABLE) | ((unsigned)arg & O_SETTABLE);
		return 0;
	case F_GETLK:
	case F_OFD_GETLK:
		return lock_get(f, (void *)arg, cmd == F_OFD_GETLK);
	case F_SETLK:
	case F_SETLKW:
		return lock_set(f, fd, (void *)arg, false, cmd == F_SETLKW);
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return lock_set(f, fd, (void *)arg, true, cmd == F_OFD_SETLKW);
	case F_GETOWN:
		return 0; /* nobody: there is no SIGIO */
	case F_GETOWN_EX:
		return clear_user((void *)arg, 8);
	default:
		return f->ops->fcntl ? f->ops->fcntl(f, cmd, arg) : -EINVAL;
	}
}

long sys_fcntl(int fd, u32 cmd, u64 arg)
{
	struct file *f = fd_get_any(fd);
	long r;

	if (!f)
		return -EBADF;
	if (f->flags & O_PATH && cmd != F_DUPFD && cmd != F_DUPFD_CLOEXEC &&
	    cmd != F_GETFD && cmd != F_SETFD && cmd != F_GETFL)
		r = -EBADF;
	else
		r = control(f, fd, cmd, arg);
	file_put(f);
	return r;
}

/* Asked to learn whether the file is a terminal, a CD drive, or such an interface: the
 * error is the whole answer. */
static bool is_question(u32 cmd)
{
	static const u32 questions[] = {
		0x5401,	 /* TCGETS: isatty() */
		0x5326,	 /* CDROM_DRIVE_STATUS: QEMU's search for a disk's driver */
		0x50ff,	 /* IOCTL_PRIVCMD_UNIMPLEMENTED: libxenforeignmemory */
		0x44703, /* IOCTL_GNTDEV_SET_MAX_GRANTS: Linux has lost it, too */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(questions); i++)
		if (questions[i] == cmd)
			return true;
	return false;
}

/* Once for each number, as far as there is room. */
static void ioctl_missing(u32 cmd)
{
	static u32 logged[32];
	static unsigned n;
	const char *name = NULL;

	if (is_question(cmd))
		return;
	for (unsigned i = 0; i < ioctl_count; i++)
		if (ioctl_table[i].cmd == cmd)
			name = ioctl_table[i].name;
	for (unsigned i = 0; i < n; i++)
		if (logged[i] == cmd)
			return;
	if (n >= ARRAY_SIZE(logged))
		return;
	logged[n++] = cmd;
	printk("nub: %s: ioctl %#x%s%s is not there\n", current->comm, cmd,
	       name ? ", elsewhere " : "", name ? name : "");
}

long sys_ioctl(int fd, u32 cmd, u64 arg)
{
	struct file *f = fd_get(fd);
	long r = -ENOTTY;
	u32 on;

	if (!f)
		return -EBADF;
	if (cmd == FIOCLEX || cmd == FIONCLEX)
		r = fd_set_cloexec(fd, cmd == FIOCLEX);
	else if (cmd == FIONBIO) {
		r = get_user32(&on, (void *)arg);
		if (!r)
			f->flags = on ? f->flags | O_NONBLOCK
				      : f->flags & ~(unsigned)O_NONBLOCK;
	} else if (cmd == FIONREAD && f->ops == &regular_file_ops) {
		r = put_user32((u32)(f->inode->size - f->pos), (void *)arg);
	} else if (f->ops->ioctl) {
		r = f->ops->ioctl(f, cmd, arg);
	}
	if (r == -ENOTTY || r == -ENOSYS)
		ioctl_missing(cmd);
	file_put(f);
	return r;
}

long sys_pipe2(void *fds, int flags)
{
	struct file *f[2];
	s32 fd[2];
	int err;

	err = pipe_create(f, (unsigned)flags & O_NONBLOCK);
	if (err)
		return err;
	fd[0] = fd_install(f[0], flags & O_CLOEXEC);
	if (fd[0] < 0) {
		file_put(f[1]);
		return fd[0];
	}
	fd[1] = fd_install(f[1], flags & O_CLOEXEC);
	if (fd[1] < 0 || copy_to_user(fds, fd, sizeof(fd))) {
		err = fd[1] < 0 ? fd[1] : -EFAULT;
		fd_close(fd[0]);
		if (fd[1] >= 0)
			fd_close(fd[1]);
	}
	return err;
}

long sys_pipe(void *fds)
{
	return sys_pipe2(fds, 0);
}
