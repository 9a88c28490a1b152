/* SPDX-License-Identifier: MIT */
/* The guest's disks that only PV drivers see, for the plan. */
#ifndef STUBDOM_DOMAIN_BACKENDS_PLAN_H
#define STUBDOM_DOMAIN_BACKENDS_PLAN_H

#include "err.h"
#include "plan/plan.h"

/*
 * Adds to the plan the guest's disks that no argument names: PV drivers see them and
 * emulated controllers do not.  Touches nothing.  ERR_HOST, ERR_USAGE.
 */
int domain_backends_plan(struct plan *plan, struct err *err);

#endif
