/* SPDX-License-Identifier: MIT */
/* A paravirtual disk, and the queue of its requests. */
#ifndef DRIVERS_BLKQUEUE_H
#define DRIVERS_BLKQUEUE_H

#include "blkring.h"

#include "../xen/xenbus.h"

#include <nub/blkdev.h>

/* Pages of data in flight: 32 requests of 11 segments, 1.4 MiB. */
#define BLKQUEUE_PAGES 352u

struct bpage;
struct request;

struct blkfront {
	struct blkdev dev;
	struct xenbus_device *xb;
	u16 handle;
	struct page *ring_page;
	grant_ref_t ring_ref;
	int port; /* < 0: none */
	struct blkring ring;
	struct request *slots[BLKRING_SLOTS];
	struct list queue; /* started, not in the ring; blk_io.link */
	struct bpage *free;
	unsigned pages; /* that exist; n_free of them are in `free` */
	unsigned n_free;
	unsigned max_segs;
	bool connected, persistent;
	bool holds;    /* the back end kept a page that it had answered */
	bool draining; /* the back end is closing: nothing new goes into the ring */
};

/* blkqueue_release among them. */
extern const struct blkdev_ops blkqueue_ops;
/* The back end has requests that it has not answered. */
static inline bool blkqueue_busy(const struct blkfront *b)
{
	return b->ring.busy;
}
/* Puts into the ring what fits. */
void blkqueue_run(struct blkfront *b);
/* Every request that waits ends with -EIO. */
void blkqueue_fail(struct blkfront *b);
/* The back end's event; interrupt context. */
void blkqueue_event(u32 port, void *arg);
/* The back end is gone: its requests go to the next one, in front. Drops unused pages. */
void blkqueue_take_back(struct blkfront *b);
/* Pages of waiting requests still carry grants to the old back end: ends them. */
void blkqueue_regrant(struct blkfront *b);
void blkqueue_release(struct blkdev *dev);

#endif
