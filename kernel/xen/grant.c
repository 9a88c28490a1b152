/* SPDX-License-Identifier: MIT */
/* Grant table (version 1): our own entries, and mappings of other domains' frames. */
#include "grant.h"

#include "core.h"
#include "gfn.h"
#include "hypercall.h"

#include <arch/pgtable.h>
#include <nub/errno.h>
#include <nub/list.h>
#include <nub/page.h>
#include <nub/printk.h>
#include <nub/slab.h>

#include <xen/memory.h>

#define ENTRIES_PER_FRAME (PAGE_SIZE / sizeof(struct grant_entry_v1))
#define FIRST_REF GNTTAB_NR_RESERVED_ENTRIES
#define MAX_FRAMES 64u

_Static_assert(sizeof(struct grant_entry_v1) == 8, "grant entry layout");

static volatile struct grant_entry_v1 *table;
static u32 frames, max_frames;
/* Free references are chained: next[ref], 0 ends. */
static u32 *next;
static u32 free_head;

/* Frames that the other side still uses. */
struct zombie {
	struct list link;
	grant_ref_t ref;
	struct page *page;
	const void *owner;
};
static struct list zombies = LIST_INIT(zombies);

static bool add_frame(void)
{
	struct xen_add_to_physmap a = {
		.domid = DOMID_SELF,
		.space = XENMAPSPACE_grant_table,
		.idx = frames,
	};
	u32 first = frames * ENTRIES_PER_FRAME;
	u32 *n;

	if (!table || frames >= max_frames)
		return false;
	n = krealloc(next, first * sizeof(*n), (first + ENTRIES_PER_FRAME) * sizeof(*n));
	if (!n)
		return false;
	next = n;
	a.gpfn = gfn_alloc(1);
	if (!a.gpfn)
		return false;
	if (xen_memory_op(XENMEM_add_to_physmap, &a) ||
	    kmap_page((u64)table + frames * PAGE_SIZE, a.gpfn << PAGE_SHIFT,
		      PTE_W | PTE_NX | PTE_G)) {
		gfn_free(a.gpfn, 1);
		return false;
	}
	frames++;
	for (u32 i = first + ENTRIES_PER_FRAME; i-- > MAX(first, (u32)FIRST_REF);) {
		next[i] = free_head;
		free_head = i;
	}
	return true;
}

void grant_init(void)
{
	struct gnttab_query_size q = {.dom = DOMID_SELF};

	if (xen_grant_table_op(GNTTABOP_query_size, &q, 1) || q.status != GNTST_okay)
		q.max_nr_frames = 4;
	max_frames = MIN(q.max_nr_frames, MAX_FRAMES);
	table = (void *)vmap_reserve(max_frames);
	if (!add_frame())
		printk("xen: no grant table\n");
}

grant_ref_t grant_access(domid_t dom, u64 pfn, bool readonly)
{
	grant_ref_t ref;

	if (!free_head && !add_frame())
		return 0;
	ref = free_head;
	free_head = next[ref];
	table[ref].frame = (u32)pfn;
	table[ref].domid = dom;
	/* Xen and the other domain may look at any time: valid last. */
	barrier();
	table[ref].flags = (u16)(GTF_permit_access | (readonly ? GTF_readonly : 0));
	return ref;
}

bool grant_end(grant_ref_t ref)
{
	volatile u16 *flags = &table[ref].flags;
	u16 old = *flags;

	do {
		if (old & (GTF_reading | GTF_writing))
			return false;
	} while (!__atomic_compare_exchange_n(flags, &old, 0, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	next[ref] = free_head;
	free_head = ref;
	return true;
}

static void zombies_reap(void)
{
	struct zombie *z, *n;

	list_for_each_safe(z, n, &zombies, link) {
		if (!grant_end(z->ref))
			continue;
		list_del(&z->link);
		page_put(z->page);
		kfree(z);
	}
}

unsigned grant_held(const void *owner)
{
	struct zombie *z;
	unsigned n = 0;

	zombies_reap();
	list_for_each(z, &zombies, link)
		n += z->owner == owner;
	return n;
}

void grant_end_page(grant_ref_t ref, struct page *p, const void *owner)
{
	struct zombie *z;

	zombies_reap();
	if (grant_end(ref)) {
		page_put(p);
		return;
	}
	z = kmalloc(sizeof(*z));
	if (!z)
		return; /* the frame is lost, which beats giving it to two owners */
	z->ref = ref;
	z->page = p;
	z->owner = owner;
	list_add_tail(&zombies, &z->link);
}

#define MAP_BATCH 32u
static union {
	struct gnttab_map_grant_ref map[MAP_BATCH];
	struct gnttab_unmap_grant_ref unmap[MAP_BATCH];
} ops;

void grant_unmap(const u32 *handles, u32 n, u64 gfn)
{
	for (u32 done = 0; done < n;) {
		u32 part = MIN(n - done, MAP_BATCH);

		for (u32 i = 0; i < part; i++)
			ops.unmap[i] = (struct gnttab_unmap_grant_ref){
				.host_addr = (gfn + done + i) << PAGE_SHIFT,
				.handle = handles[done + i],
			};
		xen_grant_table_op(GNTTABOP_unmap_grant_ref, ops.unmap, part);
		done += part;
	}
}

int grant_map(const struct grant_source *src, u32 n, u64 gfn, bool readonly, u32 *handles)
{
	u32 good = 0;

	while (good < n) {
		u32 part = MIN(n - good, MAP_BATCH), i;
		long ret;

		for (i = 0; i < part; i++)
			ops.map[i] = (struct gnttab_map_grant_ref){
				.host_addr = (gfn + good + i) << PAGE_SHIFT,
				.flags = GNTMAP_host_map |
					 (readonly ? GNTMAP_readonly : 0),
				.ref = src[good + i].ref,
				.dom = (domid_t)src[good + i].dom,
				.status = GNTST_general_error,
			};
		ret = xen_grant_table_op(GNTTABOP_map_grant_ref, ops.map, part);
		for (i = 0; !ret && i < part && ops.map[i].status == GNTST_okay; i++)
			handles[good + i] = ops.map[i].handle;
		if (i < part) {
			/* Frames behind the first failure may have been mapped as
			 * well. */
			struct gnttab_unmap_grant_ref u;
			bool again = !ret && ops.map[i].status == GNTST_eagain;

			for (u32 j = i + 1; !ret && j < part; j++) {
				if (ops.map[j].status != GNTST_okay)
					continue;
				u = (struct gnttab_unmap_grant_ref){
					.host_addr = ops.map[j].host_addr,
					.handle = ops.map[j].handle,
				};
				xen_grant_table_op(GNTTABOP_unmap_grant_ref, &u, 1);
			}
			grant_unmap(handles, good + i, gfn);
			return again ? -EAGAIN : -EINVAL;
		}
		good += part;
	}
	return 0;
}
