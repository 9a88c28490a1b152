/* SPDX-License-Identifier: MIT */
/*
 * Files of the root that lie on a disk: what image/stubimage/rootdisk.py writes, version 2.
 *
 * An archive entry whose magic is "0707d2" instead of newc's "070701" is a regular file
 * whose bytes are on the disk of the root (nub/rootdisk.h). Its check field is the file's
 * size. Its data are its extents, in the file's order: little-endian u32, how many of the
 * file's pages, of 4096 bytes, lie together; and the disk's page where they begin. The last
 * page ends with zeros.
 *
 * Extents with ONDISK_AHEAD are touched whenever the program starts, so they are read
 * ahead. On the disk they lie one behind the other, in the archive's order.
 */
#ifndef NUB_ONDISK_H
#define NUB_ONDISK_H

#include <nub/types.h>

#define ONDISK_MAGIC "0707d2"
#define ONDISK_AHEAD 0x80000000u

struct ondisk_extent {
	u32 pages;
	u32 place; /* the disk's first page; ONDISK_AHEAD */
};

struct inode;

/*
 * Reads n pages from the disk's page `first` on. It never sleeps. 0; -EIO; -ENOMEM;
 * -EAGAIN: no answer yet, ask for the same again; -ENOTCONN: no back end at present, ask
 * again after a sleep.
 */
typedef int ondisk_read(u64 first, unsigned n, u8 *const to[]);

/* Reads since the start. */
struct ondisk_stats {
	u64 reads; /* calls of ondisk_read that brought pages */
	u64 pages;
};
extern struct ondisk_stats ondisk_stats;

/* Boot: the way to the disk. Without it such a file cannot be read (-EIO). */
void ondisk_init(ondisk_read *read);
static inline u64 ondisk_pages(u64 size)
{
	return (size + 4095) / 4096;
}
/* Whether `stored` bytes are the extents of a file of `size` bytes. */
static inline bool ondisk_valid(const struct ondisk_extent *extents, u64 stored, u64 size)
{
	u64 pages = 0;

	if (!size || stored % sizeof(*extents))
		return false;
	for (u64 i = 0; i < stored / sizeof(*extents); i++)
		pages += extents[i].pages;
	return pages == ondisk_pages(size);
}
/*
 * Puts the file's page `index` into its cache, and with it those around it that are
 * missing. The first call also reads ahead, for all files. Errors as of ondisk_read.
 */
int ondisk_fill(struct inode *ino, u64 index);

#endif
