/* SPDX-License-Identifier: MIT */
/* The guest's interfaces in dom0, handed from one stub domain to the next. */
#ifndef STUBDOM_DOMAIN_REPLACE_VIF_H
#define STUBDOM_DOMAIN_REPLACE_VIF_H

#include <stdint.h>

#include "err.h"
#include "plan/plan.h"

/*
 * Whether each interface can be handed on: it is a port of one of Linux's bridges, which
 * does not filter VLANs.  Touches nothing.  ERR_HOST.
 */
int replace_vif_check(const struct plan *plan, struct err *err);

/*
 * The new stub domain's interfaces get the names of the old one's, their hardware address,
 * MTU and place in the bridge.  The old ones lose them.  While the guest is paused: no
 * frame is in both.  On error all is as before.
 */
int replace_vif_move(const struct plan *plan, uint32_t from, uint32_t to,
		     struct err *err);

#endif
