/* SPDX-License-Identifier: MIT */
/* Devices that a guest's PV drivers have taken from its QEMU (the unplug protocol). */
#ifndef STUBDOM_DOMAIN_REPLACE_GONE_H
#define STUBDOM_DOMAIN_REPLACE_GONE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "plan/plan.h"

enum { REPLACE_GONE_MAX = 64 }; /* of each kind */

struct replace_gone {
	uint64_t nics;	 /* by the plan's NIC */
	uint64_t drives; /* by the number of the -drive among plan->qemu */
};

/*
 * blocks, pci: QEMU's answers to query-block and query-pci, which need not be true: only
 * its own guest has harm.  ERR_GUEST: QEMU differs from the plan by more than that, or in a
 * way that the new QEMU cannot be given.
 */
int replace_gone_find(const struct plan *plan, const json_t *blocks, const json_t *pci,
		      struct replace_gone *out, struct err *err);

/* Whether plan->qemu[i] and the one after it are an option that is not to be given. */
bool replace_gone_drops(const struct plan *plan, const struct replace_gone *gone,
			size_t i);

#endif
