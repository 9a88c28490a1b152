/* SPDX-License-Identifier: MIT */
/* The PV devices of the guest that libxl expects a QEMU of dom0 to serve. */
#ifndef STUBDOM_DOMAIN_BACKENDS_H
#define STUBDOM_DOMAIN_BACKENDS_H

#include "domain/backend_device.h"
#include "domain/disk_hotplug.h"

/*
 * libxl registers them below dom0, where no QEMU is.  They become the stub domain's,
 * whose QEMU serves them.  dom0's node shows the state of the stub domain's, so the
 * toolstack can take one away.  A device that nobody serves is closed, so that no guest
 * waits.
 */
struct domain_backends {
	struct backend_place place;
	const struct plan *plan;
	struct domain_hotplug *hotplug;
	const char *ptys; /* of the guest's consoles, as RELAY_READY has them */
	struct backend_device *list;
	size_t n;
	bool let_run; /* the guest may have run */
};

/* Moves the devices that are there.  Before the stub domain runs. */
int domain_backends_start(struct domain_backends *backends, struct err *err);

/* So many that QEMU may answer nobody for seconds while it takes them. */
bool domain_backends_are_many(const struct domain_backends *backends);

/* ERR_STUB: the first of them that QEMU has yet to take. */
int domain_backends_check_taken(const struct domain_backends *backends, struct err *err);

/*
 * The guest is to run.  libxl tells of some devices only after the device model has
 * started: with one that nobody can serve the guest does not run.  It is shut down, so
 * that the toolstack removes it.  ERR_USAGE: the device and the remedy.
 */
int domain_backends_let_run(struct domain_backends *backends, struct err *err);

/* Has xenstore tell of changes in dom0's half, with this token; then domain_backends_hear. */
int domain_backends_watch(const struct domain_backends *backends, const char *token,
			  struct err *err);

/*
 * A node has changed: takes a new device, or lets one go at the toolstack's wish.  Blocks
 * while a disk comes or goes (domain_hotplug_attach).  Failures are on the log.
 */
void domain_backends_hear(struct domain_backends *backends, const char *path);

/*
 * QEMU has changed something of its half, which domain_nodes_watch tells.  One look for all
 * that it may have changed: the stub domain can write there all the time.
 */
void domain_backends_look(struct domain_backends *backends);

/* Offers a new device to the guest again, when it is time (backend_offer.h). */
void domain_backends_tick(struct domain_backends *backends, int64_t now_ms);

/* After so many ms domain_backends_tick is due; -1: not at all. */
int domain_backends_timeout(const struct domain_backends *backends, int64_t now_ms);

/*
 * Another stub domain is to take over.  First check: no device is in use, for a PV
 * driver of a guest connects once.  A PV keyboard may be: the guest loses it.  Then offer
 * the others to the other's QEMU, before it runs.  Then, while the guest is paused,
 * switch.
 */
int domain_backends_check_unused(const struct domain_backends *backends, struct err *err);
int domain_backends_offer(const struct domain_backends *backends, uint32_t stub,
			  struct err *err);
int domain_backends_switch(struct domain_backends *backends, uint32_t stub,
			   struct err *err);

void domain_backends_free(struct domain_backends *backends);

#endif
