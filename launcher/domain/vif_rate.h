/* SPDX-License-Identifier: MIT */
/* Limits of a guest's interfaces that the toolstack sets after its device model has
 * started. */
#ifndef STUBDOM_DOMAIN_RATE_H
#define STUBDOM_DOMAIN_RATE_H

#include <stdint.h>

#include "domain/host.h"
#include "plan/plan.h"

/* libxl's description of the guest's own interfaces, %u its domain id. */
#define DOMAIN_VIF_RATE_NODES "/local/domain/0/backend/vif/%u"

/*
 * Gives the stub domain's interfaces the rate= of the guest's.  libxl makes the
 * guest's when the device model runs; netback follows a change at any time.
 */
void domain_vif_rate_copy(struct domain_host *host, const struct plan *plan,
			  uint32_t stub);

#endif
