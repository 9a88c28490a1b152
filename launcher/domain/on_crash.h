/* SPDX-License-Identifier: MIT */
/* The fate of a guest whose stub domain has died under it. */
#ifndef STUBDOM_DOMAIN_ON_CRASH_H
#define STUBDOM_DOMAIN_ON_CRASH_H

#include "domain/host.h"
#include "plan/plan.h"

/*
 * Does with the guest what the plan says.  A failure is a line in the log, and the guest
 * is left as it is.
 */
void on_crash_act(struct domain_host *host, const struct plan *plan);

#endif
