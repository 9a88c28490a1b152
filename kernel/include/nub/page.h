/* SPDX-License-Identifier: MIT */
/* Physical pages: the buddy allocator and the page frame table. */
#ifndef NUB_PAGE_H
#define NUB_PAGE_H

#include <nub/types.h>

#define DIRECT_MAP 0xffff888000000000UL
#define KERNEL_BASE 0xffffffff80000000UL
#define VMAP_BASE 0xffffc90000000000UL
#define PAGE_MAX_ORDER 10

enum page_flag {
	PG_FREE = 1,  /* in a buddy list */
	PG_SLAB = 2,  /* belongs to a slab, header at its start */
	PG_ANON = 4,  /* private anonymous user memory */
	PG_FIXED = 8, /* kernel image, ramdisk, tables: never freed */
};

/* One per frame below the end of RAM. ref counts the owners: page tables, page caches. */
struct page {
	u32 ref;
	u8 order; /* of the free block or of the allocation, in its first page */
	u8 flags;
	u16 spare;
};
_Static_assert(sizeof(struct page) == 8, "page frame table entry grew");

extern struct page *page_table;
extern u64 page_frames; /* frames that page_table covers */

struct page_stats {
	u64 total; /* frames that the allocator was given */
	u64 free;
	u64 least;  /* the fewest that were free since the allocator was ready */
	u64 anon;   /* user memory, private anonymous */
	u64 cache;  /* pages owned by files in RAM */
	u64 tables; /* page-table pages */
	u64 slab;
	u64 stacks;   /* kernel stacks */
	u64 image;    /* never the allocator's: the kernel, the page frame table, */
	u64 ramdisk;  /* and the ramdisk */
	u64 reclaims; /* times that decoded pages were dropped; no pages */
};
extern struct page_stats page_stats;
/* Pages that the kernel itself may need. With fewer free ones a fault drops pages of files
 * that can be had again, and reads no more than the one that it needs. */
#define PAGES_SPARE 1024

static inline void *phys_to_virt(paddr_t pa)
{
	return (void *)(DIRECT_MAP + pa);
}
/* For direct-map and kernel-image addresses. */
static inline paddr_t virt_to_phys(const void *va)
{
	u64 a = (u64)va;

	return a >= KERNEL_BASE ? a - KERNEL_BASE : a - DIRECT_MAP;
}
/* NULL for a frame that is no RAM of ours (device, foreign mapping). */
static inline struct page *pfn_to_page(u64 pfn)
{
	return pfn < page_frames ? &page_table[pfn] : NULL;
}
static inline u64 page_to_pfn(const struct page *p)
{
	return (u64)(p - page_table);
}
static inline paddr_t page_to_phys(const struct page *p)
{
	return page_to_pfn(p) << PAGE_SHIFT;
}
static inline void *page_to_virt(const struct page *p)
{
	return phys_to_virt(page_to_phys(p));
}
static inline struct page *virt_to_page(const void *va)
{
	return pfn_to_page(virt_to_phys(va) >> PAGE_SHIFT);
}

/* 2^order contiguous frames, one reference; NULL when there are none.
 * ALLOC_USER keeps a reserve for the kernel's own needs, ALLOC_ZERO clears. */
#define ALLOC_ZERO 1u
#define ALLOC_USER 2u
struct page *page_alloc(unsigned order, unsigned flags);
void page_free(struct page *p, unsigned order);
static inline void page_get(struct page *p)
{
	p->ref++;
}
/* Frees a single (order 0) page with its last reference. */
void page_put(struct page *p);

/* Boot: gives [start,end) (page aligned) to the allocator. */
void page_add_range(paddr_t start, paddr_t end);
/* The kernel's own pages: its image, tables, heap, stacks, buffers. */
u64 page_kernel_own(void);

#endif
