/* SPDX-License-Identifier: MIT */
/* Pages of files that can be had again, dropped when memory is short. */
#include <nub/mm.h>
#include <nub/ondisk.h>
#include <nub/page.h>
#include <nub/pagecache.h>
#include <nub/vfs.h>

#define RECLAIM_MIN 512 /* pages; for fewer, code in use would go round and round */

struct list file_renewables = LIST_INIT(file_renewables);

u64 file_renewable(void)
{
	const struct inode *ino;
	u64 pages = 0;

	list_for_each(ino, &file_renewables, reclaim) {
		pages += ino->changed ? 0 : ino->npages;
	}
	return pages;
}

/* Pages of [first,end) that no mapping has. */
static void drop_unmapped(struct inode *ino, u64 first, u64 end)
{
	for (u64 i = first; i < end && ino->npages; i++) {
		const struct page *p = radix_get(&ino->pages, i);

		if (p && p->ref == 1)
			inode_page_gone(radix_take(&ino->pages, i), ino);
	}
}

/* The dynamic linker's tables: nobody reads them twice. */
static void drop_linked(struct inode *ino)
{
	u64 first = 0;

	for (unsigned i = 0; i < ino->n_extents; i++) {
		u64 end = first + ino->extents[i].pages;

		if (ino->extents[i].place & ONDISK_AHEAD) {
			mm_unmap_inode(ino, first, end);
			drop_unmapped(ino, first, end);
		}
		first = end;
	}
}

/* Pages that have not been used since the last time. */
static void drop_unused(struct inode *ino)
{
	mm_unmap_unused(ino);
	drop_unmapped(ino, 0, ondisk_pages(ino->base_size));
}

static void drop_all(struct inode *ino)
{
	mm_unmap_inode(ino, 0, ~0UL);
	radix_clear_from(&ino->pages, 0, inode_page_gone, ino);
}

static void drop(void (*of)(struct inode *ino))
{
	struct inode *ino;

	list_for_each(ino, &file_renewables, reclaim) {
		if (!ino->changed)
			of(ino);
	}
}

bool file_reclaim(void)
{
	static void (*const kinds[])(struct inode *ino) = {drop_linked, drop_unused,
							   drop_all};
	u64 before = file_renewable();

	if (before < RECLAIM_MIN)
		return false;
	for (unsigned i = 0;
	     i < ARRAY_SIZE(kinds) && before - file_renewable() < RECLAIM_MIN; i++)
		drop(kinds[i]);
	page_stats.reclaims++;
	return true;
}
