/* SPDX-License-Identifier: MIT */
/* Mapping, unmapping, protecting, moving. */
#include "vma.h"

#include <arch/cpu.h>
#include <arch/pgtable.h>
#include <nub/errno.h>
#include <nub/printk.h>
#include <nub/slab.h>
#include <nub/smp.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#include <linux/mman.h>

/* Below, nothing is ever mapped: null pointers of the kernel must fault. */
#define MMAP_MIN 0x10000UL
#define STACK_GUARD (1UL << 20)
/* Small ranges are flushed page by page. */
#define FLUSH_SINGLE 16
/* One mapping may promise this many times the machine's memory.  QEMU's map of a guest's grants is 384
 * MiB, of which it uses little, and a slim one has 20 MiB. */
#define OVERCOMMIT 32

static void zap_pte(u64 *pte, u64 addr, void *arg)
{
	struct mm *mm = arg;
	u64 old = *pte;

	*pte = 0;
	mm->rss--;
	pte_release(old);
}

static void flush_range(struct mm *mm, u64 start, u64 end)
{
	if (pgtable_active != mm->pml4)
		return;
	if ((end - start) >> PAGE_SHIFT > FLUSH_SINGLE) {
		tlb_flush_all();
		return;
	}
	for (; start < end; start += PAGE_SIZE)
		tlb_flush_page(start);
}

void mm_zap(struct mm *mm, struct vma *v, u64 start, u64 end)
{
	/*
	 * Nothing can run between the release of a page and the flush, here or
	 * elsewhere.
	 */
	smp_park(mm->pml4);
	pte_walk(mm, start, end, zap_pte, mm);
	flush_range(mm, start, end);
}

static void zap_shared_pte(u64 *pte, u64 addr, void *arg)
{
	const struct page *p = pfn_to_page(pte_pfn(*pte));

	if (!p || !(p->flags & PG_ANON))
		zap_pte(pte, addr, arg);
}

/* Pages [first,end) of the inode. */
static void zap_inode_in(struct mm *mm, struct inode *inode, u64 first, u64 end,
			 void (*zap)(u64 *pte, u64 addr, void *arg))
{
	for (unsigned i = 0; i < mm->count; i++) {
		struct vma *v = mm->vmas[i];
		u64 pages = (v->end - v->start) >> PAGE_SHIFT;
		u64 from = MAX(first, v->pgoff), to = MIN(end, v->pgoff + pages);

		if (!v->file || v->file->inode != inode || from >= to)
			continue;
		from = v->start + ((from - v->pgoff) << PAGE_SHIFT);
		to = v->start + ((to - v->pgoff) << PAGE_SHIFT);
		smp_park(mm->pml4);
		pte_walk(mm, from, to, zap, mm);
		flush_range(mm, from, to);
	}
}

void mm_zap_inode(struct inode *inode, u64 first)
{
	struct mm *mm;

	list_for_each(mm, &mm_list, link)
		zap_inode_in(mm, inode, first, ~0UL, zap_pte);
}

void mm_unmap_inode(struct inode *inode, u64 first, u64 end)
{
	struct mm *mm;

	list_for_each(mm, &mm_list, link)
		zap_inode_in(mm, inode, first, end, zap_shared_pte);
}

/* No other CPU is in this address space: what it has set is seen. */
static void zap_unused_pte(u64 *pte, u64 addr, void *arg)
{
	if (*pte & PTE_A)
		*pte &= ~PTE_A;
	else
		zap_shared_pte(pte, addr, arg);
}

void mm_unmap_unused(struct inode *inode)
{
	struct mm *mm;

	list_for_each(mm, &mm_list, link)
		zap_inode_in(mm, inode, 0, ~0UL, zap_unused_pte);
}

static bool writes_inode(const struct mm *mm, const struct inode *inode)
{
	for (unsigned i = 0; i < mm->count; i++) {
		const struct vma *v = mm->vmas[i];

		if (v->file && v->file->inode == inode && v->flags & VM_SHARED &&
		    !(v->flags & VM_MAYNOTWRITE))
			return true;
	}
	return false;
}

bool mm_writes_inode(const struct inode *inode)
{
	const struct mm *mm;

	list_for_each(mm, &mm_list, link)
		if (writes_inode(mm, inode))
			return true;
	return false;
}

static void free_tables(struct mm *mm, u64 start, u64 end)
{
	unsigned i = vma_find_index(mm, start);
	u64 floor = i > 0 ? mm->vmas[i - 1]->end : 0;
	u64 ceiling = i < mm->count ? mm->vmas[i]->start : 1UL << 47;

	if (ceiling - floor < SIZE_2M)
		return;
	smp_park(mm->pml4);
	pgtable_free_range(mm->pml4, start, end, floor, ceiling);
	if (pgtable_active == mm->pml4)
		tlb_flush_all();
}

static bool range_ok(u64 addr, u64 len)
{
	return len <= USER_TOP && addr <= USER_TOP - len;
}

int mm_unmap(struct mm *mm, u64 addr, u64 len)
{
	u64 end = addr + len;
	unsigned i;
	bool any = false;
	int err;

	err = vma_split_at(mm, addr);
	if (!err)
		err = vma_split_at(mm, end);
	if (err)
		return err;
	for (i = vma_find_index(mm, addr); i < mm->count && mm->vmas[i]->start < end;) {
		struct vma *v = mm->vmas[i];

		vma_remove_at(mm, i);
		mm_zap(mm, v, v->start, v->end);
		vma_free(v);
		any = true;
	}
	if (any)
		free_tables(mm, addr, end);
	return 0;
}

static bool gap_free(struct mm *mm, u64 addr, u64 len)
{
	struct vma *v = vma_find(mm, addr);

	return !v || v->start >= addr + len + (v->flags & VM_STACK ? STACK_GUARD : 0);
}

/* Highest gap below mmap_base, else lowest above it. */
u64 mm_find_gap(struct mm *mm, u64 len)
{
	u64 top = mm->mmap_base;

	for (unsigned i = vma_find_index(mm, top);; i--) {
		u64 floor = i > 0 ? mm->vmas[i - 1]->end : MMAP_MIN;

		if (i < mm->count) {
			struct vma *v = mm->vmas[i];

			top = MIN(top,
				  v->start - (v->flags & VM_STACK ? STACK_GUARD : 0));
		}
		if (top > floor && top - floor >= len)
			return top - len;
		if (i == 0)
			break;
	}
	for (u64 addr = mm->mmap_base; range_ok(addr, len);) {
		struct vma *v = vma_find(mm, addr);

		if (!v || v->start >= addr + len + STACK_GUARD)
			return addr;
		addr = v->end;
	}
	return 0;
}

bool mm_overcommits(u64 len, u32 vmflags)
{
	return !(vmflags & VM_NORESERVE) && vmflags & VM_WRITE &&
	       len >> PAGE_SHIFT > page_stats.total * OVERCOMMIT;
}

s64 mm_map(struct mm *mm, u64 addr, u64 len, u32 vmflags, bool fixed, struct file *file,
	   u64 pgoff)
{
	struct vma *v;
	int err;

	if (!len || !range_ok(0, len))
		return -ENOMEM;
	if (!file && mm_overcommits(len, vmflags))
		return -ENOMEM;
	/* The old mappings under a fixed one count, too, until they are gone. */
	if (mm->total + (len >> PAGE_SHIFT) > mm->total_max)
		return -ENOMEM;
	if (fixed) {
		if (!range_ok(addr, len))
			return -ENOMEM;
		if (addr < MMAP_MIN)
			return -EPERM;
		err = mm_unmap(mm, addr, len);
		if (err)
			return err;
	} else {
		if (addr < MMAP_MIN || !range_ok(addr, len) || !gap_free(mm, addr, len))
			addr = mm_find_gap(mm, len);
		if (!addr)
			return -ENOMEM;
	}
	v = kzalloc(sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->start = addr;
	v->end = addr + len;
	v->flags = vmflags & ~(u32)VM_NORESERVE;
	v->pgoff = file ? pgoff : 0;
	if (file) {
		v->file = file_get(file);
		err = file->ops->mmap ? file->ops->mmap(file, v) : -ENODEV;
		if (err)
			goto out_vma;
	}
	err = vma_insert(mm, v);
	if (err) {
		vma_free(v);
		return err;
	}
	vma_merge_range(mm, addr, addr + len);
	return (s64)addr;
out_vma:
	if (v->file)
		file_put(v->file);
	kfree(v);
	return err;
}

s64 mm_map_special(struct mm *mm, u64 addr, u64 len, u32 vmflags,
		   const struct vma_ops *ops, void *priv)
{
	struct vma *v;

	if (!addr || !gap_free(mm, addr, len))
		addr = mm_find_gap(mm, len);
	v = addr ? kzalloc(sizeof(*v)) : NULL;
	if (!v)
		return -ENOMEM;
	v->start = addr;
	v->end = addr + len;
	v->flags = vmflags & ~(u32)VM_NORESERVE;
	v->ops = ops;
	v->priv = priv;
	if (vma_insert(mm, v)) {
		kfree(v);
		return -ENOMEM;
	}
	return (s64)addr;
}

static void protect_pte(u64 *pte, u64 addr, void *arg)
{
	struct vma *v = arg;
	bool noref = *pte & PTE_NOREF, own = *pte & PTE_W;
	struct page *p;

	if (!noref) {
		p = pfn_to_page(pte_pfn(*pte));
		own = v->flags & VM_SHARED ? own : p->flags & PG_ANON && p->ref == 1;
	} else if (v->flags & VM_PFN) {
		own = true;
	}
	*pte = pte_make(v, pte_pfn(*pte), noref, own);
}

int mm_protect(struct mm *mm, u64 addr, u64 len, u32 prot)
{
	u64 end = addr + len, at = addr;
	unsigned i;
	int err;

	for (i = vma_find_index(mm, addr); at < end; i++) {
		if (i >= mm->count || mm->vmas[i]->start > at)
			return -ENOMEM;
		if (prot & VM_WRITE && mm->vmas[i]->flags & VM_MAYNOTWRITE)
			return -EACCES;
		at = mm->vmas[i]->end;
	}
	err = vma_split_at(mm, addr);
	if (!err)
		err = vma_split_at(mm, end);
	if (err)
		return err;
	for (i = vma_find_index(mm, addr); i < mm->count && mm->vmas[i]->start < end;
	     i++) {
		struct vma *v = mm->vmas[i];
		u32 flags = (v->flags & ~(u32)(VM_READ | VM_WRITE | VM_EXEC)) | prot;

		if (flags == v->flags)
			continue;
		v->flags = flags;
		smp_park(mm->pml4);
		pte_walk(mm, v->start, v->end, protect_pte, v);
	}
	flush_range(mm, addr, end);
	vma_merge_range(mm, addr, end);
	return 0;
}

struct move_arg {
	struct mm *mm;
	u64 delta;
	int err;
};

static void move_pte(u64 *pte, u64 addr, void *arg)
{
	struct move_arg *m = arg;
	u64 *slot = m->err ? NULL : pt_slot(m->mm->pml4, addr + m->delta, true);

	if (!slot) {
		m->err = -ENOMEM;
		return;
	}
	*slot = *pte;
	*pte = 0;
}

static s64 remap_move(struct mm *mm, struct vma *v, u64 old_len, u64 new_len, u64 to)
{
	struct move_arg m = {.mm = mm};
	u64 from = v->start;
	struct vma *n;
	int err;

	n = kmalloc(sizeof(*n));
	if (!n)
		return -ENOMEM;
	*n = *v;
	n->start = to;
	n->end = to + new_len;
	if (n->file)
		file_get(n->file);
	if (n->ops && n->ops->open)
		n->ops->open(n);
	err = vma_insert(mm, n);
	if (err) {
		vma_free(n);
		return err;
	}
	m.delta = to - from;
	smp_park(mm->pml4);
	pte_walk(mm, from, from + MIN(old_len, new_len), move_pte, &m);
	/* A failure loses the pages that did not move to the mapping, not to the
	 * allocator.  Memory for page tables has run out then, and the process ends,
	 * too. */
	flush_range(mm, from, from + old_len);
	mm_unmap(mm, from, old_len);
	return m.err ? m.err : (s64)to;
}

s64 mm_remap(struct mm *mm, u64 addr, u64 old_len, u64 new_len, u32 flags, u64 new_addr)
{
	struct vma *v = vma_find(mm, addr);
	s64 to;
	int err;

	if (!v || v->start > addr)
		return -EFAULT;
	if (addr + old_len > v->end)
		return -EFAULT;
	if (v->flags & (VM_FIXED_SIZE | VM_PFN | VM_KERNEL) || vma_single(v) || !old_len)
		return -EINVAL;
	if (new_len > old_len &&
	    mm->total + ((new_len - old_len) >> PAGE_SHIFT) > mm->total_max)
		return -ENOMEM;
	if (flags & MREMAP_FIXED) {
		if (new_addr & ~PAGE_MASK || new_addr < MMAP_MIN ||
		    !range_ok(new_addr, new_len))
			return -EINVAL;
		if (new_addr < addr + old_len && addr < new_addr + new_len)
			return -EINVAL;
		err = mm_unmap(mm, new_addr, new_len);
		if (err)
			return err;
	} else if (new_len <= old_len) {
		err = new_len < old_len ? mm_unmap(mm, addr + new_len, old_len - new_len)
					: 0;
		return err ? err : (s64)addr;
	} else if (addr + old_len == v->end && range_ok(addr, new_len) &&
		   gap_free(mm, v->end, new_len - old_len)) {
		mm->total += (new_len - old_len) >> PAGE_SHIFT;
		v->end += new_len - old_len;
		vma_merge_range(mm, addr, v->end);
		return (s64)addr;
	} else if (!(flags & MREMAP_MAYMOVE)) {
		return -ENOMEM;
	}
	err = vma_split_at(mm, addr);
	if (!err)
		err = vma_split_at(mm, addr + old_len);
	if (err)
		return err;
	v = vma_find(mm, addr);
	to = flags & MREMAP_FIXED ? (s64)new_addr : (s64)mm_find_gap(mm, new_len);
	return to ? remap_move(mm, v, old_len, new_len, (u64)to) : -ENOMEM;
}

u64 mm_brk(struct mm *mm, u64 brk)
{
	u64 old = ALIGN_UP(mm->brk, PAGE_SIZE), new = ALIGN_UP(brk, PAGE_SIZE);

	if (brk < mm->brk_start || brk > USER_TOP)
		return mm->brk;
	if (new > old) {
		if (!gap_free(mm, old, new - old + PAGE_SIZE) ||
		    mm_map(mm, old, new - old, VM_READ | VM_WRITE, true, NULL, 0) < 0)
			return mm->brk;
	} else if (new < old) {
		mm_unmap(mm, new, old - new);
	}
	mm->brk = brk;
	return brk;
}
