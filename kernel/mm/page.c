/* SPDX-License-Identifier: MIT */
/* Buddy allocator. Free blocks are linked through their own first bytes. */
#include <nub/list.h>
#include <nub/page.h>
#include <nub/panic.h>
#include <nub/shadow.h>
#include <nub/string.h>

#define USER_RESERVE 256 /* pages that user memory may not take */

struct page *page_table;
u64 page_frames;
struct page_stats page_stats;

static struct list free_lists[PAGE_MAX_ORDER + 1];
static bool lists_ready;

static void free_list_add(struct page *p, unsigned order)
{
	p->flags = PG_FREE;
	p->order = (u8)order;
	p->ref = 0;
	list_add(&free_lists[order], page_to_virt(p));
}

static void free_list_del(struct page *p)
{
	p->flags = 0;
	list_del(page_to_virt(p));
}

struct page *page_alloc(unsigned order, unsigned flags)
{
	unsigned o = order;
	struct page *p;

	if (flags & ALLOC_USER && page_stats.free < USER_RESERVE + (1UL << order))
		return NULL;
	while (o <= PAGE_MAX_ORDER && list_empty(&free_lists[o]))
		o++;
	if (o > PAGE_MAX_ORDER)
		return NULL;
	p = virt_to_page(free_lists[o].next);
	free_list_del(p);
	while (o > order) {
		o--;
		free_list_add(p + (1UL << o), o);
	}
	p->ref = 1;
	p->order = (u8)order;
	page_stats.free -= 1UL << order;
	page_stats.least = MIN(page_stats.least, page_stats.free);
	shadow_allow(page_to_virt(p), PAGE_SIZE << order);
	if (flags & ALLOC_ZERO)
		memset(page_to_virt(p), 0, PAGE_SIZE << order);
	return p;
}

void page_free(struct page *p, unsigned order)
{
	u64 pfn = page_to_pfn(p);

	ASSERT(!(p->flags & (PG_FREE | PG_FIXED)));
	shadow_forbid(page_to_virt(p), PAGE_SIZE << order);
	page_stats.free += 1UL << order;
	while (order < PAGE_MAX_ORDER) {
		struct page *buddy = pfn_to_page(pfn ^ (1UL << order));

		if (!buddy || !(buddy->flags & PG_FREE) || buddy->order != order)
			break;
		free_list_del(buddy);
		pfn &= ~(1UL << order);
		order++;
	}
	free_list_add(&page_table[pfn], order);
}

void page_put(struct page *p)
{
	ASSERT(p->ref > 0);
	if (--p->ref == 0) {
		if (p->flags & PG_ANON)
			page_stats.anon--;
		p->flags = 0;
		page_free(p, 0);
	}
}

void page_add_range(paddr_t start, paddr_t end)
{
	if (!lists_ready) {
		for (unsigned i = 0; i <= PAGE_MAX_ORDER; i++)
			list_init(&free_lists[i]);
		lists_ready = true;
	}
	for (paddr_t pa = start; pa < end; pa += PAGE_SIZE) {
		struct page *p = pfn_to_page(pa >> PAGE_SHIFT);

		p->flags = 0;
		page_stats.total++;
		page_free(p, 0);
	}
	page_stats.least = page_stats.free;
}

u64 page_kernel_own(void)
{
	const struct page_stats *s = &page_stats;

	return s->image + s->total - s->free - s->anon - s->cache;
}
