/* SPDX-License-Identifier: MIT */
/*
 * Files of the root that lie on a disk: what image/stubimage/cpio.py writes, version 1.
 *
 * An archive entry whose magic is "0707d1" instead of newc's "070701" is a regular file
 * whose bytes are on the disk of the root (nub/rootdisk.h). Its data are one little-endian
 * u32: the number of the disk's page, of 4096 bytes, where the file's bytes begin. Its
 * check field is the file's size. The bytes lie one after the other; the last page ends
 * with zeros.
 */
#ifndef NUB_ONDISK_H
#define NUB_ONDISK_H

#include <nub/types.h>

#define ONDISK_MAGIC "0707d1"
#define ONDISK_STORED 4u /* bytes of the archive for such a file */

struct inode;

/*
 * Reads n pages from the disk's page `first` on. It never sleeps. 0; -EIO; -ENOMEM;
 * -EAGAIN: no answer yet, ask for the same again; -ENOTCONN: no back end at present, ask
 * again after a sleep.
 */
typedef int ondisk_read(u64 first, unsigned n, u8 *const to[]);

/* Boot: the way to the disk. Without it such a file cannot be read (-EIO). */
void ondisk_init(ondisk_read *read);
/*
 * Puts the file's page `index` into its cache, and with it those around it that are
 * missing. Errors as of ondisk_read.
 */
int ondisk_fill(struct inode *ino, u64 index);

#endif
