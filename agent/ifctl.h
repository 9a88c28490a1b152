/* SPDX-License-Identifier: MIT */
/* Network interfaces by ioctl alone, so that a kernel needs no netlink for them. */
#ifndef AGENT_IFCTL_H
#define AGENT_IFCTL_H

#include <stdbool.h>

#include "err.h"

/* The socket for the other calls; for the life of the agent. */
int ifctl_open(struct err *err);

/* That socket; -1 before ifctl_open. */
int ifctl_socket(void);

/* A persistent tap, as QEMU will open it again. */
int ifctl_tap_create(const char *name, struct err *err);

int ifctl_bridge_create(const char *name, struct err *err);
int ifctl_bridge_add(const char *bridge, const char *member, struct err *err);
int ifctl_bridge_delete(const char *bridge, const char *member, struct err *err);
int ifctl_bridge_stp(const char *bridge, bool on, struct err *err);

/* A bridge of two ports needs to learn nothing: everything goes to the other one. */
int ifctl_bridge_no_learning(const char *bridge, struct err *err);

int ifctl_up(const char *name, bool up, struct err *err);
int ifctl_mtu(const char *name, unsigned mtu, struct err *err);

/* An address for interfaces that only forward: nobody sends to it. */
int ifctl_neutral_mac(const char *name, struct err *err);

/*
 * Gives the PV interface with this devid its name in the topology, "xenifN".
 * 1: done, or it has the name already; 0: it is not there yet.
 */
int ifctl_claim_vif(unsigned devid, const char *name, struct err *err);

#endif
