/* SPDX-License-Identifier: MIT */
/* Character devices: the registry, and the memory devices. */
#include <nub/errno.h>
#include <nub/mm.h>
#include <nub/panic.h>
#include <nub/random.h>
#include <nub/string.h>
#include <nub/vfs.h>

static const struct inode_ops *ops_for(int (*open)(struct inode *ino, struct file *f))
{
	/* One ops table per open function; the set is small and fixed. */
	static struct inode_ops table[64];
	static unsigned used;

	for (unsigned i = 0; i < used; i++)
		if (table[i].open == open)
			return &table[i];
	ASSERT(used < ARRAY_SIZE(table));
	table[used].open = open;
	return &table[used++];
}

int chrdev_register(const char *name, unsigned major, unsigned minor,
		    int (*open)(struct inode *ino, struct file *f))
{
	char path[64];
	struct dent *d;

	snprintf(path, sizeof(path), "/dev/%s", name);
	d = tree_try(path, S_IFCHR | 0666, ops_for(open), NULL);
	if (!d)
		return -ENOMEM;
	d->inode->rdev = (u64)major << 8 | minor;
	dent_put(d);
	return 0;
}

static ssize_t null_read(struct file *f, struct uio *u, u64 *pos)
{
	return 0;
}

static ssize_t null_write(struct file *f, struct uio *u, u64 *pos)
{
	return (ssize_t)u->left;
}

static ssize_t zero_read(struct file *f, struct uio *u, u64 *pos)
{
	size_t want = u->left, n = uio_zero(u, want);

	return n || !want ? (ssize_t)n : -EFAULT;
}

static int zero_mmap(struct file *f, struct vma *v)
{
	if (v->flags & VM_SHARED) {
		struct file *memory = memory_file(v->end - v->start);

		if (IS_ERR(memory))
			return (int)PTR_ERR(memory);
		v->file = memory;
		file_put(f); /* counted by the caller */
		v->pgoff = 0;
		return memory->ops->mmap(memory, v);
	}
	v->ops = NULL; /* plain anonymous memory */
	v->pgoff = 0;
	return 0;
}

static ssize_t full_write(struct file *f, struct uio *u, u64 *pos)
{
	return -ENOSPC;
}

static ssize_t random_read(struct file *f, struct uio *u, u64 *pos)
{
	ssize_t done = 0;
	u8 buf[256];

	while (u->left) {
		size_t n = MIN(u->left, sizeof(buf)), k;

		random_bytes(buf, n);
		k = uio_put(u, buf, n);
		done += (ssize_t)k;
		if (k < n)
			return done ? done : -EFAULT;
		sched_point();
	}
	return done;
}

static ssize_t random_write(struct file *f, struct uio *u, u64 *pos)
{
	ssize_t done = 0;
	u8 buf[256];

	while (u->left) {
		size_t n = MIN(u->left, sizeof(buf)), k = uio_get(u, buf, n);

		random_mix(buf, k);
		done += (ssize_t)k;
		if (k < n)
			return done ? done : -EFAULT;
	}
	return done;
}

static const struct file_ops null_ops = {.read = null_read, .write = null_write};
static const struct file_ops zero_ops = {
	.read = zero_read, .write = null_write, .mmap = zero_mmap};
static const struct file_ops full_ops = {.read = zero_read, .write = full_write};
static const struct file_ops random_ops = {.read = random_read, .write = random_write};

#define MEM_OPEN(name)                                                                   \
	static int name##_open(struct inode *ino, struct file *f)                        \
	{                                                                                \
		f->ops = &name##_ops;                                                    \
		return 0;                                                                \
	}
MEM_OPEN(null)
MEM_OPEN(zero)
MEM_OPEN(full)
MEM_OPEN(random)

static void dev_link(const char *path, const char *to)
{
	struct dent *d = tree_make(path, S_IFLNK | 0777, NULL, NULL);

	d->inode->link = (char *)(u64)to; /* constant, the node is never freed */
	d->inode->size = strlen(to);
	inode_get(d->inode);
	dent_put(d);
}

void dev_init(void)
{
	chrdev_register("null", 1, 3, null_open);
	chrdev_register("zero", 1, 5, zero_open);
	chrdev_register("full", 1, 7, full_open);
	chrdev_register("random", 1, 8, random_open);
	chrdev_register("urandom", 1, 9, random_open);
	dev_link("/dev/fd", "/proc/self/fd");
	dev_link("/dev/stdin", "/proc/self/fd/0");
	dev_link("/dev/stdout", "/proc/self/fd/1");
	dev_link("/dev/stderr", "/proc/self/fd/2");
	dent_put(tree_make("/dev/shm", S_IFDIR | 01777, NULL, NULL));
	dent_put(tree_make("/tmp", S_IFDIR | 01777, NULL, NULL));
	dent_put(tree_make("/run", S_IFDIR | 0755, NULL, NULL));
}
