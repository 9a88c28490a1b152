/* SPDX-License-Identifier: MIT */
/* Files of the root that lie on a disk: their pages, read when they are touched, or ahead. */
#include <nub/cmdline.h>
#include <nub/errno.h>
#include <nub/ondisk.h>
#include <nub/page.h>
#include <nub/pagecache.h>
#include <nub/string.h>
#include <nub/vfs.h>

#define CLUSTER 32u /* pages around the touched one; aligned */
#define AHEAD 64u   /* pages of one read ahead: a request of a back end */

/* Pages that lie together on the disk, and whose they are. Nothing here sleeps, so one is
 * enough. */
static struct batch {
	u64 place;
	unsigned n;
	struct {
		struct inode *ino;
		u64 index;
	} of[AHEAD];
} batch;

static ondisk_read *read_pages;
static bool alone; /* nub.read=touched: no page comes with another */
static bool ahead_done;
struct ondisk_stats ondisk_stats;

void ondisk_init(ondisk_read *read)
{
	read_pages = read;
	alone = cmdline_has_word("nub.read", "touched");
}

static void batch_begin(u64 place)
{
	batch.place = place;
	batch.n = 0;
}

static void batch_add(struct inode *ino, u64 index)
{
	batch.of[batch.n].ino = ino;
	batch.of[batch.n++].index = index;
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

/* A page that came into the cache another way stays. */
static int keep(struct inode *ino, u64 index, struct page *p)
{
	if (index >= ondisk_pages(ino->base_size) || radix_get(&ino->pages, index)) {
		page_put(p);
		return 0;
	}
	clear_tail(ino, index, page_to_virt(p));
	return inode_page_add(ino, index, p);
}

/* Reads the batch into the caches of its files. */
static int batch_read(void)
{
	static struct page *pages[AHEAD];
	static u8 *to[AHEAD];
	int err;

	for (unsigned i = 0; i < batch.n; i++) {
		pages[i] = page_alloc(0, ALLOC_USER);
		if (!pages[i]) {
			free_pages(pages, i);
			return -ENOMEM;
		}
		to[i] = page_to_virt(pages[i]);
	}
	err = read_pages(batch.place, batch.n, to);
	if (err) {
		free_pages(pages, batch.n);
		return err;
	}
	ondisk_stats.reads++;
	ondisk_stats.pages += batch.n;
	for (unsigned i = 0; i < batch.n; i++) {
		int e = keep(batch.of[i].ino, batch.of[i].index, pages[i]);

		err = err ? err : e;
	}
	return err;
}

/* A batch of the missing pages around `index`, `most` at most. */
static int choose(struct inode *ino, u64 index, u64 most)
{
	const struct ondisk_extent *e = ino->extents;
	u64 first = 0, low, high, from = index, to = index + 1;

	for (unsigned i = 0; index >= first + e->pages; i++, e++) {
		first += e->pages;
		if (i + 1 == ino->n_extents)
			return -EIO;
	}
	low = MAX(ALIGN_DOWN(index, most), first);
	high = MIN(ALIGN_DOWN(index, most) + most, first + e->pages);
	high = MIN(high, ondisk_pages(ino->base_size));
	while (from > low && !radix_get(&ino->pages, from - 1))
		from--;
	while (to < high && !radix_get(&ino->pages, to))
		to++;
	batch_begin((e->place & ~ONDISK_AHEAD) + (from - first));
	for (; from < to; from++)
		batch_add(ino, from);
	return 0;
}

/* The batch grows while pages lie together; a full one, or one before a gap, is read. */
static int ahead_extent(struct inode *ino, u64 first, const struct ondisk_extent *e)
{
	u64 place = e->place & ~ONDISK_AHEAD;
	int err = 0;

	for (u64 i = 0; i < e->pages && !err; i++) {
		if (batch.n && (batch.n == AHEAD || place + i != batch.place + batch.n)) {
			err = batch_read();
			batch.n = 0;
		}
		if (err || page_stats.free < PAGES_SPARE + AHEAD)
			return err ? err : -ENOMEM;
		if (radix_get(&ino->pages, first + i))
			continue; /* a try before this one brought it */
		if (!batch.n)
			batch_begin(place + i);
		batch_add(ino, first + i);
	}
	return err;
}

static int read_ahead(void)
{
	struct inode *ino;
	int err = 0;

	batch.n = 0;
	list_for_each(ino, &file_renewables, reclaim) {
		u64 first = 0;

		for (unsigned i = 0; i < ino->n_extents && !ino->changed && !err; i++) {
			if (ino->extents[i].place & ONDISK_AHEAD)
				err = ahead_extent(ino, first, &ino->extents[i]);
			first += ino->extents[i].pages;
		}
		if (err)
			return err;
	}
	return batch.n ? batch_read() : 0;
}

int ondisk_fill(struct inode *ino, u64 index)
{
	int err;

	if (!read_pages)
		return -EIO;
	if (!ahead_done && !alone) {
		err = read_ahead();
		if (err == -EAGAIN || err == -ENOTCONN)
			return err;
		ahead_done = true;
		if (radix_get(&ino->pages, index))
			return 0;
	}
	err = choose(ino, index, alone || page_stats.free <= PAGES_SPARE ? 1 : CLUSTER);
	if (!err)
		err = batch_read();
	/* The others are not worth an error: the page alone may well be had. */
	if ((err == -ENOMEM || err == -EIO) && batch.n > 1) {
		err = choose(ino, index, 1);
		if (!err)
			err = batch_read();
	}
	return err;
}
