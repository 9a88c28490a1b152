/* SPDX-License-Identifier: MIT */
/* A PCI device that dom0's pciback lends: connecting, its end. */
#ifndef NUB_DRIVERS_PCIFRONT_H
#define NUB_DRIVERS_PCIFRONT_H

#include "../xen/xenbus.h"

extern const struct xenbus_driver pcifront_driver;

#endif
