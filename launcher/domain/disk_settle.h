/* SPDX-License-Identifier: MIT */
/* Waits until a disk has taken what was on its way to it. */
#ifndef STUBDOM_DOMAIN_DISK_SETTLE_H
#define STUBDOM_DOMAIN_DISK_SETTLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "domain/disks.h"

/*
 * After a stub domain was destroyed: its back ends take nothing more, but dom0's devices may
 * still have what they took.  `until`: of the monotonic clock, in ms.  ERR_HOST: a disk that
 * can be written still has some then, or when a signal comes (domain/end_signals.h).
 */
int domain_disks_settle(const struct domain_disks *disks, int signals, int64_t until,
			struct err *err);

/*
 * Whether a block device has no request, as far as it counts them: those that its driver
 * has (Linux's block/blk-mq.c).  root: where sysfs is.
 */
bool disk_is_settled(const char *root, dev_t dev);

/* Whether it counts them: an administrator may have said no (queue/iostats). */
bool disk_counts(const char *root, dev_t dev);

#endif
