/* SPDX-License-Identifier: MIT */
/* Inside mm/: the mapping table and page-table entries. */
#ifndef MM_VMA_H
#define MM_VMA_H

#include <arch/pgtable.h>
#include <nub/mm.h>
#include <nub/page.h>

extern u64 zero_pfn;
extern struct list mm_list; /* all of them */

int vma_insert(struct mm *mm, struct vma *v);
void vma_remove_at(struct mm *mm, unsigned i);
/* Makes addr a boundary between mappings: 0, -ENOMEM or -EINVAL (VM_FIXED_SIZE). */
int vma_split_at(struct mm *mm, u64 addr);
void vma_merge_range(struct mm *mm, u64 start, u64 end);
void vma_free(struct vma *v);

/* A mapping with an end of its own (close, and no open) is never in two. */
static inline bool vma_single(const struct vma *v)
{
	return v->ops && v->ops->close && !v->ops->open;
}

/* Entry that maps pfn with the rights of v; `write`: if v allows it. */
static inline u64 pte_make(const struct vma *v, u64 pfn, bool noref, bool write)
{
	u64 pte = pfn << PAGE_SHIFT | PTE_U | PTE_A;

	if (v->flags & (VM_READ | VM_WRITE | VM_EXEC))
		pte |= PTE_P;
	if (write && v->flags & VM_WRITE)
		pte |= PTE_W | PTE_D;
	if (!(v->flags & VM_EXEC))
		pte |= PTE_NX;
	if (noref)
		pte |= PTE_NOREF;
	return pte;
}
static inline u64 pte_pfn(u64 pte)
{
	return (pte & PTE_ADDR) >> PAGE_SHIFT;
}
/* Drops the reference that an entry holds. */
static inline void pte_release(u64 pte)
{
	if (!(pte & PTE_NOREF))
		page_put(pfn_to_page(pte_pfn(pte)));
}
static inline u64 vma_index(const struct vma *v, u64 addr)
{
	return v->pgoff + ((addr - v->start) >> PAGE_SHIFT);
}

/* Calls fn for each populated entry of [start,end). An entry is populated when it is not
 * zero; without PTE_P it is kept for a mapping that allows no access now. */
void pte_walk(struct mm *mm, u64 start, u64 end,
	      void (*fn)(u64 *pte, u64 addr, void *arg), void *arg);

#endif
