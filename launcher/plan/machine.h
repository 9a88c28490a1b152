/* SPDX-License-Identifier: MIT */
/* QEMU's machine, which the line names shortly. */
#ifndef STUBDOM_PLAN_MACHINE_H
#define STUBDOM_PLAN_MACHINE_H

#include "manifest.h"
#include "plan/plan.h"

/* The name on the line, the last one, as QEMU sees it.  For the caller; NULL: none. */
char *plan_machine_type(const struct plan *plan);

/* That QEMU's full name for it; NULL: there is none, or it is not said. */
const char *plan_machine_find(const struct manifest *manifest, const char *type);

/* Fills in plan->machine. */
void plan_set_machine(struct plan *plan, const struct manifest *manifest);

#endif
