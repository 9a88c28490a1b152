/* SPDX-License-Identifier: MIT */
/* The memory of a stub domain that is dead, kept before Xen takes it back. */
#ifndef STUBDOM_DOMAIN_CORE_H
#define STUBDOM_DOMAIN_CORE_H

#include "domain/host.h"
#include "plan/plan.h"

/*
 * Writes it to the folder of evidence (crash_dir_name_core): an ELF core whose addresses are
 * the domain's physical ones, up to 3 GiB; of a PV domain in Xen's format, as `xl dump-core`
 * does.  The stub domain is paused, and is to be removed after it.  A failure is a line in
 * the log: there is no such domain any more, or no room.
 */
void domain_core_take(struct domain_host *host, const struct plan *plan,
		      const libxl_uuid *uuid);

/* Removes what nobody has taken. */
void domain_core_drop(const struct plan *plan);

#endif
