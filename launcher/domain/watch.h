/* SPDX-License-Identifier: MIT */
/* Follows a stub domain that runs: its start, its channels, its end. */
#ifndef STUBDOM_DOMAIN_WATCH_H
#define STUBDOM_DOMAIN_WATCH_H

#include "domain/backends.h"
#include "domain/guardian.h"
#include "domain/host.h"
#include "domain/orders.h"
#include "domain/relay.h"
#include "domain/requests.h"
#include "domain/toolstack.h"
#include "image_check.h"
#include "plan/plan.h"

struct domain_watch {
	struct plan *plan;	   /* changed by stubdom replace only */
	struct image_files *image; /* until the stub domain has them in its memory */
	struct domain_host *host;
	struct relay *relay;
	struct guardian *guardian;
	struct domain_hotplug *hotplug;
	struct domain_orders *orders;
	struct domain_backends *backends;
	struct domain_pci *pci;
	struct toolstack *toolstack;
	const struct manifest *manifest; /* of the stub domain's image */
	struct manifest replaced;	 /* that, if it is not the first one's */
	const libxl_uuid *uuid;		 /* of the first stub domain */
	uint8_t generation;		 /* the last byte of the latest one's */
	unsigned memory_mb;		 /* given by stubdom replace; 0: the plan's */
	unsigned vcpus;			 /* the same */
	bool earlier;			 /* another device model of the guest stays */
	uint32_t stub;
	int signals; /* signalfd of the signals that end us */
};

/* Tells domain_watch of a domain's name that changes. */
int domain_watch_name(struct domain_host *host, uint32_t domid, struct err *err);

/*
 * Returns when the stub domain must go.  0: the toolstack said so (a signal), or the
 * guest is gone.  -1: a failure; err says which.
 */
int domain_watch(struct domain_watch *watch, struct err *err);

#endif
