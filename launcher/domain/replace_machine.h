/* SPDX-License-Identifier: MIT */
/* Whether one QEMU's state of a guest's machine is another QEMU's, too. */
#ifndef STUBDOM_DOMAIN_REPLACE_MACHINE_H
#define STUBDOM_DOMAIN_REPLACE_MACHINE_H

#include "err.h"
#include "manifest.h"
#include "plan/plan.h"

/*
 * A machine of a QEMU keeps its devices' state in one form for ever; its short name, as the
 * toolstack gives it, may be another machine's in the next version.  ERR_HOST: the guest's
 * is another one in `next`, or it is not known which.
 */
int replace_machine_check(const struct plan *plan, const struct manifest *now,
			  const struct manifest *next, struct err *err);

#endif
