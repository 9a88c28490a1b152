/* SPDX-License-Identifier: MIT */
/* Inodes and the name tree. All of them live in memory: no look-up ever sleeps. */
#include <nub/clock.h>
#include <nub/errno.h>
#include <nub/page.h>
#include <nub/pagecache.h>
#include <nub/panic.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/vfs.h>

struct dent *root_dent;

struct inode *inode_create(u32 mode)
{
	static u64 next_ino = 1;
	struct inode *ino = kzalloc(sizeof(*ino));

	if (!ino)
		return NULL;
	ino->refs = 1;
	ino->mode = mode;
	ino->nlink = S_ISDIR(mode) ? 2 : 1;
	ino->ino = next_ino++;
	ino->atime = ino->mtime = ino->ctime = (s64)clock_real();
	ino->seals = ~0u;
	list_init(&ino->reclaim);
	return ino;
}

int inode_writer_get(struct inode *ino)
{
	if (ino->writers < 0)
		return -ETXTBSY;
	ino->writers++;
	return 0;
}

void inode_writer_put(struct inode *ino)
{
	ino->writers--;
}

int inode_runner_get(struct inode *ino)
{
	if (ino->writers > 0)
		return -ETXTBSY;
	ino->writers--;
	return 0;
}

void inode_runner_put(struct inode *ino)
{
	ino->writers++;
}

void inode_put(struct inode *ino)
{
	if (--ino->refs)
		return;
	if (ino->ops && ino->ops->release)
		ino->ops->release(ino);
	list_del(&ino->reclaim);
	radix_clear_from(&ino->pages, 0, inode_page_gone, ino);
	kfree(ino->locks);
	kfree(ino->link);
	kfree(ino);
}

static u32 name_hash(const char *s)
{
	u32 h = 2166136261u;

	for (; *s; s++)
		h = (h ^ (u8)*s) * 16777619u;
	return h;
}

/* Takes the reference to ino, also on failure. */
struct dent *dent_create(struct dent *parent, const char *name, struct inode *ino)
{
	size_t n = strlen(name) + 1;
	struct dent *d = ino ? kzalloc(sizeof(*d) + n) : NULL;

	if (!d) {
		if (ino)
			inode_put(ino);
		return NULL;
	}
	d->refs = 1;
	d->inode = ino;
	d->parent = parent ? dent_get(parent) : d;
	d->hash = name_hash(name);
	list_init(&d->children);
	list_init(&d->sibling);
	memcpy(d->name, name, n);
	return d;
}

void dent_put(struct dent *d)
{
	while (--d->refs == 0) {
		struct dent *parent = d->parent;

		inode_put(d->inode);
		kfree(d);
		d = parent;
	}
}

void dent_link(struct dent *d)
{
	static u64 next_seq = 2; /* after "." and ".." */

	dent_get(d);
	d->linked = true;
	d->seq = next_seq++;
	list_add_tail(&d->parent->children, &d->sibling);
	if (S_ISDIR(d->inode->mode))
		d->parent->inode->nlink++;
	d->parent->inode->mtime = d->parent->inode->ctime = (s64)clock_real();
}

void dent_unlink(struct dent *d)
{
	if (!d->linked)
		return;
	d->linked = false;
	list_del(&d->sibling);
	if (S_ISDIR(d->inode->mode))
		d->parent->inode->nlink--;
	d->parent->inode->mtime = d->parent->inode->ctime = (s64)clock_real();
	dent_put(d);
}

struct dent *dent_lookup(struct dent *dir, const char *name)
{
	u32 hash = name_hash(name);
	struct dent *d;

	list_for_each(d, &dir->children, sibling)
		if (d->hash == hash && !strcmp(d->name, name))
			return dent_get(d);
	if (dir->inode->ops && dir->inode->ops->lookup) {
		d = dir->inode->ops->lookup(dir, name);
		return IS_ERR(d) ? NULL : d;
	}
	return NULL;
}

int dent_path(struct dent *d, char *buf, size_t size)
{
	size_t at = size, n;

	if (!size)
		return -ENAMETOOLONG;
	if (d == root_dent) {
		strlcpy(buf, "/", size);
		return 1;
	}
	for (; d != root_dent && d->parent != d; d = d->parent) {
		n = strlen(d->name);
		if (at < n + 2)
			return -ENAMETOOLONG;
		at -= n;
		memcpy(buf + at, d->name, n);
		buf[--at] = '/';
	}
	n = size - at;
	memmove(buf, buf + at, n);
	buf[n] = 0;
	return (int)n;
}

struct dent *tree_try(const char *path, u32 mode, const struct inode_ops *ops, void *priv)
{
	struct dent *dir = dent_get(root_dent);
	char name[NAME_MAX + 1];

	for (;;) {
		const char *end;
		bool last;
		struct dent *d;
		size_t n;

		while (*path == '/')
			path++;
		end = strchr(path, '/');
		n = end ? (size_t)(end - path) : strlen(path);
		if (!n)
			return dir;
		strlcpy(name, path, MIN(n + 1, sizeof(name)));
		path += n;
		last = !*path;
		d = dent_lookup(dir, name);
		if (d && last && !S_ISDIR(mode)) {
			/* Not its inode: programs may have it open, or by other names. */
			dent_unlink(d);
			dent_put(d);
			d = NULL;
		}
		if (!d) {
			struct inode *ino = inode_create(last ? mode : S_IFDIR | 0755);

			d = dent_create(dir, name, ino);
			if (!d) {
				dent_put(dir);
				return NULL;
			}
			if (last) {
				ino->ops = ops;
				ino->priv = priv;
			}
			dent_link(d);
		} else if (last && ops) {
			d->inode->ops = ops;
			d->inode->priv = priv;
		}
		dent_put(dir);
		dir = d;
	}
}

struct dent *tree_make(const char *path, u32 mode, const struct inode_ops *ops,
		       void *priv)
{
	struct dent *d = tree_try(path, mode, ops, priv);

	if (!d)
		panic("no memory for %s", path);
	return d;
}

struct dent *tree_text(const char *path, const char *text)
{
	struct dent *d = tree_make(path, S_IFREG | 0444, NULL, NULL);

	/* Constant text is file data that nobody has changed yet. */
	d->inode->base = (const u8 *)text;
	d->inode->base_size = d->inode->size = strlen(text);
	return d;
}

void vfs_init(void)
{
	struct inode *ino = inode_create(S_IFDIR | 0755);

	root_dent = dent_create(NULL, "", ino);
	if (!root_dent)
		panic("no memory for the root directory");
}
