/* SPDX-License-Identifier: MIT */
/* Takes back all that a launcher made in dom0 for one guest. */
#ifndef STUBDOM_DOMAIN_UNDO_H
#define STUBDOM_DOMAIN_UNDO_H

#include "domain/host.h"
#include "domain/orphan.h"
#include "domain/relay.h"
#include "plan/plan.h"

/*
 * Removes the stub domain (known by its UUID), its facts, the relay, the sockets and their
 * directory, and closes the host.  The launcher and its guardian end with it, at any
 * moment of a start, any number of times.  A host that is not open (all zero): no domain
 * was made yet, or nothing can be done about it; the rest is removed.  relay: NULL if
 * there is none any more.  orphan: not NULL if the guest was to live on.  Then this stays
 * with the guest (domain/orphan.h) before it removes the last of it.  -1: the stub domain
 * is still there, and so are its facts; err says why, and is left alone otherwise.
 */
int domain_undo(struct domain_host *host, const struct plan *plan, const libxl_uuid *uuid,
		struct relay *relay, const struct orphan *orphan, struct err *err);

/*
 * The rest of a guest whose launcher and guardian were killed at once, when its stub domain
 * has been removed.  Its plan is lost, so sockets in places that the caller named stay.
 */
void domain_undo_left(struct domain_host *host, uint32_t guest);

#endif
