/* SPDX-License-Identifier: MIT */
/* Checks that a topology makes sense for a guest, before anything is built. */
#ifndef STUBDOM_TOPOLOGY_CHECK_H
#define STUBDOM_TOPOLOGY_CHECK_H

#include "topology.h"

/* A real interface of the stub domain. */
struct topology_xenif {
	unsigned n;	     /* xenifN */
	const char *network; /* network that it is attached to (dom0's bridge); NULL:
			      * unknown */
};

/*
 * Checks four things.  Every interface is there, and created before it is used.  None is
 * in two bridges.  No bridge has two ways into the same network: a loop, unless the
 * bridge runs the spanning tree protocol.  Each of the taps 0 .. n_taps - 1 is created.
 * A tap that is created and put into no bridge is a NIC connected to nothing; one that is
 * not mentioned was forgotten.  Errors read "name:line:column: ...".
 */
int topology_check(const struct topology *topology, const char *name, unsigned n_taps,
		   const struct topology_xenif *xenifs, size_t n_xenifs, struct err *err);

#endif
