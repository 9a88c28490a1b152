/* SPDX-License-Identifier: MIT */
/* Makes the stub domain of a plan the guest's device model, and takes it away again. */
#ifndef STUBDOM_DOMAIN_CREATE_H
#define STUBDOM_DOMAIN_CREATE_H

#include <stdbool.h>

#include "domain/disks.h"
#include "domain/host.h"
#include "manifest.h"
#include "plan/plan.h"

/*
 * Nodes below /local/domain/<stub>/ that only dom0 can write.  The first one
 * marks a stub domain as made by this program and names the process to ask.
 */
#define DOMAIN_XS_LAUNCHER "stubdom/launcher"
#define DOMAIN_XS_GUEST_NAME "stubdom/guest"

/*
 * Conditions before anything is made: the guest lives, Xen is recent enough, the name is
 * free.  Waits up to half a minute for the stub domain of a guest of the same name that
 * has just ended.  Removes one that its launcher has left behind.  *earlier: the guest's
 * earlier device model does not end, and what is the guest's in dom0 is that one's.
 */
int domain_check(struct domain_host *host, const struct plan *plan,
		 const struct manifest *manifest, bool *earlier, struct err *err);

/* The parts that a stub domain is made of; borrowed. */
struct domain_parts {
	const struct plan *plan;
	const struct manifest_kernel *kernel;
	int kernel_fd;
	int ramdisk_fd;
	const struct domain_disks *disks;
	const libxl_uuid *uuid;
	/* Another one has the guest and its interfaces still; nub only. */
	bool second;
};

/*
 * Creates it paused, with this UUID, its devices attached, as the guest's
 * device model.  On error *domid may name a domain that is there in parts:
 * domain_remove takes it away.
 */
int domain_create(struct domain_host *host, const struct domain_parts *parts,
		  uint32_t *domid, struct err *err);

int domain_unpause(struct domain_host *host, uint32_t domid, struct err *err);

/*
 * Asks a stub domain that may hold writes of the guest's to end QEMU and power off.
 * Linux has them in its page cache; QEMU has a container's tables in its own.  Waits for
 * it, 10 s at most.  domain_remove is next in any case.  `changed`: disks came or went
 * since the start.
 */
void domain_flush(struct domain_host *host, const struct plan *plan, bool changed,
		  uint32_t domid);

/*
 * Has the stub domain leave the guest to another QEMU and power off; waits for that, so
 * many ms at most.  It takes its ioreq server away from the guest, which nobody else can.
 * False: it has not ended.
 */
bool domain_ask_leave(struct domain_host *host, uint32_t domid, int ms);

/*
 * Destroys a stub domain and what belongs to it.  Safe to call at any time, any number of
 * times; -1: it is still there.
 */
int domain_remove_one(struct domain_host *host, uint32_t domid, struct err *err);

/* The same for all domains with a UUID of this family (domain/host.h). */
int domain_remove(struct domain_host *host, const libxl_uuid *uuid, struct err *err);

#endif
