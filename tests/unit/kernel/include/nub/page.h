/* SPDX-License-Identifier: MIT */
/* Stands in for the kernel's nub/page.h in unit tests: pages come from malloc. */
#ifndef NUB_PAGE_H
#define NUB_PAGE_H

#include <nub/types.h>

#include <stdint.h>

struct page {
	u32 ref;
	void *mem;
};

#define ALLOC_ZERO 1u
#define ALLOC_USER 2u
struct page *page_alloc(unsigned order, unsigned flags);
void page_put(struct page *p);

/* Of the counts those that a part under test keeps. */
struct page_stats {
	u64 free, cache, reclaims;
};
extern struct page_stats page_stats;
#define PAGES_SPARE 1024

/* The fake grants take it for the frame's number. */
static inline u64 page_to_pfn(const struct page *p)
{
	return (u64)(uintptr_t)p;
}

static inline void *page_to_virt(const struct page *p)
{
	return p->mem;
}

#endif
