/* SPDX-License-Identifier: MIT */
/* A page comes into an inode's cache, or leaves it: the cache and the counts of it. */
#ifndef NUB_PAGECACHE_H
#define NUB_PAGECACHE_H

#include <nub/page.h>
#include <nub/radix.h>
#include <nub/vfs.h>

/* Takes the caller's reference, also on failure. 0; -ENOMEM. */
static inline int inode_page_add(struct inode *ino, u64 index, struct page *p)
{
	int err = radix_set(&ino->pages, index, p);

	if (err) {
		page_put(p);
		return err;
	}
	page_stats.cache++;
	ino->npages++;
	return 0;
}

/* For the radix functions: a page that was in the inode's cache. */
static inline void inode_page_gone(void *page, void *inode)
{
	struct inode *ino = inode;

	ino->npages--;
	page_stats.cache--;
	page_put(page);
}

#endif
