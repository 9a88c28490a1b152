/* SPDX-License-Identifier: MIT */
/* The stub domain's name follows its guest's. */
#ifndef STUBDOM_DOMAIN_NAME_H
#define STUBDOM_DOMAIN_NAME_H

#include <stdint.h>

#include "domain/host.h"
#include "plan/plan.h"

/*
 * A migration creates the guest as NAME--incoming, and calls it NAME when the old one has
 * become NAME--migratedaway.  'xl rename' changes it, too.  Gives the stub domain the
 * name that goes with the guest's, and records the guest's.  1: another domain has that
 * name still; try again soon.
 */
int domain_name_follow(struct domain_host *host, const struct plan *plan, uint32_t stub);

enum { DOMAIN_NAME_RETRY_MS = 500 };

#endif
