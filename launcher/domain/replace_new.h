/* SPDX-License-Identifier: MIT */
/* The stub domain that is to take over: made beside the one that serves. */
#ifndef STUBDOM_DOMAIN_REPLACE_NEW_H
#define STUBDOM_DOMAIN_REPLACE_NEW_H

#include "domain/config.h"
#include "domain/orders.h"
#include "domain/replace_gone.h"
#include "domain/watch.h"
#include "image_check.h"
#include "manifest.h"

#define REPLACE_NO_STUB ((uint32_t)INVALID_DOMID)

/* Of `stubdom replace`. */
struct replace_wish {
	const char *image;
	unsigned memory_mb, vcpus; /* of the stub domain; 0: as it has now */
	const char *topology;	   /* the file; NULL: the wiring of now */
	bool nub;		   /* instead of the kernel of now */
};

struct replace_new {
	struct plan plan; /* borrows all from the guest's plan but the next three */
	bool rewired;	  /* its topology is its own */
	char **qemu;
	struct plan_channel *channels;
	char *name;
	const char *restore; /* the channel that its QEMU takes the state from */
	struct manifest manifest;
	struct image_files files;
	struct domain_disks disks; /* the guest's, borrowed, and a root of its own */
	struct domain_disk *root;  /* of these; NULL: not open yet, or handed on */
	libxl_uuid uuid;
	uint32_t stub; /* REPLACE_NO_STUB: none yet */
	bool torn; /* Xen may give it the guest's requests for ever (replace_take.h) */
	struct domain_config config;
	struct domain_orders orders;
};

/*
 * The image, its manifest and a plan for it: the guest's of now, without the devices that
 * are gone.  Touches nothing of Xen's.  ERR_HOST.
 */
int replace_new_plan(struct replace_new *next, const struct domain_watch *watch,
		     const struct plan *plan, const struct replace_gone *gone,
		     const struct replace_wish *wish, struct err *err);

/*
 * Creates the domain and starts it.  It has the guest's disks, too, and QEMU in it waits
 * for a state.  The PV devices that QEMU serves are there for it to take, and the guest's
 * halves of them still point to the old stub domain.  Blocks while libxl works.
 */
int replace_new_make(struct replace_new *next, struct domain_watch *watch,
		     struct err *err);

/* The domain has taken over: its root's disk takes the place of the old one's. */
void replace_new_keep_root(struct replace_new *next, struct domain_disks *disks);

/* Takes the domain away, if there is one; QEMU ends before that, so many ms at most. */
void replace_new_remove(struct replace_new *next, const struct domain_watch *watch,
			int end_ms);

/* The same, and dom0 grows by the memory that it gave, which may take it some seconds. */
void replace_new_drop(struct replace_new *next, const struct domain_watch *watch,
		      int end_ms);

void replace_new_free(struct replace_new *next);

#endif
