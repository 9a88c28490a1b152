/* SPDX-License-Identifier: MIT */
/* Makes a disk longer that a guest has. */
#ifndef STUBDOM_DOMAIN_DISK_GROW_H
#define STUBDOM_DOMAIN_DISK_GROW_H

#include "domain/disks.h"

/*
 * Makes the file of a writable disk as long as QEMU may come to need.  `size`: the bytes
 * that the guest sees, or 0 for one internal snapshot more.  At most max_mb, or with 0
 * twice its length at the guest's start: a hostile stub domain may have asked.  *bytes is
 * its new length, 0 if it stays as it is (a block device always does).
 */
int disk_grow(const struct domain_disk *disk, unsigned long long size, unsigned max_mb,
	      unsigned long long *bytes, struct err *err);

#endif
