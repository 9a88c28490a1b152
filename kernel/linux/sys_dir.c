/* SPDX-License-Identifier: MIT */
/* Calls that change or list the name tree. */
#include "sys.h"

#include <nub/clock.h>
#include <nub/errno.h>
#include <nub/pipe.h>
#include <nub/process.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#include <linux/fs.h>

static bool dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* Parent of a name that is to be made: counted, or ERR_PTR. */
static struct dent *new_name(int dir, const char *upath, char last[NAME_MAX + 1])
{
	struct dent *parent = path_lookup_at(dir, upath, LOOKUP_PARENT, last, false), *d;
	long err = 0;

	if (IS_ERR(parent))
		return parent;
	d = dots(last)			   ? dent_get(parent)
	    : S_ISDIR(parent->inode->mode) ? dent_lookup(parent, last)
					   : NULL;
	if (!S_ISDIR(parent->inode->mode))
		err = -ENOTDIR;
	else if (d)
		err = -EEXIST;
	else if (parent->inode->ops && parent->inode->ops->lookup)
		err = -EACCES;
	else if (!parent->linked && parent != root_dent)
		err = -ENOENT;
	if (d)
		dent_put(d);
	if (err) {
		dent_put(parent);
		return ERR_PTR(err);
	}
	return parent;
}

static long add(struct dent *parent, const char *name, struct inode *ino)
{
	struct dent *d = dent_create(parent, name, ino);

	if (d) {
		dent_link(d);
		dent_put(d);
	}
	dent_put(parent);
	return d ? 0 : -ENOMEM;
}

long sys_mkdirat(int dir, const char *path, u32 mode)
{
	char last[NAME_MAX + 1];
	struct dent *parent = new_name(dir, path, last);

	if (IS_ERR(parent))
		return PTR_ERR(parent);
	return add(parent, last, inode_create_in(parent, S_IFDIR | (mode & 01777)));
}

long sys_mkdir(const char *path, u32 mode)
{
	return sys_mkdirat(AT_FDCWD, path, mode);
}

long sys_mknodat(int dir, const char *path, u32 mode, u32 dev)
{
	char last[NAME_MAX + 1];
	struct dent *parent;
	struct inode *ino;

	if (!(mode & S_IFMT))
		mode |= S_IFREG;
	parent = new_name(dir, path, last);
	if (IS_ERR(parent))
		return PTR_ERR(parent);
	if (!S_ISREG(mode) && !S_ISFIFO(mode) && !S_ISSOCK(mode)) {
		dent_put(parent);
		return -EPERM; /* device nodes come from the kernel */
	}
	ino = inode_create_in(parent, mode & (S_IFMT | 07777));
	if (ino && S_ISFIFO(mode))
		ino->ops = &fifo_inode_ops;
	return add(parent, last, ino);
}

long sys_mknod(const char *path, u32 mode, u32 dev)
{
	return sys_mknodat(AT_FDCWD, path, mode, dev);
}

long sys_symlinkat(const char *utarget, int dir, const char *path)
{
	char last[NAME_MAX + 1], *target = kmalloc(PATH_MAX);
	struct dent *parent;
	struct inode *ino;
	ssize_t n;

	if (!target)
		return -ENOMEM;
	n = strncpy_from_user(target, utarget, PATH_MAX);
	parent = n < 0 ? ERR_PTR(n) : !n ? ERR_PTR(-ENOENT) : new_name(dir, path, last);
	if (IS_ERR(parent)) {
		kfree(target);
		return PTR_ERR(parent);
	}
	ino = inode_create_in(parent, S_IFLNK | 0777);
	if (ino) {
		ino->link = kstrdup(target);
		ino->size = (u64)n;
		if (!ino->link) {
			inode_put(ino);
			ino = NULL;
		}
	}
	kfree(target);
	return add(parent, last, ino);
}

long sys_symlink(const char *target, const char *path)
{
	return sys_symlinkat(target, AT_FDCWD, path);
}

long sys_linkat(int fromdir, const char *from, int todir, const char *to, int flags)
{
	char last[NAME_MAX + 1];
	struct dent *old, *parent;
	struct inode *ino;

	old = path_lookup_at(fromdir, from,
			     flags & AT_SYMLINK_FOLLOW ? 0 : LOOKUP_NOFOLLOW, NULL,
			     flags & AT_EMPTY_PATH);
	if (IS_ERR(old))
		return PTR_ERR(old);
	ino = inode_get(old->inode);
	dent_put(old);
	if (S_ISDIR(ino->mode) || (!ino->nlink && !ino->linkable)) {
		long err = S_ISDIR(ino->mode) ? -EPERM : -ENOENT;

		inode_put(ino);
		return err;
	}
	parent = new_name(todir, to, last);
	if (IS_ERR(parent)) {
		inode_put(ino);
		return PTR_ERR(parent);
	}
	ino->nlink++;
	ino->linkable = false;
	return add(parent, last, ino);
}

long sys_link(const char *from, const char *to)
{
	return sys_linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* Counted entry `last` of `parent`, for removal. */
static struct dent *victim(struct dent *parent, const char *last)
{
	struct dent *d;

	if (!S_ISDIR(parent->inode->mode))
		return ERR_PTR(-ENOTDIR);
	d = dent_lookup(parent, last);
	if (!d)
		return ERR_PTR(-ENOENT);
	if (!d->linked) {
		dent_put(d);
		return ERR_PTR(-EPERM); /* dynamic entries are the kernel's */
	}
	return d;
}

static long drop(struct dent *d, bool want_dir)
{
	bool dir = S_ISDIR(d->inode->mode);

	if (dir && !want_dir)
		return -EISDIR;
	if (!dir && want_dir)
		return -ENOTDIR;
	if (dir &&
	    (!list_empty(&d->children) || (d->inode->ops && d->inode->ops->lookup)))
		return -ENOTEMPTY;
	d->inode->nlink -= dir ? 2 : 1;
	d->inode->ctime = (s64)clock_real();
	dent_unlink(d);
	return 0;
}

long sys_unlinkat(int dir, const char *path, int flags)
{
	char last[NAME_MAX + 1];
	struct dent *parent, *d;
	long r;

	parent = path_lookup_at(dir, path, LOOKUP_PARENT, last, false);
	if (IS_ERR(parent))
		return PTR_ERR(parent);
	if (dots(last)) {
		r = !(flags & AT_REMOVEDIR) ? -EISDIR : last[1] ? -ENOTEMPTY : -EINVAL;
	} else {
		d = victim(parent, last);
		r = IS_ERR(d) ? PTR_ERR(d) : drop(d, flags & AT_REMOVEDIR);
		if (!IS_ERR(d))
			dent_put(d);
	}
	dent_put(parent);
	return r;
}

long sys_unlink(const char *path)
{
	return sys_unlinkat(AT_FDCWD, path, 0);
}

long sys_rmdir(const char *path)
{
	return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

static bool below(struct dent *d, const struct dent *top)
{
	for (; d != root_dent && d->parent != d; d = d->parent)
		if (d == top)
			return true;
	return d == top;
}

/* Moves by making a new name for the inode; a directory's children follow. */
static long move(struct dent *old, struct dent *parent, const char *name)
{
	struct dent *n = dent_create(parent, name, inode_get(old->inode)), *c, *next;

	if (!n)
		return -ENOMEM;
	dent_unlink(old);
	dent_link(n);
	list_for_each_safe(c, next, &old->children, sibling) {
		list_del(&c->sibling);
		list_add_tail(&n->children, &c->sibling);
		c->parent = dent_get(n); /* their order, and so seq, is kept */
		dent_put(old);
	}
	n->inode->ctime = (s64)clock_real();
	dent_put(n);
	return 0;
}

static long rename_to(struct dent *old, struct dent *parent, const char *name, u32 flags)
{
	struct dent *d = dent_lookup(parent, name);
	long r = 0;

	if (below(parent, old))
		r = -EINVAL;
	else if (!d && parent->inode->ops && parent->inode->ops->lookup)
		r = -EACCES;
	else if (d && flags & RENAME_NOREPLACE)
		r = -EEXIST;
	else if (d && d->inode == old->inode)
		goto same;
	else if (d)
		r = d->linked ? drop(d, S_ISDIR(old->inode->mode)) : -EPERM;
	if (!r)
		r = move(old, parent, name);
same:
	if (d)
		dent_put(d);
	return r;
}

long sys_renameat2(int fromdir, const char *from, int todir, const char *to, u32 flags)
{
	char a[NAME_MAX + 1], b[NAME_MAX + 1];
	struct dent *pa, *pb, *old;
	long r;

	pa = path_lookup_at(fromdir, from, LOOKUP_PARENT, a, false);
	if (IS_ERR(pa))
		return PTR_ERR(pa);
	pb = path_lookup_at(todir, to, LOOKUP_PARENT, b, false);
	if (IS_ERR(pb)) {
		dent_put(pa);
		return PTR_ERR(pb);
	}
	if (dots(a) || dots(b)) {
		r = -EBUSY;
	} else if (!S_ISDIR(pb->inode->mode)) {
		r = -ENOTDIR;
	} else {
		old = victim(pa, a);
		r = IS_ERR(old) ? PTR_ERR(old) : rename_to(old, pb, b, flags);
		if (!IS_ERR(old))
			dent_put(old);
	}
	dent_put(pa);
	dent_put(pb);
	return r;
}

long sys_renameat(int fromdir, const char *from, int todir, const char *to)
{
	return sys_renameat2(fromdir, from, todir, to, 0);
}

long sys_rename(const char *from, const char *to)
{
	return sys_renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

long sys_readlinkat(int dir, const char *path, void *buf, u64 size)
{
	struct dent *d;
	struct inode *ino;
	char *text = NULL;
	ssize_t n;

	if ((s32)size <= 0)
		return -EINVAL;
	d = path_lookup_at(dir, path, LOOKUP_NOFOLLOW, NULL, true);
	if (IS_ERR(d))
		return PTR_ERR(d);
	ino = d->inode;
	n = -EINVAL;
	if (S_ISLNK(ino->mode)) {
		if (ino->link) {
			n = (ssize_t)MIN(strlen(ino->link), size);
			n = copy_to_user(buf, ino->link, (size_t)n) ? -EFAULT : n;
		} else {
			text = kmalloc(PATH_MAX);
			n = text ? ino->ops->readlink(ino, text, PATH_MAX) : -ENOMEM;
			n = MIN(n, (ssize_t)size);
			if (n > 0 && copy_to_user(buf, text, (size_t)n))
				n = -EFAULT;
			kfree(text);
		}
	}
	dent_put(d);
	return n;
}

long sys_readlink(const char *path, void *buf, u64 size)
{
	return sys_readlinkat(AT_FDCWD, path, buf, size);
}

/* --- listing --- */

struct user_dirent {
	u64 ino;
	s64 off;
	u16 reclen;
	u8 type;
	char name[NAME_MAX + 1];
} __packed;

#define DYNAMIC_POS (1L << 62) /* made-up entries come after the linked ones */

struct lister {
	u8 *buf;
	u64 room, used;
	s64 from; /* first position that is wanted */
	s64 next; /* where the following call goes on */
	long err;
};

/* False: stop. */
static bool list_one(struct lister *l, s64 pos, const char *name, u64 ino, u32 mode)
{
	struct user_dirent e;
	u64 len = ALIGN_UP(offsetof(struct user_dirent, name) + strlen(name) + 1, 8UL);

	if (pos < l->from)
		return true;
	if (l->used + len > l->room) {
		l->err = l->used ? 0 : -EINVAL;
		return false;
	}
	memset(&e, 0, len);
	e.ino = ino;
	e.off = pos + 1;
	e.reclen = (u16)len;
	e.type = (u8)(mode >> 12);
	memcpy(e.name, name, strlen(name));
	if (copy_to_user(l->buf + l->used, &e, len)) {
		l->err = -EFAULT;
		return false;
	}
	l->used += len;
	l->next = pos + 1;
	return true;
}

/* Positions belong to entries, so removing listed ones does not shift the rest. */
static void list_dir(struct lister *l, struct dent *dir)
{
	char name[NAME_MAX + 1];
	struct dent *d;
	u32 mode = S_IFREG;

	if (!list_one(l, 0, ".", dir->inode->ino, S_IFDIR) ||
	    !list_one(l, 1, "..", dir->parent->inode->ino, S_IFDIR))
		return;
	list_for_each(d, &dir->children, sibling)
		if (!list_one(l, (s64)d->seq, d->name, d->inode->ino, d->inode->mode))
			return;
	if (!dir->inode->ops || !dir->inode->ops->entry)
		return;
	for (unsigned n = 0; dir->inode->ops->entry(dir, n, name, sizeof(name), &mode);
	     n++)
		if (!list_one(l, DYNAMIC_POS + n, name, dir->inode->ino * 1000 + n, mode))
			return;
}

long sys_getdents64(int fd, void *buf, u64 count)
{
	struct file *f = fd_get(fd);
	struct lister l = {.buf = buf, .room = count};

	if (!f)
		return -EBADF;
	if (!f->inode || !S_ISDIR(f->inode->mode) || !f->dent) {
		file_put(f);
		return -ENOTDIR;
	}
	l.from = l.next = (s64)f->pos;
	list_dir(&l, f->dent);
	f->pos = (u64)l.next;
	file_put(f);
	return l.used ? (long)l.used : l.err;
}

/* --- working directory --- */

long sys_getcwd(void *buf, u64 size)
{
	char *path = kmalloc(PATH_MAX);
	int n;

	if (!path)
		return -ENOMEM;
	n = dent_path(current->proc->fs->cwd, path, PATH_MAX);
	if (n >= 0)
		n = (u64)n + 1 > size			     ? -ERANGE
		    : copy_to_user(buf, path, (size_t)n + 1) ? -EFAULT
							     : n + 1;
	kfree(path);
	return n;
}

static long enter(struct dent *d)
{
	struct fsinfo *fs = current->proc->fs;

	if (!S_ISDIR(d->inode->mode)) {
		dent_put(d);
		return -ENOTDIR;
	}
	dent_put(fs->cwd);
	fs->cwd = d;
	return 0;
}

long sys_chdir(const char *path)
{
	struct dent *d = path_lookup_at(AT_FDCWD, path, 0, NULL, false);

	return IS_ERR(d) ? PTR_ERR(d) : enter(d);
}

long sys_fchdir(int fd)
{
	struct file *f = fd_get_any(fd);
	long r;

	if (!f)
		return -EBADF;
	r = f->dent ? enter(dent_get(f->dent)) : -ENOTDIR;
	file_put(f);
	return r;
}

long sys_umask(u32 mask)
{
	u32 old = current->proc->fs->umask;

	current->proc->fs->umask = mask & 0777;
	return old;
}

/* /proc, /sys, /dev, and memory for the rest, are there from the start.  So to mount them
 * is done already, and to unmount them is not possible. */
long sys_mount(const char *src, const char *dst, const char *type, u64 flags,
	       const void *data)
{
	static const char *const known[] = {"proc",  "sysfs",  "devtmpfs", "tmpfs",
					    "ramfs", "devpts", "xenfs"};
	char name[32];
	struct dent *d;

	d = path_lookup_at(AT_FDCWD, dst, 0, NULL, false);
	if (IS_ERR(d))
		return PTR_ERR(d);
	dent_put(d);
	if (!type || strncpy_from_user(name, type, sizeof(name)) < 0)
		return type ? -EFAULT : -EINVAL;
	for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(name, known[i]))
			return 0;
	return -ENODEV;
}

long sys_umount2(const char *path, int flags)
{
	struct dent *d = path_lookup_at(AT_FDCWD, path, 0, NULL, false);

	if (IS_ERR(d))
		return PTR_ERR(d);
	dent_put(d);
	return -EBUSY;
}
