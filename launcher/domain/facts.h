/* SPDX-License-Identifier: MIT */
/* Records in xenstore what dom0 knows of a stub domain (abi/facts.h). */
#ifndef STUBDOM_DOMAIN_FACTS_H
#define STUBDOM_DOMAIN_FACTS_H

#include "domain/host.h"
#include "manifest.h"
#include "plan/plan.h"

/* landlock: the relay's (struct relay). */
int domain_facts_write(struct domain_host *host, const struct plan *plan,
		       const struct manifest *manifest, uint32_t stub, int landlock,
		       struct err *err);

/* Safe to call at any time. */
void domain_facts_remove(struct domain_host *host, const struct plan *plan);

#endif
