/* SPDX-License-Identifier: MIT */
/* The guest's vCPUs, and the requests that they wait for. */
#ifndef STUBDOM_DOMAIN_REPLACE_VCPUS_H
#define STUBDOM_DOMAIN_REPLACE_VCPUS_H

#include <stdbool.h>
#include <stdint.h>

#include "domain/host.h"

/* By the toolstack (`xl pause`). */
bool replace_is_paused(struct domain_host *host, uint32_t guest);

/* As many as it has; 0: the guest is gone. */
unsigned replace_count_vcpus(struct domain_host *host, uint32_t guest);

/*
 * The guest runs again.  Waits until each vCPU has run or waits for an interrupt, 5 s at
 * most.  *went_on: all have.  A vCPU may still have to take the old QEMU's answer to a
 * request.  The old ioreq server must not go earlier.  Returns when the guest ran
 * (clock_ms).
 */
int64_t replace_unpause(struct domain_host *host, uint32_t guest, bool *went_on);

#endif
