/* SPDX-License-Identifier: MIT */
/* Block devices: requests on pages of the driver's own, and the /dev nodes over them. */
#ifndef NUB_BLKDEV_H
#define NUB_BLKDEV_H

#include <nub/list.h>
#include <nub/sched.h>
#include <nub/types.h>

enum blk_op { BLK_READ, BLK_WRITE, BLK_FLUSH, BLK_DISCARD };

#define BLK_IO_PAGES 64 /* most of one request */

struct blkdev;
struct dent;

/* A request. Its data lie in pages of the driver, filled from the first byte on, and are
 * copied once, by the thread that asks. Pages of programs and guests cannot always be
 * given to a back end: foreign frames can not be granted. */
struct blk_io {
	struct list link; /* the driver's */
	struct blkdev *dev;
	struct thread *owner; /* woken when done */
	enum blk_op op;
	u64 sector; /* of 512 bytes */
	u64 bytes;  /* multiple of the logical block size */
	u8 *pages[BLK_IO_PAGES];
	void *page_priv[BLK_IO_PAGES]; /* the driver's */
	unsigned npages;
	int error; /* 0 or negative errno, when done */
	bool done;
};

struct blkdev_ops {
	/* A request with room for that many bytes, or NULL when there is none at present;
	 * dev->wq is woken when that may have changed. Threads only. */
	struct blk_io *(*get)(struct blkdev *dev, u32 bytes);
	/* Starts it, or queues it; it gets done once, whatever happens. */
	void (*start)(struct blk_io *io);
	/* Gives a request back that is done or was never started. */
	void (*put)(struct blk_io *io);
	/* Waits for an answer until `when` (clock_now), without sleeping, and takes the
	 * answers that are there. False: no back end is connected, nothing can come. */
	bool (*wait)(struct blkdev *dev, u64 when);
	/* Unregistered, and nobody has it open any more: frees the device. */
	void (*release)(struct blkdev *dev);
};

struct blkdev {
	struct list link;
	char name[16]; /* xvda */
	u64 sectors;   /* of 512 bytes; may change (resize) */
	u32 logical_size, physical_size;
	bool readonly, can_flush, can_discard, cdrom, gone;
	u32 max_bytes; /* per request */
	u32 discard_granularity;
	const struct blkdev_ops *ops;
	void *priv;
	struct dent *dent; /* NULL: not registered */
	unsigned refs;	   /* open files, and one while it is registered */
	struct waitq wq;
};

/* Adds /dev/<name>; 0 or negative errno. */
int blkdev_register(struct blkdev *dev, unsigned major, unsigned minor);
/* Takes the node away, if there is one; `release` may be called before this returns. Set
 * dev->gone and end the requests first. */
void blkdev_unregister(struct blkdev *dev);
/* The size changed. */
void blkdev_resized(struct blkdev *dev);
struct blkdev *blkdev_find(const char *name);
/* From the driver, any context: the request is done. */
void blk_io_done(struct blk_io *io, int error);

#endif
