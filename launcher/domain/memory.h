/* SPDX-License-Identifier: MIT */
/* Memory of the host's for the stub domain. */
#ifndef STUBDOM_DOMAIN_MEMORY_H
#define STUBDOM_DOMAIN_MEMORY_H

#include "domain/host.h"
#include "plan/plan.h"

/*
 * How much dom0 gave up for a start that is not done yet, in KiB.  The guardian has the
 * same page: it gives the memory back if the launcher is killed.  For the process's life;
 * NULL, ERR_HOST: out of memory.
 */
uint64_t *domain_memory_account(struct err *err);

/*
 * Sees to it that Xen has enough free memory for this domain.  Where xl itself would
 * shrink dom0 for a guest (autoballoon in xl.conf), dom0 is shrunk, as xl does it.  The
 * descriptor is a lock that other launchers wait for, so that none counts this memory,
 * too.  To be closed when the domain has it.  -1, ERR_HOST: who has the memory, and which
 * setting helps.
 */
int domain_memory_take(struct domain_host *host, const struct plan *plan,
		       libxl_domain_config *config, struct err *err);

/*
 * The start has failed and its domain is gone: dom0 gets its memory back.  Other launchers
 * wait meanwhile (some seconds at most), so that none counts it as free.
 */
void domain_memory_give_back(struct domain_host *host);

#endif
