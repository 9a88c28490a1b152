/* SPDX-License-Identifier: MIT */
/* Block devices: an asynchronous request interface and its /dev nodes. */
#ifndef NUB_BLKDEV_H
#define NUB_BLKDEV_H

#include <nub/list.h>
#include <nub/sched.h>
#include <nub/types.h>

enum blk_op { BLK_READ, BLK_WRITE, BLK_FLUSH, BLK_DISCARD };

/* A piece of memory of a request: within one page. */
struct blk_seg {
	u64 pfn;
	u16 off, len;
};

struct blkdev;

struct blk_req {
	struct list link; /* the driver's */
	struct blkdev *dev;
	enum blk_op op;
	bool fua;
	u64 sector; /* of 512 bytes */
	u64 bytes;
	unsigned nsegs;
	struct blk_seg *segs;
	int error; /* 0 or negative errno, when done */
	void (*done)(struct blk_req *r); /* from interrupt context */
	void *priv;
};

struct blkdev_ops {
	/* Starts a request, or queues it; calls r->done once. */
	void (*submit)(struct blkdev *dev, struct blk_req *r);
};

struct blkdev {
	struct list link;
	char name[16]; /* xvda */
	u64 sectors; /* of 512 bytes; may change (resize) */
	u32 logical_size, physical_size;
	bool readonly, can_flush, can_discard;
	u32 max_segs; /* per request */
	u32 discard_granularity;
	const struct blkdev_ops *ops;
	void *priv;
	struct waitq wq;
};

/* Adds /dev/<name>, served through ops; 0 or negative errno. */
int blkdev_register(struct blkdev *dev, unsigned major, unsigned minor);
struct blkdev *blkdev_find(const char *name);

#endif
