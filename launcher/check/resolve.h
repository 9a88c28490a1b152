/* SPDX-License-Identifier: MIT */
/* Looks at what a plan names in dom0, before any domain exists, and completes it. */
#ifndef STUBDOM_RESOLVE_H
#define STUBDOM_RESOLVE_H

#include "check/container.h"
#include "plan/plan.h"

/*
 * Disks and files exist, are readable and not empty; the topology fits.  The plan gets
 * the rest of its facts: the topology's statements, backing files, lengths of containers
 * and of files.  ERR_HOST, or ERR_USAGE for the topology, one line with the remedy.
 */
int plan_resolve(struct plan *plan, struct err *err);

/* Its parts. */

/* Looks at disk `i`, and at its container's header. */
int resolve_disk(struct plan *plan, size_t i, struct container *container,
		 struct err *err);

/* Whether QEMU's PV disk can serve it, once resolve_disk has looked at it. */
int resolve_pv_disk(const struct plan_disk *disk, struct err *err);

/*
 * Puts the backing files of disk `i` into the plan, as its header names them: the whole
 * chain, each a read-only disk of its own.  QEMU is told of them.  Only files in
 * backing_dir are opened.
 */
int resolve_backing(struct plan *plan, size_t i, const struct container *container,
		    struct err *err);

/* Whether it is a CD drive that has no disc now. */
bool resolve_is_empty_drive(int fd);

/*
 * Such drives become empty drives of the guest's, with a note that says how a disc gets
 * there later.  After all disks are in the plan: names are given by their number.
 */
int resolve_empty_drives(struct plan *plan, struct err *err);

int resolve_topology(struct plan *plan, struct err *err);

/*
 * The statements that the plan has already, for its kernel now.  None: the wiring is ours,
 * and fits.  ERR_USAGE.
 */
int resolve_topology_again(const struct plan *plan, struct err *err);

#endif
