/* SPDX-License-Identifier: MIT */
/* What a disk driver needs of drivers/blkdev.c, without the rest of the kernel. */
#ifndef TEST_KERNEL_FAKE_BLKDEV_H
#define TEST_KERNEL_FAKE_BLKDEV_H

extern unsigned fake_done, fake_failed; /* requests that ended, with an error */

#endif
