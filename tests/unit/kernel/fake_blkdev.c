/* SPDX-License-Identifier: MIT */
/* The part of drivers/blkdev.c that a disk driver needs, without the rest of the
 * kernel. */
#include "fake_blkdev.h"

#include <nub/blkdev.h>

unsigned fake_done, fake_failed;

int blkdev_register(struct blkdev *dev, unsigned major, unsigned minor)
{
	dev->dent = (struct dent *)dev;
	return 0;
}

void blkdev_unregister(struct blkdev *dev)
{
	dev->ops->release(dev);
}

void blkdev_resized(struct blkdev *dev)
{
}

void blk_io_done(struct blk_io *io, int error)
{
	fake_done++;
	fake_failed += error != 0;
	io->dev->ops->put(io);
}

void waitq_wake(struct waitq *wq, unsigned events)
{
}

void waitq_wake_one(struct waitq *wq)
{
}
