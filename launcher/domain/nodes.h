/* SPDX-License-Identifier: MIT */
/* Watches on the xenstore nodes that the stub domain writes, at a bounded rate. */
#ifndef STUBDOM_DOMAIN_NODES_H
#define STUBDOM_DOMAIN_NODES_H

#include <stdbool.h>
#include <stdint.h>
#include <xenstore.h>

#include "err.h"
#include "rate.h"

/* Tokens of the watches. */
#define DOMAIN_NODES_REPORT "report"	    /* stages and errors */
#define DOMAIN_NODES_CHANNEL "channel"	    /* vchan servers; the console's terminal */
#define DOMAIN_NODES_PCI "pci-front"	    /* its halves of lent PCI devices */
#define DOMAIN_NODES_BACKEND "stub-backend" /* QEMU's halves of the guest's PV devices */

/*
 * Each write wakes this process, and xenstored for it.  A stub domain that writes more
 * often than DOMAIN_NODES_PER_S is not watched for DOMAIN_NODES_OFF_MS; a new watch
 * tells at once, so nothing that lasts is missed.
 */
struct domain_nodes {
	struct xs_handle *xs;
	uint32_t stub;
	struct rate rate; /* of events */
	bool off;
	bool told; /* the log, that it is a flood */
	int64_t on_at_ms;
};

enum {
	DOMAIN_NODES_PER_S = 10,
	DOMAIN_NODES_AT_ONCE = 2000, /* a start with many channels and PV disks */
	DOMAIN_NODES_OFF_MS = 1000,
};

int domain_nodes_watch(struct domain_nodes *nodes, struct xs_handle *xs, uint32_t stub,
		       struct err *err);

/* The stub domain is listened to no more: another one is. */
void domain_nodes_unwatch(struct domain_nodes *nodes);

/* Whether an event with this token is of these watches. */
bool domain_nodes_owns(const char *token);

/* So many events of these watches came. */
void domain_nodes_spend(struct domain_nodes *nodes, unsigned events, int64_t now_ms);

/* Watches again when it is time. -1: xenstored is gone. */
int domain_nodes_tick(struct domain_nodes *nodes, int64_t now_ms, struct err *err);

/* After so many ms domain_nodes_tick is due; -1: not at all. */
int domain_nodes_timeout(const struct domain_nodes *nodes, int64_t now_ms);

#endif
