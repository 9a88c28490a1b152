/* SPDX-License-Identifier: MIT */
/* Paravirtual disks. */
#ifndef NUB_DRIVERS_BLKFRONT_H
#define NUB_DRIVERS_BLKFRONT_H

#include "../xen/xenbus.h"

extern const struct xenbus_driver blkfront_driver;

#endif
