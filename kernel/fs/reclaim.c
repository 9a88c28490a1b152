/* SPDX-License-Identifier: MIT */
/* Pages of files that can be had again, dropped when memory is short. */
#include <nub/mm.h>
#include <nub/page.h>
#include <nub/vfs.h>

#define RECLAIM_MIN 512 /* pages; for fewer, code in use would go round and round */

struct list file_renewables = LIST_INIT(file_renewables);

void inode_page_gone(void *page, void *inode)
{
	struct inode *ino = inode;

	ino->npages--;
	page_stats.cache--;
	page_put(page);
}

u64 file_renewable(void)
{
	const struct inode *ino;
	u64 pages = 0;

	list_for_each(ino, &file_renewables, reclaim) {
		pages += ino->changed ? 0 : ino->npages;
	}
	return pages;
}

bool file_reclaim(void)
{
	struct inode *ino;

	if (file_renewable() < RECLAIM_MIN)
		return false;
	list_for_each(ino, &file_renewables, reclaim) {
		if (ino->changed)
			continue;
		mm_unmap_inode(ino, 0);
		radix_clear_from(&ino->pages, 0, inode_page_gone, ino);
	}
	page_stats.reclaims++;
	return true;
}
