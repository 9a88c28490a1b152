/* SPDX-License-Identifier: MIT */
/* A guest's plan with the medium that is in its CD drive now. */
#ifndef STUBDOM_DOMAIN_REPLACE_MEDIUM_H
#define STUBDOM_DOMAIN_REPLACE_MEDIUM_H

#include "domain/disks.h"
#include "err.h"
#include "plan/plan.h"

struct replace_medium {
	struct plan plan; /* borrows all from the guest's plan but the next two */
	char **qemu;
	struct plan_disk *disks;
	char *drive;		 /* the CD's -drive */
	char dev[XVD_NAME_SIZE]; /* of the medium; "": the drive is empty */
};

/*
 * `disks` are those of now.  With one CD drive and no floppy it is known where a medium is.
 * ERR_GUEST: there are more; or a disk is there that the plan does not have, or has no more.
 */
int replace_medium_plan(const struct plan *plan, const struct domain_disks *disks,
			struct replace_medium *out, struct err *err);

/* Nothing has changed: the plan as it is. */
void replace_medium_keep(const struct plan *plan, struct replace_medium *out);

void replace_medium_free(struct replace_medium *medium);

#endif
