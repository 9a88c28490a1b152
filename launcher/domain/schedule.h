/* SPDX-License-Identifier: MIT */
/* When and where the stub domain's CPUs run: as its guest's do, or as the caller says. */
#ifndef STUBDOM_DOMAIN_SCHEDULE_H
#define STUBDOM_DOMAIN_SCHEDULE_H

#include <libxl.h>

#include "domain/host.h"
#include "plan/plan.h"

/*
 * Weight, cap, cpupool and affinity of a stub domain that is to be created.  Where the
 * plan says nothing, the guest's count: libxl sets them before it starts a device model.
 */
int domain_schedule_describe(struct domain_host *host, const struct plan *plan,
			     libxl_domain_config *config, struct err *err);

#endif
