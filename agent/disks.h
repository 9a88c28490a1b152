/* SPDX-License-Identifier: MIT */
/* Waits for the stub domain's PV disks. */
#ifndef AGENT_DISKS_H
#define AGENT_DISKS_H

#include "boot_contract.h"

/* Returns when every disk of the contract can be read, or fails after a minute. */
int disks_wait(const struct boot_contract *boot, struct err *err);

#endif
