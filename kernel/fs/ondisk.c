/* SPDX-License-Identifier: MIT */
/* Files of the root that lie on a disk: their pages, read when they are touched. */
#include <nub/errno.h>
#include <nub/ondisk.h>
#include <nub/page.h>
#include <nub/string.h>
#include <nub/vfs.h>

#define CLUSTER 16u /* pages that are read at once, at the most; aligned */

static ondisk_read *read_pages;

void ondisk_init(ondisk_read *read)
{
	read_pages = read;
}

/* The pages that have to be read, with `index` among them: the first, and their number. */
static u64 choose(const struct inode *ino, u64 index, unsigned *n)
{
	u64 low = ALIGN_DOWN(index, (u64)CLUSTER), from = index, to = index + 1;
	u64 high = MIN(low + CLUSTER, (ino->base_size + PAGE_SIZE - 1) >> PAGE_SHIFT);

	if (page_stats.free > PAGES_SPARE) {
		while (from > low && !radix_get(&ino->pages, from - 1))
			from--;
		while (to < high && !radix_get(&ino->pages, to))
			to++;
	}
	*n = (unsigned)(to - from);
	return from;
}

static void free_pages(struct page **pages, unsigned n)
{
	while (n)
		page_put(pages[--n]);
}

/* The rest of the last page, behind the file's end, is zeros. */
static void clear_tail(const struct inode *ino, u64 index, u8 *page)
{
	u64 end = ino->base_size - (index << PAGE_SHIFT);

	if (end < PAGE_SIZE)
		memset(page + end, 0, PAGE_SIZE - end);
}

static int fill(struct inode *ino, u64 from, unsigned n)
{
	struct page *pages[CLUSTER];
	u8 *to[CLUSTER] = {NULL};
	unsigned i;
	int err;

	for (i = 0; i < n; i++) {
		pages[i] = page_alloc(0, ALLOC_USER);
		if (!pages[i]) {
			free_pages(pages, i);
			return -ENOMEM;
		}
		to[i] = page_to_virt(pages[i]);
	}
	err = read_pages(ino->disk_page + from, n, to);
	for (i = 0; i < n && !err; i++) {
		clear_tail(ino, from + i, to[i]);
		err = radix_set(&ino->pages, from + i, pages[i]);
		if (err)
			break;
		page_stats.cache++;
		ino->npages++;
		pages[i] = NULL;
	}
	for (i = 0; i < n; i++)
		if (pages[i])
			page_put(pages[i]);
	return err;
}

int ondisk_fill(struct inode *ino, u64 index)
{
	unsigned n;
	u64 from;
	int err;

	if (!read_pages)
		return -EIO;
	from = choose(ino, index, &n);
	err = fill(ino, from, n);
	if (err == -ENOMEM && n > 1)
		err = fill(ino, index, 1);
	return err;
}
