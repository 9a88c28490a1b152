/* SPDX-License-Identifier: MIT */
/* Builds the stub domain's network: taps for QEMU, wired to the real interfaces. */
#ifndef AGENT_NET_H
#define AGENT_NET_H

#include "boot_contract.h"

/* Waits for the real interfaces, then builds the contract's topology. */
int net_setup(const struct boot_contract *boot, struct err *err);

#endif
