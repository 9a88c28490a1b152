/* SPDX-License-Identifier: MIT */
/* Removes what a stub domain leaves in dom0's part of xenstore. */
#ifndef STUBDOM_DOMAIN_TIDY_H
#define STUBDOM_DOMAIN_TIDY_H

#include "domain_host.h"
#include "plan.h"

/* The toolstack's node for the device model, if the guest is gone and the
 * toolstack has removed it before we wrote to it last. */
void domain_tidy(struct domain_host *host, const struct plan *plan);

#endif
