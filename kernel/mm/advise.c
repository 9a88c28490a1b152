/* SPDX-License-Identifier: MIT */
/* madvise: what a program says about its memory. */
#include "vma.h"

#include <nub/errno.h>
#include <nub/vfs.h>

#include <linux/mman.h>

static int populate(struct mm *mm, u64 start, u64 end, bool write)
{
	for (; start < end; start += PAGE_SIZE) {
		int err;

		do
			err = mm_fault(mm, start, write ? FAULT_WRITE : FAULT_READ);
		while (mm_fault_again(err));
		if (err)
			return err == -ENXIO || err == -EACCES ? -EFAULT : err;
	}
	return 0;
}

/* For [start,end) of one mapping alone. */
static int flag_range(struct mm *mm, u64 start, u64 end, u32 flag, bool on)
{
	struct vma *v;
	int err = vma_split_at(mm, start);

	if (!err)
		err = vma_split_at(mm, end);
	if (err)
		return err;
	v = vma_find(mm, start);
	v->flags = on ? v->flags | flag : v->flags & ~flag;
	vma_merge_range(mm, start, end);
	return 0;
}

/* A hole in the file behind a shared mapping. */
static int remove_range(struct vma *v, u64 start, u64 end)
{
	struct file *f = v->file;
	u64 off = (v->pgoff << PAGE_SHIFT) + (start - v->start);
	int err;

	if (!f || !f->ops->punch)
		return -EINVAL;
	if (!(v->flags & VM_SHARED) || v->flags & VM_MAYNOTWRITE)
		return -EACCES;
	file_get(f); /* it may sleep, and the mapping go */
	err = f->ops->punch(f, off, off + (end - start));
	file_put(f);
	return err;
}

static int advise_one(struct mm *mm, struct vma *v, u64 start, u64 end, int advice)
{
	switch (advice) {
	case MADV_DONTNEED:
		if (v->flags & VM_PFN)
			return -EINVAL;
		mm_zap(mm, v, start, end);
		return 0;
	case MADV_FREE:
		if (v->ops)
			return -EINVAL;
		mm_zap(mm, v, start, end);
		return 0;
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return populate(mm, start, end, advice == MADV_POPULATE_WRITE);
	case MADV_REMOVE:
		return remove_range(v, start, end);
	case MADV_DONTFORK:
		return flag_range(mm, start, end, VM_DONTFORK, true);
	case MADV_DOFORK:
		if (v->flags & (VM_PFN | VM_FIXED_SIZE) || vma_single(v))
			return -EINVAL;
		return flag_range(mm, start, end, VM_DONTFORK, false);
	case MADV_WIPEONFORK:
		return v->ops ? -EINVAL : flag_range(mm, start, end, VM_WIPEONFORK, true);
	case MADV_KEEPONFORK:
		return flag_range(mm, start, end, VM_WIPEONFORK, false);
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_MERGEABLE:
	case MADV_UNMERGEABLE:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
	case MADV_COLD:
	case MADV_PAGEOUT:
		return 0;
	default:
		return -EINVAL;
	}
}

int mm_advise(struct mm *mm, u64 addr, u64 len, int advice)
{
	u64 end = addr + len, at = addr;
	bool hole = false;

	while (at < end) {
		struct vma *v = vma_find(mm, at);
		u64 stop;
		int err;

		if (!v || v->start >= end) {
			hole = true;
			break;
		}
		if (v->start > at) {
			hole = true;
			at = v->start;
		}
		stop = MIN(v->end, end);
		err = advise_one(mm, v, at, stop, advice);
		if (err)
			return err;
		at = stop;
	}
	return hole ? -ENOMEM : 0;
}
