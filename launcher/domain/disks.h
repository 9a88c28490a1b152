/* SPDX-License-Identifier: MIT */
/* The stub domain's disks: files and block devices of dom0, open and locked. */
#ifndef STUBDOM_DOMAIN_DISKS_H
#define STUBDOM_DOMAIN_DISKS_H

#include <libxl.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "plan/plan.h"
#include "xvd.h"

enum { DISKS_ADDED_MAX = 32 }; /* besides the plan's, at a time */

struct domain_disk {
	char dev[XVD_NAME_SIZE]; /* "xvda"; "": a free place */
	char *path; /* what blkback opens: a loop device, or a block device itself */
	int fd;	    /* of that, -1: none.  The lock (disk_lock.h) goes with it. */
	bool readonly;
	bool may_go;  /* a medium, or added since: not a hard disk of the guest's */
	char *target; /* the plan's or the toolstack's name of it; NULL: a descriptor's */
	char *format; /* of its content; NULL: not said */
	unsigned long long bytes; /* of the file when it was opened; 0: no file */
};

/* The plan's come first, in its order, then the image's root, if it is on a disk, and then
 * free places. */
struct domain_disks {
	struct domain_disk *list;
	size_t n;
};

/*
 * Opens the plan's, and attaches the file with the image's root.  `root` is its name for
 * messages, NULL: the image has no such.  `root_file` is open for reading and stays the
 * caller's.  domain_disks_close() also after an error.
 */
int domain_disks_open(struct domain_disks *disks, const struct plan *plan,
		      const char *root, int root_file, struct err *err);

/*
 * One disk: the container at its full length, locked, a file on a loop device.  Another
 * user of it may take wait_ms to go; a negative number: it need not go at all.  `out` is
 * a free place, to be closed also after an error.
 */
int domain_disk_open(const struct plan *plan, const struct plan_disk *disk, int wait_ms,
		     struct domain_disk *out, struct err *err);

/*
 * The file with the image's root, open for reading, on a loop device.  Each stub domain has
 * one of its own on the one file: dom0 caches that once.  As above.
 */
int domain_disk_open_root(const char *path, int file, struct domain_disk *out,
			  struct err *err);

/* By its name; "": a free place.  NULL: none. */
struct domain_disk *domain_disks_find(const struct domain_disks *disks, const char *dev);

/* libxl's description of it.  -1: out of memory; *out can be disposed of. */
int domain_disk_describe(const struct domain_disk *disk, libxl_device_disk *out);

/* Lets go and frees the place; a device that a domain uses stays until it is gone. */
void domain_disk_close(struct domain_disk *disk);

void domain_disks_close(struct domain_disks *disks);

#endif
