/* SPDX-License-Identifier: MIT */
/* Paravirtual network interfaces. */
#ifndef NUB_DRIVERS_NETFRONT_H
#define NUB_DRIVERS_NETFRONT_H

#include "../xen/xenbus.h"

extern const struct xenbus_driver netfront_driver;

#endif
