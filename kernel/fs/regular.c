/* SPDX-License-Identifier: MIT */
/* Regular files in memory: bytes of the ramdisk or of the root's disk until written to, then
 * own pages. */
#include <nub/clock.h>
#include <nub/errno.h>
#include <nub/mm.h>
#include <nub/ondisk.h>
#include <nub/packed.h>
#include <nub/page.h>
#include <nub/pagecache.h>
#include <nub/process.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/uapi.h>
#include <nub/vfs.h>

#include <linux/falloc.h>

#define SEALS_ALL                                                                        \
	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |                      \
	 F_SEAL_FUTURE_WRITE | F_SEAL_EXEC)

static bool sealed(const struct inode *ino, u32 seals)
{
	return ino->seals != ~0u && ino->seals & seals;
}

/* A whole page of ramdisk, aligned, that can be mapped as it is. */
static struct page *base_page(const struct inode *ino, u64 index)
{
	const u8 *p = ino->base + (index << PAGE_SHIFT);
	struct page *page;

	if (!ino->base || ino->stored || (u64)p & (PAGE_SIZE - 1) ||
	    ((index + 1) << PAGE_SHIFT) > ino->base_size)
		return NULL;
	page = virt_to_page(p);
	return page && page->flags & PG_FIXED ? page : NULL;
}

static int copy_base(const struct inode *ino, u64 index, u8 *to)
{
	u64 off = index << PAGE_SHIFT;
	u64 n = off < ino->base_size ? MIN(ino->base_size - off, PAGE_SIZE) : 0;

	if (n && ino->stored) {
		if (packed_decode(ino->base, ino->stored, ino->packed, index, to) <
		    (ssize_t)n)
			return -EIO;
	} else if (n) {
		memcpy(to, ino->base + off, n);
	}
	memset(to + n, 0, PAGE_SIZE - n);
	return 0;
}

void inode_set_packed(struct inode *ino, u64 stored, u64 size)
{
	ino->stored = stored;
	ino->packed = size;
	if (list_empty(&ino->reclaim))
		list_add_tail(&file_renewables, &ino->reclaim);
}

void inode_set_on_disk(struct inode *ino, const struct ondisk_extent *extents, u32 n,
		       u64 size)
{
	ino->on_disk = true;
	ino->extents = extents;
	ino->n_extents = n;
	ino->base_size = ino->size = size;
	if (list_empty(&ino->reclaim))
		list_add_tail(&file_renewables, &ino->reclaim);
}

int inode_page(struct inode *ino, u64 index, bool alloc, bool write, struct page **out)
{
	struct page *p = radix_get(&ino->pages, index);
	bool has_base = (index << PAGE_SHIFT) < ino->base_size;
	int err;

	ino->changed |= write;
	if (!p && !write) {
		p = base_page(ino, index);
		if (!p && !alloc && !has_base) {
			*out = NULL;
			return 0;
		}
	}
	if (!p && has_base && ino->on_disk) {
		err = ondisk_fill(ino, index);
		if (err)
			return err;
		p = radix_get(&ino->pages, index);
	}
	if (!p) {
		p = page_alloc(0, ALLOC_USER);
		if (!p)
			return -ENOMEM;
		err = copy_base(ino, index, page_to_virt(p));
		if (err) {
			page_put(p);
			return err;
		}
		err = inode_page_add(ino, index, p);
		if (err)
			return err;
		/* Mappings of the ramdisk's page must show the new one. */
		if (base_page(ino, index))
			mm_unmap_inode(ino, index, ~0UL);
	}
	page_get(p);
	*out = p;
	return 0;
}

/* inode_page() did not work: what a call, which may sleep, does then. As a fault does, it
 * makes room; it waits for the disk. */
static int page_again(int err, struct inode *ino, u64 index, bool alloc, bool write,
		      struct page **out)
{
	for (;;) {
		if (err == -ENOMEM && file_reclaim())
			err = inode_page(ino, index, alloc, write, out);
		if (!mm_fault_again(err))
			return err;
		err = inode_page(ino, index, alloc, write, out);
	}
}

static inline int call_page(struct inode *ino, u64 index, bool alloc, bool write,
			    struct page **out)
{
	int err = inode_page(ino, index, alloc, write, out);

	return unlikely(err) ? page_again(err, ino, index, alloc, write, out) : 0;
}

/* The bytes that the current process may make a file grow that is `pos` long; -EFBIG and
 * a signal if no further. */
static int growth_limit(u64 pos, u64 *max)
{
	u64 limit = process_limit(current->proc, RLIMIT_FSIZE);

	*max = MIN(limit, FILE_MAX);
	if (likely(pos < *max))
		return 0;
	if (pos >= limit)
		signal_send(current->proc, current, SIGXFSZ, NULL);
	return -EFBIG;
}

static int truncate_locked(struct inode *ino, u64 size)
{
	u64 tail = size & (PAGE_SIZE - 1);
	struct page *p;

	u64 max;

	if (size > ino->size && size && growth_limit(size - 1, &max))
		return -EFBIG;
	if ((size < ino->size && sealed(ino, F_SEAL_SHRINK)) ||
	    (size > ino->size && sealed(ino, F_SEAL_GROW)))
		return -EPERM;
	if (size < ino->size) {
		if (tail) {
			int err = call_page(ino, size >> PAGE_SHIFT, false, true, &p);

			if (err)
				return err;
			memset((u8 *)page_to_virt(p) + tail, 0, PAGE_SIZE - tail);
			page_put(p);
		}
		mm_zap_inode(ino, (size + PAGE_SIZE - 1) >> PAGE_SHIFT);
		radix_clear_from(&ino->pages, (size + PAGE_SIZE - 1) >> PAGE_SHIFT,
				 inode_page_gone, ino);
		ino->base_size = MIN(ino->base_size, size);
	}
	ino->size = size;
	ino->mtime = ino->ctime = (s64)clock_real();
	return 0;
}

int inode_truncate(struct inode *ino, u64 size)
{
	int err;

	mutex_lock(&ino->lock);
	err = truncate_locked(ino, size);
	mutex_unlock(&ino->lock);
	return err;
}

static int punch(struct inode *ino, u64 off, u64 end)
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
		err = call_page(ino, off >> PAGE_SHIFT, true, true, &p);
		if (err)
			return err;
		memcpy((u8 *)page_to_virt(p) + in, zero, n);
		page_put(p);
		off += n;
	}
	return 0;
}

/* So that a later write there does not fail for want of memory. */
static int reserve(struct inode *ino, u64 off, u64 end)
{
	u64 max;

	if (end > ino->size && sealed(ino, F_SEAL_GROW))
		return -EPERM;
	if (end > ino->size && growth_limit(end - 1, &max))
		return -EFBIG;
	for (u64 i = off >> PAGE_SHIFT; i < (end + PAGE_SIZE - 1) >> PAGE_SHIFT; i++) {
		struct page *p;
		int err = call_page(ino, i, true, true, &p);

		if (err)
			return err == -ENOMEM ? -ENOSPC : err;
		page_put(p);
		sched_point();
	}
	return 0;
}

int inode_allocate(struct inode *ino, int mode, u64 off, u64 end)
{
	int err;

	mutex_lock(&ino->lock);
	if (mode & FALLOC_FL_PUNCH_HOLE)
		err = sealed(ino, F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)
			      ? -EPERM
			      : punch(ino, off, end);
	else
		err = reserve(ino, off, end);
	if (!err && !mode && end > ino->size)
		err = truncate_locked(ino, end);
	mutex_unlock(&ino->lock);
	return err;
}

/*
 * A packed page that is only read stays packed. The last one is kept, for reads in small
 * pieces. A fault of the reader's memory meanwhile decodes elsewhere, not here.
 */
static const u8 *read_packed(const struct inode *ino, u64 index)
{
	static u8 buffer[PAGE_SIZE];
	static const u8 *base; /* the ramdisk never changes: these two name the page */
	static u64 at;

	if (base == ino->base && at == index)
		return buffer;
	base = NULL;
	if (packed_decode(ino->base, ino->stored, ino->packed, index, buffer) < 0)
		return NULL;
	base = ino->base;
	at = index;
	return buffer;
}

static ssize_t regular_read(struct file *f, struct uio *u, u64 *pos)
{
	struct inode *ino = f->inode;
	ssize_t done = 0;

	while (u->left && *pos < ino->size) {
		u64 off = *pos & (PAGE_SIZE - 1);
		size_t n = MIN(MIN(PAGE_SIZE - off, ino->size - *pos), u->left), k;
		struct page *p = radix_get(&ino->pages, *pos >> PAGE_SHIFT);

		if (!p && ino->on_disk && *pos < ino->base_size) {
			int err = call_page(ino, *pos >> PAGE_SHIFT, true, false, &p);

			if (err)
				return done ? done : err;
			page_put(p); /* the cache has it */
		}
		if (p) {
			page_get(p); /* a fault of the reader's memory may drop it */
			k = uio_put(u, (u8 *)page_to_virt(p) + off, n);
			page_put(p);
		} else if (*pos < ino->base_size) {
			const u8 *from = ino->base + *pos;

			n = MIN(n, ino->base_size - *pos);
			if (ino->stored) {
				from = read_packed(ino, *pos >> PAGE_SHIFT);
				if (!from)
					return done ? done : -EIO;
				from += off;
			}
			k = uio_put(u, from, n);
		} else {
			k = uio_zero(u, n);
		}
		*pos += k;
		done += (ssize_t)k;
		if (k < n)
			return done ? done : -EFAULT;
		if (u->left)
			sched_point();
	}
	return done;
}

static ssize_t write_locked(struct file *f, struct uio *u, u64 *pos)
{
	struct inode *ino = f->inode;
	ssize_t done = 0;
	u64 max;

	if (f->flags & O_APPEND)
		*pos = ino->size;
	if (u->left && sealed(ino, F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	if (*pos + u->left > ino->size && sealed(ino, F_SEAL_GROW))
		return -EPERM;
	if (u->left) {
		int err = growth_limit(*pos, &max);

		if (err)
			return err;
		u->left = MIN(u->left, max - *pos);
	}
	while (u->left) {
		u64 off = *pos & (PAGE_SIZE - 1);
		size_t n = MIN(PAGE_SIZE - off, u->left), k;
		struct page *p;
		int err = call_page(ino, *pos >> PAGE_SHIFT, true, true, &p);

		if (err)
			return done ? done : err == -ENOMEM ? -ENOSPC : err;
		k = uio_get(u, (u8 *)page_to_virt(p) + off, n);
		page_put(p);
		*pos += k;
		done += (ssize_t)k;
		ino->size = MAX(ino->size, *pos);
		if (k < n)
			return done ? done : -EFAULT;
		if (u->left)
			sched_point();
	}
	ino->mtime = ino->ctime = (s64)clock_real();
	return done;
}

/* Whole, beside other writers: only readers see half of it, as in Linux. */
static ssize_t regular_write(struct file *f, struct uio *u, u64 *pos)
{
	ssize_t r;

	mutex_lock(&f->inode->lock);
	r = write_locked(f, u, pos);
	mutex_unlock(&f->inode->lock);
	return r;
}

static int regular_fault(struct vma *v, u64 index, bool write, u64 *pfn)
{
	struct inode *ino = v->file->inode;
	struct page *p;
	int err;

	if (index >= (ino->size + PAGE_SIZE - 1) >> PAGE_SHIFT)
		return -ENXIO;
	err = inode_page(ino, index, true, write, &p);
	if (!err)
		*pfn = page_to_pfn(p);
	return err == -EIO ? -ENXIO : err;
}

static int regular_copy(struct vma *v, u64 index, void *to)
{
	struct inode *ino = v->file->inode;
	struct page *p = radix_get(&ino->pages, index);
	int err;

	if (index >= (ino->size + PAGE_SIZE - 1) >> PAGE_SHIFT)
		return -ENXIO;
	if (!p && ino->on_disk && index << PAGE_SHIFT < ino->base_size) {
		err = ondisk_fill(ino, index);
		if (err)
			return err == -EIO ? -ENXIO : err;
		p = radix_get(&ino->pages, index);
	}
	if (!p)
		return copy_base(ino, index, to) ? -ENXIO : 0;
	memcpy(to, page_to_virt(p), PAGE_SIZE);
	/* Nobody else has it mapped: the copy is likely its last use. */
	if (ino->on_disk && !ino->changed && p->ref == 1)
		inode_page_gone(radix_take(&ino->pages, index), ino);
	return 0;
}

static bool regular_resident(struct vma *v, u64 index, u64 *pfn)
{
	struct inode *ino = v->file->inode;
	struct page *p = radix_get(&ino->pages, index);

	if (index >= (ino->size + PAGE_SIZE - 1) >> PAGE_SHIFT)
		return false;
	if (!p)
		p = base_page(ino, index);
	if (!p)
		return false;
	page_get(p);
	*pfn = page_to_pfn(p);
	return true;
}

static const struct vma_ops regular_vma_ops = {
	.fault = regular_fault,
	.resident = regular_resident,
	.copy = regular_copy,
};

static int regular_mmap(struct file *f, struct vma *v)
{
	if (v->flags & VM_SHARED &&
	    sealed(f->inode, F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) {
		if (v->flags & VM_WRITE)
			return -EPERM;
		v->flags |= VM_MAYNOTWRITE;
	}
	v->ops = &regular_vma_ops;
	return 0;
}

static int seals_add(struct file *f, u64 seals)
{
	struct inode *ino = f->inode;

	if (!file_writable(f))
		return -EPERM;
	if (seals & ~(u64)SEALS_ALL || ino->seals == ~0u)
		return -EINVAL;
	if (ino->seals & F_SEAL_SEAL)
		return -EPERM;
	if (seals & F_SEAL_WRITE && !(ino->seals & F_SEAL_WRITE) && mm_writes_inode(ino))
		return -EBUSY;
	if (seals & F_SEAL_EXEC && ino->mode & 0111)
		seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
	ino->seals |= (u32)seals;
	return 0;
}

static int regular_fcntl(struct file *f, unsigned cmd, u64 arg)
{
	struct inode *ino = f->inode;

	switch (cmd) {
	case F_ADD_SEALS:
		return seals_add(f, arg);
	case F_GET_SEALS:
		return ino->seals == ~0u ? -EINVAL : (int)ino->seals;
	default:
		return -EINVAL;
	}
}

static int regular_punch(struct file *f, u64 off, u64 end)
{
	return inode_allocate(f->inode, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off,
			      end);
}

/* A file that still has a name stays. */
static u64 regular_held(const struct file *f)
{
	return f->inode->nlink ? 0 : f->inode->npages << PAGE_SHIFT;
}

const struct file_ops regular_file_ops = {
	.held = regular_held,
	.read = regular_read,
	.write = regular_write,
	.mmap = regular_mmap,
	.fcntl = regular_fcntl,
	.punch = regular_punch,
	.seekable = true,
};

struct file *memfd_create_file(const char *name, unsigned flags)
{
	u32 mode = flags & MFD_NOEXEC_SEAL ? 0666 : 0777;
	struct inode *ino = inode_create(S_IFREG | mode);
	struct file *f;
	char label[NAME_MAX + 1];

	if (!ino)
		return ERR_PTR(-ENOMEM);
	ino->nlink = 0;
	if (flags & MFD_NOEXEC_SEAL)
		ino->seals = F_SEAL_EXEC;
	else
		ino->seals = flags & MFD_ALLOW_SEALING ? 0 : F_SEAL_SEAL;
	f = file_create(&regular_file_ops, O_RDWR | O_LARGEFILE, NULL);
	if (!f) {
		inode_put(ino);
		return ERR_PTR(-ENOMEM);
	}
	f->inode = inode_get(ino);
	snprintf(label, sizeof(label), "memfd:%s", name);
	f->dent = dent_create(root_dent, label, ino);
	return f;
}

struct file *memory_file(u64 size)
{
	struct file *f = memfd_create_file("dev/zero", 0);

	if (!IS_ERR(f)) {
		f->inode->seals = ~0u;
		f->inode->size = size;
	}
	return f;
}
