/* SPDX-License-Identifier: MIT */
/* Page faults of user memory: demand zero, file pages, copy on write. A fault never
 * sleeps. */
#include "vma.h"

#include <nub/clock.h>
#include <nub/errno.h>
#include <nub/sched.h>
#include <nub/smp.h>
#include <nub/string.h>
#include <nub/vfs.h>

#define FAULT_AROUND 16 /* pages, power of two */
#define AGAIN_NS 10000000ULL
#define STACK_GAP (1UL << 20)

static u8 zero_page[PAGE_SIZE] __aligned(4096);
u64 zero_pfn;
static bool (*reclaim)(void);

static struct page *anon_page(const void *copy, unsigned flags)
{
	struct page *p = page_alloc(0, ALLOC_USER | flags);

	if (!p)
		return NULL;
	p->flags = PG_ANON;
	page_stats.anon++;
	if (copy)
		memcpy(page_to_virt(p), copy, PAGE_SIZE);
	return p;
}

static void pte_set(struct mm *mm, u64 *pte, u64 value, u64 addr)
{
	bool flush = *pte & PTE_P;

	if (flush && pte_pfn(*pte) != pte_pfn(value))
		smp_park(mm->pml4); /* the old frame is nobody's any more */
	*pte = value;
	if (flush)
		tlb_flush_page(addr);
}

/* A private page must become ours: reuse it when nobody else has it, else copy. */
static int break_cow(struct mm *mm, struct vma *v, u64 *pte, u64 addr)
{
	u64 old = *pte;
	struct page *p;

	if (!(old & PTE_NOREF)) {
		p = pfn_to_page(pte_pfn(old));
		if (p->flags & PG_ANON && p->ref == 1) {
			pte_set(mm, pte, pte_make(v, pte_pfn(old), false, true), addr);
			return 0;
		}
	}
	if (pte_pfn(old) == zero_pfn)
		p = anon_page(NULL, ALLOC_ZERO);
	else
		p = anon_page(phys_to_virt(pte_pfn(old) << PAGE_SHIFT), 0);
	if (!p)
		return -ENOMEM;
	pte_set(mm, pte, pte_make(v, page_to_pfn(p), false, true), addr);
	pte_release(old);
	return 0;
}

static int fault_present(struct mm *mm, struct vma *v, u64 *pte, u64 addr,
			 enum fault_kind kind)
{
	u64 pfn;
	int err;

	if (!(*pte & PTE_P)) {
		/* Kept while access was forbidden. */
		bool own = *pte & PTE_NOREF ? v->flags & VM_PFN
					    : v->flags & VM_SHARED && *pte & PTE_W;

		*pte = pte_make(v, pte_pfn(*pte), *pte & PTE_NOREF, own);
	}
	if (kind != FAULT_WRITE || *pte & PTE_W) {
		tlb_flush_page(addr);
		return 0;
	}
	if (!(v->flags & VM_SHARED))
		return break_cow(mm, v, pte, addr);
	if (v->flags & VM_PFN) {
		pte_set(mm, pte, *pte | PTE_W | PTE_D, addr);
		return 0;
	}
	err = v->ops->fault(v, vma_index(v, addr), true, &pfn);
	if (err)
		return err;
	{
		u64 old = *pte;

		pte_set(mm, pte, pte_make(v, pfn, false, true), addr);
		if (old)
			pte_release(old);
		else
			mm->rss++;
	}
	return 0;
}

static void fault_around(struct mm *mm, struct vma *v, u64 addr)
{
	u64 a = MAX(ALIGN_DOWN(addr, FAULT_AROUND * PAGE_SIZE), v->start);
	u64 end =
		MIN(ALIGN_DOWN(addr, FAULT_AROUND * PAGE_SIZE) + FAULT_AROUND * PAGE_SIZE,
		    v->end);
	u64 *pte = pt_slot(mm->pml4, a, false);
	u64 pfn;

	for (; a < end; a += PAGE_SIZE, pte++) {
		if (*pte || !v->ops->resident(v, vma_index(v, a), &pfn))
			continue;
		*pte = pte_make(v, pfn, false, false) & ~PTE_A; /* not used yet */
		mm->rss++;
	}
}

static int fault_absent(struct mm *mm, struct vma *v, u64 *pte, u64 addr,
			enum fault_kind kind)
{
	bool write = kind == FAULT_WRITE;
	struct page *p;
	u64 pfn;
	int err;

	if (!v->ops) {
		if (!write) {
			*pte = pte_make(v, zero_pfn, true, false);
		} else {
			p = anon_page(NULL, ALLOC_ZERO);
			if (!p)
				return -ENOMEM;
			*pte = pte_make(v, page_to_pfn(p), false, true);
		}
		mm->rss++;
		return 0;
	}
	if (write && !(v->flags & VM_SHARED) && v->ops->copy) {
		p = anon_page(NULL, 0);
		if (!p)
			return -ENOMEM;
		err = v->ops->copy(v, vma_index(v, addr), page_to_virt(p));
		if (err) {
			page_put(p);
			return err;
		}
		*pte = pte_make(v, page_to_pfn(p), false, true);
		mm->rss++;
		return 0;
	}
	err = v->ops->fault(v, vma_index(v, addr), write && v->flags & VM_SHARED, &pfn);
	if (err)
		return err;
	if (*pte) {
		/* The object entered it itself, or dropped and re-made it meanwhile. */
		if (!(v->flags & VM_PFN))
			page_put(pfn_to_page(pfn));
		return 0;
	}
	if (v->flags & VM_PFN) {
		*pte = pte_make(v, pfn, true, true);
	} else if (write && !(v->flags & VM_SHARED)) {
		p = anon_page(phys_to_virt(pfn << PAGE_SHIFT), 0);
		page_put(pfn_to_page(pfn));
		if (!p)
			return -ENOMEM;
		*pte = pte_make(v, page_to_pfn(p), false, true);
	} else {
		*pte = pte_make(v, pfn, false, write);
	}
	mm->rss++;
	if (!write && v->ops->resident)
		fault_around(mm, v, addr);
	return 0;
}

static struct vma *stack_grow(struct mm *mm, u64 addr)
{
	unsigned i = vma_find_index(mm, addr);
	struct vma *v = i < mm->count ? mm->vmas[i] : NULL;
	u64 start = ALIGN_DOWN(addr, PAGE_SIZE);

	if (!v || v->start <= addr)
		return v;
	if (!(v->flags & VM_STACK) || v->end - start > mm->stack_max)
		return NULL;
	if (i > 0 && mm->vmas[i - 1]->end + STACK_GAP > start)
		return NULL;
	if (mm->total + ((v->start - start) >> PAGE_SHIFT) > mm->total_max)
		return NULL;
	mm->total += (v->start - start) >> PAGE_SHIFT;
	v->start = start;
	return v;
}

static int fault(struct mm *mm, u64 addr, enum fault_kind kind)
{
	struct vma *v = stack_grow(mm, addr);
	u64 *pte;

	if (!v)
		return -EFAULT;
	if (kind == FAULT_WRITE	 ? !(v->flags & VM_WRITE)
	    : kind == FAULT_EXEC ? !(v->flags & VM_EXEC)
				 : !(v->flags & (VM_READ | VM_WRITE | VM_EXEC)))
		return -EACCES;
	addr = ALIGN_DOWN(addr, PAGE_SIZE);
	pte = pt_slot(mm->pml4, addr, true);
	if (!pte)
		return -ENOMEM;
	return *pte ? fault_present(mm, v, pte, addr, kind)
		    : fault_absent(mm, v, pte, addr, kind);
}

bool mm_fault_again(int err)
{
	if (err != -EAGAIN && err != -ENOTCONN)
		return false;
	thread_sleep(clock_now() + AGAIN_NS, false);
	return true;
}

int mm_fault(struct mm *mm, u64 addr, enum fault_kind kind)
{
	int err;

	if (unlikely(page_stats.free < PAGES_SPARE))
		reclaim();
	err = fault(mm, addr, kind);
	if (err == -ENOMEM && reclaim())
		err = fault(mm, addr, kind);
	return err;
}

int mm_insert_pfn(struct mm *mm, struct vma *v, u64 addr, u64 pfn, bool write)
{
	u64 *pte = pt_slot(mm->pml4, addr, true), old;

	if (!pte)
		return -ENOMEM;
	old = *pte;
	pte_set(mm, pte, pte_make(v, pfn, true, write), addr);
	if (old)
		pte_release(old);
	else
		mm->rss++;
	return 0;
}

void mm_init(bool (*reclaim_memory)(void))
{
	reclaim = reclaim_memory;
	zero_pfn = virt_to_phys(zero_page) >> PAGE_SHIFT;
}
