/* SPDX-License-Identifier: MIT */
/* The switch of a lent PCI device's ROM: dom0's launcher turns it, because pciback does not. */
#ifndef NUB_DRIVERS_PCIROM_H
#define NUB_DRIVERS_PCIROM_H

#include "pciop.h"

struct xenbus_device;

/* The time that dom0 has. */
#define PCIROM_TIMEOUT_NS 5000000000UL

/*
 * 0, -EPERM (dom0 cannot), -ETIMEDOUT, -ENODEV, or what writing the node gave.  A ROM that
 * was not turned on in time is not turned on later.  May sleep; pciop_stop() ends it, and `d`
 * must be there until then.
 */
int pcirom_turn(struct pciop *q, struct xenbus_device *d, bool on);

#endif
