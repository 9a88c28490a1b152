/* SPDX-License-Identifier: MIT */
/* A lent PCI device below /sys/bus/pci/devices, as QEMU's xen-pci-passthrough reads it. */
#ifndef NUB_DRIVERS_PCIDEV_H
#define NUB_DRIVERS_PCIDEV_H

#include "pciop.h"

struct pcidev;
struct xenbus_device;

/* "dddd:bb:ss.f" as xenstore has it: false if it is anything else. */
bool pcidev_parse(const char *text, struct pciop_place *at);

/*
 * Looks at the device and makes its files; from now on programs may make hypercalls for it.
 * `real`: its place in dom0, which is its name; `at`: its place for the back end.  `xb`: where
 * dom0 says more of it; it must be there until pciop_stop().  The caller's, or ERR_PTR.  May
 * sleep.
 */
struct pcidev *pcidev_create(struct pciop *q, struct xenbus_device *xb,
			     const struct pciop_place *real,
			     const struct pciop_place *at);
const char *pcidev_name(const struct pcidev *d);
bool pcidev_has_msix(const struct pcidev *d);
/* Takes all that back.  Open files get ENODEV. */
void pcidev_remove(struct pcidev *d);

#endif
