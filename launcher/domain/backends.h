/* SPDX-License-Identifier: MIT */
/* The PV devices of the guest that libxl expects the guest's QEMU to serve. */
#ifndef STUBDOM_DOMAIN_BACKENDS_H
#define STUBDOM_DOMAIN_BACKENDS_H

#include "domain/host.h"
#include "plan/plan.h"

/*
 * libxl has registered them below dom0, where no QEMU is.  They become the stub
 * domain's, whose QEMU serves them; what it cannot serve is closed, so that no guest
 * waits for it.  Called before the stub domain runs.
 */
int domain_backends_move(struct domain_host *host, const struct plan *plan, uint32_t stub,
			 struct err *err);

#endif
