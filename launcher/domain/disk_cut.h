/* SPDX-License-Identifier: MIT */
/* Cuts a stub domain that stands still off from its disks: dom0 takes nothing more from it. */
#ifndef STUBDOM_DOMAIN_DISK_CUT_H
#define STUBDOM_DOMAIN_DISK_CUT_H

#include <stdint.h>

#include "domain/host.h"

/*
 * Of its disks, which it has no more afterwards.  The rest of the domain, and the scripts of
 * its disks, are libxl's to take away.  `until`: of the monotonic clock, in ms.  ERR_HOST: a
 * back end is busy still, or a signal has come (domain/end_signals.h).
 */
int domain_disks_cut(struct domain_host *host, uint32_t stub, int signals, int64_t until,
		     struct err *err);

#endif
