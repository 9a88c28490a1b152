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

/* Text of a link, allocated; ERR_PTR on failure. */
static char *link_text(struct inode *ino)
{
	char *buf;
	ssize_t n;

	if (ino->link) {
		buf = kstrdup(ino->link);
		return buf ? buf : ERR_PTR(-ENOMEM);
	}
	if (!ino->ops || !ino->ops->readlink)
		return ERR_PTR(-EINVAL);
	buf = kmalloc(PATH_MAX);
	if (!buf)
		return ERR_PTR(-ENOMEM);
	n = ino->ops->readlink(ino, buf, PATH_MAX - 1);
	if (n < 0) {
		kfree(buf);
		return ERR_PTR(n);
	}
	buf[n] = 0;
	return buf;
}

/* The rest of a walk once the link `ino` is put in front of `rest`; allocated. */
static char *splice(struct inode *ino, const char *rest, bool slash)
{
	char *text = link_text(ino), *path;
	size_t a, b = strlen(rest);

	if (IS_ERR(text))
		return text;
	a = strlen(text);
	path = a && a + b + 2 <= PATH_MAX ? kmalloc(a + b + 2) : NULL;
	if (path) {
		memcpy(path, text, a);
		path[a] = '/';
		memcpy(path + a + slash, rest, b + 1);
		if (!slash)
			path[a] = 0;
	}
	kfree(text);
	return path ? path
		    : ERR_PTR(!a		     ? -ENOENT
			      : a + b + 2 > PATH_MAX ? -ENAMETOOLONG
						     : -ENOMEM);
}

static void step(struct dent **d, struct dent *next)
{
	dent_put(*d);
	*d = next;
}

/* Iterative: the stack is small and links may chain. */
static struct dent *walk(struct dent *start, const char *path, unsigned flags, char *last)
{
	struct dent *d = dent_get(*path == '/' ? root_dent : start);
	char name[NAME_MAX + 1], *spliced = NULL;
	long err = *path ? 0 : -ENOENT;
	int links = 0;

	while (!err) {
		const char *rest;
		struct dent *next;
		bool final, slash;
		size_t n = 0;

		while (*path == '/')
			path++;
		if (!*path) {
			if (flags & LOOKUP_PARENT)
				strlcpy(last, ".", NAME_MAX + 1);
			break;
		}
		if (!S_ISDIR(d->inode->mode)) {
			err = -ENOTDIR;
			break;
		}
		while (path[n] && path[n] != '/')
			n++;
		if (n > NAME_MAX) {
			err = -ENAMETOOLONG;
			break;
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
			break;
		}
		if (!strcmp(name, "."))
			continue;
		if (!strcmp(name, "..")) {
			step(&d, dent_get(d->parent));
			continue;
		}
		next = dent_lookup(d, name);
		if (!next) {
			err = -ENOENT;
			break;
		}
		if (S_ISLNK(next->inode->mode) &&
		    (!final || slash || !(flags & LOOKUP_NOFOLLOW))) {
			struct inode *ino = next->inode;
			struct dent *target;
			char *p;

			if (++links > LINK_MAX_DEPTH) {
				err = -ELOOP;
			} else if (ino->ops && ino->ops->follow) {
				target = ino->ops->follow(ino);
				if (IS_ERR(target))
					err = PTR_ERR(target);
				else
					step(&d, target);
			} else {
				p = splice(ino, rest, slash);
				if (IS_ERR(p)) {
					err = PTR_ERR(p);
				} else {
					kfree(spliced);
					path = spliced = p;
					if (*p == '/')
						step(&d, dent_get(root_dent));
				}
			}
			dent_put(next);
			continue;
		}
		if (slash && !S_ISDIR(next->inode->mode))
			err = -ENOTDIR;
		step(&d, next);
	}
	kfree(spliced);
	if (err) {
		dent_put(d);
		return ERR_PTR(err);
	}
	return d;
}

struct dent *path_lookup(struct dent *dir, const char *path, unsigned flags,
			 char last[NAME_MAX + 1])
{
	return walk(dir ? dir : current->proc->fs->cwd, path, flags, last);
}

/* Counted start directory of an *at call; NULL: the working directory. */
static int start_get(int dirfd, struct dent **out)
{
	struct file *f;

	*out = NULL;
	if (dirfd == AT_FDCWD)
		return 0;
	f = fd_get_any(dirfd);
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
		f = file_create(S_ISREG(ino->mode) ? &regular_file_ops : &plain_ops,
				flags, NULL);
	if (!f)
		return ERR_PTR(-ENOMEM);
	f->inode = inode_get(ino);
	f->dent = dent_get(d);
	if (flags & O_PATH)
		return f;
	if (S_ISREG(ino->mode) && (file_writable(f) || flags & O_TRUNC)) {
		if (inode_writer_get(ino)) {
			f->ops = &plain_ops;
			file_put(f);
			return ERR_PTR(-ETXTBSY);
		}
		f->writer = true;
	}
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

struct inode *inode_create_in(const struct dent *dir, u32 mode)
{
	struct inode *ino =
		inode_create(S_ISLNK(mode) ? mode : mode & ~current->proc->fs->umask);

	if (ino && dir->inode->mode & S_ISGID) {
		ino->gid = dir->inode->gid;
		if (S_ISDIR(mode))
			ino->mode |= S_ISGID;
	}
	return ino;
}

static struct dent *create(struct dent *dir, const char *name, u32 mode)
{
	struct inode *ino;
	struct dent *d;

	if (!dir->linked && dir != root_dent)
		return ERR_PTR(-ENOENT);
	if (dir->inode->ops && dir->inode->ops->lookup)
		return ERR_PTR(-EACCES);
	ino = inode_create_in(dir, S_IFREG | (mode & 07777));
	d = dent_create(dir, name, ino);
	if (!d)
		return ERR_PTR(-ENOMEM);
	dent_link(d);
	return d;
}

/* One round of open_create: the entry, or a link to go on with in *link (and its
 * directory in *from).  A symbolic link to a file that is not there yet may be created
 * through. */
static struct dent *create_round(struct dent **from, const char *path, unsigned flags,
				 u32 mode, char **link)
{
	char last[NAME_MAX + 1];
	struct dent *dir = path_lookup(*from, path, LOOKUP_PARENT, last), *d;
	size_t n = strlen(path);

	*link = NULL;
	if (IS_ERR(dir))
		return dir;
	if (!S_ISDIR(dir->inode->mode)) {
		d = ERR_PTR(-ENOTDIR);
	} else if ((n && path[n - 1] == '/') || !strcmp(last, ".") ||
		   !strcmp(last, "..")) {
		d = ERR_PTR(-EISDIR);
	} else {
		d = dent_lookup(dir, last);
		if (!d) {
			d = create(dir, last, mode);
		} else if (flags & O_EXCL) {
			dent_put(d);
			d = ERR_PTR(-EEXIST);
		} else if (S_ISLNK(d->inode->mode)) {
			struct inode *ino = d->inode;
			struct dent *target = NULL;

			if (flags & O_NOFOLLOW)
				target = ERR_PTR(-ELOOP);
			else if (ino->ops && ino->ops->follow)
				target = ino->ops->follow(ino);
			else
				*link = link_text(ino);
			dent_put(d);
			d = target;
		}
	}
	if (*link)
		*from = dir; /* counted */
	else
		dent_put(dir);
	return d;
}

static struct dent *open_create(struct dent *start, const char *path, unsigned flags,
				u32 mode)
{
	struct dent *from = start, *d, *old;
	char *link = NULL, *text = NULL;

	for (int depth = 0; depth <= LINK_MAX_DEPTH; depth++) {
		old = text ? from : NULL;
		d = create_round(&from, text ? text : path, flags, mode, &link);
		kfree(text);
		text = NULL;
		if (old)
			dent_put(old);
		if (!link)
			return d;
		if (IS_ERR(link)) {
			dent_put(from);
			return (struct dent *)link;
		}
		text = link;
	}
	kfree(text);
	dent_put(from);
	return ERR_PTR(-ELOOP);
}

struct file *file_open_nameless(struct dent *start, const char *path, unsigned flags,
				u32 mode)
{
	struct dent *dir, *d;
	struct file *f;
	char name[24];

	if (flags & O_CREAT || (flags & O_ACCMODE) == O_RDONLY)
		return ERR_PTR(-EINVAL);
	dir = path_lookup(start, path, flags & O_NOFOLLOW ? LOOKUP_NOFOLLOW : 0, NULL);
	if (IS_ERR(dir))
		return (struct file *)dir;
	if (!S_ISDIR(dir->inode->mode)) {
		f = ERR_PTR(-ENOTDIR);
	} else if (dir->inode->ops && dir->inode->ops->lookup) {
		f = ERR_PTR(-EOPNOTSUPP);
	} else {
		struct inode *ino = inode_create_in(dir, S_IFREG | (mode & 07777));

		snprintf(name, sizeof(name), "#%lu", ino ? ino->ino : 0);
		d = dent_create(dir, name, ino);
		f = d ? dent_open(d, flags & ~(unsigned)(O_TMPFILE | O_EXCL | O_NOCTTY |
							 O_CLOEXEC | O_TRUNC))
		      : ERR_PTR(-ENOMEM);
		if (!IS_ERR(f))
			f->flags |= O_TMPFILE;
		if (d) {
			ino->nlink = 0;
			ino->linkable = !(flags & O_EXCL);
			dent_put(d);
		}
	}
	dent_put(dir);
	return f;
}

struct file *file_open(struct dent *start, const char *path, unsigned flags, u32 mode)
{
	struct dent *d;
	struct file *f;
	bool dir;

	if (flags & O_CREAT && !(flags & O_PATH))
		d = open_create(start, path, flags, mode);
	else
		d = path_lookup(start, path, flags & O_NOFOLLOW ? LOOKUP_NOFOLLOW : 0,
				NULL);
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
		f = dent_open(d, (flags &
				  ~(unsigned)(O_CREAT | O_EXCL | O_NOCTTY | O_CLOEXEC)));
	dent_put(d);
	if (!IS_ERR(f) && flags & O_TRUNC && !(flags & O_PATH) &&
	    S_ISREG(f->inode->mode) && f->ops == &regular_file_ops) {
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
