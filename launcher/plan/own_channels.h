/* SPDX-License-Identifier: MIT */
/* What stubdom needs of every stub domain: channels of our own. */
#ifndef STUBDOM_OWN_H
#define STUBDOM_OWN_H

#include "err.h"
#include "plan/plan.h"

/*
 * Adds a QMP monitor and a VNC server of our own to the plan, as sockets in
 * STUBDOM_RUN_DIR/<guest domid>/ (abi/facts.h): the caller's have their clients,
 * and a guest may have neither.  ERR_USAGE: there are too many channels.
 */
int own_add_channels(struct plan *plan, struct err *err);

#endif
