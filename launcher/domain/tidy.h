/* SPDX-License-Identifier: MIT */
/* Removes what a stub domain leaves in dom0's part of xenstore. */
#ifndef STUBDOM_DOMAIN_TIDY_H
#define STUBDOM_DOMAIN_TIDY_H

#include "domain/host.h"
#include "plan/plan.h"

/*
 * Our facts, and the toolstack's node for the device model if the guest is gone:
 * the toolstack may have removed it just before we wrote to it.
 */
void domain_tidy(struct domain_host *host, const struct plan *plan);

#endif
