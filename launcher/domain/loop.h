/* SPDX-License-Identifier: MIT */
/* Loop devices for the stub domain's disks that are files; none can be left behind. */
#ifndef STUBDOM_DOMAIN_LOOP_H
#define STUBDOM_DOMAIN_LOOP_H

#include "err.h"
#include "plan/plan.h"

/*
 * A file gets a loop device that detaches itself at its last close: ours, or
 * blkback's, whichever is later.  So a launcher that is killed at any moment
 * leaves none, and no script has to be run to take it away.  The file's lock
 * (disk_lock.h) goes with it.
 */
struct domain_disk {
	int fd;	       /* of the loop device, or of the target if that is one itself */
	char path[32]; /* "/dev/loop3"; "": use the plan's target */
};

/* A loop device for an open file or block device; `name` is for people. */
int domain_loop_attach(int file, const char *name, bool readonly, struct domain_disk *out,
		       struct err *err);

/* One per disk of the plan; domain_disks_close and free() give it back.  NULL: err. */
struct domain_disk *domain_disks_open(const struct plan *plan, struct err *err);

/* Lets go; a device that a domain uses stays until the domain is gone. */
void domain_disks_close(struct domain_disk *disks, size_t n);

#endif
