/* SPDX-License-Identifier: MIT */
/* Channels of our own, which every stub domain has. */
#ifndef STUBDOM_OWN_H
#define STUBDOM_OWN_H

#include "err.h"
#include "plan/plan.h"

/*
 * Adds a QMP monitor of our own to the plan, a socket in STUBDOM_RUN_DIR/<guest domid>/
 * (abi/facts.h).  The caller's monitor has its own clients, and a guest may have none.
 * Adds the channel for files that QEMU writes, and `-display none` if the line says
 * nothing of a display.  ERR_USAGE: there are too many channels.
 */
int own_add_channels(struct plan *plan, struct err *err);

#endif
