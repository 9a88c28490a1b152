/* SPDX-License-Identifier: MIT */
/* Where the vCPUs of a stub domain are that does not come to an end of its start. */
#ifndef STUBDOM_DOMAIN_VCPUS_H
#define STUBDOM_DOMAIN_VCPUS_H

#include "domain/host.h"

/* Logs a line for each of them: Xen's state of it, its time, its address. */
void domain_vcpus_log(struct domain_host *host, uint32_t domid);

#endif
