/* SPDX-License-Identifier: MIT */
/* The part of drivers/blkdev.c that a disk driver needs, without the rest of the
 * kernel. */
#ifndef TEST_KERNEL_FAKE_BLKDEV_H
#define TEST_KERNEL_FAKE_BLKDEV_H

extern unsigned fake_done, fake_failed; /* requests that ended, with an error */

#endif
