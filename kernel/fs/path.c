/* SPDX-License-Identifier: MIT */
/* Path look-up and opening. */
#include <nub/clock.h>
#include <nub/errno.h>
#include <nub/process.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#define LINK_MAX_DEPTH 40

static struct dent *walk(struct dent *start, const char *path, unsigned flags, char *last,
			 int *links);

/* Continues from the link `d` found in `dir`; consumes d. */
static struct dent *follow(struct dent *dir, struct dent *d, int *links)
{
	struct inode *ino = d->inode;
	struct dent *r;
	char *buf;
	ssize_t n;

	if (++*links > LINK_MAX_DEPTH) {
		dent_put(d);
		return ERR_PTR(-ELOOP);
	}
	if (ino->ops && ino->ops->follow) {
		r = ino->ops->follow(ino);
		dent_put(d);
		return r;
	}
	if (ino->link) {
		r = walk(dir, ino->link, 0, NULL, links);
		dent_put(d);
		return r;
	}
	buf = kmalloc(PATH_MAX);
	if (!buf || !ino->ops || !ino->ops->readlink) {
		kfree(buf);
		dent_put(d);
		return ERR_PTR(buf ? -EINVAL : -ENOMEM);
	}
	n = ino->ops->readlink(ino, buf, PATH_MAX - 1);
	dent_put(d);
	if (n >= 0) {
		buf[n] = 0;
		r = walk(dir, buf, 0, NULL, links);
	} else {
		r = ERR_PTR(n);
	}
	kfree(buf);
	return r;
}

static struct dent *walk(struct dent *start, const char *path, unsigned flags, char *last,
			 int *links)
{
	struct dent *d = dent_get(*path == '/' ? root_dent : start);
	char name[NAME_MAX + 1];

	if (!*path) {
		dent_put(d);
		return ERR_PTR(-ENOENT);
	}
	for (;;) {
		const char *end, *rest;
		struct dent *next;
		bool final, slash;
		size_t n;

		while (*path == '/')
			path++;
		if (!*path) {
			if (flags & LOOKUP_PARENT)
				strlcpy(last, ".", NAME_MAX + 1);
			return d;
		}
		if (!S_ISDIR(d->inode->mode)) {
			dent_put(d);
			return ERR_PTR(-ENOTDIR);
		}
		end = strchr(path, '/');
		n = end ? (size_t)(end - path) : strlen(path);
		if (n > NAME_MAX) {
			dent_put(d);
			return ERR_PTR(-ENAMETOOLONG);
		}
		memcpy(name, path, n);
		name[n] = 0;
		for (rest = path + n; *rest == '/'; rest++)
			;
		slash = rest != path + n;
		final = !*rest;
		path = rest;
		if (final && flags & LOOKUP_PARENT) {
			strlcpy(last, name, NAME_MAX + 1);
			return d;
		}
		if (!strcmp(name, "."))
			continue;
		if (!strcmp(name, "..")) {
			next = dent_get(d->parent);
			dent_put(d);
			d = next;
			continue;
		}
		next = dent_lookup(d, name);
		if (!next) {
			dent_put(d);
			return ERR_PTR(-ENOENT);
		}
		if (S_ISLNK(next->inode->mode) && (!final || slash || !(flags & LOOKUP_NOFOLLOW)))
			next = follow(d, next, links);
		dent_put(d);
		if (IS_ERR(next))
			return next;
		if (slash && !S_ISDIR(next->inode->mode)) {
			dent_put(next);
			return ERR_PTR(-ENOTDIR);
		}
		d = next;
	}
}

struct dent *path_lookup(struct dent *dir, const char *path, unsigned flags,
			 char last[NAME_MAX + 1])
{
	int links = 0;

	return walk(dir ? dir : current->proc->fs->cwd, path, flags, last, &links);
}

/* Counted start directory of an *at call; NULL: the working directory. */
static int start_get(int dirfd, struct dent **out)
{
	struct file *f;

	*out = NULL;
	if (dirfd == AT_FDCWD)
		return 0;
	f = fd_get(dirfd);
	if (!f)
		return -EBADF;
	if (f->dent)
		*out = dent_get(f->dent);
	file_put(f);
	return *out ? 0 : -ENOTDIR;
}

struct dent *path_lookup_at(int dirfd, const char __user *upath, unsigned flags,
			    char last[NAME_MAX + 1], bool empty_ok)
{
	struct dent *start = NULL, *d;
	char *path = kmalloc(PATH_MAX);
	ssize_t n;
	int err = 0;

	if (!path)
		return ERR_PTR(-ENOMEM);
	n = strncpy_from_user(path, upath, PATH_MAX);
	if (n < 0) {
		kfree(path);
		return ERR_PTR(n);
	}
	if (path[0] != '/')
		err = start_get(dirfd, &start);
	if (err)
		d = ERR_PTR(err);
	else if (!path[0] && empty_ok)
		d = dent_get(start ? start : current->proc->fs->cwd);
	else
		d = path_lookup(start, path, flags, last);
	if (start)
		dent_put(start);
	kfree(path);
	return d;
}

struct file *dent_open(struct dent *d, unsigned flags)
{
	static const struct file_ops plain_ops;
	struct inode *ino = d->inode;
	struct file *f;
	int err;

	if (flags & O_PATH)
		f = file_create(&plain_ops, flags, NULL);
	else
		f = file_create(S_ISREG(ino->mode) ? &regular_file_ops : &plain_ops, flags, NULL);
	if (!f)
		return ERR_PTR(-ENOMEM);
	f->inode = inode_get(ino);
	f->dent = dent_get(d);
	if (flags & O_PATH)
		return f;
	if (S_ISSOCK(ino->mode))
		err = -ENXIO;
	else if (ino->ops && ino->ops->open)
		err = ino->ops->open(ino, f);
	else
		err = S_ISREG(ino->mode) || S_ISDIR(ino->mode) ? 0 : -ENXIO;
	if (err) {
		f->ops = &plain_ops;
		file_put(f);
		return ERR_PTR(err);
	}
	return f;
}

static struct dent *create(struct dent *dir, const char *name, u32 mode)
{
	struct inode *ino;
	struct dent *d;

	if (!dir->linked && dir != root_dent)
		return ERR_PTR(-ENOENT);
	if (dir->inode->ops && dir->inode->ops->lookup)
		return ERR_PTR(-EACCES);
	ino = inode_create(S_IFREG | (mode & 07777 & ~current->proc->fs->umask));
	d = dent_create(dir, name, ino);
	if (!d)
		return ERR_PTR(-ENOMEM);
	dent_link(d);
	return d;
}

/* A symbolic link to a file that is not there yet may be created through. */
static struct dent *open_create(struct dent *start, const char *path, unsigned flags,
				u32 mode, int depth)
{
	char last[NAME_MAX + 1];
	struct dent *dir = path_lookup(start, path, LOOKUP_PARENT, last), *d;
	size_t n = strlen(path);

	if (IS_ERR(dir))
		return dir;
	if (n && path[n - 1] == '/') {
		dent_put(dir);
		return ERR_PTR(-EISDIR);
	}
	if (!S_ISDIR(dir->inode->mode)) {
		dent_put(dir);
		return ERR_PTR(-ENOTDIR);
	}
	if (!strcmp(last, ".") || !strcmp(last, "..")) {
		dent_put(dir);
		return ERR_PTR(-EISDIR);
	}
	d = dent_lookup(dir, last);
	if (!d) {
		d = create(dir, last, mode);
	} else if (flags & O_EXCL) {
		dent_put(d);
		d = ERR_PTR(-EEXIST);
	} else if (S_ISLNK(d->inode->mode)) {
		struct inode *ino = d->inode;
		int links = 0;

		if (flags & O_NOFOLLOW) {
			dent_put(d);
			d = ERR_PTR(-ELOOP);
		} else if (ino->link && depth < LINK_MAX_DEPTH) {
			char *link = kstrdup(ino->link);

			dent_put(d);
			d = link ? open_create(dir, link, flags, mode, depth + 1) :
				   ERR_PTR(-ENOMEM);
			kfree(link);
		} else {
			d = follow(dir, d, &links);
		}
	}
	dent_put(dir);
	return d;
}

struct file *file_open(struct dent *start, const char *path, unsigned flags, u32 mode)
{
	struct dent *d;
	struct file *f;
	bool dir;

	if (flags & O_CREAT && !(flags & O_PATH))
		d = open_create(start, path, flags, mode, 0);
	else
		d = path_lookup(start, path, flags & O_NOFOLLOW ? LOOKUP_NOFOLLOW : 0, NULL);
	if (IS_ERR(d))
		return (struct file *)d;
	dir = S_ISDIR(d->inode->mode);
	if (S_ISLNK(d->inode->mode) && !(flags & O_PATH))
		f = ERR_PTR(-ELOOP);
	else if (flags & O_DIRECTORY && !dir)
		f = ERR_PTR(-ENOTDIR);
	else if (dir && !(flags & O_PATH) && (flags & O_ACCMODE || flags & O_CREAT))
		f = ERR_PTR(-EISDIR);
	else
		f = dent_open(d, (flags & ~(unsigned)(O_CREAT | O_EXCL | O_NOCTTY | O_CLOEXEC)));
	dent_put(d);
	if (!IS_ERR(f) && flags & O_TRUNC && !(flags & O_PATH) && S_ISREG(f->inode->mode) &&
	    f->ops == &regular_file_ops) {
		int err = inode_truncate(f->inode, 0);

		if (err) {
			file_put(f);
			return ERR_PTR(err);
		}
	}
	if (!IS_ERR(f))
		f->flags &= ~(unsigned)O_TRUNC;
	return f;
}
